"""Films that nobody has rated: which of them would a person like? MovieLens 100K.

    tries     what is tried of each model, and what an inner draw chooses
    rated     lists of rated films, with and without content

The models are in `by_content` and `by_taste`, the data in `films`, and means and intervals
in `scores`. The command line, with the protocol, is in `__main__`.
"""
