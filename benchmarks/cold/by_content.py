"""Models without hidden units that score a new film by its content."""

import numpy as np
from scipy.spatial.distance import cdist

from rbm_lib.recommend.cold import ColdTask, predict_from_content


def kernel_map(task: ColdTask, l2: float, width: float) -> np.ndarray:
    """From known to new films by kernel ridge regression with a Gaussian kernel."""
    known, new = task.content, task.new_content
    scale = 1 / (2 * width**2)
    gram = np.exp(-scale * cdist(known, known, "sqeuclidean"))
    cross = np.exp(-scale * cdist(known, new, "sqeuclidean"))
    centre = np.eye(len(known)) - 1 / len(known)
    inverse = np.linalg.inv(centre @ gram @ centre + l2 * np.eye(len(known)))
    return centre @ inverse @ centre @ (cross - gram.mean(1)[:, None]) + 1 / len(known)


def knn_map(task: ColdTask, k: int, shrink: float) -> np.ndarray:
    """Cosines of each new film with its k nearest known ones, over shrink + their sum."""
    cosine = unit(task.content) @ unit(task.new_content).T
    lowest = np.sort(cosine, 0)[-k]
    cosine = np.where(cosine >= lowest, cosine, 0).clip(min=0)
    return cosine / (shrink + cosine.sum(0))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)


def popularity(task: ColdTask, l2: float, power: float) -> np.ndarray:
    """The same for everybody: likes of a film, those of heavy users weighted less."""
    weighted = (task.likes / task.likes.sum(1, keepdims=True) ** power).sum(0)
    predicted = predict_from_content(weighted[None] / weighted.mean(), task, l2)
    return np.tile(predicted, (len(task.likes), 1))


def cosine(task: ColdTask, centre: bool, rare: bool) -> np.ndarray:
    """The mean content of a person's films against the content of the new ones."""
    known, new = task.content, task.new_content
    if rare:
        scale = 1 / (known.std(0) + 0.05)
        known, new = known * scale, new * scale
    mean = known.mean(0) if centre else 0.0
    profile = task.likes @ (known - mean) / task.likes.sum(1, keepdims=True)
    return unit(profile) @ unit(new - mean).T


def knn(task: ColdTask, k: int, shrink: float) -> np.ndarray:
    return task.likes @ knn_map(task, k, shrink)


def ridge(task: ColdTask, l2: float) -> np.ndarray:
    return predict_from_content(task.likes, task, l2)


def ridge_popularity(task: ColdTask, l2: float, share: float) -> np.ndarray:
    return standard(ridge(task, l2)) + share * standard(popularity(task, 10.0, 1.0))


def standard(scores: np.ndarray) -> np.ndarray:
    """Scores of each person with mean 0 and deviation 1."""
    scores = scores - scores.mean(1, keepdims=True)
    return scores / scores.std(1, keepdims=True).clip(1e-12)
