"""The kernels of the isotropic curvature model, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import array_namespace, to_numpy
from labs.core.sphere import expect
from labs.isotropic_curvature import (
    Polynomial,
    Power,
    closed_forms,
    dual_norm,
    duality_gap,
    measure,
    nodes,
    solve,
    solve_matrix,
)
from labs.isotropic_curvature.anisotropic import solve_anisotropic
from tests.kernels import Kernel, vectors

# Any order, ties, a zero, four decades; a batch of 2 x 2.
GRADIENTS = np.array([[[1.0, 0.6, 0.3], [2.0, 2.0, 1e-4]], [[0.0, 3.0, 0.5], [0.2, 0.2, 0.2]]])
MATRICES = np.stack(
    [np.diag([3.0, 1.0, 0.5])[:2] + 0.3 * np.cos(np.arange(6.0) + i).reshape(2, 3) for i in range(3)]
)
COVARIANCES = np.eye(3) + 0.3 * MATRICES.transpose(0, 2, 1) @ MATRICES
NODES = nodes.sphere_nodes(3, 60)
MIXED = Polynomial({1.0: 0.1, 2.5: 1.0, 4.0: 0.5})

# Newton's method stops at a relative residual of 5e-13 at worst, and its Jacobian is well conditioned.
SOLVED: dict[str, Any] = {"tolerance": 1e-11, "absolute": 1e-11}
SINGLE = ({"g": GRADIENTS.astype(np.float32)}, "g")
SIZES = (({"m": 2}, "m"), ({"n": 2}, "n"), ({"n": 3.5}, "n"), ({"H": "x^4"}, "H"))


def _iterations(solution):
    return float(np.max(to_numpy(solution.iterations)))


def _fourth_powers(W):
    return array_namespace(W).sum(W**4, axis=(-2, -1))


KERNELS = [
    Kernel(
        expect,
        example=lambda _: {"q": GRADIENTS, "H": MIXED, "n": 5, "order": 2},
        core={"q": 1},
        bad=(
            *vectors("q", GRADIENTS, nonnegative=True),
            ({"q": SINGLE[0]["g"]}, "q"),
            ({"n": 2}, "n"),
            ({"order": 3}, "order"),
        ),
        launches=320,
        syncs=3,
        tolerance=1e-13,
    ),
    Kernel(
        solve,
        example=lambda _: {"g": GRADIENTS, "H": MIXED, "m": 3, "n": 5},
        core={"g": 1},
        bad=(*vectors("g", GRADIENTS, nonnegative=True), SINGLE, *SIZES),
        launches=800,
        syncs=8,
        iterations=_iterations,
        **SOLVED,
    ),
    Kernel(
        solve_matrix,
        example=lambda _: {"G": MATRICES, "H": Power(4.0)},
        core={"G": 2},
        bad=(
            ({"G": np.full((2, 2), np.nan)}, "G"),
            ({"G": np.ones((2, 2), np.float32)}, "G"),
            ({"G": np.ones(3)}, "G"),
            ({"G": np.ones((0, 2))}, "G"),
        ),
        launches=1100,
        syncs=12,
        **SOLVED,
    ),
    Kernel(
        solve_anisotropic,
        example=lambda _: {"G": MATRICES, "H": Power(4.0), "C": COVARIANCES, "M": COVARIANCES[:, :2, :2]},
        core={"G": 2, "C": 2, "M": 2},
        bad=(
            ({"G": np.full((2, 3), np.nan)}, "G"),
            ({"G": np.ones((2, 3), np.float32)}, "G"),
            ({"C": np.eye(2)}, "C"),
            ({"C": np.diag([1.0, 1.0, -1.0])}, "C"),
            ({"C": np.eye(3) + np.eye(3, k=1)}, "C"),
            ({"M": np.full((2, 2), np.inf)}, "M"),
            ({"M": np.eye(2, dtype=np.float32)}, "M"),
            ({"M": np.zeros((2, 2))}, "M"),
        ),
        launches=1200,
        syncs=20,
        **SOLVED,
    ),
    Kernel(
        dual_norm,
        example=lambda _: {"g": GRADIENTS, "n": 4},
        core={"g": 1},
        bad=(*vectors("g", GRADIENTS, nonnegative=True), SINGLE, ({"n": 2}, "n")),
        launches=1000,
        syncs=20,
        **SOLVED,
    ),
    Kernel(
        duality_gap,
        example=lambda _: {"g": GRADIENTS, "q": GRADIENTS**0.5, "H": Power(1.5), "n": 4},
        core={"g": 1, "q": 1},
        bad=(*vectors("g", GRADIENTS, nonnegative=True), SINGLE, *vectors("q", GRADIENTS, nonnegative=True)),
        launches=200,
        syncs=3,
        tolerance=1e-13,
    ),
    Kernel(
        nodes.solve_nodes,
        example=lambda _: {"g": GRADIENTS, "H": Power(3.0), "nodes": NODES},
        core={"g": 1},
        bad=(*vectors("g", GRADIENTS, nonnegative=True), SINGLE, ({"nodes": np.ones((4, 2))}, "nodes")),
        launches=180,
        syncs=4,
        iterations=_iterations,
        **SOLVED,
    ),
    Kernel(
        closed_forms.quartic_update,
        example=lambda _: {"g": GRADIENTS, "n": 5, "c": 2.0},
        core={"g": 1},
        bad=(*vectors("g", GRADIENTS, nonnegative=True), SINGLE, ({"n": 2}, "n"), ({"c": 0.0}, "c")),
        launches=2000,
        syncs=1,
        tolerance=1e-13,
    ),
    Kernel(
        measure.unit_direction,
        example=lambda _: {"D": MATRICES},
        core={"D": 2},
        bad=(
            ({"D": np.zeros((2, 3))}, "D"),
            ({"D": np.full((2, 3), np.inf)}, "D"),
            ({"D": np.ones((2, 3), np.float32)}, "D"),
            ({"D": np.ones(3)}, "D"),
        ),
        launches=14,
        syncs=2,
    ),
    Kernel(
        measure.even_part,
        example=lambda _: {
            "loss": _fourth_powers,
            "W": MATRICES[0],
            "D": MATRICES,
            "lengths": np.array([0.1, 1.0]),
        },
        core={"D": 2},
        bad=(
            ({"W": np.full((2, 3), np.nan)}, "W"),
            ({"D": np.ones((3, 2))}, "D"),
            ({"lengths": np.array([0.1, 0.0])}, "lengths"),
            ({"lengths": np.ones(())}, "lengths"),
        ),
        launches=50,
        syncs=2,
        absolute=1e-12,  # losses up to about 1e3
    ),
]
