"""The numbers by which ids are found in a SQLite log: the same on every machine and for ever (they are stored).

Most ids end in the time observed (``position/P-12/1790000000000000``, microseconds). Their numbers begin with that time, to
about two seconds: what is reported together is indexed together, the index grows at its end, and a commit touches a few of
its pages instead of nearly all. The numbers of all other ids are spread evenly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HASH_BITS = np.uint64(32)
_SHIFT = np.uint64(21)  # of microseconds: 2.1 s
_LATEST = np.uint64(2**52)  # microseconds, in the year 2112: with that the numbers stay below 2**63
_DIGITS = 16  # of a time in microseconds between the years 2001 and 2286


def keys_of(texts: Sequence[str]) -> list[int]:
    """A 63-bit number for every ``stream|id``."""
    data = np.array([text.encode() for text in texts])
    mixed, times = _mixed(data), _times(data)
    timed = (times >> _SHIFT) << _HASH_BITS | mixed >> (np.uint64(64) - _HASH_BITS)
    numbers: list[int] = np.where((times > 0) & (times < _LATEST), timed, mixed >> np.uint64(2)).tolist()
    return numbers


def _mixed(data: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    """64 well mixed bits for every text (n,).

    Eight bytes at a time go through the finaliser of MurmurHash3 (public domain, A. Appleby), all texts at once.
    """
    width = -(-data.dtype.itemsize // 8) * 8
    words = data.astype(f"S{width}").view("<u8").reshape(len(data), -1)
    mixed = np.full(len(data), 0x9E3779B97F4A7C15, np.uint64)
    for column in words.T:
        # Texts are padded with zeros to the longest of the batch: words of zeros must not change the number.
        step = mixed ^ column
        step = (step ^ (step >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        step = (step ^ (step >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        mixed = np.where(column == 0, mixed, step ^ (step >> np.uint64(33)))
    return mixed


def _times(data: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    """The number of 16 digits after a slash that each text (n,) ends in, 0 where it ends in another way."""
    width = data.dtype.itemsize
    if width <= _DIGITS:
        return np.zeros(len(data), np.uint64)
    letters = data.view(np.uint8).reshape(len(data), width)
    length = width - np.argmax(letters[:, ::-1] != 0, axis=1)
    tail = np.take_along_axis(letters, np.maximum(length[:, None] - _DIGITS - 1 + np.arange(_DIGITS + 1), 0), axis=1)
    digits = tail[:, 1:] - np.uint8(ord("0"))
    right = (length > _DIGITS) & (tail[:, 0] == ord("/")) & (digits <= 9).all(axis=1)
    return np.where(right, digits.astype(np.uint64) @ 10 ** np.arange(_DIGITS - 1, -1, -1, dtype=np.uint64), np.uint64(0))
