"""`data`: a MovieLens set, fetched or checked."""

from argparse import Namespace

from rbm_lib.cli.output import print_record
from rbm_lib.data.movielens.load import load_movielens


def data(options: Namespace) -> int:
    """Fetch a set, or read the one that is there; say what it holds and where it is."""
    found = load_movielens(options.name, synthetic=False, verbose=False)
    ratings = found.ratings
    n_users = ratings["user_id"].nunique()
    n_movies = ratings["movie_id"].nunique()
    record = {
        "origin": found.origin,
        "folder": str(found.folder),
        "ratings": len(ratings),
        "people": n_users,
        "movies": n_movies,
        "share_rated": len(ratings) / (n_users * n_movies),
        "mean_rating": float(ratings["rating"].to_numpy().mean()),
    }
    print_record(record, options.json)
    return 0
