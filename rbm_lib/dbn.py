"""The deep belief network: RBMs stacked, the top one whole, those below it directed downwards.

p(v, h1, …, hL) = p(v given h1) … p(h_{L-2} given h_{L-1}) p(h_{L-1}, h_L). Hinton, Osindero & Teh, "A fast
learning algorithm for deep belief nets", Neural Computation 18, 2006. `pretrain` trains the RBMs from the
bottom up; `fine_tune` then trains the means going up, with a linear head on top, as a classifier.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rbm_lib.checkpoint import CLASSES
from rbm_lib.exact import BLOCK_ELEMENTS, binary_states, exact_log_likelihood
from rbm_lib.inputs import Rows, as_tensor
from rbm_lib.machine import require_number, require_whole, seeded_or_none
from rbm_lib.monitoring import History
from rbm_lib.optimization import make_optimizer, put_gradient, set_rates, take_step
from rbm_lib.rbm import RBM
from rbm_lib.sampling import gibbs
from rbm_lib.training import choose_device, on_device, progress_bar, refuse_non_finite, whole_epochs

BOUND_BITS = 20  # exact_bound: of the first layer's states, and of the pairs of states of two layers
BATCH = 4096  # rows at once where nothing is learned


class DBN(nn.Module):
    """A deep belief network, with a linear head where n_classes is given.

    sizes: [n_visible, n_hidden_1, …]; with one hidden layer it is an RBM. Visible units and `observed`: as in
    `RBM`. machines: its RBMs, the visible one first; head: nn.Linear(sizes[-1], n_classes), or None.
    Raises ValueError or TypeError where shapes, types or devices do not fit.
    """

    def __init__(self, sizes, visible="bernoulli", n_levels=None, n_classes=None, weight_std=0.01, seed=None):
        super().__init__()
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if len(sizes) < 2:
            raise ValueError(f"sizes: got {sizes}, expected [n_visible, n_hidden_1, …].")
        self.sizes = [require_whole(f"sizes[{i}]", size) for i, size in enumerate(sizes)]
        self.n_classes = None if n_classes is None else require_whole("n_classes", n_classes, least=2)
        generator = seeded_or_none(seed)
        self.machines, kind = nn.ModuleList(), (visible, n_levels)
        for below, above in itertools.pairwise(self.sizes):
            own = None if seed is None else int(torch.randint(2**31, (), generator=generator))
            self.machines.append(RBM(below, above, *kind, weight_std=weight_std, seed=own))
            kind = ("bernoulli", None)
        self.n_visible, self.kind, self.n_levels = self.sizes[0], visible, self.machines[0].n_levels
        self.head = None
        if self.n_classes is not None:
            self.head = nn.utils.skip_init(nn.Linear, self.sizes[-1], self.n_classes)
            nn.init.normal_(self.head.weight, std=weight_std, generator=generator)
            nn.init.zeros_(self.head.bias)

    def __repr__(self):
        levels = f", n_levels={self.n_levels}" if self.n_levels else ""
        classes = f", n_classes={self.n_classes}" if self.n_classes else ""
        return f"DBN({self.sizes}, visible={self.kind!r}{levels}{classes})"

    # the visible layer is that of the first RBM
    visible_bias = property(lambda self: self.machines[0].visible_bias)
    log_variance = property(lambda self: self.machines[0].log_variance)

    @property
    def weights(self) -> list[Tensor]:
        """[W1, W2, …], in the shapes of `DBM.weights`."""
        return [machine.W for machine in self.machines]

    # ---- upwards ----------------------------------------------------------------------------------------

    def hidden_means(self, v, observed=None) -> list[Tensor]:
        """[(B, n1), (B, n2), …], bottom up: each layer's p(h = 1) given the means of the layer below.

        Of the first layer it is the posterior of the first RBM, of those above a stand-in. Differentiable.
        """
        means = [self.machines[0].prob_h_given_v(v, observed)]
        for machine in self.machines[1:]:
            means.append(machine.prob_h_given_v(means[-1]))
        return means

    def logits(self, v, observed=None) -> Tensor:
        """The head on top of the last layer's means, (B, n_classes). ValueError where there is no head."""
        if self.head is None:
            raise ValueError("model: has no head; expected one made with DBN(…, n_classes=…).")
        return self.head(self.hidden_means(v, observed)[-1])

    @torch.no_grad()
    def predict_proba(self, v, observed=None, batch_size=BATCH) -> Tensor:
        """p(class given the observed units), (B, n_classes). v: whatever `inputs.Rows` takes."""
        batch_size = require_whole("batch_size", batch_size)
        return _log_probabilities(self, Rows(self, v, observed), batch_size).exp()

    # ---- downwards --------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, n, sweeps, generator=None) -> Tensor:
        """n visible rows in the shape of v: `sweeps` of Gibbs sampling in the top RBM, then one pass down.

        Each row has a chain of its own, started at the visible units of the top RBM without its weights.
        """
        n, top = require_whole("n", n, least=0), self.machines[-1]
        v, _ = top.sample_even_given_odd(top.W.new_zeros(n, top.n_hidden), generator=generator)
        v = gibbs(top, v, sweeps, generator)
        for machine in reversed(self.machines[:-1]):
            v = machine.sample_v_given_h(v, generator=generator)
        return v


