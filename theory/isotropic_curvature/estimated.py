"""Solving with an estimate of H: the three steps behind the guarantee, and the instance that attains it.

With E = e^eps >= 1 and H within the factor E of Hhat both ways, let V(c) = max_q <q, g> - c phihat(q), attained
at qhat for c = 1.  A2-weak is phihat(t q) <= t^2 phihat(q) for t <= 1 (>= for t >= 1).  Then

    -min F <= V(1/E) <= E V(1)              put q = E q' in V(1/E),
    -F(qhat/E) >= <qhat, g>/E - E phihat(qhat/E) >= V(1)/E.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from theory.isotropic_curvature.even_powers import Even, gradient, penalty


class Bounds(NamedTuple):
    """Where the estimate's optimum is qhat: a ceiling of -min F, and a floor of -F(qhat/E)."""

    ceiling: Any
    floor: Any


def bounds(H: Even, q: Sequence[Any], E: Any, n: Any) -> Bounds:
    """For the gradient g whose optimum under the estimate H (even powers) is q."""
    earned = sum(gi * qi for gi, qi in zip(gradient(H, q, n), q, strict=True))
    return Bounds(E * (earned - penalty(H, q, n)), earned / E - E * penalty(H, [x / E for x in q], n))


class Sharp(NamedTuple):
    """What attains the bound: |Q zeta| takes the two lengths 1/E and E only, and H is x/2 between them."""

    shrunk_value: Any  # -F(qhat/E)
    best_value: Any  # -min F
    ratios: tuple[Any, Any]  # H/Hhat at the two lengths


def sharp_instance(E: Any) -> Sharp:
    """k = n, g constant with sum 1, Hhat = x^2/2; H = x/2 up to E and steeper than 1 beyond.

    All singular values are equal, to r say, and |Q zeta| = r: F = H(r) - r.  Hhat has its optimum at r = 1, H at
    the end of its slope 1/2 < 1, r = E.
    """

    def true(x: Any) -> Any:
        return x / 2

    def estimate(x: Any) -> Any:
        return x**2 / 2

    low = 1 / E
    return Sharp(low - true(low), E - true(E), (true(low) / estimate(low), true(E) / estimate(E)))
