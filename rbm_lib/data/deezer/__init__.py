"""Deezer's listens: their files, and a stand-in."""

from rbm_lib.data.deezer.load import load_deezer
from rbm_lib.data.deezer.record import Deezer
from rbm_lib.data.deezer.synthetic import synthetic_deezer

__all__ = ["Deezer", "load_deezer", "synthetic_deezer"]
