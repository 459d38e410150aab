"""Compare an answer with the right one, whatever form it comes in, and say how the two differ.

A value may be a torch tensor on any device, a NumPy array, a pandas or SciPy object, a Python number, a
text, or a list, tuple or dict of these. All numbers are compared as float64.
"""

import numbers

import numpy as np

# A half-precision answer cannot hold six digits: the tolerance follows the coarsest type of the two.
COARSEST = {"float16": 1e-2, "bfloat16": 3e-2, "float32": 1e-5}


class Pieces(dict):
    """The arrays (or texts) a value is made of, by label: ``""`` alone, ``"[0]"`` in a tuple, ``"['W']"``
    in a dict. ``coarseness``: the tolerance its coarsest floating-point type allows."""

    coarseness = 0.0


def pieces(value):
    """Take ``value`` apart into float64 arrays. Raises TypeError for what is not numbers or text."""
    found = Pieces()
    _collect(value, "", found)
    return found


def _collect(value, label, found):
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            _collect(value[key], f"{label}[{key!r}]", found)
    elif isinstance(value, str):
        found[label] = value.strip().casefold()
    elif isinstance(value, list | tuple) and not _plain(value):
        for i, item in enumerate(value):
            _collect(item, f"{label}[{i}]", found)
    else:
        array, dtype = _array(value)
        found[label] = array
        found.coarseness = max(found.coarseness, COARSEST.get(dtype, 0.0))


def _plain(value):
    """Whether nested lists hold only numbers and are of equal lengths: then they are one array."""
    if isinstance(value, list | tuple):
        lengths = {len(item) if isinstance(item, list | tuple) else None for item in value}
        return len(lengths) <= 1 and all(_plain(item) for item in value)
    return isinstance(value, numbers.Number | np.generic)


def _array(value):
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        dtype = str(value.dtype).removeprefix("torch.")
        value = value.detach().to_dense() if getattr(value, "is_sparse", False) else value.detach()
        return value.cpu().double().numpy(), dtype
    if hasattr(value, "toarray"):  # a SciPy sparse matrix
        value = value.toarray()
    try:
        array = np.asarray(value)
        return array.astype(np.float64, casting="unsafe"), str(array.dtype)
    except (TypeError, ValueError):
        raise TypeError(f"a {type(value).__name__} cannot be read as numbers") from None


def align(got, expected):
    """Let a list of equal rows stand for an array, and the other way round. Returns ``got``, regrouped."""
    if set(got) == set(expected):
        return got
    labels = [f"[{i}]" for i in range(max(len(got), len(expected)))]
    regrouped = Pieces()
    regrouped.coarseness = got.coarseness
    if list(expected) == [""] and list(got) == labels and _stackable(list(got.values())):
        regrouped[""] = np.stack(list(got.values()))
        return regrouped
    if list(got) == [""] and list(expected) == labels and np.ndim(got[""]) and len(got[""]) == len(labels):
        regrouped.update(zip(labels, got[""], strict=True))
        return regrouped
    return got


def _stackable(arrays):
    return all(isinstance(a, np.ndarray) for a in arrays) and len({a.shape for a in arrays}) == 1


def close(got, expected, tolerance):
    """Equal up to ``tolerance`` times the largest right entry; axes of length 1 do not matter."""
    if isinstance(got, str) or isinstance(expected, str):
        return isinstance(got, str) and isinstance(expected, str) and got == expected
    got, expected = np.squeeze(got), np.squeeze(expected)
    if got.shape != expected.shape:
        return False
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size and finite.max() > 0 else 1.0
    return bool(np.allclose(got, expected, rtol=0, atol=tolerance * scale, equal_nan=True))


def same(got, expected, tolerance):
    """Whether two :class:`Pieces` hold the same values under the same labels."""
    if list(got) != list(expected):
        return False
    tolerance = max(tolerance, got.coarseness, expected.coarseness)
    return all(close(got[label], expected[label], tolerance) for label in expected)


