"""The kernels of spreads, decay vectors and misalignment, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labs.core.arrays import Backend
from labs.core.streams import stream
from labs.polar_flow import alignment, spreads
from labs.polar_flow.operators import Operator, dense_sensing
from tests.kernels import Kernel, vectors

# Any order, ties, zeros, four decades; a batch of 2 x 2.
_SPECTRA = np.array([[[1.0, 0.6, 0.3], [2.0, 2.0, 1e-4]], [[0.0, 3.0, 0.5], [0.0, 0.0, 0.0]]])
_DRAWN = stream("kernel contract: spread")
_W, _M = _DRAWN.standard_normal((2, 3, 4, 3))
_W[2, :, 2] = _W[2, :, 0] + _W[2, :, 1]  # rank 2
_ROWS = _DRAWN.standard_normal((7, 12))


def _operator(on: Backend) -> Operator:
    return dense_sensing(on.asarray(_ROWS), (4, 3))


def _matrices(name: str) -> tuple[tuple[dict[str, Any], str], ...]:
    wrong = (np.full((3, 4, 3), np.nan), np.ones(3), np.ones((3, 4, 3), np.float32))
    return tuple(({name: bad}, name) for bad in wrong)


@functools.wraps(spreads.spread)
def _spreads(sigma: Any, power: Any = 2, kind: str = "") -> Any:
    """Of every kind at once."""
    return tuple(spreads.spread(sigma, each, power) for each in ([kind] if kind else spreads.KINDS))


# Singular vectors are known to eps times a condition number, here below 100.
_FRAMES: dict[str, Any] = {"tolerance": 1e-11, "absolute": 1e-12}

SPREADS = (
    Kernel(
        _spreads,
        example=lambda _: {"sigma": _SPECTRA},
        core={"sigma": 1},
        bad=(
            *vectors("sigma", _SPECTRA, nonnegative=True),
            ({"sigma": _SPECTRA.astype(np.float32)}, "sigma"),
            ({"kind": "stable rank"}, "kind"),
            ({"power": 0}, "power"),
            ({"power": 1.5}, "power"),
        ),
        launches=230,
        syncs=8,
        tolerance=1e-13,  # differences of a few terms
        absolute=1e-13,
    ),
    Kernel(
        spreads.decay,
        example=lambda on: {"operator": _operator(on), "W": _W},
        core={"W": 2},
        bad=_matrices("W"),
        launches=36,
        syncs=2,
        **_FRAMES,
    ),
    Kernel(
        spreads.frame_gram,
        example=lambda on: {"operator": _operator(on), "W": _W[:2]},
        core={"W": 2},
        bad=_matrices("W"),
        launches=36,
        syncs=2,
        **_FRAMES,
    ),
    Kernel(
        alignment.alignment_defect,
        example=lambda _: {"W": _W, "M": _M},
        core={"W": 2, "M": 2},
        bad=(*_matrices("W"), *_matrices("M"), ({"M": np.ones((3, 3, 4))}, "M")),
        launches=1000,
        syncs=20,
        **_FRAMES,
    ),
    Kernel(
        alignment.misaligned_flow,
        example=lambda on: {
            "operator": _operator(on),
            "V0": _W[:2],
            "polarised": lambda t, V: (1.0 - 0.2 * t) * V + 0.3 * t,
            "step": 0.05,
            "steps": 2,
        },
        core={"V0": 2},
        bad=(*_matrices("V0"), ({"step": 0.0}, "step"), ({"steps": 0}, "steps"), ({"eta": -1.0}, "eta")),
        launches=4000,
        syncs=120,
        **_FRAMES,
    ),
)
