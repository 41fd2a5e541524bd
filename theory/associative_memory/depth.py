"""Claims about Muon with a few Newton-Schulz steps: which groups it sees (X6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.associative_memory import reduction
from theory.associative_memory.paper import claim

AML_X6a = claim(
    id="AML-X6.a",
    statement="At W = 0 the normalised gradient has the frequencies for singular values.",
    formula="W = 0:  sigma_a = p_a |r_a|/|G|_F = p_a/sqrt((1 - 1/K) sum_j p_j^2)",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "A2", "A4"),
    rests_on=("AML-T1.d",),
    proof="P - Phat = (1 - alpha)(I - 11^T/K): column j of G has the length (1 - alpha) p_j sqrt(1 - 1/K).",
)

AML_X6b = claim(
    id="AML-X6.b",
    statement="k steps of Muon's quintic multiply a small singular value by a^k, and none by more: a group of small "
    "frequency gets a step in proportion to it, like that of gradient descent.",
    formula="phi = p o ... o p (k times), p(x) = a x + b x^3 + c x^5:  0 < phi(x) <= a^k x on (0, 1],  phi'(0) = a^k",
    sense="<=",
    provenance="extension",
    proof="p(x) <= a x where x^2 <= -b/c, p > 0 as b^2 < 4 a c, and p maps (0, 1.21] into itself, 1.21^2 < -b/c.",
)

AML_X6c = claim(
    id="AML-X6.c",
    statement="So with a million facts and five steps only the head is learned in the time in which exact Muon "
    "learns everything.",
    formula="K = 10^6, M = 100, beta = 2, alpha = 0.2, T = 300, eta = 1.5 m*/T: excess 5.90, 1.19, 0.062 for "
    "k = 3, 5, 8 (exact polar factor: below 1e-11);  k = 5: x_a/m* = 1, 1, 0.92, 0.60, 0.12, 0.0012 for "
    "a = 1, 2, 3, 4, 10, 100",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "A4", "Newton-Schulz"),
    kind="law",
    rests_on=("AML-X6.b",),
)

AML_X6d = claim(
    id="AML-X6.d",
    statement="How many groups are learned can be read off the first gradient, from below: the other singular values "
    "of the normalised gradient grow when the first have fallen.",
    formula="#{a : c a^k sigma_a > 1} <= #{a : x_a(T) > 0.9 m*},  eta = c m*/T;  c = 1.5, k = 5, 8: 2 <= 3, 16 <= 25 "
    "(24 in doubles: group 25 ends at 0.902 m*)",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "A4"),
    kind="law",
    rests_on=("AML-X6.a", "AML-X6.b"),
)


def first_gradient(sizes: Sequence[int], p: Sequence[Any], alpha: Any) -> Any:
    """G at W = 0, K x K; p per group."""
    import sympy

    K = sum(sizes)
    return reduction.gradient(sympy.ones(K, K), [p[a] for a in reduction.groups_of(sizes)], alpha)


QUINTIC = (34445, -47750, 20315)  # times 10^-4: Jordan et al. 2024


def quintic(x: Any) -> Any:
    """Muon's p(x), in integers and a quotient."""
    a, b, c = QUINTIC
    return x * (a + x * x * (b + x * x * c)) / 10000
