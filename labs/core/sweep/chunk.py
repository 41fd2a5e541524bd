"""Chunks: the results of some tiles as one file that knows whether it is whole.

A chunk is an ordinary .npz (`numpy.load` reads it) whose archive comment, the last 64 bytes, is the SHA-256
of all bytes before it.  Inside:

    cell           the numbers of its cells in the grid
    tile           the numbers of its tiles
    axis.NAME      the parameters of its cells
    out.NAME       the outputs; NaN (or 0) where a cell failed
    failed         truth values
    about          JSON: the reasons of the failed cells, and what produced the numbers
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core.sweep.errors import StoreError, SweepError
from labs.core.sweep.tile import Computed, forms

DIGEST = 64  # hexadecimal digits of a SHA-256


@dataclass(frozen=True)
class Chunk:
    """The results of some tiles, read back.

    reasons    why a cell failed, by its number in the grid.
    produced   sweep, key, code, libraries, backend, device, dtype, threads, seconds.
    """

    tiles: list[int]
    cells: np.ndarray
    axes: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    failed: np.ndarray
    reasons: dict[int, str]
    produced: dict[str, Any]

    @property
    def form(self) -> dict[str, str]:
        """The shape and dtype of each output."""
        return forms(self.outputs, 1)


def encode(computed: list[Computed], produced: Mapping[str, Any]) -> bytes:
    """Host routine: some tiles as the bytes of one file.

    Raises SweepError where two tiles have outputs of different names or shapes.
    """
    shapes: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    form: dict[str, str] = {}
    for one in computed:
        form = agreed(form, forms(one.outputs, 1))
        shapes |= {name: (array.shape[1:], array.dtype) for name, array in one.outputs.items()}
    cells = np.concatenate([one.plan.cells for one in computed])
    arrays = {"cell": cells, "tile": np.asarray([one.plan.index for one in computed])}
    plans = [one.plan for one in computed]
    for name in plans[0].static:
        arrays[f"axis.{name}"] = np.concatenate([np.full(len(p.cells), p.static[name]) for p in plans])
    for name in plans[0].columns:
        arrays[f"axis.{name}"] = np.concatenate([p.columns[name][: len(p.cells)] for p in plans])
    for name, (shape, dtype) in shapes.items():
        lost = np.nan if dtype.kind == "f" else 0
        parts = [
            one.outputs.get(name, np.full((len(one.plan.cells), *shape), lost, dtype)) for one in computed
        ]
        arrays[f"out.{name}"] = np.concatenate(parts)
    reasons = {int(one.plan.cells[i]): reason for one in computed for i, reason in one.reasons.items()}
    arrays["failed"] = np.isin(cells, list(reasons))
    about = {"reasons": {str(cell): reason for cell, reason in reasons.items()}, "produced": dict(produced)}
    arrays["about"] = np.asarray(json.dumps(about, sort_keys=True))
    return _sealed(arrays)


def agreed(form: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """The form of the outputs that both have; where all cells failed none is known.  Raises SweepError for two."""
    if form and other and form != other:
        raise SweepError(
            "outputs must have the same names, shapes and dtypes in all cells (pad what is shorter),"
            f" got {form} and {other}"
        )
    return form or other


def _sealed(arrays: Mapping[str, Any]) -> bytes:
    """The bytes of an .npz whose comment is the digest of all bytes before it."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * DIGEST
    body = buffer.getvalue()[:-DIGEST]
    return body + hashlib.sha256(body).hexdigest().encode()


def decode(data: bytes) -> Chunk:
    """Host routine: a chunk from the bytes of its file.  Raises StoreError unless every byte is as written."""
    body, digest = data[:-DIGEST], data[-DIGEST:]
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise StoreError(f"its {len(data)} bytes do not have the checksum that they end with")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays["about"]))
        return Chunk(
            arrays["tile"].tolist(),
            arrays["cell"],
            _named("axis.", arrays),
            _named("out.", arrays),
            arrays["failed"],
            {int(cell): reason for cell, reason in about["reasons"].items()},
            about["produced"],
        )
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(f"it is whole, but no chunk of this version of the laboratory: {error!r}") from error


def _named(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
