"""What an instance looked like: a summary for the ledger, and its text for a failure message.

A summary has a dict per argument.  Numbers and arrays give `[smallest, largest]` of their `size`, their
`values` and their `spread` (largest over smallest nonzero magnitude); anything else gives `among`, a list of
texts.  Summaries merge, so that thousands of instances stay small, and the result does not depend on their
order.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

Summary = dict[str, dict[str, list[Any]]]

TEXT = 80  # characters kept of a text
FEW = 6  # texts kept of an argument, the first ones in alphabetical order


def summarise(arguments: Mapping[str, Any]) -> Summary:
    """A summary of one instance."""
    return {name: _describe(value) for name, value in arguments.items()}


def merge(a: Summary, b: Summary) -> Summary:
    """A summary of the instances of both."""
    return {name: _merge_argument(a.get(name, {}), b.get(name, {})) for name in sorted(a.keys() | b.keys())}


def show(arguments: Mapping[str, Any]) -> str:
    """One instance, one line per argument, with all digits, so that it can be typed in again."""
    with np.printoptions(floatmode="unique", precision=17, threshold=200, linewidth=100):
        return "\n".join(f"{name} = {_text(value)}" for name, value in arguments.items())


def _describe(value: Any) -> dict[str, list[Any]]:
    array = _real_array(value)
    if array is None:
        text = " ".join(_text(value).split())
        return {"among": [text if len(text) <= TEXT else text[: TEXT - 3] + "..."]}
    finite = array[np.isfinite(array)]
    described: dict[str, list[Any]] = {"size": [array.size] * 2} if array.ndim else {}
    if finite.size:
        described["values"] = [finite.min().item(), finite.max().item()]
    nonzero = np.abs(finite[finite != 0])
    if array.ndim and nonzero.size:
        # Logarithms, because the quotient may overflow.
        spread = np.log10(nonzero.max()) - np.log10(nonzero.min())
        described["spread"] = [float(f"{10 ** min(spread, 308):.3g}")] * 2
    return described


def _real_array(value: Any) -> np.ndarray | None:
    """`value` as float64 if it is a number, an array or a list of numbers; None if it is anything else."""
    if isinstance(value, bool | str | bytes):
        return None
    if hasattr(value, "__array_namespace__") and not isinstance(value, np.ndarray | np.generic):
        from labs.core.arrays import to_numpy

        value = to_numpy(value)
    if not isinstance(value, numbers.Real | np.ndarray | np.generic | list | tuple):
        return None
    try:
        array = np.asarray(value)
        return np.abs(array) if array.dtype.kind == "c" else array.astype(float)
    except (TypeError, ValueError):  # a ragged list, or a list of things that are no numbers
        return None


def _merge_argument(a: Mapping[str, list[Any]], b: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    merged = {}
    for key in sorted(a.keys() | b.keys()):
        both = [*a.get(key, []), *b.get(key, [])]
        merged[key] = sorted(set(both))[:FEW] if key == "among" else [min(both), max(both)]
    return merged


def _text(value: Any) -> str:
    """repr without memory addresses, which differ from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
