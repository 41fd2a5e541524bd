"""Spectra in which every value stands twice: n = 2K, and the sums of two squares are uniform on a simplex.

With s_j = u_{2j-1} + u_{2j} the vector s is Dirichlet(1, ..., 1), and for it (Hermite and Genocchi)

    E f^(K-1)(<a, s>) = (K-1)! f[a_1, ..., a_K],     a divided difference.

With f(x) = (x_+)^K / K! it is E<a, s>_+ = (1/K) sum_{a_j > 0} a_j^K / prod_{l != j} (a_j - a_l), a rational function.
So the zonoid of n = 2K is known exactly at every normal with doubled entries, however many levels there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any


def support(a: Sequence[Any]) -> Any:
    """S(a_1, a_1, ..., a_K, a_K) = E<a, s>_+ for K different numbers a_j."""
    K = len(a)
    terms = [a[j] ** K / prod(a[j] - a[l] for l in range(K) if l != j) for j in range(K) if a[j] > 0]
    return sum(terms, start=Fraction(0)) / K


def first_moments(a: Sequence[Fraction]) -> list[Any]:
    """P_i for one coordinate of each pair: half the derivative of `support`, by differentiating its terms."""
    K = len(a)

    def derivative(i: int) -> Fraction:
        total = Fraction(0)
        for j in range(K):
            if a[j] <= 0:
                continue
            others = [a[j] - a[l] for l in range(K) if l != j]
            term = a[j] ** K / prod(others)
            if i == j:
                total += term * (K / a[j] - sum(1 / d for d in others))
            else:
                total += term / (a[j] - a[i])
        return total / K

    return [derivative(i) / 2 for i in range(K)]


def spectrum(a: Sequence[Fraction], A: Fraction, B: Fraction) -> list[Fraction]:
    """E[h u_i] (one coordinate of each pair) for h = A + (B - A) 1{a.u > 0}: then B_min(g, A) = B."""
    return [A / (2 * len(a)) + (B - A) * p for p in first_moments(a)]
