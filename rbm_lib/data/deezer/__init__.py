"""Deezer listens: record, files, loading, features, stand-in."""
