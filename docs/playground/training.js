"use strict";

/* Sampling and training. Every random number comes from a function `uniform` with values in
 * [0, 1), one per unit in the order of rbm_lib: row by row, unit by unit. */
const Training = (() => {
  /** A small generator with a seed (mulberry32), so that a link shows everybody the same. */
  function generator(seed) {
    let a = seed >>> 0;
    return () => {
      a = (a + 0x6d2b79f5) >>> 0;
      let t = a;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  function normal(uniform) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  }

  /** Small random weights, and biases of zero. */
  function randomModel(nVisible, nHidden, deviation, uniform) {
    const model = Rbm.zeros(nVisible, nHidden);
    model.W = model.W.map(() => deviation * normal(uniform));
    return model;
  }

  const sample = (probability, uniform) =>
    Array.from(probability, (p) => (uniform() < p ? 1 : 0));

  /** Rows as v → p(h given v) → h. */
  const startChains = (model, rows, uniform) =>
    rows.map((row) => sample(Rbm.hiddenProbability(model, row), uniform));

  /** k sweeps of a chain per row, under the mask of the row.
   *
   * With `meanLast` the last visible states are probabilities, which has less noise: CD does
   * so, as in rbm_lib. Returns the visible rows, the hidden means there, and hidden draws.
   */
  function runChains(model, rows, h, k, uniform, meanLast) {
    let states = rows;
    let means = h;
    for (let sweep = 0; sweep < k; sweep++) {
      const isMean = meanLast && sweep === k - 1;
      states = rows.map((row, r) => {
        const probability = Rbm.visibleProbability(model, h[r]);
        return {
          v: isMean ? [...probability] : sample(probability, uniform),
          seen: row.seen,
        };
      });
      means = states.map((row) => Rbm.hiddenProbability(model, row));
      h = means.map((p) => sample(p, uniform));
    }
    return { states, means, h };
  }

  /** The average over the data minus that over the chains. */
  function difference(model, rows, chains) {
    const gradient = Rbm.zeros(model.nVisible, model.nHidden);
    rows.forEach((row, r) => {
      const data = Rbm.hiddenProbability(model, row);
      Rbm.addStatistics(gradient, row, data, 1 / rows.length);
      Rbm.addStatistics(gradient, chains.states[r], chains.means[r], -1 / rows.length);
    });
    return gradient;
  }

  /** Contrastive divergence: chains start at the data and run for k sweeps. */
  function cdGradient(model, rows, k, uniform) {
    const h = startChains(model, rows, uniform);
    return difference(model, rows, runChains(model, rows, h, k, uniform, true));
  }

  /** Persistent CD with one sweep an update: the chains `h` go on from update to update. */
  function pcdGradient(model, rows, h, uniform) {
    const chains = runChains(model, rows, h, 1, uniform, false);
    return { gradient: difference(model, rows, chains), h: chains.h };
  }

  /** Parameters += rate × direction. */
  function ascend(model, direction, rate) {
    for (const name of ["W", "b", "c"]) {
      model[name].forEach((_, i) => (model[name][i] += rate * direction[name][i]));
    }
  }

  /** One update on all rows by a method of METHODS. `memory` keeps the chains of PCD. */
  function update(model, rows, method, rate, memory, uniform) {
    const direction = estimate(model, rows, method, memory, uniform);
    ascend(model, direction, rate);
    return direction;
  }

  function estimate(model, rows, method, memory, uniform) {
    if (method === "exact") return Rbm.exactGradient(model, rows);
    if (method !== "pcd") return cdGradient(model, rows, METHODS[method].k, uniform);

    if (memory.h?.length !== rows.length) memory.h = startChains(model, rows, uniform);
    const step = pcdGradient(model, rows, memory.h, uniform);
    memory.h = step.h;
    return step.gradient;
  }

  const METHODS = {
    cd1: { label: "CD-1", k: 1 },
    cd10: { label: "CD-10", k: 10 },
    pcd: { label: "PCD" },
    exact: { label: "Exact" },
  };

  /** The mean of some gradients. */
  function mean(gradients) {
    const sum = Rbm.zeros(gradients[0].nVisible, gradients[0].nHidden);
    for (const gradient of gradients) ascend(sum, gradient, 1 / gradients.length);
    return sum;
  }

  const flatten = (gradient) => [...gradient.W, ...gradient.b, ...gradient.c];

  /** How `estimate` differs from `exact`: the angle in degrees, and the ratio of lengths. */
  function compare(estimated, exact) {
    const [x, y] = [flatten(estimated), flatten(exact)];
    const dot = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
    const [length, exactLength] = [Math.sqrt(dot(x, x)), Math.sqrt(dot(y, y))];
    if (length < 1e-12 || exactLength < 1e-12) return { angle: null, ratio: null };
    const cosine = dot(x, y) / (length * exactLength);
    const angle = (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
    return { angle, ratio: length / exactLength };
  }

  return {
    METHODS,
    cdGradient,
    compare,
    estimate,
    generator,
    mean,
    pcdGradient,
    randomModel,
    sample,
    startChains,
    update,
  };
})();
