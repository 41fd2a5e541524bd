"""Instances of literal Muon from zero: measured diagonals, in rationals, and runs with small steps."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.polar_flow.ensembles import entry_sensing, gaussian_sensing, rank_one_sensing
from labs.polar_flow.literal import Descent, descend
from labs.polar_flow.operators import Operator, dense_sensing

# Measured diagonals, with ties, signs and a range of 10^6: for these everything is rational, T = R = max |y_i|.
DIAGONALS = [
    [Fraction(3)],
    [Fraction(2), Fraction(-2), Fraction(2)],
    [Fraction(5), Fraction(-3), Fraction(1, 2), Fraction(1, 2)],
    [Fraction(10**6), Fraction(-(10**3)), Fraction(1)],
]


def squares(x: list[Fraction] | tuple[Fraction, ...]) -> Fraction:
    return sum((v * v for v in x), Fraction(0))


def singular(W: np.ndarray) -> np.ndarray:
    return np.linalg.svd(W, compute_uv=False)


@cache
def instance(kind: str, shape: tuple[int, int], p: int, rank: int) -> tuple[Operator, np.ndarray]:
    draw = stream("flatness", kind, *shape, p, rank)
    ensemble = {"gaussian": gaussian_sensing, "entries": entry_sensing, "rank one": rank_one_sensing}[kind]
    operator, (m, n) = ensemble(p, shape, draw), shape
    if operator.kind == "dense":
        operator = dense_sensing(operator.basis, shape)  # the same kernel with AA* = I
    return operator, operator.apply(draw.standard_normal((m, rank)) @ draw.standard_normal((rank, n)))


INSTANCES = [
    ("gaussian", (10, 10), 60, 2),
    ("entries", (10, 10), 60, 2),
    ("rank one", (10, 10), 60, 2),
    ("gaussian", (20, 20), 40, 1),
    ("gaussian", (4, 16), 30, 1),
    ("entries", (16, 4), 30, 4),
]
on_instances = pytest.mark.parametrize("name", INSTANCES, ids=lambda name: f"{name[0]} {name[1]} {name[2]}")


@cache
def small_steps(name: Any, rule: str = "muon", h: float = 0.05) -> Descent:
    """From zero with steps h until the residual is of their size, sqrt(r) h."""
    operator, y = instance(*name)
    stop = h * np.sqrt(min(name[1])) / np.linalg.norm(y)
    steps = np.full(int(3 * np.linalg.norm(y) / h), h)
    return descend(operator, y, np.zeros(name[1]), steps, rule, stop=stop)
