"""The tables of results on Deezer's listens: will the track be kept for 30 seconds?

    python -m benchmarks.deezer          models of the next days, and of first Flow tracks
    python -m benchmarks.deezer --rbm    Boltzmann machines beside them, ten minutes a table
    python -m benchmarks.deezer --fool   three results that look better than they are
    python -m benchmarks.deezer --scale 7558834
                        seconds and memory of the whole table, written to disk first

Protocol. The last five days are held out; models know the days before. Features: rates of
user, track, artist, album, genre and context (scikit-learn's TargetEncoder; out of fold
over runs of days on the known rows) and what the row says about itself. First Flow: the
same models on each user's first Flow listen of the held-out days. Intervals 95 %,
bootstrap over users; with several seeds, the means over the seeds. Of each model four
settings are fitted to all known days but the last five; the one with the highest AUC on
these five is fitted again to all known days. A lead is that of logistic regression,
paired. Without the real files (see data/README.md) the listens are invented, one table
per seed. Of the real ones, rates come from all rows, and classifiers are fitted on --rows
of them; --rbm takes the listens of whole users, --rows in all, and knows no others.
Tables go to standard output, progress to standard error.
"""

import argparse

import pandas as pd

from benchmarks.deezer.boltzmann import rbm_tables
from benchmarks.deezer.fool import fool_tables
from benchmarks.deezer.next_days import model_table
from benchmarks.deezer.scale import scale_table
from rbm_lib.data import DataUnavailable, load_deezer


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.deezer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="invented tables")
    add(
        "--rows",
        type=int,
        default=200_000,
        help="invented, or of the real ones, to fit on",
    )
    add("--rbm", action="store_true", help="Boltzmann machines instead")
    add("--fool", action="store_true", help="how to fool yourself instead")
    add("--scale", type=int, metavar="N", help="N invented rows through every step instead")
    return parser.parse_args()


def main() -> None:
    args = parse()
    pd.set_option("display.width", 250, "display.max_columns", 20, "display.max_rows", 500)
    if args.scale:
        print(f"{args.scale:,} invented listens; GB: most memory so far")
        print(scale_table(args.scale).to_string(index=False))
        return

    try:
        load_deezer(synthetic=False, n_rows=1, verbose=False)
        print("Deezer DSG17, real listens")
    except DataUnavailable:
        print(f"synthetic listens, seeds {args.seeds}: {args.rows:,} invented listens each")

    if not args.fool and not args.rbm:
        print(model_table(args.seeds, args.rows))
        return
    make = fool_tables if args.fool else rbm_tables
    for title, table in make(args.seeds, args.rows).items():
        print(f"\n{title}:\n{table}")


if __name__ == "__main__":
    main()
