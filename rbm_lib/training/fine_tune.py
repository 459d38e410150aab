"""Fine-tuning a deep belief network as a classifier."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.optim import Optimizer

from rbm_lib.checks import as_numbers, require_flag, require_number, require_whole
from rbm_lib.models.data_checks import require_spread
from rbm_lib.models.dbn import BATCH_ROWS, DBN, require_classifier
from rbm_lib.models.visible_data import VisibleData, as_visible_data
from rbm_lib.training.loop import (
    choose_device,
    last_whole_epoch,
    on_device,
    progress_bar,
    require_finite_model,
    require_finite_record,
    show,
)
from rbm_lib.training.monitoring import History, Record
from rbm_lib.training.optimization import (
    Schedule,
    make_optimizer,
    put_gradient,
    require_schedule,
    require_trainable,
    set_rates,
    take_step,
)


def fine_tune(
    model: DBN,
    data: Any,
    labels: Any,
    *,
    observed: Any = None,
    epochs: int = 20,
    batch_size: int = 100,
    optimizer: Optimizer | Callable[..., Optimizer] | None = torch.optim.Adam,
    lr: float = 1e-3,
    schedule: Schedule = None,
    weight_decay: float = 0.0,
    validation: Any = None,
    generator: Generator | None = None,
    device: Any = "auto",
    progress: bool = True,
) -> History:
    """Train head and stack of a DBN, in place, by the cross-entropy of the labels.

    What changes is what the means going up depend on: W, hidden bias, log variance, head. W
    serves p(v given h1) too, so afterwards the network is a classifier, and no longer the
    model of v that it was. Parameters with requires_grad False stay.

    Parameters
    ----------
    model : DBN
        With a head: DBN(…, n_classes=…).
    data, observed, optimizer, lr, schedule, generator, device, progress
        As in `fit`.
    labels : array_like, shape (B,)
        Whole numbers 0 … n_classes - 1.
    epochs, batch_size : int
        Passes through the data, and rows in each update.
    weight_decay : float
        Of the weights, those of the head too.
    validation : tuple (rows, labels[, observed]), optional
        Held-out rows.

    Returns
    -------
    History
        For each epoch `loss`, the mean over its batches as they were met, in nats; with
        validation also `validation_loss`, `validation_accuracy`, and for two classes
        `validation_auc`. An interrupt returns the history so far.

    Raises
    ------
    TrainingDiverged
        If a parameter or the record stops being finite.
    ValueError, TypeError
        For arguments or data that do not fit.

    Examples
    --------
    >>> model = DBN([6, 4], n_classes=2, seed=0)
    >>> labels = [0, 0, 0, 1, 1, 1]
    >>> history = fine_tune(model, torch.eye(6), labels, epochs=3, progress=False)
    >>> len(history.records)
    3
    """
    require_classifier(model)
    lr = require_number("lr", lr)
    weight_decay = require_number("weight_decay", weight_decay)
    epochs = require_whole("epochs", epochs)
    batch_size = require_whole("batch_size", batch_size)
    progress = require_flag("progress", progress)
    model.to(choose_device(device))
    rows = as_visible_data(model, data, observed)
    if len(rows) == 0:
        raise ValueError("data: got no rows, expected at least one.")
    require_spread(rows)
    model.name_units(rows)
    truth = _as_labels("labels", labels, model, len(rows))
    held_out = _held_out(model, validation)
    generator = on_device(generator, model.visible_bias.device)
    require_trainable(model)
    optimizer = make_optimizer(model, optimizer, lr)
    require_schedule(schedule, optimizer)

    decayed = [*model.weights, model.head.weight] if model.head and weight_decay else []
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    n_updates = epochs * -(-len(rows) // batch_size)
    update = 0
    history = History()
    bar = progress_bar(range(1, epochs + 1), progress)
    with last_whole_epoch(model, history) as keep, bar:
        for number in bar:
            total = 0.0
            order = torch.randperm(len(rows), generator=generator, device=generator.device)
            for index in order.split(batch_size):
                loss = F.cross_entropy(model.logits(rows.rows(index)), truth[index])
                penalty = weight_decay / 2 * sum((W**2).sum() for W in decayed)
                # Materialised: no mean depends on the visible biases, whose slope is zero.
                slopes = torch.autograd.grad(
                    -loss - penalty, list(learned.values()), materialize_grads=True
                )
                set_rates(optimizer, schedule, update / n_updates)
                with torch.no_grad():
                    put_gradient(model, dict(zip(learned, slopes, strict=True)))
                    take_step(optimizer, schedule, model.log_variance)
                total += float(loss.detach()) * len(index)
                update += 1

            require_finite_model(model, number, lr)
            record: Record = {"epoch": number, "loss": total / len(rows)}
            if held_out is not None:
                record |= _score(model, *held_out)
            require_finite_record(record, number, lr)
            history.records.append(record)
            keep()
            show(bar, record)
    return history


def _held_out(model: DBN, validation: Any) -> tuple[VisibleData, Tensor] | None:
    if validation is None:
        return None
    if not isinstance(validation, tuple) or len(validation) not in (2, 3):
        raise ValueError(
            f"validation: got {type(validation).__name__}, expected a tuple (rows, labels) "
            "or (rows, labels, observed)."
        )
    rows, labels, *observed = validation
    data = as_visible_data(model, rows, *observed)
    return data, _as_labels("validation", labels, model, len(data))


@torch.no_grad()
def _score(model: DBN, data: VisibleData, labels: Tensor) -> Record:
    logits = torch.cat([model.logits(batch) for batch in data.batches(BATCH_ROWS)])
    log_p = F.log_softmax(logits, -1)
    record = {
        "validation_loss": float(F.nll_loss(log_p, labels)),
        "validation_accuracy": float((log_p.argmax(-1) == labels).double().mean()),
    }
    if model.n_classes == 2 and len(labels.unique()) == 2:
        from sklearn.metrics import roc_auc_score  # takes a second to import

        auc = roc_auc_score(labels.cpu(), log_p[:, 1].cpu())
        record["validation_auc"] = float(auc)
    return record


def _as_labels(name: str, labels: Any, model: DBN, n: int) -> Tensor:
    """Labels as whole numbers on the model's device, shape (n,)."""
    values = as_numbers(labels, name, most=None)
    if values.shape != (n,):
        raise ValueError(
            f"{name}: got shape {tuple(values.shape)}, expected ({n},), one for each row."
        )
    assert model.n_classes is not None
    bad = ~((values >= 0) & (values < model.n_classes) & (values == values.floor()))
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise ValueError(
            f"{name}: got {values[row]:g} in row {row}, expected a whole number 0 … "
            f"{model.n_classes - 1} (n_classes is {model.n_classes})."
        )
    return values.to(model.visible_bias.device).long()
