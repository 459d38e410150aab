"use strict";

/* The restricted Boltzmann machine, exactly, by sums over all visible states.
 *
 *     E(v, h) = −b·v − c·h − v·W·h
 *
 * A model is {nVisible, nHidden, W, b, c}, where W[i * nHidden + j] joins film i and hidden
 * unit j. A row is {v, seen}: like = 1, dislike = 0. What was not seen is dropped, so it
 * adds nothing to energies, conditionals or gradients. The test compares every function
 * with rbm_lib.
 *
 * The files are plain scripts and not ES modules, because browsers refuse to load modules
 * from a folder on disk. Each defines one object of the same name.
 */
const Rbm = (() => {
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

  function logSumExp(values) {
    let largest = -Infinity;
    for (const x of values) largest = Math.max(largest, x);
    let sum = 0;
    for (const x of values) sum += Math.exp(x - largest);
    return largest + Math.log(sum);
  }

  function zeros(nVisible, nHidden) {
    const W = new Float64Array(nVisible * nHidden);
    return {
      nVisible,
      nHidden,
      W,
      b: new Float64Array(nVisible),
      c: new Float64Array(nHidden),
    };
  }

  const complete = (v) => ({ v, seen: new Array(v.length).fill(1) });

  /** State number `index` of n units; unit 0 is the lowest bit, as in rbm_lib. */
  const state = (index, n) => Array.from({ length: n }, (_, i) => (index >> i) & 1);

  const indexOf = (v) => v.reduce((sum, on, i) => sum + (on ? 1 << i : 0), 0);

  /** c + Wᵀv over the films of the row that were seen. */
  function hiddenField(model, row) {
    const field = Float64Array.from(model.c);
    for (let i = 0; i < model.nVisible; i++) {
      const value = row.seen[i] ? row.v[i] : 0;
      if (value === 0) continue;
      for (let j = 0; j < model.nHidden; j++)
        field[j] += value * model.W[i * model.nHidden + j];
    }
    return field;
  }

  const hiddenProbability = (model, row) => hiddenField(model, row).map(sigmoid);

  function visibleProbability(model, h) {
    const probability = new Float64Array(model.nVisible);
    for (let i = 0; i < model.nVisible; i++) {
      let field = model.b[i];
      for (let j = 0; j < model.nHidden; j++)
        field += model.W[i * model.nHidden + j] * h[j];
      probability[i] = sigmoid(field);
    }
    return probability;
  }

  function visibleEnergy(model, row) {
    let energy = 0;
    for (let i = 0; i < model.nVisible; i++)
      if (row.seen[i]) energy -= model.b[i] * row.v[i];
    return energy;
  }

  function energy(model, row, h) {
    const field = hiddenField(model, row);
    return visibleEnergy(model, row) - field.reduce((sum, x, j) => sum + x * h[j], 0);
  }

  /** F(v) = −log Σ_h exp(−E(v, h)) */
  function freeEnergy(model, row) {
    const field = hiddenField(model, row);
    return visibleEnergy(model, row) - field.reduce((sum, x) => sum + softplus(x), 0);
  }

  const known = new Map(); // states by mask, because training asks for them at each update

  /** All states of the films seen, as rows; the others stay 0. */
  function visibleStates(model, seen) {
    const key = seen.join("");
    if (!known.has(key)) known.set(key, enumerate(model, seen));
    return known.get(key);
  }

  function enumerate(model, seen) {
    const films = [...Array(model.nVisible).keys()].filter((i) => seen[i]);
    return Array.from({ length: 2 ** films.length }, (_, index) => {
      const v = new Array(model.nVisible).fill(0);
      films.forEach((film, bit) => (v[film] = (index >> bit) & 1));
      return { v, seen };
    });
  }

  const everything = (model) => new Array(model.nVisible).fill(1);

  /** log Z of the model without the films that were not seen. */
  function logPartition(model, seen = everything(model)) {
    return logSumExp(visibleStates(model, seen).map((row) => -freeEnergy(model, row)));
  }

  /** p(v) of all visible states, in the order of their numbers. */
  function probabilities(model) {
    const minusF = visibleStates(model, everything(model)).map(
      (row) => -freeEnergy(model, row),
    );
    const logZ = logSumExp(minusF);
    return Float64Array.from(minusF, (x) => Math.exp(x - logZ));
  }

  /** Calls f(rows with this mask, mask) for each distinct mask. */
  function byMask(rows, f) {
    const groups = new Map();
    for (const row of rows) {
      const key = row.seen.map(Number).join("");
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    for (const group of groups.values()) f(group, group[0].seen);
  }

  /** The mean of log p(v), each row under the model of its own mask. */
  function logLikelihood(model, rows) {
    let sum = 0;
    byMask(rows, (group, seen) => {
      const logZ = logPartition(model, seen);
      for (const row of group) sum += -freeEnergy(model, row) - logZ;
    });
    return sum / rows.length;
  }

  /** Adds scale × −∂E/∂parameter at (row, h) to `sum`, which has the form of a model. */
  function addStatistics(sum, row, h, scale) {
    for (let i = 0; i < sum.nVisible; i++) {
      const value = row.seen[i] ? scale * row.v[i] : 0;
      if (value === 0) continue;
      sum.b[i] += value;
      for (let j = 0; j < sum.nHidden; j++) sum.W[i * sum.nHidden + j] += value * h[j];
    }
    for (let j = 0; j < sum.nHidden; j++) sum.c[j] += scale * h[j];
  }

  /** Of the mean log-likelihood: the average over the data minus that over the model. */
  function exactGradient(model, rows) {
    const gradient = zeros(model.nVisible, model.nHidden);
    for (const row of rows) {
      addStatistics(gradient, row, hiddenProbability(model, row), 1 / rows.length);
    }
    byMask(rows, (group, seen) => {
      const states = visibleStates(model, seen);
      const minusF = states.map((row) => -freeEnergy(model, row));
      const logZ = logSumExp(minusF);
      states.forEach((row, index) => {
        const weight = (Math.exp(minusF[index] - logZ) * group.length) / rows.length;
        addStatistics(gradient, row, hiddenProbability(model, row), -weight);
      });
    });
    return gradient;
  }

  /** Each film's chance of a like given the other films that the row has, exactly. */
  function predict(model, row) {
    return row.v.map((_, i) => {
      const seen = row.seen.map((s, other) => (other === i ? 1 : s));
      const withValue = (x) => ({
        v: row.v.map((y, other) => (other === i ? x : y)),
        seen,
      });
      return sigmoid(freeEnergy(model, withValue(0)) - freeEnergy(model, withValue(1)));
    });
  }

  /** Mean squared difference between the cells seen and their mean after v → p(h) → v. */
  function reconstructionError(model, rows) {
    let sum = 0;
    let cells = 0;
    for (const row of rows) {
      const mean = visibleProbability(model, hiddenProbability(model, row));
      for (let i = 0; i < model.nVisible; i++) {
        if (!row.seen[i]) continue;
        sum += (row.v[i] - mean[i]) ** 2;
        cells += 1;
      }
    }
    return sum / Math.max(cells, 1);
  }

  /** Share of hidden probabilities within 0.01 of 0 or 1. */
  function saturation(model, rows) {
    const all = rows.flatMap((row) => [...hiddenProbability(model, row)]);
    return all.filter((p) => p < 0.01 || p > 0.99).length / all.length;
  }

  return {
    addStatistics,
    complete,
    energy,
    everything,
    exactGradient,
    freeEnergy,
    hiddenProbability,
    indexOf,
    logLikelihood,
    logPartition,
    predict,
    probabilities,
    reconstructionError,
    saturation,
    state,
    visibleProbability,
    zeros,
  };
})();
