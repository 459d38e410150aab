"""What the synthetic listens follow: aggregate statistics of Deezer's DSG17 listens.

Measured on the 7,558,834 real rows (shares of platforms, quartiles of durations and release dates: as a
public summary of them has it), except where a comment says that something is made up.
"""

ROWS, USERS, TRACKS, ALBUMS, ARTISTS = 7_558_834, 19_918, 452_975, 151_471, 67_142
GENRES, CONTEXTS = 2_922, 74
TOP_TRACK = 20_148  # plays
SKIP_BETA = (1.18, 2.29)  # a user's skip rate
EARLY_RELEASE = 0.0045  # share of the rows heard before the release date
OLD_TIMESTAMPS = 631  # rows stamped before 2009

# Rows of a user, at these levels; the ends are made up. Their mean is 107, while all rows by all users are
# 379: so there is a user in 107 rows until there are all of them, and from then on each has more.
ACTIVITY_LEVELS = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1]
ACTIVITY = [1, 3, 18, 54, 135, 374, 669, 1600]
# The length of a track in seconds, counted by rows. Median and mean (231) are measured.
DURATION_LEVELS = [0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1]
DURATION = [1, 20, 65, 140, 191, 216, 254, 350, 500, 900, 2822]
# Year of release, with its fraction, counted by rows; the quartiles are measured.
RELEASE_LEVELS = [0, 0.002, 0.05, 0.25, 0.5, 0.75, 1]
RELEASE = [1900, 1955, 1985, 2010, 2014.83, 2016.43, 2016.91]

GENRE_SHARES = {0: 0.485, 7: 0.123, 10: 0.038, 25: 0.036, 27: 0.025, 14: 0.023}  # the commonest
FLOW_CONTEXTS = (1, 4, 5, 6, 7, 13, 20, 23, 24)  # the context says whether a listen is Flow's
CONTEXT_ROWS = [
    3198365,
    1617653,
    1052844,
    433456,
    230259,
    167428,
    98523,
    97645,
    79330,
    71572,
    71026,
    68775,
    58460,
    55830,
]  # contexts 0 to 13
FLOW_ROWS = {20: 24_000, 23: 17_000, 24: 12_000}  # made up, their sum is not; 74 contexts in all
TEST_CONTEXTS = {1: 0.812, 5: 0.166, 20: 0.013, 23: 0.009}
# (platform_name, platform_family): share of the rows, rate. From the shares and rates of both columns, family
# 2 split evenly over the names 0 and 1.
PLATFORMS = {
    (0, 0): (0.6455, 0.633), (1, 0): (0.1535, 0.685), (0, 2): (0.0275, 0.808), (1, 2): (0.0275, 0.808),
    (2, 1): (0.146, 0.871),
}  # fmt: skip
GENDERS = (0.606, 0.394)  # shares of user_gender 0 and 1; which is which was not published

# Share of the rows listened to. Contexts: those of Flow, then any other of Flow (-1), not Flow's (-2).
CONTEXT_RATE = {1: 0.574, 4: 0.705, 5: 0.528, 6: 0.601, 7: 0.958, 13: 0.540, -1: 0.58, -2: 0.721}
GENDER_RATE = (0.697, 0.663)
AGE_RATE = [
    0.641,
    0.642,
    0.639,
    0.653,
    0.640,
    0.653,
    0.683,
    0.675,
    0.695,
    0.707,
    0.727,
    0.745,
    0.748,
]  # 18 on
LAST_DAYS, LAST_DAYS_RATE, LAST_DAYS_SHARE = 5, (0.689, 0.642), 0.106  # before them, and in them
# By hour (UTC). Measured are the extremes and where the volume peaks; the rest is made up.
HOUR_RATE = [
    0.680, 0.715, 0.750, 0.770, 0.762, 0.752, 0.742, 0.733, 0.726, 0.718, 0.710, 0.703,
    0.697, 0.692, 0.686, 0.680, 0.674, 0.668, 0.660, 0.652, 0.644, 0.635, 0.627, 0.650,
]  # fmt: skip
HOUR_VOLUME = [
    2.6, 1.6, 1.0, 0.7, 0.6, 0.9, 2.0, 3.6, 4.6, 4.9, 5.1, 5.3, 5.3, 5.3, 5.6, 6.1, 6.9, 6.9, 6.3, 5.6, 5.1,
    4.9, 4.6, 3.6,
]  # fmt: skip
