"""Tables of a figure's data: columns of one length, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def table(blocks: Iterable[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """One table from blocks of rows: {column: array, or a value that holds for the whole block}."""
    grown = [dict(zip(b, np.broadcast_arrays(*map(np.atleast_1d, b.values())), strict=True)) for b in blocks]
    return {name: np.concatenate([b[name] for b in grown]) for name in grown[0]}


def where(table: Mapping[str, np.ndarray], **equal: Any) -> dict[str, np.ndarray]:
    """The rows of a table in which each named column has the given value."""
    keep = np.all([table[name] == value for name, value in equal.items()], axis=0)
    return {name: values[keep] for name, values in table.items()}
