"""The kernels of the spectral flattening paper, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import numpy as np

from labs.spectral_flattening.thresholds import spectral_smoothness, stable_step, threshold_ratio
from tests.kernels import Kernel, vectors
from tests.spectral_flattening.kernels_conditioning import CONDITIONING
from tests.spectral_flattening.kernels_dynamics import DYNAMICS

# Three gradients 2 x 3, one of them of rank one; curvatures that broadcast against them.
GRADIENTS = np.stack(
    [np.diag([3.0, 1.0, 0.5])[:2] + 0.3 * np.cos(np.arange(6.0) + i).reshape(2, 3) for i in range(2)]
    + [np.outer([1.0, -2.0], [0.5, 1.0, 2.0])]
)
CURVATURE_A = np.eye(3) + 0.3 * GRADIENTS.mT @ GRADIENTS
CURVATURE_B = np.array([[2.0, 0.5], [0.5, 1.0]])


def curvatures(name: str, size: int) -> tuple[tuple[dict[str, np.ndarray], str], ...]:
    """The ways in which a positive semidefinite matrix of this size can be bad."""
    lower = np.diag([1.0] * (size - 1) + [-1e-3])
    wrong = [
        np.full((size, size), np.nan),
        np.eye(size, dtype=np.float32),
        np.eye(size) + np.eye(size, k=1),
        np.ones((size, size + 1)),
        np.ones(size),
        lower,
    ]
    return tuple(({name: value}, name) for value in wrong)


KERNELS: tuple[Kernel, ...] = (
    *DYNAMICS,
    *CONDITIONING,
    Kernel(
        stable_step,
        example=lambda _: {"G": GRADIENTS, "B": CURVATURE_B, "A": CURVATURE_A},
        core={"G": 2, "B": 2, "A": 2},
        bad=(
            ({"G": np.full((2, 3), np.nan)}, "G"),
            ({"G": np.ones((2, 3), np.float32)}, "G"),
            ({"G": np.ones(3)}, "G"),
            *curvatures("B", 2),
            *curvatures("A", 3),
            ({"A": np.eye(2)}, "A"),
            ({"rtol": -1.0}, "rtol"),
        ),
        launches=330,
        syncs=12,
        tolerance=1e-13,
    ),
    Kernel(
        spectral_smoothness,
        example=lambda _: {"B": CURVATURE_B, "A": CURVATURE_A, "rank": 2},
        core={"B": 2, "A": 2},
        bad=(
            *curvatures("B", 2),
            *curvatures("A", 3),
            ({"rank": 0}, "rank"),
            ({"rank": 3}, "rank"),
            ({"rank": 1.0}, "rank"),
        ),
        launches=60,
        syncs=4,
        tolerance=1e-13,
    ),
    Kernel(
        threshold_ratio,
        example=lambda _: {
            "s": np.array([[1.0, 0.4, 0.1], [2.0, 0.0, 2.0]]),
            "phi": np.array([0.7, 1.1, 0.3]),
        },
        core={"s": 1, "phi": 1},
        bad=(
            *vectors("s", np.ones((2, 3)), nonnegative=True),
            *vectors("phi", np.ones(3), nonnegative=True),
        ),
        launches=60,
        syncs=3,
    ),
)
