"""Where the numbers in docs/results.md and docs/speed.md come from, a command for each.

Run them in the repository's root, as `python -m benchmarks.movielens`; `--help` says what
each computes and how. Nothing here is installed with the library.
"""
