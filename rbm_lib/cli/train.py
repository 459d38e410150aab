"""`train` and `evaluate`: from a file to a model, and what it is worth."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pandas as pd

from rbm_lib.cli.measure import MODEL, held_out, table_of
from rbm_lib.cli.output import print_table
from rbm_lib.cli.reading import Data, read_data, say
from rbm_lib.cli.rivals import chosen_text, rivals, tuned
from rbm_lib.recommend.recommender import Recommender
from rbm_lib.recommend.splits import Split
from rbm_lib.recommend.tuning import SPACE, default_settings, tune

# By task: the guess that a model has to beat to have learned anything, and the measure. And
# what is shown beside the model in any case.
REFERENCE = {"rank": ("popularity", "NDCG@10"), "rate": ("share of likes", "log-loss")}
BESIDE = {"rank": "popularity", "rate": "user + item bias"}


def train(options: Namespace) -> int:
    """Train, measure on ratings held out, and save what is better than no model."""
    require_replaceable(options.output)
    data = read_data(options)
    model, split = _on_a_part(data, options)
    reference, metric = REFERENCE[options.task]
    beside = BESIDE[options.task]
    others = rivals(options.task, split)
    table = table_of(model, {name: others[name] for name in (reference, beside)}, split)
    leads = table.set_index(["model", "metric"])
    lead = leads.loc[(reference, metric)]
    learned = bool(lead["ahead_low"] > 0)
    saved = None
    if learned or options.anyway:
        say("training on all ratings")
        settings = {name: model.settings_[name] for name in ("n_hidden", "weight_decay")}
        final = Recommender(
            options.task,
            like_at_least=data.like_at_least,
            seed=options.seed,
            **(settings if options.tune else {}),
        )
        final.fit(data.ratings, progress=_is_watched())
        final.titles = data.titles
        saved = str(final.save(options.output))
    _print(table, data, split, options, {"learned": learned, "saved": saved})
    if saved:
        say(f"saved {saved}")
    if not learned:
        what = "saved all the same" if saved else "nothing was saved; --anyway saves it"
        say(
            f"rbm-lib train: the model is not clearly better than {reference} ({metric}, "
            f"ahead by {lead['ahead']:.4f}, 95 % interval {lead['ahead_low']:.4f} to "
            f"{lead['ahead_high']:.4f}): {what}. More ratings, another --like-at-least or "
            "--tune may help."
        )
    elif leads.loc[(beside, metric), "ahead"] <= 0:
        say(f"note: {beside} is as good as the model, which has found no tastes beyond it.")
    return 0 if learned else 1


def evaluate(options: Namespace) -> int:
    """The same people's held-out ratings by the model and by simple methods."""
    data = read_data(options)
    model, split = _on_a_part(data, options)
    others = rivals(options.task, split)
    if options.tune:
        say("choosing settings of the simple methods, seven each")
        others = tuned(others, model, split)
        say(f"chosen: {chosen_text(others)}")
    say("fitting simple methods")
    table = table_of(model, others, split)
    _print(table, data, split, options, {})
    return 0


def _print(
    table: pd.DataFrame,
    data: Data,
    split: Split,
    options: Namespace,
    facts: dict[str, Any],
) -> None:
    """The table, below what it is about, or as JSON with all that is known."""
    what, count = "ratings", split.held_out.n_ratings
    if options.task == "rank":
        what, count = "likes", int(split.held_out.likes(data.like_level).nnz)
    if not options.json:
        print(f"On {count:,} held-out {what}; low, high: 95 % interval;")
        print(f"ahead: how much better the {MODEL} is, for the same people\n")
    print_table(table, options.json, data.facts() | {"held_out": count} | facts)


def require_replaceable(output: Path) -> None:
    """Before hours of training: may the model be written where it is to go?"""
    if not output.exists():
        return
    try:
        Recommender.load(output)
    except (ValueError, OSError):
        raise ValueError(
            f"--output: got {output}, which is no saved model, expected a new file or an "
            "older model. Choose another name, or move it away."
        ) from None


def _on_a_part(data: Data, options: Namespace) -> tuple[Recommender, Split]:
    """A model that has not seen a fifth of each person's ratings."""
    if not data.facts()["likes"]:
        raise ValueError(
            f"ratings: got none that is a like (at least "
            f"{data.facts()['like_at_least']:g}), expected some. Give --like-at-least."
        )
    model = Recommender(options.task, like_at_least=data.like_at_least, seed=options.seed)
    split = held_out(data.ratings, options.task, options.seed, data.like_level)
    if options.tune:
        say(f"choosing settings of the {MODEL} among {len(SPACE)}")
        usual = default_settings(model, split.train)
        model, _ = tune(model, split.train, seed=options.seed, progress=_is_watched())
        own = {name: getattr(model, name) for name in ("n_hidden", "weight_decay")}
        are_usual = all(own[name] == usual[name] for name in own)
        text = ", ".join(f"{name} {value:g}" for name, value in own.items())
        say(f"chosen: {text}{' (the defaults)' if are_usual else ''}")
    say("training without a fifth of each person's ratings, to measure the model on them")
    return model.fit(split.train, progress=_is_watched()), split


def _is_watched() -> bool:
    return sys.stderr.isatty()
