"use strict";

/* On the right the distribution: a tower for each state, as high as the state is probable,
 * and the chain's ball on the tower where the chain is. Below it the highest towers by name. */
const ViewLandscape = (() => {
  const { el, find, percent, set } = Dom;
  const SIZE = { width: 560, height: 312 };
  const TOWER = 112; // height of the highest, in units of the drawing
  const HOP = 350; // milliseconds
  const SHOWN = 5;
  let layout = null;
  let towers = [];
  let from = null; // where the ball comes from, and since when

  // Where the towers stand

  /** The states of three films in the order of the number of likes. */
  const byLikes = [0, 1, 2, 4, 3, 5, 6, 7];

  /** An order of n bits in which neighbours differ in one unit. */
  const gray = (n) => Array.from({ length: 2 ** n }, (_, i) => i ^ (i >> 1));

  /** Rows and columns of the map: the first units choose the column, the others the row. */
  function makeLayout(state) {
    const isPicture = State.DATA[state.data].isPicture;
    const columns = isPicture ? gray(5) : byLikes;
    const rows = isPicture ? gray(4) : byLikes;
    const shift = Math.log2(columns.length);
    const place = new Map();
    columns.forEach((low, x) =>
      rows.forEach((high, y) => place.set(low | (high << shift), [x, y])),
    );
    const half = (SIZE.width - 16) / (columns.length + rows.length);
    return {
      data: state.data,
      place,
      half,
      depth: 0.33 * half,
      nRows: rows.length,
      nColumns: columns.length,
    };
  }

  function project([x, y], lift = 0) {
    const { half, depth, nRows, nColumns } = layout;
    const top = SIZE.height - 14 - (nRows + nColumns) * depth;
    return [8 + nRows * half + (x - y) * half, top + (x + y) * depth - lift];
  }

  /** The towers, from the back to the front. */
  function makeTowers(p) {
    const largest = Math.max(...p);
    towers = [...layout.place].map(([index, cell]) => ({
      index,
      cell,
      p: p[index],
      lift: (TOWER * p[index]) / largest,
    }));
    towers.sort((s, t) => s.cell[0] + s.cell[1] - t.cell[0] - t.cell[1]);
  }

  // Drawing

  function polygon(context, points, fill) {
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.fillStyle = fill;
    context.fill();
  }

  function drawTower(context, tower, colors) {
    const [x, y] = tower.cell;
    const gap = 0.06;
    const corner = (dx, dy, lift) => project([x + dx, y + dy], lift);
    const [low, high] = [gap, 1 - gap];
    const top = [
      [low, low],
      [high, low],
      [high, high],
      [low, high],
    ];
    if (tower.lift > 0.5) {
      const side = (a, b) => [
        corner(...a, 0),
        corner(...b, 0),
        corner(...b, tower.lift),
        corner(...a, tower.lift),
      ];
      polygon(context, side(top[3], top[2]), colors.left);
      polygon(context, side(top[2], top[1]), colors.right);
    }
    const roof = tower.lift > 0.5 ? colors.top : colors.ground;
    polygon(
      context,
      top.map((point) => corner(...point, tower.lift)),
      tower.isData ? colors.data : roof,
    );
  }

  function drawBall(context, [x, y], radius, color, isHollow) {
    context.beginPath();
    context.arc(x, y - radius, radius, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = color;
    context.fillStyle = color;
    if (isHollow) context.stroke();
    else context.fill();
  }

  const roofOf = (index) => {
    const tower = towers.find((t) => t.index === index);
    return project([tower.cell[0] + 0.5, tower.cell[1] + 0.5], tower.lift);
  };

  /** States that agree with what the chain's row has. */
  function agreeing(row) {
    const agrees = (index) =>
      row.v.every((x, i) => !row.seen[i] || x === ((index >> i) & 1));
    return towers.map((t) => t.index).filter(agrees);
  }

  function draw(app, now) {
    const canvas = find("landscape");
    const scale = canvas.width / SIZE.width;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, SIZE.width, SIZE.height);
    const style = getComputedStyle(canvas);
    const color = (name) => style.getPropertyValue(`--${name}`);
    const colors = Object.fromEntries(
      ["top", "left", "right", "ground", "data"].map((name) => [
        name,
        color(`tower-${name}`),
      ]),
    );
    for (const tower of towers) drawTower(context, tower, colors);
    drawAxes(context, app, color("quiet"));

    const places = agreeing(app.chain.row).map(roofOf);
    const ball = color("ball");
    if (places.length > 1) {
      places.forEach((place) => drawBall(context, place, 5, ball, true));
      from = null;
      return;
    }
    const [target] = places;
    const t = from === null ? 1 : Math.min(1, (now - from.since) / HOP);
    const between = (a, b) => a + (b - a) * t;
    const position = t < 1 ? [0, 1].map((i) => between(from.place[i], target[i])) : target;
    position[1] -= t < 1 ? 60 * t * (1 - t) : 0;
    drawBall(context, position, 8, ball, false);
    if (t < 1) requestAnimationFrame((time) => draw(app, time));
    else from = null;
  }

  function drawAxes(context, app, color) {
    if (State.DATA[app.state.data].isPicture) return;
    context.fillStyle = color;
    // On a phone the drawing shrinks, but not what one reads in it.
    const shown = context.canvas.getBoundingClientRect().width || SIZE.width;
    const size = Math.min(22, Math.max(12, (11 * SIZE.width) / shown));
    context.font = `${size}px system-ui, sans-serif`;
    context.textAlign = "left";
    context.fillText("more science fiction liked →", 4, SIZE.height - 20);
    context.textAlign = "right";
    context.fillText("← more romances liked", SIZE.width - 4, SIZE.height - 20);
  }

  // The list

  function stateName(state, v) {
    const { items, names, isPicture } = State.DATA[state.data];
    const on = items.filter((_, i) => v[i]);
    if (isPicture) return names[state.rows.indexOf(v.join(""))] ?? "Not in the data";
    if (on.length === 0) return "likes none";
    return on.length === items.length ? "likes all six" : on.join(", ");
  }

  function miniature(state, v) {
    const { isPicture } = State.DATA[state.data];
    const dots = v.map((x) => el("i", { "data-value": x }));
    return el(
      "span",
      { class: isPicture ? "miniature picture" : "miniature", "aria-hidden": "true" },
      ...dots,
    );
  }

  function renderList(app) {
    const { state, chain } = app;
    const highest = [...towers]
      .sort((s, t) => t.p - s.p || s.index - t.index)
      .slice(0, SHOWN);
    const visited = (index) =>
      chain.sweeps ? (chain.visits.get(index) ?? 0) / chain.sweeps : null;
    const items = highest.map((tower) => {
      const v = Rbm.state(tower.index, state.model.nVisible);
      const share = visited(tower.index);
      const button = el("button", {
        class: "state",
        onclick: () => app.putBall(v),
        "data-index": tower.index,
      });
      const bars = el("span", { class: "bars" });
      const bar = (kind, value) => {
        const line = el("span", { class: `bar ${kind}` });
        line.style.setProperty("--share", Math.min(1, value / highest[0].p));
        return line;
      };
      bars.append(bar("model", tower.p), bar("visits", share ?? 0));
      const words = `${percent(tower.p)}${share === null ? "" : ` · chain ${percent(share)}`}`;
      button.append(
        miniature(state, v),
        el("span", { class: "state-name", text: stateName(state, v) }),
        bars,
      );
      button.append(el("span", { class: "numbers", text: words }));
      return el("li", {}, button);
    });
    const focused = document.activeElement?.dataset?.index;
    find("states").replaceChildren(...items);
    if (focused !== undefined)
      find("states").querySelector(`[data-index="${focused}"]`)?.focus();
  }

  // Pointing

  function towerAt(event) {
    const canvas = find("landscape");
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * SIZE.width) / box.width;
    const y = ((event.clientY - box.top) * SIZE.width) / box.width;
    return towers.findLast((tower) => {
      const [left, right] = [
        project([tower.cell[0], tower.cell[1] + 1]),
        project([tower.cell[0] + 1, tower.cell[1]]),
      ];
      const bottom = project([tower.cell[0] + 1, tower.cell[1] + 1])[1];
      const top = project(tower.cell, tower.lift)[1];
      return x > left[0] && x < right[0] && y > top && y < bottom;
    });
  }

  function start(app) {
    const canvas = find("landscape");
    const idle = find("pointed").textContent;
    canvas.addEventListener("pointermove", (event) => {
      const tower = towerAt(event);
      const v = tower && Rbm.state(tower.index, app.state.model.nVisible);
      find("pointed").textContent = tower
        ? `${stateName(app.state, v)}: p = ${tower.p.toPrecision(2)}`
        : idle;
    });
    canvas.addEventListener("pointerleave", () => (find("pointed").textContent = idle));
    canvas.addEventListener("click", (event) => {
      const tower = towerAt(event);
      if (tower) app.putBall(Rbm.state(tower.index, app.state.model.nVisible));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      app.render(),
    );
    const ratio = Math.min(3, Math.max(2, devicePixelRatio));
    set(canvas, { width: SIZE.width * ratio, height: SIZE.height * ratio });
  }

  /** Notes where the ball is, so that it hops from there to its next state. */
  function hop(app) {
    const places = layout && towers.length ? agreeing(app.chain.row) : [];
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    from =
      places.length === 1 && !isCalm
        ? { place: roofOf(places[0]), since: performance.now() }
        : null;
  }

  function render(app) {
    const { state } = app;
    if (layout?.data !== state.data) {
      layout = makeLayout(state);
      from = null;
    }
    makeTowers(app.exact.p);
    if (State.DATA[state.data].isPicture) {
      const data = new Set(State.toRows(state).map((row) => Rbm.indexOf(row.v)));
      towers.forEach((tower) => (tower.isData = data.has(tower.index)));
    }
    const best = towers.reduce((s, t) => (t.p > s.p ? t : s));
    const name = stateName(state, Rbm.state(best.index, state.model.nVisible));
    const highest = `The highest tower, ${name}, has probability ${percent(best.p)}.`;
    const label = `Landscape of ${towers.length} states. ${highest}`;
    set(find("landscape"), { "aria-label": label });
    find("landscape-key").hidden = !State.DATA[state.data].isPicture;
    draw(app, performance.now());
    renderList(app);
  }

  return { hop, render, start };
})();
