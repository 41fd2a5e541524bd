"""The kernels of preconditioning and of the line search, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.polar.schedules import CUBIC
from labs.spectral_flattening.conditioning import (
    effective_condition_numbers,
    line_search_factor,
    preconditioned_condition_number,
)
from tests.kernels import Kernel

# Three errors 3 x 3 of full rank, so that every condition number is finite; curvatures that broadcast against them.
ERRORS = np.stack(
    [np.diag([3.0, 1.0, 0.5]) + 0.3 * np.cos(np.arange(9.0) + i).reshape(3, 3) for i in range(3)]
)
CURVATURE_A = np.eye(3) + 0.3 * ERRORS.mT @ ERRORS
CURVATURE_B = np.diag([4.0, 2.0, 0.5]) + 0.2


def bad_curvatures(name: str) -> tuple[tuple[dict[str, Any], str], ...]:
    """The ways in which a positive semidefinite 3 x 3 matrix can be bad."""
    wrong = [
        np.full((3, 3), np.nan),
        np.eye(3, dtype=np.float32),
        np.eye(3) + np.eye(3, k=1),
        np.diag([1.0, 1.0, -1e-3]),
        np.eye(2),
        np.ones(3),
    ]
    return tuple(({name: value}, name) for value in wrong)


PROBLEM: dict[str, Any] = {"B": CURVATURE_B, "A": CURVATURE_A, "delta": ERRORS}
BAD = (
    *bad_curvatures("B"),
    *bad_curvatures("A"),
    ({"delta": np.full((3, 3), np.inf)}, "delta"),
    ({"delta": np.ones((3, 3), np.float32)}, "delta"),
    ({"delta": np.ones(3)}, "delta"),
)

CONDITIONING: tuple[Kernel, ...] = (
    Kernel(
        effective_condition_numbers,
        example=lambda _: PROBLEM,
        core={"B": 2, "A": 2, "delta": 2},
        bad=BAD,
        launches=300,
        syncs=8,
        tolerance=1e-12,
    ),
    Kernel(
        preconditioned_condition_number,
        example=lambda _: {"B": CURVATURE_B, "C": CURVATURE_A},
        core={"B": 2, "C": 2},
        bad=(*bad_curvatures("B")[:-2], ({"B": np.eye(2)}, "C"), *bad_curvatures("C")),
        launches=100,
        syncs=6,
        tolerance=1e-12,
    ),
    Kernel(
        line_search_factor,
        example=lambda _: {**PROBLEM, "rule": "muon", "schedule": (CUBIC, CUBIC)},
        core={"B": 2, "A": 2, "delta": 2},
        bad=(
            *BAD,
            ({"delta": np.zeros((3, 3))}, "delta"),
            ({"rule": "adam"}, "rule"),
            ({"rule": "gd"}, "schedule"),
            ({"schedule": ((0.0, 0.0, 0.0),)}, "schedule"),
        ),
        launches=200,
        syncs=9,
        tolerance=1e-12,
    ),
)
