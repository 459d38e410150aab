"""Small files of listens."""

from pathlib import Path

from rbm_lib.data.deezer.files import COLUMNS, TEST_COLUMNS

LISTEN = {
    "genre_id": 25471, "ts_listen": 1480597215, "media_id": 135203384, "album_id": 14435980,
    "context_type": 12, "release_date": 20040704, "platform_name": 1, "platform_family": 0,
    "media_duration": 223, "listen_type": 0, "user_gender": 1, "user_id": 9241,
    "artist_id": 1670355, "user_age": 29, "is_listened": 0,
}  # fmt: skip


def listen(user, **changes):
    """An ordinary listen, with some values changed."""
    return {**LISTEN, "user_id": user, **changes}


def to_csv(rows, columns=COLUMNS) -> str:
    table = [columns, *([row[name] for name in columns] for row in rows)]
    return "".join(",".join(map(str, row)) + "\n" for row in table)


def write(root, train=None, test=None) -> Path:
    """Rows, text or bytes into root/deezer. The rows of the test get sample_id 0, 1, ..."""
    folder = Path(root) / "deezer"
    folder.mkdir(exist_ok=True)
    if isinstance(test, list):
        test = to_csv([{"sample_id": k, **row} for k, row in enumerate(test)], TEST_COLUMNS)
    for file, content in (("train.csv", train), ("test.csv", test)):
        if isinstance(content, list):
            content = to_csv(content)
        if isinstance(content, str):
            content = content.encode()
        if content is not None:
            (folder / file).write_bytes(content)
    return folder
