"""Tables of results on Spotify's tracks.

The questions, a module each:

    likelihood        how well a density fits the audio features
    recommendations   lists for simulated listeners
    warm              the same, by models that know the content of the songs
    cold              songs that nobody has heard, known by their content
    audio             the same, known by their sound alone
    embeddings        what the hidden units say about genres and listeners

What they share: `machines` (how the RBM and the deep model are trained) and `songs` (tracks
as points, and who heard which), `study` (the protocol of cold and audio). The command line, with the protocols, is in `__main__`.
"""