CLASSES["DBN"] = DBN  # for load_model, whose module cannot import this one


# ---- the bound --------------------------------------------------------------------------------------------


@torch.no_grad()
def exact_bound(model: DBN, v, observed=None) -> Tensor:
    """The variational lower bound on log p(v) with q = the posteriors of the RBMs going up, (B,), in nats.

    bound(v) = −F1(v) + Σ_h q(h given v) [−log Σ_v' exp(−E1(v', h)) + bound_above(h)], where the top RBM's
    bound is its log-likelihood; exact, by summing over all states of the layers between (Hinton, Osindero &
    Teh 2006, section 4). v' runs over the observed units. With two or more hidden layers a unit dropped is a
    unit summed out: given h1 the visible units are independent.
    Raises ValueError for layers of more than 2^20 states, or pairs of states of neighbours between.
    """
    rows, between = Rows(model, v, observed), model.sizes[1:-1]
    bits = max([0, *between[:1], *map(sum, itertools.pairwise(between))])
    if bits > BOUND_BITS:
        raise ValueError(
            f"model: layers {between}, between the visible and the top one, are too large to sum over "
            f"exactly: 2^{bits} states or pairs of states, expected at most 2^{BOUND_BITS}."
        )
    return _bound(list(model.machines), *rows.all()[:2])


