"""Memories in groups for the tests of the reduction: sizes, masses, and labs' numbers of the groups in sympy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from labs.associative_memory._blocks import Groups
from theory.associative_memory import reduction
from theory.evidence import Evidence, every, exact

Sizes = Sequence[int]

RULES = ("gd", "ngd", "tra-signgd", "muon", "muon-ns5", "polar-express")
NOISE = (0.0, 0.2, 0.4)
# Sizes and masses: equal groups; unequal ones, one of a single item, two of equal mass; M = K; M = 1.
GROUPED: list[tuple[tuple[int, ...], tuple[float, ...]]] = [
    ((4, 4, 4), (0.6, 0.3, 0.1)),
    ((3, 1, 4, 2), (0.4, 0.3, 0.15, 0.15)),
    ((1, 1, 1, 1, 1), (0.4, 0.25, 0.2, 0.1, 0.05)),
    ((6,), (1.0,)),
]


SMALL: list[tuple[int, ...]] = [(2, 2), (1, 3), (2, 1, 1)]


def same(X: Any, Y: Any) -> Evidence:
    """Two matrices of sympy, entry by entry."""
    return every(*(exact(x, y) for x, y in zip(sympy.flatten(X), sympy.flatten(Y), strict=True)))


def frequencies(sizes: Sizes, masses: Sequence[float]) -> np.ndarray:
    """p_j of every item."""
    return np.repeat(np.array(masses) / np.array(sizes), sizes)


def formal_groups(sizes: Sizes) -> Groups:
    """labs' numbers of the groups, in sympy."""

    def array(entry: Any) -> np.ndarray:
        return np.array([[entry(a, b) for b in range(M)] for a in range(M)], dtype=object)

    M, C = len(sizes), [sympy.Integer(size) for size in sizes]
    return Groups(
        xp=np,
        C=np.array(C, dtype=object),
        others=array(lambda a, b: C[a] - int(a == b)),
        root=array(lambda a, b: sympy.sqrt(C[a] * C[b])),
        eye=array(lambda a, b: sympy.Integer(int(a == b))),
        apart=array(lambda a, b: sympy.Integer(int(a != b))),
        several=np.array([sympy.Integer(int(size > 1)) for size in sizes], dtype=object),
        null=np.array([sympy.sqrt(c / sympy.Integer(sum(sizes))) for c in C], dtype=object),
        K=float(sum(sizes)),
        noise=np.zeros(1),
        p=np.ones(M),
    )


def across(of: reduction.Memory, G: Any) -> np.ndarray:
    """The entries of a matrix of the commutant off its diagonal, as labs keeps them."""
    first = [sum(of.sizes[:a]) for a in range(len(of.sizes))]
    rows = [i + 1 if size > 1 else i for i, size in zip(first, of.sizes, strict=True)]
    return np.array([[G[i if a != b else rows[a], first[b]] for b in range(len(first))]
                     for a, i in enumerate(first)], dtype=object)  # fmt: skip
