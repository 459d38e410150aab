"use strict";

/* Below: the direction of the next update beside the exact one, and the curves of training. */
const ViewTraining = (() => {
  const { el, find, number, set, svg } = Dom;

  // The gradient

  function arrow(x, y, angle, length, kind) {
    const [dx, dy] = [length * Math.cos(angle), -length * Math.sin(angle)];
    const head = [2.6, -2.6].map((turn) => {
      const direction = angle + turn;
      return `M${x + dx} ${y + dy}l${7 * Math.cos(direction)} ${-7 * Math.sin(direction)}`;
    });
    return svg("path", {
      class: `arrow ${kind}`,
      d: `M${x} ${y}l${dx} ${dy}${head.join("")}`,
    });
  }

  /** The exact gradient points to the right; the others by their angle to it and their length. */
  function renderCompass(app) {
    const { estimate, mean, label } = app.gradient;
    const shown = [
      [mean, "mean", `${label}, mean of 100 draws`],
      [estimate, "draw", `One draw`],
    ]
      .filter(([direction]) => direction && label !== "Exact")
      .map(([direction, kind, name]) => ({
        ...Training.compare(direction, app.exact.gradient),
        kind,
        name,
      }))
      .filter(({ angle }) => angle !== null);
    const [x, y] = [90, 96];
    const unit = 82 / Math.max(1, ...shown.map(({ ratio }) => ratio));
    const arrows = shown.map(({ angle, ratio, kind }) =>
      arrow(x, y, (angle * Math.PI) / 180, unit * ratio, kind),
    );
    const words = shown.map(({ angle, ratio, kind, name }) =>
      el("span", {
        class: kind,
        text: `${name}: ${Math.round(angle)}° off, length × ${ratio.toFixed(2)}`,
      }),
    );
    find("compass").replaceChildren(
      svg("path", { class: "axis", d: `M${x - 82} ${y}h164a82 82 0 0 0 -164 0` }),
      svg("text", { class: "exact", x: x + 88, y: y + 4, text: "exact" }),
      arrow(x, y, 0, unit, "exact"),
      ...arrows,
    );
    if (words.length === 0)
      words.push(el("span", { text: "The exact gradient is the one in use." }));
    find("compass-words").replaceChildren(...words);
  }

  function renderBars(app) {
    const { nHidden } = app.state.model;
    const exact = app.exact.gradient.W;
    const other = (app.gradient.mean ?? app.gradient.estimate).W;
    const largest = Math.max(1e-9, ...[...exact, ...other].map(Math.abs));
    const [width, middle, reach] = [300, 60, 44];
    const slot = width / exact.length;
    const parts = [
      svg("line", { class: "axis", x1: 0, x2: width, y1: middle, y2: middle }),
    ];
    const bar = (x, value, kind) => {
      const height = (reach * Math.abs(value)) / largest;
      const top = value > 0 ? middle - height : middle;
      return svg("rect", {
        class: kind,
        x,
        y: top,
        width: slot * 0.36,
        height: Math.max(0.5, height),
      });
    };
    for (let j = 0; j < nHidden; j++) {
      for (let i = 0; i < app.state.model.nVisible; i++) {
        const index = i * nHidden + j;
        const x = (j * app.state.model.nVisible + i) * slot;
        parts.push(
          bar(x + slot * 0.1, exact[index], "exact"),
          bar(x + slot * 0.5, other[index], "mean"),
        );
      }
      const center = (j + 0.5) * app.state.model.nVisible * slot;
      parts.push(
        svg("text", {
          x: center,
          y: 120,
          "text-anchor": "middle",
          text: nHidden > 3 ? `h${j + 1}` : `weights of h${j + 1}`,
        }),
      );
    }
    find("gradient-bars").replaceChildren(...parts);
  }

  // The curves

  const PLOT = { left: 44, right: 52, top: 14, bottom: 20, width: 420, height: 128 };

  function curve(id, points, options) {
    const drawing = find(id);
    const right = PLOT.width - PLOT.right;
    const bottom = PLOT.height - PLOT.bottom;
    const values = points.map(([, y]) => options.scale(y));
    let [low, high] = [Math.min(...values, options.low), Math.max(...values, options.high)];
    if (high - low < 1e-9) high = low + 1;
    const last = Math.max(points.at(-1)?.[0] ?? 0, 10);
    const x = (t) => PLOT.left + ((right - PLOT.left) * t) / last;
    const y = (value) =>
      bottom - ((bottom - PLOT.top) * (options.scale(value) - low)) / (high - low);

    const parts = [];
    for (const tick of options.ticks(low, high)) {
      parts.push(
        svg("line", { class: "grid", x1: PLOT.left, x2: right, y1: y(tick), y2: y(tick) }),
      );
      parts.push(
        svg("text", {
          x: PLOT.left - 5,
          y: y(tick) + 4,
          "text-anchor": "end",
          text: options.name(tick),
        }),
      );
    }
    parts.push(svg("text", { x: PLOT.left, y: PLOT.height - 4, text: "0" }));
    parts.push(
      svg("text", {
        x: right,
        y: PLOT.height - 4,
        "text-anchor": "end",
        text: `${last} updates`,
      }),
    );
    if (points.length === 1) {
      const hint = {
        x: (PLOT.left + right) / 2,
        y: PLOT.height / 2,
        "text-anchor": "middle",
      };
      parts.push(svg("text", { ...hint, text: "press Train" }));
    }
    if (points.length) {
      const path = points
        .map(([t, value]) => `${x(t).toFixed(1)} ${y(value).toFixed(1)}`)
        .join("L");
      const [t, value] = points.at(-1);
      parts.push(svg("path", { class: options.kind, d: `M${path}` }));
      parts.push(svg("circle", { class: options.kind, cx: x(t), cy: y(value), r: 3 }));
      parts.push(
        svg("text", {
          class: `value ${options.kind}`,
          x: x(t) + 6,
          y: y(value) + 4,
          text: options.name(value),
        }),
      );
      const best = options.best && points.reduce((a, b) => (b[1] > a[1] ? b : a));
      if (best && t - best[0] > last / 20) {
        parts.push(svg("circle", { class: "best", cx: x(best[0]), cy: y(best[1]), r: 4 }));
        const side = { x: x(best[0]) + 7, y: Math.max(10, y(best[1]) - 4) };
        parts.push(svg("text", { ...side, text: `best: ${number(best[1])}` }));
      }
      set(drawing, {
        "aria-label": `${options.title}: ${options.name(value)} after ${t} updates.`,
      });
    }
    drawing.replaceChildren(...parts);
  }

  function renderCurves(app) {
    const likelihood = app.history.map((record) => [record.updates, record.logLikelihood]);
    const error = app.history.map((record) => [record.updates, record.error]);
    curve("likelihood", likelihood, {
      title: "Log-likelihood per row",
      kind: "likelihood",
      best: true,
      low: -1,
      high: -1,
      scale: (x) => x,
      name: (x) => number(x),
      ticks: (low, high) => [low, (low + high) / 2, high].map((x) => Number(x.toFixed(1))),
    });
    curve("error", error, {
      title: "Reconstruction error",
      kind: "error",
      best: false,
      low: -2,
      high: Math.log10(0.25),
      scale: (x) => Math.log10(Math.max(x, 1e-7)),
      name: (x) =>
        x < 0.001 ? x.toExponential(0).replace("-", "−") : String(Number(x.toPrecision(2))),
      ticks: (low, high) =>
        [1, 0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6].filter(
          (x) => Math.log10(x) >= low && Math.log10(x) <= high,
        ),
    });
  }

  function render(app) {
    renderCompass(app);
    renderBars(app);
    renderCurves(app);
    find("updates").textContent = app.updates;
  }

  return { render };
})();
