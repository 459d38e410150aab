"""The tables of results on Spotify's tracks, from the data to the numbers.

    python -m benchmarks.spotify
            likelihood: gain over the full-covariance Gaussian, nats per track
    python -m benchmarks.spotify --top-n
            recommendations for simulated listeners: Recall@20, NDCG@10
    python -m benchmarks.spotify --warm
            the same, by models that know genre, artist and sound of a song
    python -m benchmarks.spotify --cold
            songs that nobody has heard, for simulated listeners: the same measures
    python -m benchmarks.spotify --audio
            such songs known by their sound alone: a deep and a shallow model
    python -m benchmarks.spotify --embeddings
            genre and archetype from embeddings
    python -m benchmarks.spotify --mixed
            likelihood with genres, decade and key beside the features; missing genres

Likelihood: random 70/15/15 of the tracks, AudioFeatures fitted on the training part, test
part scored; exact log Z where the first hidden layer has at most 20 units, else AIS with
500 chains. Factor analysis, mixtures of each kind, RBM and deep model: four settings of
each, the best on the validation part is used; all machines train for 120 epochs. A lead is
the mean paired difference, with a 95 % interval over test tracks. Mixtures are fitted on
standardised features: on whitened ones they are worse.

Mixed: the 8,129 tracks with a genre, split in the same way; all numbers normal, the 15 most
frequent genres binary, decade, key, mode and time signature categorical. Log Z is exact, so
are the chances of missing genres by the RBM. The best setting on the validation part is
used; leads are paired, with 95 % intervals over test tracks.

Recommendations: 1,000 simulated listeners, per-listener random 80/20, tracks not heard
compete; of each row four settings, and for each simulation the best on an inner split of
its training pairs; songs as points have four settings too, the RBM's those of the
likelihood table; leads are paired, with 95 % intervals by a bootstrap over listeners.

With --warm three simulations, and splits whose random numbers are not the simulation's.

Cold songs: three simulations, a fifth of the songs held out entirely, lists of these; for
each simulation settings are chosen on a fifth of its known songs by Recall@20 + NDCG@10.
With --audio the same, for songs of which the fourteen features alone are known. Nats are
log p of a held-out song that the listener heard, beyond a uniform guess among these songs.

Embeddings: logistic regression, five folds, for each fold the best of four settings on a
fifth of its training part; the archetype of a listener from mean and spread of the songs
heard, with intervals over listeners; the 15 most frequent genres of a song, artists kept
together, with intervals over artists.

Tables go to standard output, progress to standard error.
"""

import argparse

import pandas as pd
import torch

from benchmarks.spotify.audio import AUDIO
from benchmarks.spotify.cold import COLD
from benchmarks.spotify.embeddings import embedding_tables
from benchmarks.spotify.likelihood import likelihood_split, likelihood_table
from benchmarks.spotify.mixed import mixed_tables
from benchmarks.spotify.recommendations import top_n_table
from benchmarks.spotify.songs import song_points
from benchmarks.spotify.study import cold_table
from benchmarks.spotify.warm import ALONE, with_content
from rbm_lib.data import load_spotify


def main():
    args = parse()
    three = args.warm or args.cold or args.audio
    seeds = args.seeds or list(range(4 if args.top_n else 3 if three else 1))
    data = load_spotify(verbose=False)
    print(data.origin)
    pd.set_option("display.width", 400, "display.max_columns", 20)
    pd.set_option("display.max_colwidth", 200, "display.max_rows", 500)
    if args.top_n:
        table = top_n_table(data.tracks, seeds, song_points(data.tracks))
        print(f"Recommendations, splits {seeds}:\n{table}")
    elif args.warm:
        torch.set_num_threads(1)
        models = with_content(data.tracks)
        table = top_n_table(data.tracks, seeds, {}, ALONE, models, stream=2000)
        print(f"Recommendations with content, simulations {seeds}:\n{table}")
    elif args.cold or args.audio:
        torch.set_num_threads(1)
        table, settings = cold_table(AUDIO if args.audio else COLD, data.tracks, seeds)
        print(f"Cold songs, simulations {seeds}:\n{table}\n\nChosen:\n{settings}")
    elif args.embeddings:
        points = song_points(data.tracks)
        archetypes, genres = embedding_tables(data.tracks, points, seeds[0])
        print(f"Archetype of a listener:\n{archetypes}\n\nGenre of a track:\n{genres}")
    elif args.mixed:
        torch.set_num_threads(1)
        gains, genres, settings = mixed_tables(data.tracks, seeds)
        print(f"Gain over a full Gaussian and margins, nats per test track:\n{gains}")
        print(f"\nMissing genres:\n{genres}\n\nSettings tried:\n{settings}")
    else:
        title = "Gain over the full-covariance Gaussian, nats per test track"
        print(f"{title}, splits {seeds}:")
        splits = [likelihood_split(data.tracks, seed) for seed in seeds]
        table, settings = likelihood_table(splits)
        print(f"{table}\n\nSettings tried, mean gain on the validation part:\n{settings}")


def parse():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.spotify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--top-n", action="store_true", help="the recommendations instead")
    add("--warm", action="store_true", help="the same by models that know the content")
    add("--cold", action="store_true", help="songs that nobody has heard instead")
    add("--audio", action="store_true", help="the same, known by their sound alone")
    add("--embeddings", action="store_true", help="genre and archetype instead")
    add("--mixed", action="store_true", help="features, genres, decade, key together")
    splits = "random splits; default: 0; 0 to 3 with --top-n, 0 to 2 with --warm, --cold, --audio"
    add("--seeds", type=int, nargs="+", help=splits)
    return parser.parse_args()


if __name__ == "__main__":
    main()
