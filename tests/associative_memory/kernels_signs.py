"""The kernels of sign descent and of operator-norm budgets, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import numpy as np

from labs.associative_memory.signs import operator_norm_bound, phase_averaged_excess, sign_errors, two_cycle
from tests.kernels import Kernel

ERRORS = np.array([[-8.3, 0.0], [2.0, -1e-3]])
STEPS = np.abs(np.cos(np.arange(12.0))).reshape(2, 1, 6)
TARGETS = np.array([[8.3, 0.5], [5.0, 0.0]])
SIZES, BUDGETS = np.array([2.0, 1.0, 1e6]), np.array([0.0, 3.0, 700.0])

SIGNS: tuple[Kernel, ...] = (
    Kernel(
        sign_errors,
        example=lambda _: {"start": ERRORS, "steps": STEPS},
        core={"start": 0, "steps": 1},
        bad=(
            ({"start": np.array(np.nan)}, "start"),
            ({"start": np.ones(2, np.float32)}, "start"),
            ({"start": 1.0}, "start"),
            ({"steps": -STEPS}, "steps"),
            ({"steps": STEPS[..., :0]}, "steps"),
            ({"steps": np.array(1.0)}, "steps"),
        ),
        launches=50,
        syncs=2,
    ),
    Kernel(
        two_cycle,
        example=lambda _: {"target": TARGETS, "eta": np.array([[0.5, 0.3], [0.7, 1e-3]])},
        core={"target": 0, "eta": 0},
        bad=(
            ({"target": -TARGETS}, "target"),
            ({"target": np.ones(2, np.float32)}, "target"),
            ({"eta": np.array([0.5, 0.0])}, "eta"),
            ({"eta": np.array(np.inf)}, "eta"),
        ),
        launches=16,
        syncs=2,
    ),
    Kernel(
        phase_averaged_excess,
        example=lambda _: {"eta": np.array([[0.0], [1e-6], [3.0]]), "K": np.array([2.0, 1e6]), "alpha": 0.2},
        core={"eta": 0, "K": 0},
        bad=(
            ({"eta": np.array(-1.0)}, "eta"),
            ({"eta": np.array([1.0, np.nan])[:, None]}, "eta"),
            ({"K": np.array([0.5, 2.0])}, "K"),
            ({"alpha": 0.0}, "alpha"),
        ),
        launches=170,
        syncs=5,
        tolerance=1e-13,
    ),
    Kernel(
        operator_norm_bound,
        example=lambda _: {"K": SIZES, "R": BUDGETS},
        core={"K": 0, "R": 0},
        bad=(
            ({"K": np.array([0.5, 2.0, 3.0])}, "K"),
            ({"R": -BUDGETS}, "R"),
            ({"R": np.array(np.nan)}, "R"),
        ),
        launches=40,
        syncs=5,
    ),
)
