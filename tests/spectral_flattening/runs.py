"""Instances of runs: random quadratics of several sizes in one batch, and orbits that end in a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening.dynamics import Constants, Trajectory, constants, descend
from tests.spectral_flattening.rationals import fractions

LARGEST = 4
Numbers = Sequence[Fraction]

# Curvatures of modes, starts in units of the step size 1 (none an integer): graded, repeated, one spike.
MODES: list[tuple[Numbers, Numbers]] = [
    (fractions("1"), fractions("99/100")),
    (fractions("1", "1/1000", "1/1000000"), fractions("1/2", "-41/10", "19/20")),
    (fractions("3", "3", "3"), fractions("9/10", "-9/10", "29/10")),
    (fractions("100", "1", "1", "1"), fractions("1/3", "5/7", "-22/7", "7/10")),
]

# A step in floating point is a step along a direction that is polar to about 1e-14, on a loss right to 1e-15 of its
# terms: the map's argument holds with constants off by that much.
RUN_ERROR = 1e-12


@dataclass(frozen=True)
class Quadratics:
    """A batch of Kronecker quadratics of sizes 1 ... 4, each filled up to 4 x 4 with zeros, which change nothing."""

    B: np.ndarray
    A: np.ndarray
    delta: np.ndarray
    eta: np.ndarray

    def constants(self) -> Constants:
        """Their constants; the zeros that fill them up are no eigenvalues."""
        return constants(self.B, self.A)


def random_quadratics(count: int, purpose: str) -> Quadratics:
    """Sizes 1 ... 4, eigenvalues exp(U(-2, 2)), Haar eigenbases, normal starts, eta = exp(U(-3, 3))."""
    draw = stream(purpose)
    B, A, delta = (np.zeros((count, LARGEST, LARGEST)) for _ in range(3))
    for i in range(count):
        m, n = (int(size) for size in draw.integers(1, LARGEST + 1, 2))
        for S, size in ((B, m), (A, n)):
            basis, values = haar(size, draw), np.exp(draw.uniform(-2, 2, size))
            product = (basis * values) @ basis.T
            S[i, :size, :size] = (product + product.T) / 2
        delta[i, :m, :n] = draw.standard_normal((m, n))
    return Quadratics(B, A, delta, np.exp(draw.uniform(-3, 3, count)))


def limsup(orbit: list[Any], period: int = 2) -> Any:
    """The largest of the last values of an orbit that has become periodic; ValueError if it has not."""
    if orbit[-period:] != orbit[-2 * period : -period]:
        raise ValueError(f"the orbit is not periodic yet: it ends in {orbit[-2 * period :]}")
    return max(orbit[-period:])


@cache
def quadratics(count: int) -> Quadratics:
    """The random quadratics of the boundedness claims."""
    return random_quadratics(count, "boundedness: quadratics")


@cache
def ended(rule: str, count: int, steps: int) -> Trajectory:
    """Runs of these at their own fixed steps, with their last three points."""
    few = quadratics(count)
    return descend(few.B, few.A, few.delta, rule, steps, size=few.eta, checkpoints=range(steps - 2, steps))


def tails(run: Trajectory) -> np.ndarray:
    """The largest loss over the last quarter of a run."""
    return run.values[..., -(run.sizes.shape[-1] // 4) :].max(axis=-1)
