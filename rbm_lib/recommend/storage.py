"""A recommender in one file with its ratings and ids. Loading runs no code."""

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.checks import plain
from rbm_lib.data.frames import TableFormat
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.data.scale import Scale
from rbm_lib.files import write_whole
from rbm_lib.models.rbm import RBM
from rbm_lib.models.tied_rbm import TiedRBM
from rbm_lib.recommend.blend import Blend, Layer
from rbm_lib.recommend.content import ItemContent, frame_as_json, frame_from_json
from rbm_lib.recommend.content_ranking import ContentRankModel
from rbm_lib.recommend.covariates import RowBias
from rbm_lib.recommend.masked import MaskedModel
from rbm_lib.recommend.ranking import RankModel
from rbm_lib.recommend.rating import RatingModel
from rbm_lib.training import History
from rbm_lib.version import __version__

FORMAT = "rbm_lib recommender 1"

Tensors = dict[str, Tensor]


def write_recommender(recommender: Any, path: Any) -> Path:
    """Write a fitted recommender; the file is read back before it replaces an older one."""
    path = Path(path).expanduser()
    ratings = recommender.ratings_
    users, items, levels = map(torch.from_numpy, ratings.triples())
    tensors = {"users": users.int(), "items": items.int(), "levels": levels.byte()}
    parameters = {name: plain(value) for name, value in recommender.get_params().items()}
    model = recommender._model
    if recommender.content is not None:
        parameters["content"] = frame_as_json(recommender.content)
    header = {
        "format": FORMAT,
        "version": __version__,
        "parameters": parameters | {"device": str(recommender.device)},
        "settings": recommender.settings_,
        "records": recommender.history_.records,
        "scale": ratings.scale.description(),
        "table_format": asdict(ratings.table_format),
        "user_ids": as_json("user ids", ratings.user_ids),
        "item_ids": as_json("item ids", ratings.item_ids),
        "like_level": model.like_level,
        "titles": [[plain(item), text] for item, text in recommender.titles.items()],
    }
    for name, part in parts_of(model).items():
        rbm = part.rbm if isinstance(part, MaskedModel) else part
        for parameter, value in rbm.named_parameters():
            tensors[f"{name}.{parameter}"] = value.detach().cpu()
        if isinstance(part, MaskedModel):
            tensors[f"{name}.coefficient"] = part.coefficient.cpu()
            tensors[f"{name}.unit_bias"] = torch.from_numpy(part.bias.unit_bias)
            numbers = part.bias.mean, part.bias.spread, part.bias.reg, part.penalty
            header[name] = [float(number) for number in numbers]
    if isinstance(model, ContentRankModel):
        header["catalogue"] = as_json("content", model.items.ids)
        for field, array in model.items._asdict().items():
            if field != "ids":
                tensors[f"content.{field}"] = torch.from_numpy(array)
    if isinstance(model, RatingModel):
        header["blend"] = blend_as_json(model.blend)
    memory = io.BytesIO()
    torch.save({"header": json.dumps(header), "tensors": tensors}, memory)
    restored(type(recommender), *unpacked(memory, path))
    write_whole(path, memory.getbuffer())
    return path


