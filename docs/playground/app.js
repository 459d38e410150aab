"use strict";

/* What happens: the state of the page, what people do to it, and the two loops. */
const App = (() => {
  const { find } = Dom;
  const SLOW = 900; // milliseconds for half a sweep
  const FAST = 20; // sweeps for each picture on the screen
  const UPDATES = { films: 2, patterns: 20 }; // for each picture on the screen
  const DRAWS = 100; // for the mean of an estimated gradient
  const LONGEST = 600; // records of the curves; then every second one is dropped

  const app = {
    state: null,
    chain: null,
    exact: null, // what follows from the weights: p, log Z, gradient …
    gradient: null,
    history: [],
    updates: 0,
    memory: {}, // the chains of PCD
    uniform: null,
    running: { chain: false, training: false },
  };

  const rows = () => State.toRows(app.state);
  const data = () => State.DATA[app.state.data];

  // The chain

  function restartChain() {
    const row = rows()[app.state.person];
    app.chain = { row, h: null, last: null, p: [], u: [], sweeps: 0, visits: new Map() };
  }

  /** Draws the hidden units given the films, or the films given the hidden units. */
  function halfSweep() {
    const { chain } = app;
    const { model } = app.state;
    const isHidden = chain.last !== "h";
    const p = isHidden
      ? Rbm.hiddenProbability(model, chain.row)
      : Rbm.visibleProbability(model, chain.h);
    const u = Array.from(p, app.chainUniform);
    const drawn = Array.from(p, (chance, i) => (u[i] < chance ? 1 : 0));
    Object.assign(chain, { p, u, last: isHidden ? "h" : "v" });
    if (isHidden) {
      chain.h = drawn;
      return;
    }
    chain.row = Rbm.complete(drawn);
    chain.sweeps += 1;
    const index = Rbm.indexOf(drawn);
    chain.visits.set(index, (chain.visits.get(index) ?? 0) + 1);
  }

  function stepChain() {
    ViewLandscape.hop(app);
    halfSweep();
    render();
  }

  function runChain() {
    if (!app.running.chain) return;
    if (app.state.speed === "slow") {
      stepChain();
      setTimeout(runChain, SLOW);
      return;
    }
    for (let half = 0; half < 2 * FAST; half++) halfSweep();
    render();
    requestAnimationFrame(runChain);
  }

  app.describeChain = () => {
    const { chain, state } = app;
    const { items, names, isPicture } = data();
    if (chain.last === null) return `The chain starts at ${names[state.person]}.`;
    if (chain.last === "v") {
      const liked = items.filter((_, i) => chain.row.v[i]);
      if (isPicture)
        return `Drew the cells given the hidden units: ${liked.length} of 9 are on.`;
      return `Drew the films given the hidden units: ${liked.join(", ") || "none"} liked.`;
    }
    const on = chain.h.flatMap((x, j) => (x ? [`h${j + 1}`] : []));
    const given = isPicture ? "cells" : "films";
    return `Drew the hidden units given the ${given}: ${on.join(", ") || "none"} on.`;
  };

  app.putBall = (v) => {
    ViewLandscape.hop(app);
    Object.assign(app.chain, { row: Rbm.complete(v), h: null, last: null });
    render();
  };

  // Training

  function record() {
    const { model } = app.state;
    const logLikelihood = Rbm.logLikelihood(model, rows());
    const error = Rbm.reconstructionError(model, rows());
    app.history.push({ updates: app.updates, logLikelihood, error });
    if (app.history.length > LONGEST) {
      const last = app.history.length - 1;
      app.history = app.history.filter((_, i) => i % 2 === 0 || i === last);
    }
  }

  function restartTraining() {
    app.history = [];
    app.updates = 0;
    app.memory = {};
    app.uniform = Training.generator(app.state.seed + 1);
    record();
  }

  function train(n) {
    const { model, method, rate } = app.state;
    for (let i = 0; i < n; i++) {
      Training.update(model, rows(), method, rate, app.memory, app.uniform);
    }
    app.updates += n;
    record();
    render();
  }

  function runTraining() {
    if (!app.running.training) return;
    train(UPDATES[app.state.data]);
    requestAnimationFrame(runTraining);
  }

  // What people do

  /** Changes settings. What depends on them starts anew. */
  app.change = (settings) => {
    Object.assign(app.state, settings);
    if ("missing" in settings) restartChain();
    const isOtherTraining = ["missing", "rows"].some((key) => key in settings);
    if (isOtherTraining) restartTraining();
    app.memory = {};
    render();
    app.save();
  };

  app.choosePerson = (person) => {
    Object.assign(app.state, { person });
    restartChain();
    render();
    app.save();
  };

  app.cycleCell = (person, item) => {
    const texts = [...app.state.rows];
    const next = State.NEXT[texts[person][item]];
    texts[person] = texts[person].slice(0, item) + next + texts[person].slice(item + 1);
    Object.assign(app.state, { rows: texts, person });
    restartChain();
    restartTraining();
    render();
    app.save();
  };

  app.setParameter = (key, index, value) => {
    const limit = State.LARGEST_WEIGHT;
    app.state.model[key][index] = Math.min(
      limit,
      Math.max(-limit, Number(value.toFixed(2))),
    );
    restartTraining();
    render();
  };

  function newWeights() {
    app.state.seed += 1;
    app.state.model = State.newModel(app.state);
    restartChain();
    restartTraining();
    render();
    app.save();
  }

  function load(state) {
    app.running = { chain: false, training: false };
    app.state = state;
    app.chainUniform = Training.generator(state.seed);
    restartChain();
    restartTraining();
    render();
  }

  function stop(loop) {
    app.running[loop] = false;
    if (loop === "training") app.save();
  }

  function toggle(loop, run) {
    if (app.running[loop]) stop(loop);
    else app.running[loop] = true;
    if (app.running[loop]) run();
    render();
  }

  /** Puts the state into the address, after # alone.
   *
   * A page in a frame without rights may not do that.
   */
  app.save = () => {
    try {
      history.replaceState(null, "", location.pathname + State.write(app.state));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  };

  // What is shown

  /** All that follows from the weights and the data. */
  function compute() {
    const { model, method } = app.state;
    app.exact = {
      p: Rbm.probabilities(model),
      logZ: Rbm.logPartition(model),
      gradient: Rbm.exactGradient(model, rows()),
    };
    const uniform = Training.generator(app.updates);
    const memory = { h: app.memory.h };
    const draw = () => Training.estimate(model, rows(), method, memory, uniform);
    app.gradient = { estimate: draw(), mean: null, label: Training.METHODS[method].label };
    if (method !== "exact" && !app.running.training && !app.running.chain) {
      app.gradient.mean = Training.mean(Array.from({ length: DRAWS }, draw));
    }
  }

  function renderNumbers() {
    const { model, person } = app.state;
    const row = rows()[person];
    const logP = Rbm.logLikelihood(model, [row]);
    const { chain } = app;
    const energy = chain.h ? Dom.number(Rbm.energy(model, chain.row, chain.h)) : "–";
    find("log-z").textContent = Dom.number(app.exact.logZ);
    find("log-p-name").textContent = data().names[person];
    find("log-p").textContent = Dom.number(logP);
    find("energy").textContent = energy;
    find("free-energy").textContent = Dom.number(Rbm.freeEnergy(model, chain.row));
    find("saturation").textContent = Dom.percent(Rbm.saturation(model, rows()));
    find("sweeps").textContent = chain.sweeps;
  }

  function render() {
    compute();
    ViewPeople.render(app);
    ViewMachine.render(app);
    ViewLandscape.render(app);
    ViewTraining.render(app);
    ViewControls.render(app);
    renderNumbers();
  }

  app.render = render;
  Object.assign(app, { load, newWeights, restartChain, stepChain, toggle, train });
  app.runChain = runChain;
  app.runTraining = runTraining;

  /** The state in the address, or else, within a notebook, the one that the page names. */
  function stateOfPage() {
    const search = location.search || document.body.dataset.start || "";
    return State.read(search, location.hash);
  }

  function start() {
    app.state = stateOfPage();
    for (const view of [ViewPeople, ViewMachine, ViewLandscape, ViewControls])
      view.start(app);
    load(app.state);
    window.addEventListener("hashchange", () => load(stateOfPage()));
  }

  return { app, start };
})();

App.start();
