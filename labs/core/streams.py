"""Random streams that depend on what they are for, and on nothing else.

A stream is a Philox generator whose key is the SHA-256 of a purpose, a cell and a seed.  It is the same in
any order, any process and on any machine; neighbouring cells have unrelated keys.  Randomness is an
argument: a function that draws takes the stream, and no module keeps one.
"""

from __future__ import annotations

import hashlib
import math
import operator
from typing import SupportsIndex

import numpy as np

# Part of every key.  A change of the encoding below changes every number drawn: then this changes too.
VERSION = b"labs.core.streams/1"


def stream(
    purpose: str, *cell: SupportsIndex | float | str, seed: SupportsIndex | float | str = 0
) -> np.random.Generator:
    """Host routine: the random stream for this purpose, cell and seed.

    `stream("sphere nodes", n, replicate, seed=3)`: `purpose` says in words what the numbers are for; `cell`
    are the coordinates (integers, floats, strings) of the place in the grid that uses them.  Types count:
    1, 1.0 and "1" are three cells.  The key is the first 128 bits of
    SHA-256(VERSION, purpose, seed, cell), each part written with its type and its length.

    Raises ValueError for an empty purpose, a NaN, or a part of another type (a bool too: write 0 or 1).
    """
    if not isinstance(purpose, str) or not purpose.strip():
        raise ValueError(f"purpose must be a string that says what the numbers are for, got {purpose!r}")
    sha = hashlib.sha256(VERSION)
    sha.update(_encoded("purpose", purpose))
    sha.update(_encoded("seed", seed))
    for position, part in enumerate(cell):
        sha.update(_encoded(f"cell[{position}]", part))
    return np.random.Generator(np.random.Philox(key=np.frombuffer(sha.digest()[:16], dtype="<u8")))


def _encoded(name: str, part: SupportsIndex | float | str) -> bytes:
    """`part` as bytes: its type, its length, its value; no two different parts give the same bytes."""
    if isinstance(part, str):
        kind, value = b"s", part.encode()
    elif isinstance(part, float):
        if math.isnan(part):
            raise ValueError(f"{name} must be an integer, a float or a string, got nan")
        kind, value = (
            b"f",
            float(part + 0.0).hex().encode(),
        )  # + 0.0: cells that are equal, 0.0 and -0.0, are one
    else:
        kind, value = b"i", str(_integer(name, part)).encode()
    return kind + len(value).to_bytes(8, "little") + value


def _integer(name: str, value: SupportsIndex) -> int:
    problem = f"{name} must be an integer, a float or a string, got {value!r}"
    if isinstance(value, bool | np.bool_):
        raise ValueError(problem)
    try:
        return operator.index(value)
    except TypeError as error:
        raise ValueError(problem) from error
