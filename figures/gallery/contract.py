"""What a figure is, where figures are found, and the checks that every one of them must pass.

A figure is a module `figures/<paper>/<name>.py`; a file whose name begins with "_" is not a figure.  It has

    TITLE     one line.
    CAPTION   one paragraph: what is shown, what is predicted, what to look for.
    CLAIMS    a tuple of the Claim objects (from `theory`) that it illustrates; at least one.
    GAPS      optional: the columns, as "table.column", in which NaN (a missing value) is meant.
    data(scale, backend) -> {table: {column: 1-D NumPy array}}
              the numbers.  `scale` is "smoke" (under half a second), "quick" (a laptop) or "full" (the
              paper's sizes); `backend` is a labs.core.arrays.Backend.  Pure: two calls give the same
              bits, but for columns whose name ends in "seconds", which hold readings of a clock.
    draw(tables) -> matplotlib Figure
              the picture, from the tables alone.

This module imports neither NumPy nor a figure until it must: a second `make figures` only reads small files.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from labs.core.sources import ROOT
from theory.claims import REGISTRY, Claim

if TYPE_CHECKING:
    import numpy as np

    Tables = Mapping[str, Mapping[str, np.ndarray]]

SCALES = ("smoke", "quick", "full")
# A table's name is part of a file name and, with its column's, a key of an .npz archive.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class ContractError(Exception):
    """A figure module, or what its functions returned, is not what this module's docstring asks for."""


@dataclass(frozen=True)
class Figure:
    """A figure by its name "<paper>/<module>" and its file."""

    name: str
    path: Path

    @property
    def module(self) -> str:
        return "figures." + self.name.replace("/", ".")


def find(root: Path = ROOT) -> list[Figure]:
    """Every figure of the project at `root`, by name."""
    folder = root / "figures"
    return [
        Figure(f"{path.parent.name}/{path.stem}", path)
        for path in sorted(folder.glob("*/*.py"))
        if not path.name.startswith("_") and path.parent.name != "gallery"
    ]


def load(figure: Figure) -> ModuleType:
    """Import the figure's module and check its constants; raises ContractError."""
    module = importlib.import_module(figure.module)
    for name in ("TITLE", "CAPTION"):
        text = getattr(module, name, None)
        if not isinstance(text, str) or not text.strip():
            raise ContractError(f"{figure.name}: {name} must be a string that says something, got {text!r}")
    claims = getattr(module, "CLAIMS", None)
    if not isinstance(claims, tuple) or not claims:
        raise ContractError(f"{figure.name}: CLAIMS must be a tuple of at least one claim, got {claims!r}")
    for claim in claims:
        if not isinstance(claim, Claim) or not any(claim is known for known in REGISTRY):
            raise ContractError(f"{figure.name}: CLAIMS must hold claims from theory, got {claim!r}")
    for name in ("data", "draw"):
        if not callable(getattr(module, name, None)):
            raise ContractError(f"{figure.name}: there must be a function {name}")
    return module


def check_tables(name: str, tables: Any, gaps: tuple[str, ...] = ()) -> Tables:
    """Return `tables` if they keep the contract; if not, raise ContractError that names the column."""
    import numpy as np

    if not isinstance(tables, Mapping) or not tables:
        raise ContractError(f"{name}: data must return a dict of at least one table, got {tables!r}")
    for table, columns in tables.items():
        where = f"{name}: table {table!r}"
        if not isinstance(table, str) or not _NAME.fullmatch(table):
            raise ContractError(f"{where}: a table's name must be an identifier")
        if not isinstance(columns, Mapping) or not columns:
            raise ContractError(f"{where} must be a dict of at least one column, got {columns!r}")
        for column, values in columns.items():
            here = f"{where}, column {column!r}"
            if not isinstance(column, str) or not _NAME.fullmatch(column):
                raise ContractError(f"{here}: a column's name must be an identifier")
            if not isinstance(values, np.ndarray) or values.ndim != 1 or values.size == 0:
                got = f"shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
                raise ContractError(f"{here} must be a 1-D NumPy array that is not empty, got {got}")
            if values.dtype.kind not in "biufU":
                raise ContractError(f"{here} must hold real numbers, booleans or text, got {values.dtype}")
            if values.dtype.kind == "f":
                allowed = ~np.isinf(values) if f"{table}.{column}" in gaps else np.isfinite(values)
                if not allowed.all():
                    row = int(np.argmin(allowed))
                    raise ContractError(
                        f"{here} must be finite, got {values[row]} in row {row}"
                        f' (if a NaN is meant: GAPS = ("{table}.{column}",))'
                    )
        lengths = {column: values.size for column, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ContractError(f"{where}: columns must have equal length, got {lengths}")
    known = {f"{table}.{column}" for table, columns in tables.items() for column in columns}
    if not set(gaps) <= known:
        raise ContractError(f"{name}: GAPS names no column of its tables: {sorted(set(gaps) - known)}")
    return tables