def describe(got, expected, tolerance, lengths=()):
    """One sentence on how ``got`` differs from ``expected`` (both :class:`Pieces`).

    ``lengths``: axis lengths of the inputs, to recognise a sum where a mean was asked for.
    """
    missing = [label for label in expected if label not in got]
    if missing or len(got) != len(expected):
        if list(expected) == [""]:
            return f"One {_kind(expected[''])} is expected, you give {len(got)} things."
        wanted = ", ".join(expected)
        return f"{len(expected)} parts are expected, {wanted}; you give {', '.join(got).strip() or 'one'}."
    tolerance = max(tolerance, got.coarseness, expected.coarseness)
    label = next(x for x in expected if not close(got[x], expected[x], tolerance))
    where = f"In part {label}: " if label else ""
    return where + _difference(got[label], expected[label], tolerance, lengths)


def _kind(piece):
    return "text" if isinstance(piece, str) else f"array of shape {piece.shape}" if piece.ndim else "number"


def _difference(got, expected, tolerance, lengths):
    if isinstance(got, str) or isinstance(expected, str):
        if isinstance(got, str) and isinstance(expected, str):
            return "It is another one."
        return f"a {_kind(expected)} is expected, yours is a {_kind(got)}."
    if np.squeeze(got).shape != np.squeeze(expected).shape:
        swapped = got.ndim == 2 and close(got.T, expected, tolerance)
        hint = " The values are right once transposed." if swapped else ""
        return f"your result has shape {got.shape}, the right one {expected.shape}.{hint}"
    got, expected = got.reshape(expected.shape), expected
    if not np.isfinite(got).all() and np.isfinite(expected).all():
        return "your result holds values that are not finite (NaN or infinity)."
    if close(-got, expected, tolerance):
        return "the size is right, the sign is flipped."
    if got.ndim == 2 and got.shape[0] == got.shape[1] and close(got.T, expected, tolerance):
        return "your result is the transpose of the right one."
    overlap = np.vdot(expected, expected)
    factor = np.vdot(expected, got) / overlap if overlap else 0.0
    if factor and expected.size > 1 and close(got / factor, expected, tolerance):
        return f"yours is {factor:.4g} times the right one, everywhere.{_sum_or_mean(factor, lengths)}"
    shift = np.mean(got - expected)
    if expected.size > 1 and close(got - shift, expected, tolerance):
        return f"yours is off by the same amount everywhere: {shift:+.4g}."
    unnormalised = _unnormalised(got, expected)
    return unnormalised or _first_difference(got, expected, tolerance)


def _sum_or_mean(factor, lengths):
    if any(n > 1 and np.isclose(factor, n) for n in lengths):
        return " That is the length of one of the inputs: a sum where a mean is asked for?"
    if any(n > 1 and np.isclose(1 / factor, n) for n in lengths):
        return " One over that is the length of one of the inputs: a mean where a sum is asked for?"
    return ""


def _unnormalised(got, expected):
    for axis, what in ((None, "all entries"), (-1, "each row")):
        if expected.ndim and (expected >= 0).all() and np.allclose(expected.sum(axis=axis), 1):
            if not np.allclose(got.sum(axis=axis), 1):
                total = np.ravel(got.sum(axis=axis))[0]
                return f"not normalised: {what} should sum to 1, yours to {total:.4g}."
    return ""


def _first_difference(got, expected, tolerance):
    scale = np.abs(expected).max() or 1.0
    wrong = ~np.isclose(got, expected, rtol=0, atol=tolerance * scale, equal_nan=True)
    if not expected.ndim:
        return f"yours is {float(got):.6g}, the right value {float(expected):.6g}."
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    index = ", ".join(map(str, place))
    count = "1 entry differs" if wrong.sum() == 1 else f"{int(wrong.sum())} of {wrong.size} entries differ"
    return f"{count}; at [{index}] yours is {got[place]:.6g}, the right value {expected[place]:.6g}."
