"""NDS-P1: matrices reduce to modes.  NDS-P2: GD on two levels, by algebra for every step."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.curvature_nds import levels as closed
from tests.curvature_nds.matrices import Structured, fractions, inner, pivots, structured
from tests.referee import check, control, verifies
from theory.curvature_nds import (
    NDS_P1a,
    NDS_P1b,
    NDS_P2a,
    NDS_P2b,
    NDS_P2c,
    NDS_P2d,
    modes,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, require

ONE = Fraction(1)

# --- P1: matrices of fractions -----------------------------------------------------------------------------------


def aligned(problem: Structured, X: Any) -> bool:
    """Whether X lies in the span of the paired modes."""
    return not (X - problem.combined(problem.coordinates(X))).any()


@check(NDS_P1a)
def residuals_stay_paired(problem: Structured, muon: bool, step: Fraction | None, steps: int) -> Evidence:
    """R_t against sum r_i M_i, r from the recursion in modes; sum sgn(r_i) M_i against what a polar factor must be.

    Q is the polar factor of R on its nonzero singular values iff R = Q P with P = Q^T R symmetric and semidefinite, Q
    a partial isometry, and no more directions in Q than in R.  `step`: None for the exact line search.
    """
    require(aligned(problem, problem.G), "A4")
    R, state = (
        problem.G,
        [Mode(ONE, w, r) for w, r in zip(problem.w, problem.coordinates(problem.G), strict=True)],
    )
    found = []
    for _ in range(steps):
        r = [mode.r for mode in state]
        found.append(exact(_squares(R - problem.combined(r)), 0))
        Q = problem.combined([Fraction((x > 0) - (x < 0)) for x in r])
        P = Q.T @ R
        defects = (Q @ Q.T @ Q - Q, Q @ P - R, P - P.T)
        found.append(exact(sum(map(_squares, defects)), 0))
        found += [exact(pivot, 0, ">=") for pivot in pivots((P + P.T) / 2)]
        found.append(exact(inner(Q, Q), sum(x != 0 for x in r)))
        update, Z = (modes.muon, Q) if muon else (modes.gd, R)
        length = step or inner(R, Z) / inner(Z, problem.curve(Z))
        R = R - length * problem.curve(Z)
        state = modes.moved(state, update, step or modes.searched(state, update))
    return every(*found)


def _squares(X: Any) -> Fraction:
    return Fraction((X * X).sum())


@check(NDS_P1b)
def sharpness_is_a_mean(
    problem: Structured, z: Sequence[Fraction], offset: Fraction = Fraction(0)
) -> Evidence:
    """<Z, H[Z]>/|Z|^2 in matrices, against the weighted mean of the paired curvatures."""
    Z = problem.combined(z) + offset * (problem.G - problem.combined(problem.coordinates(problem.G)))
    require(aligned(problem, Z), "A4")
    mean = Fraction(sum(w * x * x for w, x in zip(problem.w, z, strict=True))) / sum(x * x for x in z)
    return exact(inner(Z, problem.curve(Z)) / inner(Z, Z), mean)


PROBLEMS = [
    structured(fractions("6", "6", "1"), fractions("1/2", "1/2", "1"), 3, 4, pairing=(2, 0, 1)),
    structured(fractions("7", "3", "1/2"), fractions("1", "-2", "3"), 4, 3, pairing=(3, 1, 0)),
    structured(fractions("1000000", "1"), fractions("1", "1"), 3, 3, pairing=(1, 2)),
]


@verifies(NDS_P1a)
@pytest.mark.parametrize("step", [None, Fraction(1, 10)], ids=["line search", "constant"])
@pytest.mark.parametrize("muon", [False, True], ids=["GD", "Muon"])
def test_residuals_stay_in_the_span(muon: bool, step: Fraction | None) -> None:
    for problem in PROBLEMS:
        residuals_stay_paired(problem, muon, step, 3)


@verifies(NDS_P1b)
def test_sharpness_in_the_span() -> None:
    for problem in PROBLEMS:
        for z in (fractions("1", "-1", "1"), fractions("2", "0", "1/1000")):
            sharpness_is_a_mean(problem, z[: len(problem.w)])


UNPAIRED = structured(
    fractions("6", "6", "1"), fractions("1/2", "1/2", "1"), 3, 4, pairing=(2, 0, 1), unpaired=Fraction(1, 100)
)


@control(NDS_P1a, drops="A4")
def test_a_gradient_beside_the_modes_does_not_reduce() -> None:
    residuals_stay_paired(UNPAIRED, True, None, 1)
    residuals_stay_paired(UNPAIRED, False, None, 1)


@control(NDS_P1a, drops="A4")
def test_a_little_of_every_entry_beside_a_permutation() -> None:
    """The gradient of NDS-X10: P + (J - P)/10, curvature 7 on the permutation P and 2 elsewhere."""
    n, order = 3, (2, 0, 1)
    unit = np.array([[ONE * (i == j) for j in range(n)] for i in range(n)], dtype=object)
    P = unit[list(order)]
    A, B = ([np.outer(row, row) for row in unit], [np.diag(2 * ONE + 5 * row) for row in P])
    paired = [np.outer(unit[i], unit[j]) for i, j in enumerate(order)]
    problem = Structured(A, B, paired, [Fraction(7)] * n, P + Fraction(1, 10) * (ONE - P))
    residuals_stay_paired(problem, True, None, 1)


@control(NDS_P1b, drops="A4")
def test_sharpness_beside_the_modes() -> None:
    sharpness_is_a_mean(UNPAIRED, fractions("1", "1", "1"), ONE)


# --- P2: one step of GD from any state, for every m, q, rho ------------------------------------------------------


def levels() -> tuple[Any, Any, Any, modes.State]:
    """Symbols a, rho, r_H, and the state that they are; in units of w_L and r_L, and modes in units of q - m."""
    import sympy

    a, rho = sympy.symbols("a rho", positive=True)
    high, one = sympy.Symbol("r_H", nonzero=True, real=True), sympy.Integer(1)
    return a, rho, high, [Mode(a, rho, high), Mode(one, one, one)]


def share(state: modes.State) -> Any:
    """P, the share of |R|^2 on the high level."""
    return state[0].weight * state[0].r ** 2 / modes.energy(state)


@check(NDS_P2a)
def shares_are_exchanged(constant: Fraction = ONE) -> Evidence:
    """From any state: the share after one step, and the sharpness of the step."""
    _, rho, _, state = levels()
    after = modes.stepped(state, modes.gd)
    P = share(state)
    return every(
        exact(share(after), constant - P), exact(modes.sharpness(state, modes.gd), P * rho + (constant - P))
    )


@check(NDS_P2b)
def energy_follows_the_share(exponent: int = 2) -> Evidence:
    """|R_{t+1}|^2/|R_t|^2 against C(P)."""
    _, rho, _, state = levels()
    after = modes.stepped(state, modes.gd)
    return exact(modes.energy(after) / modes.energy(state), _contraction(rho, share(state), exponent))


def _contraction(rho: Any, P: Any, exponent: int = 2) -> Any:
    """C(P), in units of w_L."""
    return (rho - 1) ** 2 * P * (1 - P) / (1 + (rho - 1) * P) ** exponent


@check(NDS_P2c)
def loss_of_gd_is_geometric(extra: Fraction = Fraction(0)) -> Evidence:
    """From any state the factor is labs' kappa at s = r_H, and kappa is the same after the step: so for every T.

    Also kappa in terms of theta, and 1 - kappa without cancellation.
    """
    a, rho, high, state = levels()
    after = modes.stepped(state, modes.gd)
    kappa = closed.gd_factor(a, rho + extra, high)
    p = share(state)
    theta = p * (1 - p) * (rho - 1) ** 2 / rho
    return every(
        exact(modes.loss(after) / modes.loss(state), kappa),
        exact(closed.gd_factor(a, rho, after[0].r / after[1].r), kappa),
        exact(theta / (1 + theta), kappa),
        exact(1 - closed.gd_gain(a, rho, high), kappa),
    )


@check(NDS_P2d)
def reported_form(power: int = 2) -> Evidence:
    """kappa^2 = C(p) C(1 - p)."""
    a, rho, high, state = levels()
    p = share(state)
    return exact(closed.gd_factor(a, rho, high) ** power, _contraction(rho, p) * _contraction(rho, 1 - p))


@check(NDS_P2d)
def reported_form_along_a_run(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> Evidence:
    """Phi_T^2 = Phi_1^2 R^(T-1) for T = 0, ..., steps along a run in fractions, R from the share of the start."""
    state = [Mode(ONE, x, y) for x, y in zip(w, sigma, strict=True)]
    losses = [modes.loss(x) for x in modes.run(state, modes.gd, steps)]
    rho = max(w) / min(w)
    P = sum(x.r * x.r for x in state if x.w == max(w)) / modes.energy(state)
    R = _contraction(rho, P) * _contraction(rho, 1 - P)
    return every(*(exact(x * x * R, losses[1] ** 2 * R**T) for T, x in enumerate(losses)))


@verifies(NDS_P2d)
def test_odd_and_even_steps_of_the_reported_form() -> None:
    reported_form_along_a_run(fractions("12", "1", "1", "1"), fractions("2", "1", "1", "1"), 50)
    reported_form_along_a_run(fractions("1000000", "1000000", "1"), fractions("3", "2", "-1/1000"), 20)


@verifies(NDS_P2a, NDS_P2b, NDS_P2c, NDS_P2d)
def test_one_step_of_gd_from_any_state() -> None:
    shares_are_exchanged()
    energy_follows_the_share()
    loss_of_gd_is_geometric()
    reported_form()


@control(NDS_P2a, changes="1 - P -> 99/100 - P")
def test_shares_add_up_to_one() -> None:
    shares_are_exchanged(Fraction(99, 100))


@control(NDS_P2b, changes="exponent 2 -> 1 in the denominator of C")
def test_contraction_is_quadratic() -> None:
    energy_follows_the_share(1)


@control(NDS_P2c, changes="rho -> rho + 1/100")
def test_another_kappa() -> None:
    loss_of_gd_is_geometric(Fraction(1, 100))


@control(NDS_P2d, changes="kappa^2 -> kappa")
def test_two_steps_restore_the_share_not_one() -> None:
    reported_form(1)


@check(NDS_P2c)
def losses_of_gd(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> Evidence:
    """Phi_T = kappa^T Phi_0 along a run in fractions, w_1 the high level; kappa from labs."""
    high, low = max(w), min(w)
    require(set(w) == {high, low}, "A3")
    states = modes.run([Mode(ONE, x, y) for x, y in zip(w, sigma, strict=True)], modes.gd, steps)
    losses = [modes.loss(state) for state in states]
    # Only the two energies count: as if both groups were one mode each.
    x = sum(s * s for c, s in zip(w, sigma, strict=True) if c == high) / sum(
        s * s for c, s in zip(w, sigma, strict=True) if c == low
    )
    kappa = closed.gd_factor(x, high / low, ONE)
    return every(*(exact(loss, kappa**t * losses[0]) for t, loss in enumerate(losses)))


@verifies(NDS_P2c)
def test_hundreds_of_steps_of_gd_in_fractions() -> None:
    """Also with gradients that vary within the groups, and at a ratio of curvatures of a million."""
    losses_of_gd(fractions("12", "1", "1", "1"), fractions("2", "1", "1", "1"), 200)
    losses_of_gd(fractions("1000000", "1000000", "1"), fractions("3", "2", "-1/1000"), 100)


@control(NDS_P2c, drops="A3")
def test_three_levels_are_not_geometric() -> None:
    losses_of_gd(fractions("3", "2", "1"), fractions("1", "1", "1"), 2)


def test_printed_ratios_of_three_levels() -> None:
    states = modes.run([Mode(ONE, w, ONE) for w in fractions("3", "2", "1")], modes.gd, 2)
    losses = [modes.loss(state) for state in states]
    assert (losses[1] / losses[0], losses[2] / losses[1]) == (Fraction(2, 11), Fraction(1, 4))