def _bound(machines, v, mask=None):
    bottom, above = machines[0], machines[1:]
    if not above:
        return exact_log_likelihood(bottom, v, mask)
    h = binary_states(bottom.n_hidden, like=bottom.W)
    cumulant = bottom.visible_units().cumulant(bottom.input_to_visible(h))  # (states, n_visible)
    value = _bound(above, h) - h @ bottom.hidden_bias
    parts = []
    for rows in torch.arange(len(v), device=v.device).split(max(1, BLOCK_ELEMENTS // len(h))):
        own = mask[rows] if mask is not None and mask.ndim == 2 else mask
        field = bottom.input_to_hidden(v[rows], own)
        log_q = (field + bottom.hidden_bias) @ h.T - bottom.hidden_units().cumulant(field).sum(-1)[:, None]
        seen = cumulant.sum(-1) if own is None else own.to(cumulant) @ cumulant.T
        inside = (log_q.exp() * (value - seen)).sum(-1)
        parts.append(inside - bottom.free_energy(v[rows], own))
    return torch.cat(parts)


# ---- the classifier ---------------------------------------------------------------------------------------


def fine_tune(
    model: DBN,
    data,
    labels,
    *,
    observed=None,
    epochs: int,
    batch_size: int,
    optimizer=torch.optim.Adam,
    lr: float = 1e-3,
    schedule=None,
    weight_decay: float = 0.0,
    validation=None,
    generator: torch.Generator | None = None,
    device="auto",
    progress: bool = True,
) -> History:
    """Train the head and the whole stack below it, in place, by the cross-entropy of the labels.

    data, observed, optimizer, lr, schedule, generator, device: as in `fit`. labels (B,): whole numbers
    0 … n_classes − 1. weight_decay: of weights, the head's too. validation: (rows, labels[, observed]).
    The History has per epoch `loss`, the mean over its batches as they were met, in nats; with validation
    also `validation_loss`, `validation_accuracy`, and for two classes `validation_auc`.

    What changes is what the means going up depend on: W, hidden bias, log σ², head. W serves p(v given h1)
    too, so that afterwards the network is a classifier, and no longer the model of v that it was.
    Parameters with requires_grad False stay. An interrupt returns the history so far. Raises
    TrainingDiverged when a parameter or the record stops being finite; after both, the model is as the last
    whole epoch left it. Raises ValueError or TypeError for arguments or data that do not fit.
    """
    if getattr(model, "head", None) is None:
        raise ValueError("model: has no head; expected one made with DBN(…, n_classes=…).")
    lr, weight_decay = require_number("lr", lr), require_number("weight_decay", weight_decay)
    epochs, batch_size = require_whole("epochs", epochs), require_whole("batch_size", batch_size)
    device = choose_device(device)
    model.to(device)
    rows = Rows(model, data, observed)
    if len(rows) == 0:
        raise ValueError("data: got no rows, expected at least one.")
    labels = _as_labels("labels", labels, model, len(rows))
    if validation is not None:
        if not isinstance(validation, tuple) or len(validation) not in (2, 3):
            raise ValueError("validation: expected a tuple (rows, labels) or (rows, labels, observed).")
        held_out = Rows(model, validation[0], *validation[2:])
        truth = _as_labels("validation labels", validation[1], model, len(held_out))
    generator = on_device(generator, device)
    optimizer = make_optimizer(model, optimizer, lr, schedule)
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    decayed = [*model.weights, model.head.weight] if weight_decay else []
    n_updates, update, history = epochs * -(-len(rows) // batch_size), 0, History()
    with whole_epochs(model, history) as keep, progress_bar(range(epochs), progress) as bar:
        for epoch in bar:
            total = 0.0
            order = torch.randperm(len(rows), generator=generator, device=device)
            for index in order.split(batch_size):
                v, mask, _ = rows.batch(index)
                loss = F.cross_entropy(model.logits(v, mask), labels[index])
                objective = -loss - weight_decay / 2 * sum((W**2).sum() for W in decayed)
                # zero for the visible biases, on which no mean depends
                slopes = torch.autograd.grad(objective, list(learned.values()), materialize_grads=True)
                gradient = dict(zip(learned, slopes, strict=True))
                set_rates(optimizer, schedule, update / n_updates)
                with torch.no_grad():
                    put_gradient(model, gradient, optimizer)
                    take_step(model, optimizer, schedule)
                total, update = total + loss.detach() * len(index), update + 1
            refuse_non_finite(model, epoch, lr, None)
            record = {"epoch": epoch + 1, "loss": float(total) / len(rows)}
            record |= {} if validation is None else _score(model, held_out, truth)
            refuse_non_finite(record, epoch, lr, None)
            history.records.append(record)
            keep()
            bar.set_postfix({name: f"{value:.4g}" for name, value in list(record.items())[1:3]})
    return history


@torch.no_grad()
def _log_probabilities(model, rows, batch_size=BATCH):
    index = torch.arange(len(rows), device=model.visible_bias.device)
    parts = [model.logits(*rows.batch(some)[:2]) for some in index.split(batch_size)]
    return F.log_softmax(torch.cat(parts), -1)


def _score(model, rows, labels):
    log_p = _log_probabilities(model, rows)
    record = {
        "validation_loss": float(F.nll_loss(log_p, labels)),
        "validation_accuracy": float((log_p.argmax(-1) == labels).double().mean()),
    }
    if model.n_classes == 2 and len(labels.unique()) == 2:
        from sklearn.metrics import roc_auc_score

        record["validation_auc"] = float(roc_auc_score(labels.cpu(), log_p[:, 1].cpu()))
    return record


def _as_labels(name, labels, model, n):
    """Labels as whole numbers on the model's device, (n,)."""
    values = as_tensor(labels, name, model)
    if values.shape != (n,):
        raise ValueError(f"{name}: got shape {tuple(values.shape)}, expected ({n},), one for each row.")
    bad = ~((values >= 0) & (values < model.n_classes) & (values == values.floor()))
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise ValueError(
            f"{name}: got {values[row]:g} in row {row}, expected a whole number 0 … {model.n_classes - 1} "
            f"(n_classes is {model.n_classes})."
        )
    return values.long()
