"""Claims about Muon as a preconditioner that the gradient builds of itself (P10)."""

from __future__ import annotations

from typing import Any

from theory.associative_memory.paper import claim

AML_P10a = claim(
    id="AML-P10.a",
    statement="Muon is gradient descent preconditioned by the root of the gradient's own Gram matrix.",
    formula="msgn(G) = G D,  D = (G^T G)^{+1/2}: symmetric, positive semidefinite, D^2 = (G^T G)^+",
    sense="==",
    provenance="reconstructed",
    proof="G = U s V^T gives D = V s^{-1} V^T over s > 0.",
)

AML_P10b = claim(
    id="AML-P10.b",
    statement="For grouped frequencies, in the task basis, the preconditioner divides out frequency and residual "
    "group by group, and acts on the means of the groups through an M x M matrix.",
    formula="D = 1/(p_a |r_a|) on the contrasts of group a,  (Gbar^T Gbar)^{+1/2} on the means;  W_0 = 0 or A2",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A4"),
    rests_on=("AML-P10.a",),
    proof="G = sum_a p_a r_a (I_a - J_a/C_a) + sum_ab Gbar_ab 1_a 1_b^T/sqrt(C_a C_b), and the two parts act on "
    "orthogonal spaces.",
)

AML_P10c = claim(
    id="AML-P10.c",
    statement="Between GD and Muon lies a family of powers of the singular values; its first step moves the contrast "
    "of a group by that power of its frequency.",
    formula="X = G (G^T G)^{+(s-1)/2}, W_0 = 0:  x_a = eta ((1 - alpha) p_a)^s;  s = 1 GD, s = 0 Muon",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A4", "W_0 = 0"),
    proof="At W = 0, G = -(1 - alpha) (I - J/K) diag(p), so that G v = -(1 - alpha) p_a v = G^T v for a contrast "
    "v of group a.",
)


def blocks(sizes: tuple[int, ...]) -> tuple[list[Any], list[Any]]:
    """For each group the projection on its contrasts, and its unit vector 1_a/sqrt(C_a): matrices of sum(sizes)."""
    import sympy

    K = sum(sizes)
    projections, means = [], []
    for a, size in enumerate(sizes):
        first = sum(sizes[:a])
        inside = [int(first <= j < first + size) for j in range(K)]
        unit = sympy.Matrix([sympy.sqrt(sympy.Rational(1, size)) * inside[j] for j in range(K)])
        projections.append(sympy.diag(*inside) - unit * unit.T)
        means.append(unit)
    return projections, means


def first_gradient(sizes: tuple[int, ...], p: list[Any], alpha: Any) -> Any:
    """(Phat - P) diag(p) at W = 0, entry by entry: every answer has probability 1/K."""
    import sympy

    K = sum(sizes)
    frequency = [p[a] for a, size in enumerate(sizes) for _ in range(size)]
    uniform = sympy.Rational(1, K)
    return sympy.Matrix(
        K, K, lambda i, j: frequency[j] * (uniform - ((1 - alpha) * int(i == j) + alpha * uniform))
    )