def read_recommender(kind: Any, path: Any) -> Any:
    """A recommender from a file of `write_recommender`."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: got no such file, expected a saved recommender.")
    return restored(kind, *unpacked(path, path))


def unpacked(source: Any, path: Path) -> tuple[dict[str, Any], Tensors]:
    """Header and tensors; a ValueError if the file is damaged or something else."""
    try:
        with zipfile.ZipFile(source) as archive:
            if archive.testzip() is not None:  # torch.load does not look at the check sums
                raise ValueError("a check sum is wrong")
        if not isinstance(source, Path):
            source.seek(0)
        content = torch.load(source, map_location="cpu", weights_only=True)
        header = json.loads(content["header"])
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        raise ValueError(
            f"{path}: got a file that is damaged or no recommender, expected one of "
            f"Recommender.save ({reason})."
        ) from error
    return header, content["tensors"]


def restored(kind: Any, header: dict[str, Any], tensors: Tensors) -> Any:
    """The recommender that a header and its tensors describe."""
    parameters = dict(header["parameters"])
    if parameters.get("content") is not None:
        parameters["content"] = frame_from_json(parameters["content"])
    recommender = kind(**parameters)
    user_ids = from_json(header["user_ids"])
    item_ids = from_json(header["item_ids"])
    ratings = RatingMatrix(
        user_ids[tensors["users"].numpy()],
        item_ids[tensors["items"].numpy()],
        tensors["levels"].numpy(),
        scale=Scale(**header["scale"]),
        user_ids=user_ids,
        item_ids=item_ids,
    )
    ratings.table_format = TableFormat(**header.get("table_format", {}))
    if recommender.task == "rank":
        model: Any = RankModel(header["like_level"])
        if "catalogue" in header:
            model = ContentRankModel(header["like_level"], recommender.content)
        model.item_ids = ratings.item_ids
        model.rbm = rbm_of("rbm", tensors)
        if isinstance(model, ContentRankModel):
            ids = from_json(header["catalogue"])
            fields = ("values", "described", "rated")
            model.items = ItemContent(
                ids, *(tensors[f"content.{f}"].numpy() for f in fields)
            )
            model.join(tied_of(model, tensors))
    else:
        model = RatingModel(header["like_level"], recommender.rows)
        model.unit_ids = user_ids if recommender.rows == "items" else item_ids
        model.like = masked_of("like", header, tensors)
        model.stars = masked_of("stars", header, tensors) if "stars" in header else None
        model.blend = blend_of(header.get("blend"))  # older files have none
    model.settings = header["settings"]
    recommender.ratings_ = ratings
    recommender.settings_ = header["settings"]
    recommender.history_ = History(header["records"])
    recommender.titles = dict(header.get("titles", []))
    recommender._model = model
    return recommender


def parts_of(model: RankModel | RatingModel) -> dict[str, Any]:
    """The trained parts of a model by name."""
    if isinstance(model, ContentRankModel):
        return {"rbm": model.rbm, "tied": model.tied}
    if isinstance(model, RankModel):
        return {"rbm": model.rbm}
    parts: dict[str, Any] = {"like": model.like, "stars": model.stars}
    return {name: part for name, part in parts.items() if part is not None}


def rbm_of(name: str, tensors: Tensors) -> RBM:
    """The RBM whose parameters are stored under this name."""
    W = tensors[f"{name}.W"]
    units: dict[str, Any] = {}
    if W.ndim == 3:
        units = {"visible": "categorical", "n_levels": W.shape[1]}
    rbm = RBM(len(W), W.shape[-1], **units, seed=0)
    rbm.load_state_dict(
        {parameter: tensors[f"{name}.{parameter}"] for parameter in rbm.state_dict()}
    )
    return rbm


def tied_of(model: ContentRankModel, tensors: Tensors) -> TiedRBM:
    """The stored tied RBM, over the content that has been read already."""
    tied = model.empty_tied(len(tensors["tied.taste_bias"]))
    own = {name: tensors[f"tied.{name}"] for name, _ in tied.named_parameters()}
    tied.load_state_dict(own, strict=False)  # the content is there
    return tied


def masked_of(name: str, header: dict[str, Any], tensors: Tensors) -> MaskedModel:
    """The masked model that is stored under this name."""
    mean, spread, reg, penalty = header[name]
    bias = RowBias(mean, tensors[f"{name}.unit_bias"].numpy(), spread, reg)
    return MaskedModel(rbm_of(name, tensors), tensors[f"{name}.coefficient"], bias, penalty)


def blend_as_json(blend: Blend | None) -> dict[str, list[float]] | None:
    """The intercept and the weights of each layer."""
    if blend is None:
        return None
    layers = {"like": blend.like, "rating": blend.rating}
    return {
        name: [layer.intercept, *layer.weights.tolist()]
        for name, layer in layers.items()
        if layer is not None
    }


def blend_of(stored: dict[str, list[float]] | None) -> Blend | None:
    """The blend that is stored."""
    if stored is None:
        return None
    return Blend(**{name: Layer(v[0], np.array(v[1:])) for name, v in stored.items()})


def as_json(name: str, ids: NDArray) -> list[Any]:
    """Ids as JSON has them; a TypeError unless they are numbers or text."""
    plain = ids.tolist()
    kinds = {type(value) for value in plain}
    if not kinds <= {int, float, str}:
        odd = next(value for value in plain if type(value) not in (int, float, str))
        raise TypeError(f"{name}: got {odd!r}, expected numbers or text. Use str(id).")
    return plain


def from_json(ids: list[Any]) -> NDArray:
    """The ids again: numbers as an array of numbers, anything else as objects."""
    if all(isinstance(value, int) for value in ids):
        return np.array(ids, dtype=np.int64)
    return np.array(ids, dtype=object)
