"""Chains that move: small pictures, changing sweep by sweep, and a line below each."""

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from rbm_lib.course.say import show_page

PAGE = """<!doctype html><meta charset="utf-8"><title>Chains</title><style>
body { margin: 0; padding: 8px; background: #fff; color: #1f2933; font: 14px sans-serif }
button, input { font: inherit; vertical-align: middle } input { width: 50% }
figure { display: inline-block; margin: 8px 24px 0 0 } figcaption { font-weight: bold }
</style>
<button id="play">▶ Play</button> <input id="at" type="range" min="0" value="0"
 aria-label="sweep"> <output id="now"></output><div id="chains"></div><script>
const chains = CHAINS, at = document.getElementById("at"), size = 40;
const play = document.getElementById("play"), now = document.getElementById("now");
const canvases = chains.map(chain => {
  const figure = document.getElementById("chains").appendChild(
    document.createElement("figure"));
  figure.appendChild(document.createElement("figcaption")).textContent = chain.name;
  const canvas = figure.appendChild(document.createElement("canvas"));
  canvas.width = 380; canvas.height = size * chain.frames[0].length + 70;
  return canvas;
});
// From nearly white at 0 to blue at 1.
const shade = value => "rgb(" + [[247, 0], [251, 114], [255, 178]].map(
  ([off, on]) => Math.round(off + (on - off) * value)) + ")";
at.max = Math.min(...chains.map(chain => chain.frames.length)) - 1;
function draw() {
  const t = +at.value;
  now.textContent = "sweep " + t;
  chains.forEach((chain, k) => {
    const pen = canvases[k].getContext("2d"), { width, height } = canvases[k];
    const top = Math.max(...chains.flatMap(chain => chain.line)), low = 0;
    pen.clearRect(0, 0, width, height);
    chain.frames[t].forEach((row, i) => row.forEach((value, j) => {
      pen.fillStyle = shade(value);
      pen.fillRect(size * j, size * i, size, size);
      pen.strokeStyle = "#6b7280";
      pen.strokeRect(size * j + .5, size * i + .5, size, size);
    }));
    const x = s => 4 + (width - 8) * s / at.max;
    const y = value => height - 4 - 56 * (value - low) / (top - low);
    pen.beginPath();
    for (let s = 0; s <= t; s++) pen.lineTo(x(s), y(chain.line[s]));
    pen.strokeStyle = "#D55E00"; pen.stroke();
    pen.fillStyle = "#1f2933"; pen.font = "13px sans-serif";
    pen.fillText(chain.label + " " + chain.line[t].toFixed(1), size * 3 + 16, 20);
  });
}
let timer = null;
function stop() { clearInterval(timer); timer = null; play.textContent = "▶ Play"; }
function step() {
  if (+at.value >= +at.max) return stop();
  at.value = +at.value + 1;
  draw();
}
play.onclick = () => {
  if (timer) return stop();
  if (+at.value >= +at.max) at.value = 0;
  timer = setInterval(step, 100);
  play.textContent = "⏸ Pause";
};
at.oninput = draw;
draw();
</script>"""


def animate(chains: Mapping[str, tuple[ArrayLike, ArrayLike]], label: str = "") -> None:
    """Show chains side by side, with a button that plays them and a slider.

    Where nobody watches, a line says so instead: draw a strip of pictures before.

    Parameters
    ----------
    chains : dict of name to (frames, line)
        Frames of states or probabilities, from 0 to 1, shape (sweeps, height, width), and
        a number for each of them, such as an energy, which is drawn as a line.
    label : str
        What the numbers are.
    """
    described = []
    for name, (frames, line) in chains.items():
        shades = np.asarray(frames, dtype=float).round(2)
        numbers = np.asarray(line, dtype=float).round(2)
        if shades.ndim != 3 or len(shades) != len(numbers):
            raise ValueError(
                f"chains[{name!r}]: got {shades.shape} and {numbers.shape}, expected "
                "frames (sweeps, height, width) and numbers (sweeps,). Reshape the frames."
            )
        drawn = {"frames": shades.tolist(), "line": numbers.tolist()}
        described.append({"name": name, "label": label} | drawn)
    page = PAGE.replace("CHAINS", json.dumps(described))
    show_page(page, ", ".join(chains), 270, f"{' and '.join(chains)}, moving")
