"""The kernels of the polar flow paper, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core.streams import stream
from labs.polar_flow import flatness, interpolants, literal, noise, operators, rank_diagnostic
from tests.kernels import Kernel, vectors
from tests.polar_flow.flow_kernels import FLOWS
from tests.polar_flow.spread_kernels import SPREADS

KERNELS: tuple[Kernel, ...] = FLOWS + SPREADS

# --- interpolants and literal optimisers -----------------------------------------------------------------

_SENSED = stream("kernel contract: interpolants")
_ROWS = np.linalg.qr(_SENSED.standard_normal((3, 12, 7)))[0].mT
_TARGETS = _SENSED.standard_normal((3, 4, 1)) * _SENSED.standard_normal((3, 1, 3))
_DATA = (_ROWS @ _TARGETS.reshape(3, 12, 1))[..., 0]
_NO_DATA = (({"y": np.full(7, np.nan)}, "y"), ({"y": np.ones(6)}, "y"))


def _interpolant(function: Callable[..., Any], norm: str, launches: float, syncs: float) -> Kernel:
    return Kernel(
        function,
        example=lambda on: {
            "operator": operators.dense_sensing(on.asarray(_ROWS[0]), (4, 3)),
            "y": _DATA,
            "norm": norm,
        },
        core={"y": 1},
        bad=(
            *_NO_DATA,
            ({"norm": "fro"}, "norm"),
            ({"tolerance": 1e-13}, "tolerance"),
            ({"most_steps": 0}, "most_steps"),
        ),
        launches=launches,
        syncs=syncs,
        # Brackets closed to 1e-9 at sharp minima: W is as close to the minimiser as the bracket is wide, up to a
        # condition number.
        tolerance=1e-6,
        absolute=1e-6,
    )


_FLATNESS = Kernel(
    flatness.least_flatness,
    example=lambda on: {
        "operator": operators.dense_sensing(on.asarray(_ROWS[0]), (4, 3)),
        "start": _TARGETS,
        "iterations": 2,
    },
    core={"start": 2},
    bad=(
        ({"start": np.ones((3, 4))}, "start"),
        ({"start": np.full((4, 3), np.nan)}, "start"),
        ({"iterations": 0}, "iterations"),
    ),
    launches=5000,
    syncs=40,
    tolerance=1e-4,  # two interpolants, each closed to 1e-6, the second for the dual of the first
    absolute=1e-4,
)


_DESCEND = Kernel(
    literal.descend,
    example=lambda on: {
        "operator": operators.dense_sensing(on.asarray(_ROWS[0]), (4, 3)),
        "y": _DATA,
        "W0": 0.1 * _TARGETS[0],
        "steps": np.array([0.1, 0.05, 0.0]),
        "rule": "muon",
        "momentum": np.array([0.0, 0.5, 0.9]),
        "nesterov": True,
    },
    core={"y": 1, "W0": 2, "steps": 1, "momentum": 0},
    bad=(
        *_NO_DATA,
        ({"W0": np.ones((3, 4))}, "W0"),
        ({"steps": np.array([0.1, -0.1])}, "steps"),
        ({"momentum": 1.0}, "momentum"),
        ({"rule": "adam"}, "rule"),
        ({"stop": -1.0}, "stop"),
    ),
    launches=680,
    syncs=20,
    tolerance=1e-9,  # polar factors of three steps, each of a matrix of condition number below 1e3
    absolute=1e-9,
)


KERNELS += (
    _FLATNESS,
    _interpolant(interpolants.interpolant, "nuclear", 4200, 24),
    _interpolant(interpolants.certified_interpolant, "operator", 2000, 14),
    _DESCEND,
)

# --- noise -------------------------------------------------------------------------------------------------

_SPECTRA = np.array([[[5.0, 3.0, 2.0], [2.0, 2.0, 1e-4]], [[0.0, 3.0, 0.5], [0.2, 0.2, 0.2]]])
_NOISE = stream("kernel contract: noise").standard_normal((2, 1, 3, 4))
_SIZES = (({"m": 2}, "mu"), ({"n": 0}, "n"), ({"m": 3.0}, "m"))

KERNELS += (
    Kernel(
        noise.noise_sensitivity,
        example=lambda _: {"mu": _SPECTRA, "m": 3, "n": 5},
        core={"mu": 1},
        bad=(*vectors("mu", _SPECTRA, nonnegative=True), *_SIZES),
        launches=40,
        syncs=1,
    ),
    Kernel(
        noise.critical_batch_sizes,
        example=lambda _: {"mu": _SPECTRA, "m": 5, "n": 3, "tau": np.array([[0.5, 2.0], [1.0, 0.1]])},
        core={"mu": 1, "tau": 0},
        bad=(*vectors("mu", _SPECTRA, nonnegative=True), ({"m": 3, "n": 2}, "mu"), ({"tau": -1.0}, "tau")),
        launches=100,
        syncs=2,
    ),
    Kernel(
        noise.noisy_polar,
        example=lambda _: {"G": _NOISE[:, 0] + 2.0, "noise": 0.1 * _NOISE},
        core={"G": 2, "noise": 2},
        bad=(
            ({"G": np.full((3, 4), np.nan)}, "G"),
            ({"G": np.ones(4)}, "G"),
            ({"noise": np.ones((4, 4))}, "noise"),
            ({"noise": np.full((3, 4), np.inf)}, "noise"),
        ),
        launches=400,
        syncs=12,
        tolerance=1e-11,
        absolute=1e-11,
    ),
    Kernel(
        rank_diagnostic.activation_rank,
        example=lambda _: {"X": _NOISE},
        core={"X": 2},
        bad=(
            ({"X": np.full((3, 4), np.nan)}, "X"),
            ({"X": np.ones(4)}, "X"),
            ({"tolerance": 1.0}, "tolerance"),
        ),
        launches=60,
        syncs=5,
        tolerance=1e-13,
    ),
)
