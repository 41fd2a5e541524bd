"""SF-T6: Muon at a fixed step size stays bounded."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.dynamics import bounds, descend, ultimate_bound
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import frame, identity
from tests.spectral_flattening.runs import (
    MODES,
    RUN_ERROR,
    Numbers,
    Quadratics,
    ended,
    limsup,
    quadratics,
    tails,
)
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import dynamics
from theory.spectral_flattening.dynamics import SF_T6a, SF_T6b, SF_T6c, SF_T6d, SF_T6e

ONE, NEAR = Fraction(1), Fraction(9, 10)
FIXED = "fixed step"

# --- how far it can go -------------------------------------------------------------------------------------------


@check(SF_T6a)
def distance_after(turns: Sequence[np.ndarray], factor: Fraction = ONE) -> Evidence:
    """(factor eta t)^2 - (sum Q_i)^T (sum Q_i) is positive semidefinite: two by two, so by trace and determinant."""
    total = sum(turns, start=0 * identity(2))
    rest = (factor * len(turns)) ** 2 * identity(2) - total.T @ total
    return every(
        exact(rest[0, 0] + rest[1, 1], 0, ">="),
        exact(rest[0, 0] * rest[1, 1] - rest[0, 1] * rest[1, 0], 0, ">="),
    )


@check(SF_T6a)
def distance_in_a_run(B: np.ndarray, A: np.ndarray, delta: np.ndarray, eta: float, steps: int) -> Evidence:
    """Rounding of one step: a few eps |Delta|, of t steps t times that."""
    run = descend(B, A, delta, "muon", steps, size=eta, checkpoints=range(steps))
    moved = [float(np.linalg.norm(run.checkpoints[t] - delta, 2)) for t in range(1, steps + 1)]
    return measured(moved, eta * np.arange(1, steps + 1), 1e-14 * steps * np.linalg.norm(delta), "<=")


def isometries() -> list[np.ndarray]:
    """A rotation, a reflection, another rotation, and two of rank one."""
    turn, other = frame(2), frame(2, start=1)
    flip = identity(2) * np.array([1, -1])
    return [turn, turn @ flip, other, turn[:, :1] @ other[:, :1].T, other[:, 1:] @ turn[:, :1].T]


@verifies(SF_T6a)
def test_distance_grows_at_most_linearly() -> None:
    turns = isometries()
    for last in range(1, len(turns) + 1):
        distance_after(turns[:last])
    distance_after([turns[0]] * 3)  # attained


@verifies(SF_T6a)
def test_distance_in_runs_of_the_zoo() -> None:
    for name, s in zoo(5, stream("boundedness: distance")).items():
        for m, n in ((5, 5), (5, 8), (8, 5)):
            draw = stream("boundedness: distance", name, m, n)
            b, a = np.diag(np.resize(s, m)), np.diag(np.resize(s[::-1], n))
            distance_in_a_run(b, a, draw.standard_normal((m, n)), 0.1, 5)


@control(SF_T6a, sharpens="eta t -> 0.99 eta t")
def test_a_constant_direction_goes_all_the_way() -> None:
    distance_after([isometries()[0]] * 3, factor=Fraction(99, 100))


# --- where it ends: the one-dimensional map, for all parameters ---------------------------------------------------


@check(SF_T6b, SF_T6c, SF_T6e)
def one_step_map(factor: Fraction = ONE) -> Evidence:
    """x' <= Phi(x); Phi(x) < x beyond x*; Phi <= factor max(eta c, x*) on [0, x*]; and labs' two branches.

    K = 2 c/eta is the curvature of the update: L r (A1), L_op (A1'), or L with eta sqrt(r) for eta (NGD).
    """
    import sympy

    eta, c, s, v, w, z = sympy.symbols("eta c s v w z", positive=True)
    y, N = z, s * z + v  # any |G|_* (NGD: |G|_F) above sqrt(2 mu x)
    step = exact(y * y - eta * N + eta * c, dynamics.one_step_bound(y, eta, c, s), "<")
    beyond = c / s + v
    falls = exact(dynamics.one_step_bound(beyond, eta, c, s), beyond * beyond, "<")
    first, second = bounds(2 * c / eta, s * s / 2, eta)
    ends = [exact(dynamics.one_step_bound(0 * c, eta, c, s), first), exact((c / s) ** 2, second)]
    t = 1 / (1 + w)  # inside (0, 1)
    inside = dynamics.one_step_bound(t * c / s, eta, c, s)
    chord = [exact(inside, (1 - t) * first + t * t * second)]
    small, large = (
        {s: v, c: v * v * eta / (1 + w)},
        {s: v, c: v * v * eta * (1 + w)},
    )  # second/first = c/(eta s^2)
    for smaller, larger, at in ((second, first, small), (first, second, large)):
        chord.append(exact(smaller.subs(at), larger.subs(at), "<"))
        for end in (0, t, 1):
            bound = (1 - end) * first + end * end * second
            chord.append(exact(bound.subs(at), (factor * larger).subs(at), "<="))
    return every(step, falls, *ends, *chord)


@check(SF_T6b, SF_T6c)
def orbit_ends_below(h: Numbers, d: Numbers, curvature: str = "L r", factor: Fraction = ONE) -> Evidence:
    """Aligned modes, eta = 1, exactly: limsup f against the bound."""
    steps = 2 * int(max(map(abs, d)) + 4)
    orbits = [dynamics.sign_descent(x, ONE, steps) for x in d]
    values = [sum(k * x * x for k, x in zip(h, now, strict=True)) / 2 for now in zip(*orbits, strict=True)]
    K = {"L r": max(h) * len(h), "L_op": sum(h), "L": max(h)}[curvature]
    return exact(limsup(values), factor * max(bounds(K, min(h), ONE)), "<=")


@verifies(SF_T6b, SF_T6c)
def test_the_map_keeps_below_its_bound() -> None:
    one_step_map()
    for h, d in MODES:
        for curvature in ("L r", "L_op"):
            orbit_ends_below(h, d, curvature)


@control(SF_T6b, sharpens="the bound -> 0.9 of it")
def test_the_bound_is_nearly_attained() -> None:
    one_step_map(NEAR)
    orbit_ends_below(*MODES[0], factor=NEAR)


@control(SF_T6c, sharpens="L_op -> L")
def test_the_smoothness_of_one_direction_is_too_little() -> None:
    orbit_ends_below(*MODES[2], curvature="L")


# --- where it ends: runs -----------------------------------------------------------------------------------------


@check(SF_T6b, SF_T6c)
def random_quadratics_end_below(curvature: str, count: int, steps: int, factor: float = 1.0) -> Evidence:
    """Tails of fixed-step Muon; the descent identity of every step is the run's own certificate."""
    few, run = quadratics(count), ended("muon", count, steps)
    known = few.constants()
    K = known.spectral if curvature == "L_op" else known.smoothness * known.rank
    bound = factor * ultimate_bound(K, known.convexity, few.eta)
    return every(
        measured(run.residual, 0.0, 1e-13),
        measured(tails(run) / bound, 1.0, RUN_ERROR, "<="),
    )


@check(SF_T6e)
def normalised_descent_ends_below(count: int, steps: int, factor: float = 1.0) -> Evidence:
    """NGD's step is eta sqrt(min(m, n)) = 2 eta in the batch, whatever the sizes that are filled up."""
    few, run = quadratics(count), ended("ngd", count, steps)
    known = few.constants()
    bound = factor * ultimate_bound(known.smoothness, known.convexity, 2.0 * few.eta)
    return measured(tails(run) / bound, 1.0, RUN_ERROR, "<=")


@check(SF_T6e)
def normalised_orbit_ends_below(h: Fraction, d: Fraction, factor: Fraction = ONE) -> Evidence:
    """One mode: NGD is Muon, and the bound the same."""
    orbit = dynamics.sign_descent(d, ONE, 2 * int(abs(d) + 4))
    return exact(limsup([h * x * x / 2 for x in orbit]), factor * max(bounds(h, h, ONE)), "<=")


@verifies(SF_T6b, SF_T6c)
def test_random_quadratics_stay_bounded() -> None:
    for curvature in ("L r", "L_op"):
        random_quadratics_end_below(curvature, 60, 400)


@verifies(SF_T6b, SF_T6c)
@pytest.mark.long
def test_two_hundred_random_quadratics_stay_bounded() -> None:
    for curvature in ("L r", "L_op"):
        random_quadratics_end_below(curvature, 200, 3000)


@verifies(SF_T6e)
def test_normalised_descent_stays_bounded() -> None:
    one_step_map()
    for h, d in (MODES[0], MODES[2]):
        for x in d:
            normalised_orbit_ends_below(h[0], x)
    normalised_descent_ends_below(60, 400)


@control(SF_T6e, sharpens="the bound -> 0.9 of it")
def test_the_bound_of_normalised_descent_is_nearly_attained() -> None:
    one_step_map(NEAR)
    normalised_orbit_ends_below(ONE, Fraction(99, 100), NEAR)


@check(SF_T6b)
def modes_of_the_zoo_end_below(
    h: np.ndarray, eta: float, sizes: str = "fixed", rule: str = "muon"
) -> Evidence:
    """`sizes` "average": eta_t = 2.1 sbar/L is no fixed step."""
    require(sizes == "fixed" and rule == "muon", FIXED)
    d = np.linspace(-3.3, 2.9, h.size)
    if sizes == "fixed":
        run = descend_modes(h, d, rule, 200, size=eta)
    else:
        run = descend_modes(h, d, rule, 200, "average-singular-value", size=2.1, ceiling=1e300)
    alive = h[h > 0]
    bound = ultimate_bound(np.max(alive) * alive.size, np.min(alive), np.asarray(eta))
    return measured(tails(run) / bound, 1.0, RUN_ERROR, "<=", margin=0.1)


@verifies(SF_T6b)
def test_the_zoo_stays_bounded() -> None:
    for n in (2, 64):
        for h in zoo(n, stream("boundedness: modes")).values():
            for eta in (0.05, 7.0):
                modes_of_the_zoo_end_below(h, eta)


@control(SF_T6b, drops=FIXED)
def test_step_sizes_that_grow_with_the_gradient_do_diverge() -> None:
    modes_of_the_zoo_end_below(np.ones(4), 0.05, sizes="average")
    modes_of_the_zoo_end_below(np.ones(4), 2.2, rule="gd")


# --- sharp -------------------------------------------------------------------------------------------------------


@check(SF_T6d)
def isotropic_orbit(r: int, loss: int = 2) -> Evidence:
    """limsup f >= (1 - loss/k) L r eta^2/2 at D_0 = (1 - 1/k) eta Q, for all k > 2; at loss 0 it is the bound."""
    import sympy

    require(r <= 4, "r <= 4")
    eta, L, v = sympy.symbols("eta L v", positive=True)
    k = 2 + v
    a = (1 - 1 / k) * eta  # above eta/2, so a - eta is the smaller of the two
    high, low = (r * L * x * x / 2 for x in (a, a - eta))
    first, second = bounds(L * r, L, eta)
    larger = first if r <= 4 else second
    return every(exact(low, high, "<"), exact(high, (1 - loss / k) * larger, ">="))


@check(SF_T6d)
def isotropic_run(r: int, k: int) -> Evidence:
    """The same with labs' recursion, which is exact on dyadic numbers: k is a power of two, L = eta = 1."""
    require(r <= 4, "r <= 4")
    a = 1.0 - 1.0 / k
    run = descend_modes(np.ones(r), np.full(r, a), "muon", 8)
    top = max(map(Fraction, run.values.tolist()))
    return exact(top, (1 - Fraction(2, k)) * max(bounds(Fraction(r), ONE, ONE)), ">=")


@verifies(SF_T6d)
@pytest.mark.parametrize("r", [1, 2, 3, 4])
def test_the_bound_is_sharp(r: int) -> None:
    isotropic_orbit(r)
    for k in (4, 64, 1024):
        isotropic_run(r, k)


@control(SF_T6d, sharpens="1 - 2/k -> 1 - 1/k")
def test_the_orbit_is_not_on_the_bound_itself() -> None:
    isotropic_orbit(1, loss=1)


@control(SF_T6d, drops="r <= 4")
def test_the_bound_is_not_sharp_at_rank_five() -> None:
    isotropic_run(5, 1024)


# --- the same, rotated ---------------------------------------------------------------------------------------------


@restates(SF_T6b)
def test_transposed_problems_stay_bounded() -> None:
    """f of Delta^T with A and B exchanged is the same loss: the tails are those of the run itself."""
    few = quadratics(60)
    turned = Quadratics(few.A, few.B, few.delta.transpose(0, 2, 1), few.eta)
    run = descend(turned.B, turned.A, turned.delta, "muon", 50, size=few.eta)
    again = descend(few.B, few.A, few.delta, "muon", 50, size=few.eta)
    # Fifty steps; where singular values nearly meet rounding is amplified, so only the first few are compared.
    np.testing.assert_allclose(run.values[:, :5], again.values[:, :5], rtol=1e-9)
    random_quadratics_end_below("L r", 60, 400)
