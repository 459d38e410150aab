"""Fine-tuning of a belief network as a classifier."""

import torch
import torch.nn.functional as F

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.batch import Rows, as_tensor
from rbm_lib.models.dbn import DBN, _log_probabilities
from rbm_lib.training.fit import choose_device, on_device, progress_bar, refuse_non_finite, whole_epochs
from rbm_lib.training.monitoring import History
from rbm_lib.training.optimization import make_optimizer, put_gradient, set_rates, take_step


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
