"""The door where text files enter: bytes become text and text becomes numbers, or an error says where not."""


def decode(raw, bad, also=None):
    """The text of UTF-8 bytes, without a byte-order mark; where it is not UTF-8, that in the encoding `also`.

    Raises bad(line, what) for other bytes, and for a NUL: it is no text, and pandas ends a field there.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text, wrong = raw.decode("utf-8"), raw.find(b"\0")
    except UnicodeDecodeError as error:
        text, wrong = (raw.decode(also), raw.find(b"\0")) if also else (None, error.start)
    if wrong >= 0:
        raise bad(raw.count(b"\n", 0, wrong) + 1, f"byte {raw[wrong]:#x} is not UTF-8 text")
    return text


def number(text, kind=float):
    """kind(text). Raises ValueError also for what Python alone takes for a number, such as 1_0 for 10."""
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is no number")
    return kind(text)
