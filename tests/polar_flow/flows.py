"""Flows that several tests look at: one for every kind of measurements, followed once; and rational instances."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.ensembles import entry_sensing, gaussian_sensing, rank_one_sensing
from labs.polar_flow.operators import Operator, diagonal, regression
from labs.polar_flow.self_polar import FlowResult, self_polar_flow
from theory.polar_flow import frames

TIMES = np.linspace(0.0, 6.0, 25)
KINDS = ("regression", "gaussian", "mask", "rank-one", "diagonal")


@dataclass(frozen=True)
class Followed:
    """Measurements, a start, and the flow from it."""

    operator: Operator
    W0: np.ndarray
    flow: FlowResult


def operator_of(kind: str, m: int, n: int, share: float, *cell: Any) -> Operator:
    """Measurements of this kind of m x n matrices, about share * m n of them."""
    drawn = stream("polar flow: operators", kind, m, n, share, *cell)
    p = round(share * m * n)
    if kind == "regression":
        return regression(drawn.standard_normal((max(1, round(share * m)), m)))
    if kind == "diagonal":
        return diagonal(drawn.standard_normal((max(1, round(share * m)), m)))
    return {"gaussian": gaussian_sensing, "mask": entry_sensing, "rank-one": rank_one_sensing}[kind](
        p, (m, n), drawn
    )


@cache
def followed(kind: str, method: str = "explicit") -> Followed:
    """The flow of this kind from a Gaussian start (diagonal: a diagonal one) to time 6."""
    m, n = (5, 3) if kind == "regression" else (4, 4) if kind in ("mask", "diagonal") else (4, 3)
    W0 = stream("polar flow: starts", kind).standard_normal((m, n))
    operator = operator_of(kind, m, n, 0.4)
    if kind == "diagonal":
        W0 = W0 * np.eye(m)
    options: dict[str, Any] = {"step": 0.025, "tolerance": 1e-7} if method == "proximal" else {}
    return Followed(operator, W0, self_polar_flow(operator, W0, TIMES, method, **options))


def zoo_matrices(m: int, n: int) -> dict[str, np.ndarray]:
    """A matrix for every spectrum of the zoo."""
    spectra = zoo(min(m, n), stream("polar flow: spectra", m, n))
    return {name: matrix(s, m, n, stream("polar flow: frames", name, m, n)) for name, s in spectra.items()}


def polar(W: np.ndarray) -> np.ndarray:
    """P(W) at full rank."""
    u, _, vt = np.linalg.svd(W, full_matrices=False)
    return u @ vt


# --- rational instances ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diagonal:
    """Constraints B x = B x0 and a start."""

    B: tuple[tuple[int, ...], ...]
    x0: tuple[int | Fraction, ...]


EXAMPLE = Diagonal(((1, 2),), (2, 1))  # ker B = span (2, -1)

# Starts whose flows drop one, two and three entries to zero, and let some go again.
DIAGONALS = (
    EXAMPLE,
    Diagonal(((1, 2, 3, 1), (1, -1, 0, 2)), (2, -1, 1, 3)),
    Diagonal(((1, 1, 1),), (3, -1, 2)),
    Diagonal(((2, -1, 1, 3, 1),), (1, 4, -2, 3, -1)),
    Diagonal(((1, 2, 0, -1, 1), (0, 1, 3, 1, -2)), (3, -2, 1, 4, 2)),
    Diagonal(((-2, -2, 1),), (-1, 2, 3)),  # an entry is released
    Diagonal(((3, 1, -3),), (1, -3, 1)),  # an entry changes its sign
    Diagonal((), (2, -1, 1)),
)

# Kernels of one dimension.
LINES = (
    EXAMPLE,
    Diagonal(((1, 2, 3), (2, -1, 1)), (3, 1, -2)),
    Diagonal(((1, 0, 2, 1), (0, 1, 1, -3), (2, 1, 0, 1)), (2, -3, 1, 2)),
    Diagonal(((1, -2, 0), (1, 1, 1)), (4, -1, 2)),
)


def kernel_of(example: Diagonal) -> tuple[Fraction, ...]:
    """A vector of the kernel, which must have one dimension: where the flow goes at first."""
    return diagonal_flow(example.B, example.x0).events[0].velocity


def kernel_projector(example: Diagonal) -> Any:
    """P_perp on the diagonal, by theory."""
    import sympy

    r = len(example.x0)
    return frames.kernel_projector(sympy.Matrix(example.B)) if example.B else sympy.eye(r)
