"use strict";

/* In the middle the model: units joined by lines, and the numbers on the lines. */
const ViewMachine = (() => {
  const { arrowKeys, el, find, number, set, signed, svg } = Dom;
  const WIDE = { width: 560, left: 170, right: 440 };
  const NARROW = { width: 400, left: 130, right: 290 };
  const STEP = 0.1;
  const narrow = matchMedia("(max-width: 760px)");
  let built = null;
  let units = null;
  let cells = [];

  const CAPTION = 18; // height of the captions
  const height = (n) => CAPTION + Math.max(160, 27 * n + 8);
  const place = (index, count, total) =>
    CAPTION + ((index + 0.5) / count) * (total - CAPTION - 4);

  // The network

  function buildNetwork(app) {
    const { model, data } = app.state;
    const { items, isPicture } = State.DATA[data];
    const SIZE = narrow.matches ? NARROW : WIDE;
    const total = height(Math.max(model.nVisible, model.nHidden));
    const visible = items.map((item, i) =>
      unit(
        SIZE.left,
        place(i, items.length, total),
        isPicture ? `cell ${i + 1}` : item,
        -1,
      ),
    );
    const hidden = Array.from({ length: model.nHidden }, (_, j) =>
      unit(SIZE.right, place(j, model.nHidden, total), `h${j + 1}`, 1),
    );
    const lines = visible.flatMap((from) =>
      hidden.map((to) => svg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y })),
    );
    visible.forEach((u, i) =>
      u.circle.addEventListener("click", () => app.cycleCell(app.state.person, i)),
    );
    const group = (list) => list.map((u) => u.group);
    const drawing = find("network");
    set(drawing, { viewBox: `0 0 ${SIZE.width} ${total}` });
    const captions = [
      svg("text", { class: "caption", x: SIZE.left + 11, y: 10, "text-anchor": "end" }),
      svg("text", { class: "caption", x: SIZE.right - 11, y: 10 }),
    ];
    captions[0].textContent = isPicture ? "cells" : "films";
    captions[1].textContent = "hidden units";
    drawing.replaceChildren(
      svg("g", { class: "lines" }, ...lines),
      ...group(visible),
      ...group(hidden),
      ...captions,
    );
    units = { visible, hidden, lines };
  }

  /** A circle with its name, and a gauge: the chance of being on, and the number drawn. */
  function unit(x, y, name, side) {
    const circle = svg("circle", { r: 11, cx: x, cy: y });
    const mark = svg("text", { class: "mark", x, y: y + 4.5, "text-anchor": "middle" });
    const anchor = side < 0 ? "end" : "start";
    const label = svg("text", {
      class: "label",
      x: x + 20 * side,
      y: y - 2,
      "text-anchor": anchor,
      text: name,
    });
    const start = side < 0 ? x - 80 : x + 20;
    const track = svg("rect", {
      class: "track",
      x: start,
      y: y + 5,
      width: 60,
      height: 6,
      rx: 3,
    });
    const bar = svg("rect", {
      class: "bar",
      x: start,
      y: y + 5,
      width: 0,
      height: 6,
      rx: 3,
    });
    const drawn = svg("path", { class: "drawn", d: `M${start} ${y + 2}v12` });
    const group = svg("g", { class: "unit" }, circle, mark, label, track, bar, drawn);
    return { x, y, group, circle, mark, bar, drawn, label, name };
  }

  function renderUnit(unit, value, gauge, marks) {
    const state = value === null ? "missing" : value ? "on" : "off";
    unit.group.dataset.state = state;
    unit.group.classList.toggle("gauged", gauge !== null);
    unit.mark.textContent = marks[state];
    if (gauge === null) return;
    set(unit.bar, { width: 60 * gauge.p });
    set(unit.drawn, { transform: `translate(${60 * gauge.u} 0)` });
  }

  function renderNetwork(app) {
    const { model, data } = app.state;
    const { chain } = app;
    const isPicture = State.DATA[data].isPicture;
    const marks = { on: isPicture ? "" : "♥", off: isPicture ? "" : "✕", missing: "?" };
    units.visible.forEach((unit, i) => {
      const value = chain.row.seen[i] ? chain.row.v[i] : null;
      renderUnit(unit, value, chain.last === "v" ? gaugeOf(chain, i) : null, marks);
    });
    units.hidden.forEach((unit, j) => {
      const value = chain.h ? chain.h[j] : null;
      renderUnit(unit, value, chain.last === "h" ? gaugeOf(chain, j) : null, {
        on: "1",
        off: "0",
        missing: "",
      });
    });
    units.lines.forEach((line, index) => {
      const w = model.W[index];
      const isDropped = !chain.row.seen[Math.floor(index / model.nHidden)];
      set(line, {
        class: isDropped ? "dropped" : w < 0 ? "negative" : "positive",
        "stroke-width": Math.min(7, 0.4 + Math.abs(w)).toFixed(2),
      });
    });
    const lines = find("network").firstChild;
    lines.dataset.flow = chain.last ?? "";
    const description = app.describeChain();
    set(find("network"), { "aria-label": `The network. ${description}` });
    const rule = chain.last ? " On: the mark is within the bar." : "";
    find("chain-words").textContent = description + rule;
  }

  const gaugeOf = (chain, index) => ({ p: chain.p[index], u: chain.u[index] });

  // The numbers

  function buildWeights(app) {
    const { model, data } = app.state;
    const { items, isPicture } = State.DATA[data];
    const names = isPicture ? items.map((_, i) => `cell ${i + 1}`) : items;
    const table = find("weights");
    const hidden = Array.from({ length: model.nHidden }, (_, j) => `h${j + 1}`);
    const head = el("tr", {}, el("td"));
    head.append(...[...hidden, "bias"].map((text) => el("th", { scope: "col", text })));
    cells = [];
    const line = (name, parameters) => {
      const row = parameters.map(([key, index, label]) => weight(app, key, index, label));
      cells.push(row);
      const tr = el("tr", {}, el("th", { scope: "row", text: name }));
      tr.append(...row.map((cell) => el("td", {}, cell)));
      return tr;
    };
    const rows = names.map((name, i) => {
      const weights = hidden.map((h, j) => [
        "W",
        i * model.nHidden + j,
        `weight of ${name} and ${h}`,
      ]);
      return line(name, [...weights, ["b", i, `bias of ${name}`]]);
    });
    rows.push(
      line(
        "bias",
        hidden.map((h, j) => ["c", j, `bias of ${h}`]),
      ),
    );
    table.replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows));
    table.classList.toggle("dense", model.nHidden > 3);
    cells[0][0].tabIndex = 0;
  }

  /** A number that can be dragged sideways, or changed by keys. */
  function weight(app, key, index, label) {
    const cell = el("div", {
      class: "weight",
      role: "spinbutton",
      tabindex: "-1",
      "aria-label": label,
      "aria-valuemin": -State.LARGEST_WEIGHT,
      "aria-valuemax": State.LARGEST_WEIGHT,
    });
    Object.assign(cell, { key, index });
    let from = null;
    cell.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, value: app.state.model[key][index] };
      cell.setPointerCapture(event.pointerId);
      cell.focus();
    });
    cell.addEventListener("pointermove", (event) => {
      if (from) app.setParameter(key, index, from.value + (event.clientX - from.x) / 20);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      cell.addEventListener(end, () => {
        if (from) app.save();
        from = null;
      });
    }
    return cell;
  }

  function renderWeights(app) {
    const { model } = app.state;
    for (const cell of cells.flat()) {
      const value = model[cell.key][cell.index];
      const strength = Math.min(1, Math.abs(value) / 6);
      cell.textContent = signed(value);
      cell.dataset.sign = value < 0 ? "negative" : "positive";
      cell.style.setProperty("--strength", `${Math.round(100 * strength)}%`);
      set(cell, { "aria-valuenow": value.toFixed(2), "aria-valuetext": number(value, 1) });
    }
  }

  /** Up and down change a number, left and right go to its neighbours. */
  function onKey(app, event) {
    const steps = { ArrowUp: STEP, ArrowDown: -STEP, PageUp: 1, PageDown: -1 };
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    const all = cells.flat();
    const { key, index } = event.target;
    if (event.key in moves) {
      all[all.indexOf(event.target) + moves[event.key]]?.focus();
    } else if (event.key in steps || event.key === "0") {
      const value = app.state.model[key][index] + (steps[event.key] ?? 0);
      app.setParameter(key, index, event.key === "0" ? 0 : value);
      app.save();
    } else {
      return false;
    }
    return true;
  }

  function render(app) {
    const form = `${app.state.data} ${app.state.model.nHidden} ${narrow.matches}`;
    if (built !== form) {
      buildNetwork(app);
      buildWeights(app);
      built = form;
    }
    renderNetwork(app);
    renderWeights(app);
  }

  function start(app) {
    narrow.addEventListener("change", () => app.render());
    arrowKeys(
      find("weights"),
      () => cells,
      (event) => onKey(app, event),
    );
  }

  return { render, start };
})();
