"use strict";

/* On the left the data: a row per person (or picture), whose cells can be clicked. */
const ViewPeople = (() => {
  const { arrowKeys, el, find, percent, set } = Dom;
  const WORDS = { 1: "like", 0: "dislike", _: "not seen" };
  const PICTURE_WORDS = { 1: "on", 0: "off", _: "missing" };
  const HELP =
    "Click a cell: like, dislike, not seen. A number is the chance of a like, in per cent. " +
    "Click a name to start the chain there.";
  const PICTURE_HELP =
    "Whole rows or whole columns are on. Click a cell: on, off, missing. Click a name to " +
    "start the chain there.";
  let built = null;
  let people = [];

  function build(app) {
    const { data } = app.state;
    const { items, names, isPicture } = State.DATA[data];
    const root = find("people");
    const head = el("div", { class: "films", "aria-hidden": "true" }, el("span"));
    head.append(...items.map((item) => el("span", { text: item })));
    people = names.map((name, r) => person(app, items, name, r));
    root.replaceChildren(...(isPicture ? [] : [head]), ...people.map((p) => p.root));
    root.className = isPicture ? "pictures" : "people";
    find("people-help").textContent = isPicture ? PICTURE_HELP : HELP;
    find("people-title").textContent = isPicture ? "The pictures" : "The people";
    people[0].cells[0].tabIndex = 0;
    built = data;
  }

  function person(app, items, name, r) {
    const choose = el("button", {
      class: "name",
      text: name,
      onclick: () => app.choosePerson(r),
    });
    const cells = items.map((item, i) =>
      el("button", { class: "cell", tabindex: "-1", onclick: () => app.cycleCell(r, i) }),
    );
    const row = el("div", { class: "row", role: "group", "aria-label": name }, choose);
    row.append(el("div", { class: "cells" }, ...cells));
    return { root: row, choose, cells };
  }

  function render(app) {
    const { state } = app;
    if (built !== state.data) build(app);
    const { items, names, isPicture } = State.DATA[state.data];
    const rows = State.toRows(state);
    people.forEach(({ root, choose, cells }, r) => {
      const isChosen = r === state.person;
      root.classList.toggle("chosen", isChosen);
      set(choose, { "aria-pressed": String(isChosen) });
      const text = state.rows[r];
      const chances = text.includes(State.MISSING) ? chancesOf(state, rows[r]) : [];
      cells.forEach((cell, i) => {
        const isMissing = text[i] === State.MISSING;
        const chance = isMissing ? percent(chances[i]) : "";
        const word = (isPicture ? PICTURE_WORDS : WORDS)[text[i]];
        const more = isMissing ? `, chance of a ${isPicture ? "1" : "like"} ${chance}` : "";
        const label = `${names[r]}, ${items[i]}: ${word}${more}`;
        const marks = {
          1: isPicture ? "" : "♥",
          0: isPicture ? "" : "✕",
          _: chance.replace(" %", ""),
        };
        cell.textContent = marks[text[i]];
        set(cell, { "aria-label": label, title: label, "data-value": text[i] });
      });
    });
    const labels = document.querySelectorAll("[name=missing]");
    labels.forEach((input) => (input.checked = input.value === state.missing));
  }

  /** The chances of films not seen, given what the row has. */
  const chancesOf = (state, row) => Rbm.predict(state.model, row);

  function start(app) {
    arrowKeys(find("people"), () => people.map((person) => person.cells));
    for (const input of document.querySelectorAll("[name=missing]")) {
      input.addEventListener("change", () => app.change({ missing: input.value }));
    }
  }

  return { render, start };
})();
