"""Simulated listeners: who they are, what they hear, and their files."""

from rbm_lib.data.listeners.archetypes import ARCHETYPES, Archetype
from rbm_lib.data.listeners.files import read_listeners, write_listeners
from rbm_lib.data.listeners.simulate import Listeners, simulate_listeners

__all__ = [
    "ARCHETYPES", "Archetype", "Listeners", "read_listeners", "simulate_listeners",
    "write_listeners",
]  # fmt: skip
