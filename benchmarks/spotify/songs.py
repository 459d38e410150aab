"""Songs as points, and which of them simulated listeners heard."""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from benchmarks.spotify.machines import (
    DEEP,
    MACHINES,
    SAMPLED,
    SHALLOW,
    log,
    named,
    trained,
)
from rbm_lib.data import AudioFeatures, RatingMatrix
from rbm_lib.data.spotify import FEATURES
from rbm_lib.recommend import embed


def song_points(tracks, **options):
    """{kind: {setting: (n_tracks, n)}}, four settings of each. options: of `fit`."""
    table = tracks[list(FEATURES)]
    whitened = AudioFeatures().fit(table).transform(table)
    plain = AudioFeatures(whiten=False).fit(table).transform(table)
    features = {
        "standardised": StandardScaler().fit_transform(table),
        "ranks": table.rank(pct=True).to_numpy() - 0.5,
        "AudioFeatures, not whitened": plain,
        "AudioFeatures": whitened,
    }
    rows = torch.as_tensor(whitened, dtype=torch.float32)
    shallow = {}
    for setting in MACHINES[SHALLOW]:
        shallow[named(setting)] = embed(trained(SHALLOW, rows, **options, **setting), rows)
        log(f"{SHALLOW}, {named(setting)}: trained")
    deep = {}
    for setting in ({}, SAMPLED):
        model = trained(DEEP, rows, **options, **setting)
        deep[f"{named(setting)}, layer 1"] = embed(model, rows, layer=1)
        deep[f"{named(setting)}, both layers"] = embed(model, rows)
        log(f"{DEEP}, {named(setting)}: trained")
    return {
        "features": as_arrays(features),
        SHALLOW: as_arrays(shallow),
        DEEP: as_arrays(deep),
    }


def as_arrays(points):
    return {name: np.asarray(x, dtype=np.float64) for name, x in points.items()}


def heard_by(listeners, tracks):
    """A RatingMatrix of the songs that each listener heard."""
    heard = listeners.interactions
    return RatingMatrix(
        heard["user_id"].to_numpy(),
        heard["track_uri"].to_numpy(dtype=object),
        np.ones(len(heard), dtype=int),
        n_levels=2,
        user_ids=listeners.profiles["user_id"].to_numpy(),
        item_ids=tracks["track_uri"].to_numpy(dtype=object),
    )


def interval(table, metric):
    """One row of `mean_interval`, in words."""
    row = table.set_index("metric").loc[metric]
    return f"{row['mean']:.4f} [{row.low:.4f}, {row.high:.4f}]"
