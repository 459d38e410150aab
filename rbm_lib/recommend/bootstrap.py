"""Averages with bootstrap intervals."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rbm_lib.checks import as_numbers, require_whole

__all__ = ["mean_interval"]


def mean_interval(per_user: pd.DataFrame, n_bootstrap: int = 1000) -> pd.DataFrame:
    """Average each column, with a bootstrap over rows.

    Parameters
    ----------
    per_user : DataFrame
        A row for each user, or for another unit that is independent of the rest.
    n_bootstrap : int
        Number of resamples, which are the same in each call.

    Returns
    -------
    DataFrame with the columns metric, mean, low, high (95 % interval) and n (rows)

    Examples
    --------
    >>> mean_interval(pd.DataFrame({"Recall@10": [0.0, 0.5, 1.0]})).values.tolist()
    [['Recall@10', 0.5, 0.0, 1.0, 3]]
    """
    if not isinstance(per_user, pd.DataFrame) or per_user.empty:
        given = type(per_user).__name__
        raise ValueError(f"per_user: got {given}, expected a DataFrame that is not empty.")
    values = as_numbers(per_user, "per_user").numpy()

    def means(weight: NDArray) -> dict[str, float]:
        return dict(zip(per_user.columns, weight @ values / weight.sum(), strict=True))

    return bootstrap(means, np.arange(len(values)), n_bootstrap)


def bootstrap(
    statistics: Callable[[NDArray], dict[str, float]], group: NDArray, n_bootstrap: int
) -> pd.DataFrame:
    """The statistics at weight 1 per group, with an interval from resampled weights."""
    n_bootstrap = require_whole("n_bootstrap", n_bootstrap, least=0)
    rng = np.random.default_rng(0)
    n_groups = group.max() + 1
    mean = statistics(np.ones(n_groups))
    resampled = np.full((max(n_bootstrap, 1), len(mean)), np.nan)
    for row in range(n_bootstrap):
        drawn = rng.integers(n_groups, size=n_groups)
        weight = np.bincount(drawn, minlength=n_groups).astype(float)
        with np.errstate(invalid="ignore"):  # NaN is the AUC of a sample without one label
            resampled[row] = list(statistics(weight).values())
    low, high = pd.DataFrame(resampled).quantile([0.025, 0.975]).to_numpy()
    columns = {"metric": list(mean), "mean": list(mean.values()), "low": low, "high": high}
    return pd.DataFrame(columns).assign(n=len(group))
