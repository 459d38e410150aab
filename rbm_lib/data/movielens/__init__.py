"""MovieLens: its files, and a stand-in."""

from rbm_lib.data.movielens.load import load_movielens
from rbm_lib.data.movielens.record import MovieLens
from rbm_lib.data.movielens.synthetic import synthetic_movielens

__all__ = ["MovieLens", "load_movielens", "synthetic_movielens"]
