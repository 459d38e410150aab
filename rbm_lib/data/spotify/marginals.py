"""What the synthetic catalogue of Spotify tracks follows: aggregate statistics of the real one.

Measured on 8,572 tracks, except where a comment says that something is made up.
"""

LEVELS = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
# Quantiles at these levels; of popularity and instrumentalness where they are not 0.
CURVES = {
    "Danceability": [0.125, 0.247, 0.357, 0.413, 0.518, 0.62, 0.712, 0.791, 0.838, 0.912, 0.988],
    "Energy": [0.02, 0.183, 0.335, 0.419, 0.567, 0.714, 0.835, 0.912, 0.941, 0.976, 0.997],
    "Loudness": [-29.4, -16.5, -13.4, -11.7, -8.76, -6.38, -4.81, -3.75, -3.16, -2.2, 1.5],
    "Speechiness": [0.0218, 0.025, 0.0273, 0.0289, 0.0334, 0.0437, 0.0701, 0.132, 0.206, 0.342, 0.711],
    "Acousticness": [3e-6, 7.7e-5, 0.00085, 0.0028, 0.0176, 0.09, 0.302, 0.63, 0.755, 0.902, 0.991],
    "Instrumentalness": [
        1.01e-6, 1.13e-6, 1.66e-6, 2.86e-6, 1.26e-5, 1.88e-4, 0.00534, 0.0929, 0.358, 0.84, 0.985,
    ],
    "Liveness": [0.012, 0.0357, 0.0533, 0.0658, 0.0899, 0.127, 0.243, 0.361, 0.474, 0.77, 0.989],
    "Valence": [0.0334, 0.0887, 0.176, 0.243, 0.392, 0.588, 0.774, 0.898, 0.947, 0.969, 0.991],
    "Tempo": [50.9, 73.8, 81.3, 89.9, 102, 120.3, 134, 160, 173, 192, 218],
    "Popularity": [1, 1, 2, 5, 29, 50, 67, 77, 81.5, 87, 95],
    "Track Duration (ms)": [
        91_200, 127_000, 150_000, 165_000, 193_000, 219_600, 249_500, 285_000, 312_000, 388_500, 1_561_000,
    ],
    "Year": [1956, 1964, 1971, 1981, 1997, 2008, 2015, 2018, 2020, 2022, 2023],
}  # fmt: skip
LOGARITHMIC = ("Speechiness", "Acousticness", "Instrumentalness", "Track Duration (ms)")
ZEROS = {"Popularity": 0.2404, "Instrumentalness": 0.412}  # share of exact zeros
# Correlations of the normal scores, the variables in the order of CURVES: each with those before it. That of
# popularity is measured where it is not 0: dead listings have 0, whatever they sound like.
CORRELATIONS = [
    [],
    [0.08],
    [0.07, 0.65],
    [0.21, 0.30, 0.23],
    [-0.06, -0.57, -0.40, -0.14],
    [0.02, 0.10, -0.18, -0.08, -0.17],
    [-0.15, 0.11, 0.07, 0.05, -0.01, -0.03],
    [0.43, 0.27, 0.02, 0.12, -0.05, 0.04, -0.05],
    [-0.13, 0.20, 0.10, 0.14, -0.15, 0.06, 0.02, 0.08],
    [0.07, 0.02, 0.07, 0.02, -0.04, -0.04, -0.05, -0.04, -0.02],
    [-0.03, 0.04, -0.04, -0.07, -0.17, 0.14, -0.03, -0.23, -0.01, 0.10],
    [0.14, 0.04, 0.34, 0.19, -0.06, -0.18, 0.00, -0.20, -0.01, -0.01, -0.15],
]
KEY_SHARES = [0.131, 0.092, 0.101, 0.031, 0.082, 0.089, 0.065, 0.107, 0.064, 0.1, 0.062, 0.076]
KEY_MAJOR = [0.82, 0.67, 0.84, 0.7, 0.62, 0.59, 0.51, 0.82, 0.78, 0.69, 0.59, 0.44]  # share of major, by key
METERS = {4: 0.9543, 3: 0.0379, 5: 0.0057, 1: 0.0021}
ARTIST_LEVELS = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1]
ARTIST_COUNTS = [1, 1, 2, 3, 4, 7, 14, 21, 28, 36, 46, 62]  # tracks of an artist, at these levels
LISTED_AGAIN, SAME_TITLE = 0.1, 0.085  # shares of tracks: issued once more; titled like another one by chance
PRECISIONS = {"year": 0.13, "month": 0.01, "day": 0.86}

