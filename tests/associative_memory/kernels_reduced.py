"""The kernels of the reduced memory, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.associative_memory.graded import graded_polar
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import Backend
from tests.kernels import Kernel

# Two graded matrices 3 x 3 with the left null vector c; the second has a column of zeros.
C = np.array([2.0, 1.0, 2.0]) / 3.0
COLUMNS = np.array([[1.0, 1e-6, 1e3], [1e-4, 0.0, 1.0]])
GRADED = (np.eye(3) - np.outer(C, C)) @ (np.eye(3) + 0.3 * np.cos(np.arange(9.0)).reshape(3, 3))
GRADED = GRADED * COLUMNS[:, None, :]

SIZES, STEPS = (2, 1, 3), 4
X = np.array([[0.5, 0.0, -0.2], [1.0, 0.0, 3.0]])
S = np.stack([0.5 * np.cos(np.arange(9.0)).reshape(3, 3), 2.0 * np.eye(3) - 0.7])
STATES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"contrasts": X[:, :2]}, "contrasts"),
    ({"contrasts": np.full((2, 3), np.nan)}, "contrasts"),
    ({"blocks": np.ones((2, 3))}, "blocks"),
    ({"blocks": S.astype(np.float32)}, "blocks"),
)


def memory(on: Backend, alpha: float = 0.2) -> Reduced:
    """Three groups, one of a single item."""
    return Reduced(SIZES, on.asarray(np.array([0.6, 0.3, 0.1])), alpha)


REDUCED: tuple[Kernel, ...] = (
    Kernel(
        graded_polar,
        example=lambda _: {"G": GRADED, "c": C},
        core={"G": 2},
        bad=(
            ({"G": np.ones((2, 3, 2))}, "G"),
            ({"G": np.ones(3)}, "G"),
            ({"G": np.full((3, 3), np.inf)}, "G"),
            ({"G": GRADED.astype(np.float32)}, "G"),
            ({"c": np.ones(3)}, "c"),
            ({"c": C[:2]}, "c"),
            ({"c": np.array([1.0, np.nan, 0.0])}, "c"),
        ),
        launches=130,
        syncs=6,
        absolute=1e-14,
    ),
    Kernel(
        Reduced.simulate,
        example=lambda on: {
            "self": memory(on),
            "eta": np.array([0.3, 0.1]),
            "steps": STEPS,
            "rule": "muon",
            "schedule": np.array([1.0, 0.75, 0.5, 0.25]),
            "momentum": 0.5,
        },
        core={"eta": 0},
        bad=(
            ({"eta": 0.0}, "eta"),
            ({"eta": np.array([0.1, np.nan])}, "eta"),
            ({"steps": -1}, "steps"),
            ({"steps": 4.0}, "steps"),
            ({"rule": "adam"}, "rule"),
            ({"rule": [(1.0, 2.0)]}, "rule"),
            ({"schedule": np.ones(3)}, "schedule"),
            ({"schedule": np.array([1.0, 1.0, -1.0, 1.0])}, "schedule"),
            ({"momentum": 1.0}, "momentum"),
            ({"momentum": np.nan}, "momentum"),
            ({"start": (np.ones(2), np.ones((3, 3)))}, "contrasts"),
        ),
        launches=1500,
        syncs=40,
        tolerance=1e-13,
        absolute=1e-13,
    ),
    Kernel(
        Reduced.gradient,
        example=lambda on: {"self": memory(on), "contrasts": X, "blocks": S},
        core={"contrasts": 1, "blocks": 2},
        bad=STATES,
        launches=100,
        syncs=1,
        absolute=1e-15,
    ),
    Kernel(
        Reduced.logits,
        example=lambda on: {"self": memory(on), "contrasts": X, "blocks": S},
        core={"contrasts": 1, "blocks": 2},
        bad=STATES,
        launches=60,
        syncs=1,
    ),
)
