"""Spotify tracks: record, files, merging, features, stand-in."""
