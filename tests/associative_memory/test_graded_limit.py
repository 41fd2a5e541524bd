"""AML-X7: the polar factor of the mean block when the frequencies are far apart."""

from __future__ import annotations

import numpy as np
import sympy

from labs.associative_memory.graded import graded_polar
from labs.core.streams import stream
from tests.referee import check, control, verifies
from theory.associative_memory import mean_block
from theory.associative_memory.mean_block import (
    AML_X7a,
    AML_X7b,
    AML_X7c,
)
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52


@check(AML_X7a)
def orthogonalised(M: int, shift: int = 0) -> Evidence:
    """The closed form against the process of Gram and Schmidt, for every c in symbols; the case of equal entries.

    `shift` is added to n in the latter.
    """
    c = sympy.symbols(f"c1:{M + 1}", positive=True)
    # The process knows c, not |c| = 1: t_1 = |c|^2 stands for 1, and columns come with the factor |c|^2.
    square = sum(x * x for x in c)
    Q = mean_block.closed_form(c)
    found = [exact(entry, 0) for entry in Q[:, -1]]
    for b, v in enumerate(mean_block.gram_schmidt(c)):
        length = v.dot(v)
        for a in range(M):
            # Q_ab = v_a/|v| up to the sign, which the next line settles.
            found.append(exact(Q[a, b] ** 2, v[a] ** 2 / length))
            found.append(exact(v[a] * (1 if a == b else -1), 0, ">" if a >= b else "=="))
            found.append(exact(Q[a, b] * (1 if a == b else -1), 0, ">" if a >= b else "=="))
    found.append(exact(square, mean_block.tails(c)[0]))
    equal = mean_block.closed_form([sympy.sqrt(sympy.Rational(1, M))] * M)
    for b in range(M - 1):
        n = sympy.Integer(M - b - 1 + shift)
        found.append(exact(equal[b, b], sympy.sqrt(n / (n + 1))))
        found.append(exact(equal[b + 1, b], -1 / sympy.sqrt(n * (n + 1))))
    return every(*found)


@verifies(AML_X7a)
def test_gram_schmidt_factor() -> None:
    for M in (2, 3, 4):
        orthogonalised(M)


@control(AML_X7a, changes="n = M - b -> M - b + 1")
def test_another_count_is_no_factor() -> None:
    orthogonalised(3, shift=1)


def factor(c: np.ndarray) -> np.ndarray:
    """Q of AML-X7.a in floating point."""
    t = np.append(np.cumsum((c * c)[::-1])[::-1], 0.0)
    Q = np.zeros((c.size,) * 2)
    for b in range(c.size - 1):
        Q[b, b] = np.sqrt(t[b + 1] / t[b])
        Q[b + 1 :, b] = -c[b + 1 :] * c[b] / np.sqrt(t[b] * t[b + 1])
    return Q


def first_factor(c: np.ndarray, p: np.ndarray) -> np.ndarray:
    """msgn((I - c c^T) diag(p))."""
    return graded_polar((np.eye(c.size) - np.outer(c, c)) * p, c).q


@check(AML_X7b)
def limit_of_two_items() -> Evidence:
    """M = 2 and any c, in symbols: the limit of the polar factor, against the closed form, column by column."""
    c = sympy.symbols("c1:3", positive=True)
    ratio = sympy.Symbol("ratio", positive=True)
    limit = mean_block.two_columns(c, ratio).applyfunc(lambda x: sympy.limit(x, ratio, 0))
    unit = {c[0] ** 2: 1 - c[1] ** 2}
    Q = mean_block.closed_form(c)
    return every(
        *(
            exact((limit[a, b] ** 2).subs(unit), sympy.expand(Q[a, b] ** 2).subs(unit))
            for a in range(2)
            for b in range(2)
        ),
        exact(limit[0, 0], 0, ">"),
        exact(limit[1, 0], 0, "<"),
    )


@check(AML_X7b)
def two_items_are_near() -> Evidence:
    """M = 2, equal c: every entry of the polar factor is within rho of the closed form, for all rho in (0, 1]."""
    rho, half = sympy.Symbol("rho", positive=True), sympy.sqrt(sympy.Rational(1, 2))
    far = mean_block.two_columns((half, half), rho) - mean_block.closed_form((half, half))
    # With u = sqrt(1 + rho^2): sqrt(2) |far| = 1 - 1/u or rho/u, and both are at most rho.
    u = sympy.sqrt(1 + rho**2)
    return every(
        *(exact(2 * far[a, 0] ** 2, (1 - 1 / u) ** 2) for a in range(2)),
        *(exact(2 * far[a, 1] ** 2, (rho / u) ** 2) for a in range(2)),
        exact((rho / u) ** 2, rho**2, "<"),
        exact((u - 1) * (u + 1), rho**2),
        exact(rho / (u + 1), rho, "<"),  # 1 - 1/u <= u - 1 = rho * rho/(u + 1) <= rho for rho <= 1
    )


@check(AML_X7b)
def near_the_limit(M: int, rho: float, graded: bool = True) -> Evidence:
    """Equal c, p_b = rho^b (or all equal): the polar factor is within rho of the closed form."""
    require(graded, "p_1 >> ... >> p_M")
    c = np.full(M, M**-0.5)
    p = rho ** np.arange(M) if graded else np.ones(M)
    return measured(np.max(np.abs(first_factor(c, p) - factor(c))), rho, 50 * M * EPS, "<=")


@check(AML_X7b)
def any_null_vector(M: int, seed: int) -> Evidence:
    """c drawn at random, steps of 10^-6 and of 10^-7 between frequencies: the distance falls by ten."""
    c = stream("graded limit", M, seed).random(M) + 0.1
    c = c / np.linalg.norm(c)
    far, near = (np.max(np.abs(first_factor(c, rho ** np.arange(M)) - factor(c))) for rho in (1e-6, 1e-7))
    # The second term of the expansion is 1e-6 of the first, times constants of a few units.
    return measured(near / far, 0.1, 1e-4)


@verifies(AML_X7b)
def test_graded_limit() -> None:
    limit_of_two_items()
    two_items_are_near()
    for M in (2, 3, 8, 30):
        for rho in (0.5, 0.1, 1e-3, 1e-6):
            near_the_limit(M, rho)
        any_null_vector(M, 0)


@control(AML_X7b, drops="p_1 >> ... >> p_M")
def test_equal_frequencies_are_not_graded() -> None:
    for M in (2, 8):
        near_the_limit(M, 1e-3, graded=False)
        c = np.full(M, M**-0.5)
        np.testing.assert_allclose(first_factor(c, np.ones(M)), np.eye(M) - np.outer(c, c), atol=1e-14)


@check(AML_X7c)
def last_of_eight(beta: float, printed: float) -> Evidence:
    """The last diagonal entry, to three digits; beta = 0 are equal frequencies."""
    require(beta > 0, "p_j ~ j^-beta")
    c = np.full(8, 8**-0.5)
    return measured(first_factor(c, np.arange(1.0, 9.0) ** -beta)[-1, -1], printed, 0.0005, margin=0.005)


@verifies(AML_X7c)
def test_the_rarest_of_eight() -> None:
    for beta, printed in ((1.0, 0.759), (2.0, 0.648), (4.0, 0.475), (8.0, 0.262)):
        last_of_eight(beta, printed)


@control(AML_X7c, drops="p_j ~ j^-beta")
def test_the_rarest_of_equals() -> None:
    last_of_eight(0.0, 0.759)