# Style: share of the artists, share of major keys, mean normal score of each variable, genres from common to
# rare. Rounded from the real broad genres. Metal and classical, which are rare among the most played tracks,
# and the genres' order are made up.
STYLES = {
    "pop": (0.17, 0.69, (0.0, -0.1, 0.1, 0.05, 0.1, -0.15, 0, -0.1, 0, 0, -0.2, 0.45),
        "pop, dance pop, pop dance, post-teen pop, australian pop, uk pop, canadian pop, talent show, "
        "europop, viral pop, boy band, girl group, neo mellow, bubblegum pop, swedish pop, teen pop"),
    "dance": (0.14, 0.55, (0.33, 0.35, 0.35, 0.1, -0.3, 0.25, 0, -0.05, 0.05, 0.1, 0.05, 0.4),
        "disco, edm, electronic, house, eurodance, big room, tropical house, trance, hi-nrg, electropop, "
        "australian dance, uk garage, drum and bass, acid house, ambient house"),
    "hip hop": (0.11, 0.55, (0.72, 0.17, 0.46, 0.91, -0.23, -0.34, 0.08, 0, -0.1, 0.1, 0.13, 0.42),
        "hip hop, rap, pop rap, east coast hip hop, gangster rap, trap, miami hip hop, dirty south rap, "
        "australian hip hop, old school hip hop, conscious hip hop, grime"),
    "indie": (0.11, 0.74, (-0.47, 0.27, 0.17, -0.28, -0.58, 0.26, 0, -0.23, 0.09, 0.05, 0.28, -0.1),
        "indie, alternative rock, indie rock, post-grunge, indie pop, britpop, shoegaze, garage rock, "
        "dream pop, madchester, emo, australian indie, math rock, slowcore"),
    "rock": (0.13, 0.76, (-0.45, 0.3, 0, -0.13, -0.2, 0.2, 0.07, -0.05, 0.04, 0.05, 0.3, -0.4),
        "rock, classic rock, album rock, hard rock, glam rock, new wave, heartland rock, blues rock, punk, "
        "southern rock, progressive rock, australian rock, power pop, krautrock, rockabilly revival"),
    "soft rock": (0.06, 0.75, (-0.22, -0.48, -0.75, -0.54, 0.49, 0.28, -0.15, 0.06, 0, 0, 0.26, -0.71),
        "soft rock, mellow gold, yacht rock, piano rock, singer-songwriter, folk rock, soft jazz rock"),
    "soul": (0.07, 0.58, (0.29, -0.24, -0.07, 0.08, 0.23, 0, 0, 0, -0.14, 0, 0.15, 0),
        "soul, r&b, urban contemporary, motown, funk, quiet storm, new jack swing, neo soul, northern soul, "
        "southern soul, gospel r&b"),
    "folk": (0.05, 0.8, (-0.1, -0.43, -0.38, -0.31, 0.41, 0, -0.05, 0, 0, 0.1, 0, -0.1),
        "folk, indie folk, celtic, british folk, sea shanties, freak folk, contra dance"),
    "country": (0.04, 0.91, (-0.24, -0.55, -0.6, -0.47, 0.65, 0, 0, 0.18, 0, 0, -0.3, -0.4),
        "country, nashville sound, outlaw country, country pop, bluegrass, cowboy western, honky tonk"),
    "jazz": (0.03, 0.72, (-0.1, -0.4, -0.5, 0, 0.5, 0.4, -0.05, 0.29, -0.1, -0.1, -0.1, -0.5),
        "jazz, vocal jazz, swing, bossa nova, smooth jazz, cool jazz, bebop, exotica, latin jazz"),
    "sixties": (0.05, 0.84, (-0.49, -0.41, -0.65, -0.37, 0.74, 0, 0.08, 0.47, 0, 0, -0.95, -1.2),
        "merseybeat, doo-wop, british invasion, surf music, rock-and-roll, sunshine pop, skiffle"),
    "ska": (0.01, 0.76, (0.3, 0.4, 0.2, 0.6, -0.3, -0.1, 0, 0.6, 0.3, 0, -0.1, 0),
        "ska, reggae, roots reggae, lovers rock, ska punk, dancehall"),
    "metal": (0.02, 0.7, (-0.8, 1.2, 0.6, 0.4, -1.3, 0.5, 0.2, -0.5, 0.3, 0, 0.4, 0),
        "metal, nu metal, glam metal, thrash metal, speed metal, doom metal, metalcore"),
    "classical": (0.012, 0.65, (-1.9, -2, -2, -0.7, 1.7, 2.5, -0.2, -1.2, -0.3, -0.3, 0.2, 0),
        "classical, orchestral, classical piano, baroque, opera, chamber music, neo-classical, choral"),
}  # fmt: skip
