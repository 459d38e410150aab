"""Pairs of a listener and a song as rows of a table, for gradient boosting."""

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from rbm_lib.recommend.cold import ColdTask

OTHERS = 5  # songs not heard for each one heard


def boosted_trees(
    tasks: Sequence[ColdTask], max_leaf_nodes: int, max_iter: int = 100
) -> np.ndarray:
    """Log-odds that a listener hears a new song, from rows of heard and other known songs.

    The first task has numbers for its content, each of the rest one kind of label.
    """
    likes = tasks[0].likes > 0
    rng = np.random.default_rng(2013)
    rows, labels = [], []
    for person, heard in enumerate(likes):
        others = rng.choice(np.flatnonzero(~heard), OTHERS * heard.sum())
        songs = np.concatenate([np.flatnonzero(heard), others])
        rows.append(rows_of(tasks, person, songs))
        labels.append(heard[songs])
    model = HistGradientBoostingClassifier(
        max_iter=max_iter,
        max_leaf_nodes=max_leaf_nodes,
        early_stopping=False,
        random_state=0,
    )
    model.fit(np.vstack(rows), np.concatenate(labels))
    new = [model.decision_function(rows_of(tasks, p)) for p in range(len(likes))]
    return np.vstack(new)


def rows_of(
    tasks: Sequence[ColdTask], person: int, songs: np.ndarray | None = None
) -> np.ndarray:
    """A row for each of these known songs, or for each new one, beside a listener's others.

    It has the numbers of the song, their mean and deviation over the others and the
    distance in deviations, the number of others, and for each kind of label the largest
    and summed share of the others that have a label of this song. A song that the listener
    heard is none of the others, or every row would say what it is asked.
    """
    numbers, *kinds = tasks
    heard = np.zeros((1, 1)) if songs is None else numbers.likes[person, songs][:, None]
    own = numbers.likes[person] > 0
    n = own.sum() - heard
    x = numbers.new_content if songs is None else numbers.content[songs]
    known = numbers.content[own]
    mean = (known.sum(0) - heard * x) / n
    square = ((known**2).sum(0) - heard * x**2) / n
    deviation = np.sqrt((square - mean**2).clip(0))
    columns = [x, mean, deviation, abs(x - mean) / (deviation + 0.025), n]
    for kind in kinds:
        has = kind.new_content if songs is None else kind.content[songs]
        share = has * (kind.content[own].sum(0) - heard * has) / n
        columns += [share.max(1, keepdims=True), share.sum(1, keepdims=True)]
    return np.hstack([np.broadcast_to(one, (len(x), one.shape[1])) for one in columns])
