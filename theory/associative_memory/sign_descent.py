"""Derivations for Muon: the gradient of one group, the excess of an error, the two-cycle, margins between groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def one_group(K: int, E: Any, alpha: Any) -> tuple[Any, Any]:
    """K G at What = m (I - J/K), E = e^m, uniform p, from the softmax of its columns; and the loss less (1-pi) m.

    A column is shifted so that its wrong logits are 0.  The loss is log(Z) - sum_i P_ij w_i, so that with pi = P_jj
    it is log(Z/E) + (1 - pi) m: returned is exp of its first part, Z/E.
    """
    import sympy

    weights = sympy.Matrix(K, K, lambda i, j: E if i == j else 1)
    total = E + K - 1
    P = sympy.Matrix(K, K, lambda i, j: (1 - alpha) * int(i == j) + alpha / K)
    return weights / total - P, total / E


def drift_in_units_of_the_optimum(K: Any, alpha: Any, y: Any) -> Any:
    """g(m) = K/(e^m + K - 1) - alpha at e^m = y e^{m*}, where e^{m*} is the root of g."""
    import sympy

    X = sympy.Symbol("X")
    (best,) = sympy.solve(K - alpha * (X + K - 1), X)
    return K / (best * y + K - 1) - alpha


def excess(e: Any, pi: Any) -> Any:
    """log(1 + pi (exp(e) - 1)) - pi e."""
    import sympy

    return sympy.log(1 + pi * (sympy.exp(e) - 1)) - pi * e


def excess_from_losses(e: Any, K: Any, alpha: Any) -> Any:
    """exp of L(m* + e) - L(m*) + pi e for L(m) = log(e^m + K - 1) - pi m, as a function of E = exp(e)."""
    best = 1 + K * (1 - alpha) / alpha
    return (best * e + K - 1) / (best + K - 1)


def hoeffding(e: Any, pi: Any) -> tuple[Any, Any, Any]:
    """The excess at 0, its derivative at 0, and 1/4 less its second derivative."""
    import sympy

    psi = excess(e, pi)
    slope = sympy.diff(psi, e)
    return psi.subs(e, 0), slope.subs(e, 0), sympy.Rational(1, 4) - sympy.diff(slope, e)


def phase_average(eta: Any, pi: Any, order: int) -> Any:
    """The mean over a uniform phase of the mean of psi(-theta eta) and psi((1 - theta) eta), to this order in eta."""
    import sympy

    theta, x = sympy.symbols("theta x")
    series = sympy.series(excess(x, pi), x, 0, order + 1).removeO()
    both = (series.subs(x, -theta * eta) + series.subs(x, (1 - theta) * eta)) / 2
    return sympy.integrate(sympy.expand(both), (theta, 0, 1))


def contrast_residual(X: Any, alpha: Any, sizes: Sequence[Any], weights: Sequence[Any]) -> tuple[Any, Any]:
    """r_b = Q_b - q_bb - (1 - alpha) and K_eff of a column of the first group.

    Its weights over that of a wrong answer of its own group: own answer X, others of the group 1 (sizes[0] - 1 of
    them), answers of the other groups weights[a] (sizes[a] of them).
    """
    total = X + sizes[0] - 1 + sum(C * w for C, w in zip(sizes[1:], weights, strict=True))
    effective = sizes[0] + sum(C * w for C, w in zip(sizes[1:], weights, strict=True))
    return X / total - 1 / total - (1 - alpha), effective


def logits(sizes: Sequence[int], x: Sequence[Any], S: Any) -> Any:
    """What = sum_a x_a (I - J/C_a) + sum_ab S_ab 1_a 1_b^T/sqrt(C_a C_b), as a matrix."""
    import sympy

    blocks = [
        [
            (x[a] * (sympy.eye(C) - sympy.ones(C, C) / C) if a == b else sympy.zeros(C, D))
            + S[a, b] / sympy.sqrt(C * D) * sympy.ones(C, D)
            for b, D in enumerate(sizes)
        ]
        for a, C in enumerate(sizes)
    ]
    return sympy.Matrix(sympy.BlockMatrix(blocks))


def margin_by_blocks(sizes: Sequence[Any], x: Sequence[Any], S: Any, a: int, b: int) -> tuple[Any, Any]:
    """x_b (1 - 1/C_b) and v^T S e_b/sqrt(C_b), v = e_b/sqrt(C_b) - e_a/sqrt(C_a): their sum is the margin."""
    import sympy

    own, other = sympy.sqrt(sizes[b]), sympy.sqrt(sizes[a])
    return x[b] * (1 - sympy.Integer(1) / sizes[b]), (S[b, b] / own - S[a, b] / other) / own


def lagrange(u: Sequence[Any], v: Sequence[Any]) -> tuple[Any, Any]:
    """|u|^2 |v|^2 - (u . v)^2 and the sum of the squares (u_i v_j - u_j v_i)^2, i < j, that it is."""
    room = sum(x * x for x in u) * sum(y * y for y in v) - sum(x * y for x, y in zip(u, v, strict=True)) ** 2
    pairs = [(i, j) for i in range(len(u)) for j in range(i)]
    return room, sum((u[i] * v[j] - u[j] * v[i]) ** 2 for i, j in pairs)
