"""Small MovieLens files in the three published formats."""

from pathlib import Path

from rbm_lib.data.movielens.files import FORMATS

FILES = {
    "100k": {
        "u.data": "1\t2\t5\t881250949\n2\t1\t3\t891717742\n1\t1\t1\t0\n",
        "u.item": "1|Misérables, Les (1995)|01-Jan-1995||http://x|0|1|1\n2|unknown||||1|0|0\n",
        "u.user": "1|24|M|technician|85711\n2|53|F|other|T8H1N\n",
        "u.genre": "unknown|0\nAction|1\nComedy|2\n\n",
    },
    "1m": {
        "ratings.dat": "1::2::5::978300760\n2::1::3::978302109\n1::1::1::978301968\n",
        "movies.dat": "1::Misérables: The Film, Les (1995)::Drama|Musical\n"
        "2::Nameless::Comedy\n",
        "users.dat": "1::F::1::10::48067\n2::M::56::16::70072-1234\n",
    },
    "latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\n"
        "1,2,5.0,964982703\n2,1,3.5,964981247\n1,1,0.5,964982224\n",
        "movies.csv": "movieId,title,genres\n"
        '1,"Misérables, ""Les"" (1958) (1995)",Drama|Musical\n'
        "2,Nameless (2006–2007),(no genres listed)\n",
    },
}


def encoded(name: str, file: str) -> bytes:
    """The file as published: Latin-1, and UTF-8 in the latest set."""
    return FILES[name][file].encode("utf-8" if name == "latest-small" else "latin-1")


def write(root, name: str, changes: dict | None = None) -> Path:
    """Write the set `name` below `root`, with other contents of the files `changes`."""
    folder = Path(root) / FORMATS[name].folder
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES[name]:
        (folder / file).write_bytes(encoded(name, file))
    for file, content in (changes or {}).items():
        (folder / file).write_bytes(
            content.encode() if isinstance(content, str) else content
        )
    return folder
