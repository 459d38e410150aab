"""Tables of results on Deezer's listens: will the track be kept for 30 seconds?

The questions, a module each:

    next_days    models of the next days, and of the first Flow track there
    boltzmann    Boltzmann machines beside them; new_users is the last of its tables
    fool         three results that look better than they are
    scale        seconds and memory of the whole table

What they share: `listens` (known and held-out rows with their features), `models` (the
classifiers and the choice of a setting), `machines` (RBMs as columns), `belief_network`,
and `scores` (the lines of a table). The command line is in `__main__`.
"""
