"use strict";

/* Small helpers to make elements. */
const Dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") element.textContent = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === null || value === false) element.removeAttribute(name);
      else element.setAttribute(name, value === true ? "" : value);
    }
    return element;
  }

  function el(tag, attributes = {}, ...children) {
    const element = set(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }

  function svg(tag, attributes = {}, ...children) {
    const element = set(document.createElementNS(SVG, tag), attributes);
    element.append(...children);
    return element;
  }

  const find = (id) => document.getElementById(id);

  /** Makes a set of elements one stop of the Tab key, in which arrow keys move.
   *
   * `grid` returns its rows, lists of elements, as they are now. Keys that `onKey` handles
   * (it returns true) do not move.
   */
  function arrowKeys(root, grid, onKey = () => false) {
    root.addEventListener("keydown", (event) => {
      if (onKey(event)) return event.preventDefault();
      const moves = {
        ArrowUp: [-1, 0],
        ArrowDown: [1, 0],
        ArrowLeft: [0, -1],
        ArrowRight: [0, 1],
      };
      const rows = grid();
      const r = rows.findIndex((row) => row.includes(event.target));
      if (!(event.key in moves) || r < 0) return;
      event.preventDefault();
      const column = rows[r].indexOf(event.target) + moves[event.key][1];
      rows[r + moves[event.key][0]]?.[column]?.focus();
    });
    root.addEventListener("focusin", (event) => {
      const all = grid().flat();
      if (!all.includes(event.target)) return;
      for (const element of all) element.tabIndex = element === event.target ? 0 : -1;
    });
  }

  function signed(x, digits = 1) {
    const text = Math.abs(x).toFixed(digits);
    if (Number(text) === 0) return text;
    return (x < 0 ? "−" : "+") + text;
  }

  const number = (x, digits = 2) => (x < 0 ? "−" : "") + Math.abs(x).toFixed(digits);
  const percent = (p) => (p > 0 && p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`);

  return { arrowKeys, el, find, number, percent, set, signed, svg };
})();
