"use strict";

/* The state of the page as Python that runs. */
const Python = (() => {
  const METHODS = { cd1: "CD(k=1)", cd10: "CD(k=10)", pcd: "PCD(k=1)", exact: "Exact()" };
  const WORDS = { 1: "1", 0: "0", _: "nan" };

  const list = (values) => `[${values.join(", ")}]`;
  const row = (values) => list(Array.from(values, (x) => Number(x.toFixed(3))));

  const table = (rows) => `[\n${rows.map((text) => `    ${text},\n`).join("")}]`;

  function code(state) {
    const { model, method, rate, missing } = state;
    const ratings = table(state.rows.map((text) => list([...text].map((x) => WORDS[x]))));
    const weights = Array.from({ length: model.nVisible }, (_, i) =>
      row(model.W.slice(i * model.nHidden, (i + 1) * model.nHidden)),
    );
    const isDropped = missing === "drop";
    const seen = isDropped
      ? "~ratings.isnan()"
      : "torch.ones_like(ratings, dtype=torch.bool)";
    const comment = isDropped ? "" : "  # not seen counts as a dislike";
    return `import torch

from rbm_lib import CD, PCD, RBM, Exact, fit
from rbm_lib.likelihood import exact_log_likelihood, exact_log_partition
from rbm_lib.recommend import predict
from rbm_lib.sampling import gibbs

nan = float("nan")  # not seen
ratings = torch.tensor(${ratings}, dtype=torch.float64)
observed = ${seen}${comment}
ratings = ratings.nan_to_num(0)

model = RBM(${model.nVisible}, ${model.nHidden}).double()
with torch.no_grad():
    model.W[:] = torch.tensor(${table(weights).replaceAll("\n", "\n    ")})
    model.visible_bias[:] = torch.tensor(${row(model.b)})
    model.hidden_bias[:] = torch.tensor(${row(model.c)})

print("log Z:", exact_log_partition(model).item())
print("log-likelihood:", exact_log_likelihood(model, ratings, observed).mean().item())
print("chances:", predict(model, ratings, observed, method="exact")[${state.person}])

generator = torch.Generator().manual_seed(${state.seed})
print("after 10 sweeps:", gibbs(model, ratings, 10, generator)[${state.person}])

history = fit(
    model, ratings, ${METHODS[method]}, observed=observed, epochs=200, batch_size=len(ratings),
    optimizer=torch.optim.SGD, lr=${rate}, generator=generator, progress=False,
)
print("log-likelihood after 200 updates:", history.last["log_likelihood"])
print("reconstruction error:", history.last["reconstruction_error"])
`;
  }

  return { code };
})();
