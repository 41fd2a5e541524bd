"""NDS-X10: what the pairing of gradient and curvature is for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from labs.curvature_nds.quadratic import descend_dense
from tests.curvature_nds.matrices import inner, pivots
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_X10a, NDS_X10b, NDS_X10c
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)


def gradient(order: Sequence[int], eps: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """P and G = P + eps (J - P)."""
    n = len(order)
    P = np.array([[ONE * (j == order[i]) for j in range(n)] for i in range(n)], dtype=object)
    return P, P + eps * (np.full((n, n), ONE, dtype=object) - P)


@check(NDS_X10a)
def permutation_is_the_factor(order: Sequence[int], eps: Fraction) -> Evidence:
    """P is orthogonal and P^T G symmetric and positive definite (pivots), so P is the polar factor of G."""
    require(0 < eps < 1, "0 < eps < 1")
    P, G = gradient(order, eps)
    S = P.T @ G
    return every(
        exact(Fraction(((P.T @ P - np.eye(len(order), dtype=int)) ** 2).sum()), 0),
        exact(Fraction(((S - S.T) ** 2).sum()), 0),
        *(exact(pivot, 0, ">") for pivot in pivots(S)),
    )


@check(NDS_X10a)
def any_size(lowest: Fraction = ONE) -> Evidence:
    """For every n >= 2: pivots of (1 - eps) I + eps J, k of n eliminated, eps = 1/(1 + v) (or `lowest`/(1 + v)).

    After k eliminations the diagonal is (1 - eps)(1 + k eps)/(1 + (k - 1) eps), by induction.
    """
    import sympy

    k, v = sympy.symbols("k v", positive=True)
    eps = 1 / (lowest + v)
    # Diagonal 1 - eps + off, off-diagonal off; one elimination.
    off = eps * (1 - eps) / (1 + (k - 1) * eps)
    pivot = 1 - eps + off
    return every(
        exact(off - off**2 / pivot, off.subs(k, k + 1)),
        exact(off.subs(k, 1), eps * (1 - eps)),
        exact(sympy.cancel(pivot.subs(k, k + 1)), 0, ">", witness={k: 1, v: Fraction(1, 1000)}),
    )


@check(NDS_X10b, NDS_X10c)
def closed_forms(decrease: bool, gap: int = 1) -> Evidence:
    """For every n, with k = (n - 1) eps^2 > 0 and h = l + t: sharpness of both, or the decreases of both."""
    import sympy

    n, k, l, t = sympy.symbols("n k l t", positive=True)
    h = l + t * gap
    energy, curvature = n * (1 + k), n * (h + k * l)
    if decrease:
        # <G, Z>^2/(2 <Z, H[Z]>), <G, P> = n.
        return exact(n**2 / (2 * n * h), energy**2 / (2 * curvature), "<", witness={n: 3, k: 1, l: 1, t: 1})
    return exact(h, curvature / energy, ">", witness={n: 3, k: 1, l: 1, t: 1})


@check(NDS_X10b, NDS_X10c)
def first_step(order: Sequence[int], eps: Fraction, h: Fraction, l: Fraction, decrease: bool) -> Evidence:
    """The curvature as sum of n products e_k e_k^T Z diag(row k), in fractions (A1, A2); one step of both."""
    n = len(order)
    P, G = gradient(order, eps)
    rows = P * (h - l) + l
    unit = np.array([[ONE * (i == j) for j in range(n)] for i in range(n)], dtype=object)
    A = [np.outer(unit[i], unit[i]) for i in range(n)]
    B = [np.diag(rows[i]) for i in range(n)]

    def curve(Z: np.ndarray) -> np.ndarray:
        return sum((a @ Z @ b for a, b in zip(A, B, strict=True)), start=0 * Z)

    found = []
    for Z in (P, G):
        gain, curvature, norm = inner(G, Z), inner(Z, curve(Z)), inner(Z, Z)
        found.append(gain * gain / (2 * curvature) if decrease else curvature / norm)
    k = (n - 1) * eps * eps
    forms = [n / (2 * h), n * (1 + k) ** 2 / (2 * (h + k * l))] if decrease else [h, (h + k * l) / (1 + k)]
    return every(
        *(exact(x, y) for x, y in zip(found, forms, strict=True)),
        exact(found[0], found[1], "<" if decrease else ">"),
    )


ORDERS = [(2, 0, 1), (0, 1, 2), (3, 1, 0, 4, 2)]


@verifies(NDS_X10a)
def test_the_polar_factor_is_the_permutation() -> None:
    any_size()
    for order in ORDERS:
        for eps in (Fraction(1, 1000), Fraction(1, 2), Fraction(999, 1000)):
            permutation_is_the_factor(order, eps)


@verifies(NDS_X10b)
def test_muon_is_sharper_without_pairing() -> None:
    closed_forms(False)
    for order in ORDERS:
        first_step(order, Fraction(1, 10), Fraction(7), Fraction(2), False)


@verifies(NDS_X10c)
def test_muon_steps_worse_without_pairing() -> None:
    closed_forms(True)
    for order in ORDERS:
        first_step(order, Fraction(1, 10), Fraction(7), Fraction(2), True)


@check(NDS_X10b)
def by_descent(n: int, eps: float, h: float, l: float) -> Evidence:
    """Labs' matrices: sharpness of the first step of Muon and of GD, and the losses after it."""
    unit = np.eye(n)
    A = unit[:, :, None] * unit[:, None, :]
    B = np.array([np.diag(np.where(unit[i] > 0, h, l)) for i in range(n)])
    G = unit + eps * (1 - unit)
    D = G / np.where(unit > 0, h, l)
    gd, muon = (descend_dense(A, B, D, rule, 1) for rule in ("gd", "muon"))
    assert muon.loss[1] > gd.loss[1]
    return measured(muon.nds[0] - gd.nds[0], 0.0, 64 * n * 2.0**-52 * h, ">")


@restates(NDS_X10b)
def test_unpaired_descent() -> None:
    by_descent(3, 0.1, 7.0, 2.0)
    by_descent(12, 0.01, 100.0, 1.0)


@control(NDS_X10a, drops="0 < eps < 1")
def test_too_much_beside_the_permutation() -> None:
    permutation_is_the_factor((2, 0, 1), Fraction(101, 100))


@control(NDS_X10a, changes="eps < 1 -> eps < 1.01")
def test_too_much_in_any_size() -> None:
    any_size(Fraction(100, 101))


@control(NDS_X10b, changes="eps > 0 -> eps = 0, a tie")
def test_nothing_beside_the_permutation_is_a_tie() -> None:
    first_step((2, 0, 1), Fraction(0), Fraction(7), Fraction(2), False)


@control(NDS_X10c, changes="h > l -> h < l")
def test_smaller_curvature_on_the_permutation() -> None:
    first_step((2, 0, 1), Fraction(1, 10), Fraction(2), Fraction(7), True)
    closed_forms(True, -1)
