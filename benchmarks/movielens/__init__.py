"""Tables of results on MovieLens 100K.

    ratings    will this person like this film, and with how many stars?
    stack      the same, by several RBMs that one layer joins
    ranking    lists of films

What they share: `tries` (what is tried of each model, and the choice) and `folds`. The
command line, with the protocols, is in `__main__`.
"""
