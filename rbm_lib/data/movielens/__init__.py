"""MovieLens: record, files, loading, stand-in."""
