"""Simulated listeners."""
