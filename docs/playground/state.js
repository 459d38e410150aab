"use strict";

/* What a link holds: everything that a teacher can set. `State.read` makes a state of the
 * address of the page, `State.write` makes the part after # of a state. */
const State = (() => {
  const LIKE = "1";
  const DISLIKE = "0";
  const MISSING = "_";
  const NEXT = { [LIKE]: DISLIKE, [DISLIKE]: MISSING, [MISSING]: LIKE };

  const FILMS = {
    items: ["Alien", "Dune", "Solaris", "Amélie", "Notting Hill", "Titanic"],
    names: "Ada Ben Chen Dora Emil Fatou Gus Hana Ines Jon".split(" "),
    rows: "11_00_ 1110_0 0_0111 00_011 11_000 0_0_11 1_1_00 00_1_1 11_11_ 00__00".split(
      " ",
    ),
  };

  /** The 14 pictures of 3 × 3 cells that are made of whole rows or of whole columns. */
  function barsAndStripes() {
    const pictures = new Set();
    for (let lines = 0; lines < 8; lines++) {
      const on = Rbm.state(lines, 3).join("");
      pictures.add([...on].map((x) => x.repeat(3)).join(""));
      pictures.add(on.repeat(3));
    }
    return [...pictures];
  }

  const PATTERNS = {
    items: Array.from(
      { length: 9 },
      (_, i) => `row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}`,
    ),
    names: Array.from({ length: 14 }, (_, i) => `Picture ${i + 1}`),
    rows: barsAndStripes(),
    isPicture: true,
  };

  const DATA = { films: FILMS, patterns: PATTERNS };

  const films = {
    data: "films",
    hidden: 2,
    person: 1,
    method: "cd1",
    rate: 0.2,
    missing: "drop",
    speed: "slow",
    seed: 1,
    hide: [],
  };

  // The weights of "healthy" and "missing" are those after 300 updates with the exact gradient.
  const PRESETS = {
    healthy: {
      ...films,
      label: "Healthy",
      hint:
        "One corner of the landscape loves science fiction, the opposite one romance. Draw in " +
        "turn, and watch the ball cross the plain between them now and then.",
      W: [2.76, -3.04, 2.49, -2.65, 2.34, -2.4, -1.16, 1.04, -1.34, 1.29, -3.24, 3.05],
      b: [-0.39, -0.11, -0.14, -0.13, 0, -0.22],
      c: [-0.25, 0.38],
    },
    stuck: {
      ...films,
      label: "Stuck chain",
      hint:
        "Both hills are equally probable, but the ball never leaves the one on which it " +
        "started. Run it fast: its share of visits stays wrong. Now halve a few weights.",
      speed: "fast",
      W: [6, -6, 6, -6, 6, -6, -6, 6, -6, 6, -6, 6],
      b: [-2, -2, -2, -2, -2, -2],
      c: [-8, -8],
    },
    saturated: {
      ...films,
      label: "Saturated",
      hint:
        "Weights this large turn hidden units into switches: most of their probabilities are " +
        "almost 0 or 1, and one state takes nearly everything. Drag some back towards 0.",
      hidden: 3,
      W: [14, -9, 8, -12, 11, 9, 10, 13, -14, -9, -12, 15, 12, 8, -10, -11, 14, 9],
      b: [3, -2, 4, -3, 1, 2],
      c: [-5, 6, -4],
    },
    missing: {
      ...films,
      label: "Missing coded as 0",
      hint:
        "Nobody who likes Alien dislikes Solaris, but three have not seen it. Here “not seen” " +
        "counts as a dislike, so Ada gets 37 %. Choose “dropped”, train, and watch it rise.",
      person: 0,
      missing: "zero",
      method: "exact",
      W: [2.74, -3.18, 1.93, -2.59, 1.13, -2.11, -0.99, 0.54, -1.41, 1.17, -3.13, 2.88],
      b: [-0.33, -0.87, -1.65, -0.66, -0.31, -0.69],
      c: [0.25, 0.5],
    },
    bars: {
      ...films,
      label: "Bars and stripes",
      hint:
        "Train with CD-1 for a few thousand updates: the reconstruction error keeps falling, " +
        "yet after its best moment the likelihood gets worse and worse.",
      data: "patterns",
      hidden: 6,
      rate: 0.5,
      seed: 2,
      speed: "fast",
    },
  };

  // What a link can hide: the parts of the page with these names in data-part.
  const PARTS = [
    "presets",
    "hint",
    "people",
    "missing",
    "chain",
    "network",
    "weights",
    "landscape",
    "states",
    "train",
    "method",
    "gradient",
    "curves",
    "python",
  ];

  const CHOICES = {
    preset: Object.keys(PRESETS),
    data: Object.keys(DATA),
    method: Object.keys(Training.METHODS),
    missing: ["drop", "zero"],
    speed: ["slow", "fast"],
  };
  const RATES = [0.01, 0.05, 0.1, 0.2, 0.5, 1];
  const HIDDEN = { films: [2, 3], patterns: [2, 4, 6, 8] };
  const LARGEST_WEIGHT = 20;

  /** The state of a preset: its settings, its data and its model. */
  function preset(name) {
    const { label, hint, W, b, c, ...settings } = structuredClone(PRESETS[name]);
    const state = { ...settings, preset: name, rows: [...DATA[settings.data].rows] };
    state.model = newModel(state);
    for (const [key, values] of Object.entries({ W, b, c })) {
      if (values) state.model[key] = Float64Array.from(values);
    }
    return state;
  }

  /** Small random weights from the seed. */
  function newModel(state) {
    const uniform = Training.generator(state.seed);
    return Training.randomModel(DATA[state.data].items.length, state.hidden, 0.1, uniform);
  }

  const toRow = (text, missing) => ({
    v: [...text].map((x) => (x === LIKE ? 1 : 0)),
    seen: [...text].map((x) => (x === MISSING && missing === "drop" ? 0 : 1)),
  });

  /** The rows as the model is given them: what is missing is dropped, or a 0. */
  const toRows = (state) => state.rows.map((text) => toRow(text, state.missing));

  const round = (x) => Number(x.toFixed(3));
  const numbers = (values) => Array.from(values, round).join(",");

  /** "#preset=…&…": only what differs from the preset. */
  function write(state) {
    const start = preset(state.preset);
    const parameters = new URLSearchParams({ preset: state.preset });
    for (const key of [
      "data",
      "hidden",
      "person",
      "method",
      "rate",
      "missing",
      "speed",
      "seed",
    ]) {
      if (state[key] !== start[key]) parameters.set(key, state[key]);
    }
    if (state.rows.join() !== start.rows.join())
      parameters.set("rows", state.rows.join("."));
    for (const key of ["W", "b", "c"]) {
      const text = numbers(state.model[key]);
      if (text !== numbers(start.model[key])) parameters.set(key, text);
    }
    if (state.hide.length) parameters.set("hide", state.hide.join(","));
    return "#" + decodeURIComponent(parameters.toString());
  }

  /** The state of an address such as "?hide=presets#preset=stuck", without its nonsense. */
  function read(search, hash) {
    const given = new URLSearchParams(search);
    for (const [key, value] of new URLSearchParams(hash.replace(/^#/, "")))
      given.set(key, value);
    const choice = (key) =>
      CHOICES[key].includes(given.get(key)) ? given.get(key) : undefined;

    const state = preset(choice("preset") ?? "healthy");
    for (const key of ["method", "missing", "speed"])
      state[key] = choice(key) ?? state[key];
    if (choice("data") && choice("data") !== state.data) {
      state.data = choice("data");
      state.hidden = Math.max(...HIDDEN[state.data]);
      state.rows = [...DATA[state.data].rows];
    }
    const number = (key, isGood) => {
      const value = Number(given.get(key) ?? NaN);
      if (isGood(value)) state[key] = value;
    };
    number("rate", (x) => RATES.includes(x));
    number("hidden", (x) => HIDDEN[state.data].includes(x));
    number("seed", (x) => Number.isInteger(x) && x >= 0);
    readRows(state, given.get("rows"));
    number("person", (x) => Number.isInteger(x) && x >= 0 && x < state.rows.length);
    state.person = Math.min(state.person, state.rows.length - 1);
    readModel(state, given);
    state.hide = (given.get("hide") ?? "")
      .split(",")
      .filter((part) => PARTS.includes(part));
    return state;
  }

  function readRows(state, text) {
    const rows = (text ?? "").split(".");
    const length = state.rows[0].length;
    const isRow = (row) => row.length === length && /^[01_]+$/.test(row);
    if (rows.length === state.rows.length && rows.every(isRow)) state.rows = rows;
  }

  /** Weights are those of the link, or of the preset, or new ones if its seed is another. */
  function readModel(state, given) {
    const { seed } = PRESETS[state.preset];
    const fresh = newModel(state);
    for (const key of ["W", "b", "c"]) {
      const values = (given.get(key) ?? "")
        .split(",")
        .map((x) => (x === "" ? NaN : Number(x)));
      const isGood = (x) => Math.abs(x) <= 1000;
      const fits = (list) => list.length === fresh[key].length;
      if (fits(values) && values.every(isGood)) fresh[key] = Float64Array.from(values);
      else if (fits(state.model[key]) && state.seed === seed) fresh[key] = state.model[key];
    }
    state.model = fresh;
  }

  return {
    DATA,
    DISLIKE,
    HIDDEN,
    LARGEST_WEIGHT,
    LIKE,
    MISSING,
    NEXT,
    PARTS,
    PRESETS,
    RATES,
    newModel,
    preset,
    read,
    toRows,
    write,
  };
})();
