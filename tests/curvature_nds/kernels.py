"""The kernels of the curvature (NDS) paper, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.curvature_nds.baselines import conjugate_gradients, entrywise_descent
from labs.curvature_nds.kronecker import joint_diagonalise, joint_diagonality, kronecker_sum, rearranged
from labs.curvature_nds.levels import two_level, win_region
from labs.curvature_nds.memory import long_tail_memory, rotated_sign_sharpness
from labs.curvature_nds.quadratic import descend, descend_dense, structured
from labs.curvature_nds.spectra import laggard_rate
from tests.curvature_nds.taylor_kernels import TAYLOR_KERNELS
from tests.kernels import Kernel, vectors

# Three problems of four modes; three frames each of 5 x 4 and 6 x 4.
W = np.array([[12.0, 1.0, 1.0, 1.0], [4.0, 3.0, 2.0, 1.0], [1.0, 1e-3, 0.5, 0.1]])
SIGMA = np.array([[2.0, 1.0, 1.0, 1.0], [1.0, -1.0, 2.0, 0.5], [1.0, 0.01, 0.0, 0.3]])
LEFT, RIGHT = (haar(n, stream("kernel contract: frames", n), (3,), columns=4) for n in (5, 6))
A, B, D = structured(W, SIGMA, LEFT, RIGHT)

# Curvatures of 3 x 4 matrices: sums of two products, and something beside them.
SQUARE, OTHER = (
    haar(n, stream("kernel contract: Kronecker factors", n), (2, 2)) * np.arange(1.0, n + 1.0) for n in (3, 4)
)
LEFT_FACTORS, RIGHT_FACTORS = (X @ np.swapaxes(X, -1, -2) for X in (SQUARE, OTHER))
HESSIAN = np.einsum("bkij,bklm->biljm", LEFT_FACTORS, RIGHT_FACTORS).reshape(2, 12, 12) + np.diag(
    np.arange(12.0)
)
NOT_SQUARE = (np.ones((2, 12, 11)), np.ones(12), np.full((12, 12), math.nan))

STEPS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"steps": -1}, "steps"),
    ({"steps": 2.0}, "steps"),
    ({"step": "newton"}, "step"),
    ({"step": math.nan}, "step"),
    ({"step": np.ones((3, 7))}, "step"),
    ({"norm": 1.0}, "norm"),
    ({"step": "matched-norm", "norm": -1.0}, "norm"),
)
LONGER = ({"sigma": np.ones(5)}, "sigma")
NOT_POSITIVE = (0.0, -1.0, math.inf, math.nan, np.array([1.0, math.nan]), np.ones(2, dtype=np.int64))

KERNELS: tuple[Kernel, ...] = (
    Kernel(
        two_level,
        example=lambda _: {
            "m": np.array([[1.0], [3.0]]),
            "q": np.array([[4.0], [4.0]]),
            "rho": np.array([1.0, 12.0, 3.0]),
            "s": np.array([0.5, 2.0, 40.0]),
        },
        core=dict.fromkeys(("m", "q", "rho", "s"), 0),
        bad=(
            *(({name: value}, name) for name in ("m", "q", "rho", "s") for value in NOT_POSITIVE),
            ({"m": 4.0}, "m"),
            ({"rho": np.array([1.0, 2.0, 0.99])}, "rho"),
            ({"rho": 1e31}, "rho"),
            ({"s": 1e-31}, "s"),
        ),
        launches=800,
        syncs=4,
        tolerance=1e-13,
    ),
    Kernel(
        win_region,
        example=lambda _: {
            "alpha": np.array([[0.02], [0.45], [0.7]]),
            "rho": np.array([1.5, 12.0, 3.0]),
            "s": np.array([0.5, 2.0, 3.0]),
        },
        core=dict.fromkeys(("alpha", "rho", "s"), 0),
        bad=(
            *(({name: value}, name) for name in ("alpha", "rho", "s") for value in NOT_POSITIVE),
            ({"alpha": 1.0}, "alpha"),
            ({"rho": 0.99}, "rho"),
            ({"s": 1e31}, "s"),
            ({"alpha": 1e-31}, "alpha"),
        ),
        launches=100,
        syncs=4,
    ),
    Kernel(
        descend,
        example=lambda _: {"w": W, "sigma": SIGMA, "rule": "muon", "steps": 4},
        core={"w": 1, "sigma": 1},
        bad=(
            *vectors("w", W, nonnegative=True),
            ({"w": np.zeros(4)}, "w"),
            *vectors("sigma", SIGMA),
            LONGER,
            ({"rule": "newton"}, "rule"),
            ({"rule": ["gd"]}, "rule"),
            ({"rule": "gd", "step": "halving"}, "step"),
            *STEPS,
        ),
        launches=400,
        syncs=3,
        tolerance=1e-13,
    ),
    Kernel(
        descend_dense,
        example=lambda _: {"A": A, "B": B, "D": D, "rule": "sign", "steps": 4},
        core={"A": 3, "B": 3, "D": 2},
        bad=(
            ({"A": np.full((1, 5, 5), math.nan)}, "A"),
            ({"A": np.ones((1, 5, 4))}, "A"),
            ({"A": -A}, "A"),
            ({"A": np.triu(np.ones((1, 5, 5)))}, "A"),
            ({"B": np.ones((2, 6, 6))}, "B"),
            ({"B": np.full((1, 6, 6), math.inf)}, "B"),
            ({"D": np.ones(5)}, "D"),
            ({"D": np.full((5, 6), math.nan)}, "D"),
            ({"rule": "newton"}, "rule"),
            ({"rule": lambda R: R[..., :1]}, "rule"),
            ({"rule": lambda R: R + math.nan}, "rule"),
            *STEPS,
        ),
        launches=500,
        syncs=3,
        tolerance=1e-11,
    ),
    Kernel(
        structured,
        example=lambda _: {"w": W, "sigma": SIGMA, "left": LEFT, "right": RIGHT},
        core={"w": 1, "sigma": 1, "left": 2, "right": 2},
        bad=(
            *vectors("w", W, nonnegative=True),
            *vectors("sigma", SIGMA),
            LONGER,
            ({"left": np.ones((5, 3))}, "left"),
            ({"left": np.full((5, 4), math.nan)}, "left"),
            ({"left": np.ones((5, 4))}, "left"),
            ({"right": np.ones(4)}, "right"),
        ),
        launches=45,
        syncs=3,
        tolerance=1e-13,
        absolute=1e-13,
    ),
    Kernel(
        laggard_rate,
        example=lambda _: {"w": W, "sigma": SIGMA},
        core={"w": 1, "sigma": 1},
        bad=(*vectors("w", W, nonnegative=True), ({"w": np.zeros(4)}, "w"), *vectors("sigma", SIGMA), LONGER),
        launches=40,
        syncs=2,
    ),
    Kernel(
        conjugate_gradients,
        example=lambda _: {"w": W, "sigma": SIGMA, "steps": 3},
        core={"w": 1, "sigma": 1},
        bad=(*vectors("w", W, nonnegative=True), *vectors("sigma", SIGMA), LONGER, *STEPS[:2]),
        launches=100,
        syncs=2,
        tolerance=1e-12,
        absolute=1e-14,
    ),
    Kernel(
        entrywise_descent,
        example=lambda _: {"w": W, "sigma": SIGMA, "left": LEFT, "right": RIGHT, "rule": "adam", "steps": 3},
        core={"w": 1, "sigma": 1, "left": 2, "right": 2},
        bad=(
            *vectors("w", W, nonnegative=True),
            *vectors("sigma", SIGMA),
            ({"left": np.ones((5, 3))}, "left"),
            ({"right": np.full((6, 4), math.nan)}, "right"),
            ({"right": np.ones((6, 4))}, "right"),
            ({"rule": "muon"}, "rule"),
            *STEPS[:2],
        ),
        launches=270,
        syncs=8,
        tolerance=1e-11,
    ),
    Kernel(
        long_tail_memory,
        example=lambda _: {"f": np.abs(SIGMA)},
        core={"f": 1},
        bad=(*vectors("f", W, nonnegative=True), ({"f": np.zeros((2, 3))}, "f")),
        launches=30,
        syncs=2,
    ),
    Kernel(
        rotated_sign_sharpness,
        example=lambda _: {"f": W, "inputs": haar(4, stream("kernel contract: inputs"), (3,))},
        core={"f": 1, "inputs": 2},
        bad=(
            *vectors("f", W, nonnegative=True),
            ({"inputs": np.ones((4, 3))}, "inputs"),
            ({"inputs": np.full((4, 4), math.nan)}, "inputs"),
            ({"inputs": np.ones((4, 4))}, "inputs"),
        ),
        launches=40,
        syncs=3,
        tolerance=1e-13,
    ),
    Kernel(
        rearranged,
        example=lambda _: {"H": HESSIAN, "m": 3},
        core={"H": 2},
        bad=(*(({"H": H}, "H") for H in NOT_SQUARE[:2]), ({"m": 5}, "m"), ({"m": 0}, "m"), ({"m": 3.0}, "m")),
        launches=3,
    ),
    Kernel(
        kronecker_sum,
        example=lambda _: {"H": HESSIAN, "m": 3, "rank": 2},
        core={"H": 2},
        bad=(
            *(({"H": H}, "H") for H in NOT_SQUARE),
            ({"H": np.arange(144.0).reshape(12, 12)}, "H"),
            ({"m": 5}, "m"),
            ({"rank": 0}, "rank"),
            ({"rank": 10}, "rank"),
        ),
        launches=60,
        syncs=2,
        tolerance=1e-12,
        absolute=1e-12,
    ),
    Kernel(
        joint_diagonalise,
        example=lambda _: {"A": LEFT_FACTORS},
        core={"A": 3},
        bad=(
            ({"A": np.ones((2, 3, 2))}, "A"),
            ({"A": np.ones(3)}, "A"),
            ({"A": np.full((1, 3, 3), math.nan)}, "A"),
            ({"A": np.zeros((2, 3, 3))}, "A"),
            ({"A": np.triu(np.ones((2, 3, 3)))}, "A"),
        ),
        launches=300,
        syncs=2,
        iterations=lambda result: result.sweeps,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    Kernel(
        joint_diagonality,
        example=lambda _: {"A": LEFT_FACTORS, "basis": haar(3, stream("kernel contract: basis"), (2,))},
        core={"A": 3, "basis": 2},
        bad=(
            ({"A": np.ones((2, 3, 2))}, "A"),
            ({"A": np.zeros((2, 3, 3))}, "A"),
            ({"basis": np.eye(4)}, "basis"),
            ({"basis": np.full((3, 3), math.nan)}, "basis"),
            ({"basis": np.ones((3, 3))}, "basis"),
        ),
        launches=30,
        syncs=3,
        tolerance=1e-13,
    ),
    *TAYLOR_KERNELS,
)
