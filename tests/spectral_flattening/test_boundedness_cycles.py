"""SF-T6: gradient descent leaves, Muon cycles; singular curvature and saddles."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.dynamics import bounds, constants, descend, ultimate_bound
from tests.referee import check, control, verifies
from tests.spectral_flattening.runs import MODES, RUN_ERROR, Numbers, ended, limsup, quadratics, tails
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import dynamics
from theory.spectral_flattening.dynamics import SF_T6f, SF_T6g, SF_T6h, SF_T6i, SF_T6j, SF_T6k

ONE, NEAR = Fraction(1), Fraction(9, 10)


# --- gradient descent ----------------------------------------------------------------------------------------------


@check(SF_T6f)
def gradient_descent_grows(share: Fraction = ONE) -> Evidence:
    """f_{t+1}/f_t > 1 for eta L = 2 share + v, v > 0."""
    import sympy

    eta, d, v = sympy.symbols("eta d v", positive=True)
    L = (2 * share + v) / eta
    after = d - eta * L * d
    return exact(after * after, d * d, ">", witness={eta: 1, d: 1, v: Fraction(1, 100)})


@check(SF_T6f)
def gradient_descent_leaves(rule: str, eta: float) -> Evidence:
    """A random quadratic of the batch: its ceiling is passed; GD's d_t = (1 - eta L)^t d_0 in the top mode."""
    few = quadratics(60)
    L = few.constants().smoothness
    require(eta > 2, "eta > 2/L")
    run = descend(few.B, few.A, few.delta, rule, 600, size=eta / L)
    return measured(run.values[:, -1], 1e12, 0.0, ">=", margin=1.0)


@verifies(SF_T6f)
def test_gradient_descent_leaves_every_bounded_set() -> None:
    gradient_descent_grows()
    gradient_descent_leaves("gd", 2.2)


@control(SF_T6f, sharpens="2/L -> 1.9/L")
def test_just_below_the_threshold_it_stays() -> None:
    gradient_descent_grows(Fraction(19, 20))


@control(SF_T6f, drops="eta > 2/L")
def test_below_the_threshold_it_does_not_leave() -> None:
    gradient_descent_leaves("gd", 1.99)


# --- aligned: cycles ---------------------------------------------------------------------------------------------


@check(SF_T6g)
def modes_end_within(factor: Fraction = ONE) -> Evidence:
    """For all d: beyond eta a step takes off eta; within, it stays within: |d'| = eta - |d| <= factor eta."""
    import sympy

    eta, h, v = sympy.symbols("eta h v", positive=True)
    outside = eta * (1 + v)
    inside = eta / (1 + v)
    rest = eta - inside
    return every(
        exact(outside - eta, outside, "<"),
        exact(inside, factor * eta, "<=", witness={eta: 1, v: Fraction(1, 100)}),
        exact(h * rest * rest / 2, factor * h * eta * eta / 2, "<="),
    )


@check(SF_T6g)
def modes_run_within(h: Numbers, d: Numbers, factor: Fraction = ONE) -> Evidence:
    """limsup |d_i| and limsup f, exactly, eta = 1."""
    orbits = [dynamics.sign_descent(x, ONE, 2 * int(max(map(abs, d)) + 4)) for x in d]
    values = [sum(k * x * x for k, x in zip(h, now, strict=True)) / 2 for now in zip(*orbits, strict=True)]
    sizes = [exact(limsup([abs(x) for x in orbit]), factor, "<=") for orbit in orbits]
    return every(exact(limsup(values), factor * sum(h) / 2, "<="), *sizes)


@check(SF_T6g)
def modes_of_labs_within(h: np.ndarray, d: np.ndarray) -> Evidence:
    """labs' recursion at eta = 1; d dyadic, so that the orbit is exact."""
    steps = int(np.max(np.abs(d))) + 4
    run = descend_modes(h, d, "muon", steps, checkpoints=(steps - 1,))
    tail = [Fraction(x) for t in (steps - 1, steps) for x in np.abs(run.checkpoints[t]).tolist()]
    return exact(max(tail), 1, "<=")


@verifies(SF_T6g)
def test_aligned_modes_end_within_a_step() -> None:
    modes_end_within()
    for h, d in MODES:
        modes_run_within(h, d)
    for n in (2, 64):
        for spectrum in zoo(n, stream("boundedness: aligned")).values():
            alive = spectrum[spectrum > 0]  # where there is no curvature, nothing moves and nothing is lost
            modes_of_labs_within(alive, np.arange(1, alive.size + 1) / 16 * (-1.0) ** np.arange(alive.size))


@control(SF_T6g, sharpens="eta -> 0.9 eta")
def test_a_mode_can_stay_just_within_a_step() -> None:
    modes_end_within(NEAR)
    modes_run_within(*MODES[0], factor=NEAR)


@check(SF_T6h)
def step_is_its_own_inverse(period: int = 2) -> Evidence:
    """d = eta u, 0 < u < 1: two steps lead back, one does not, and |d| + |d'| = eta."""
    import sympy

    eta, v = sympy.symbols("eta v", positive=True)
    d = eta / (1 + v)
    orbit = [d, d - eta, d - eta + eta]  # signs: +, -
    return every(
        exact(d - eta, 0, "<"),
        exact(orbit[period], d),
        exact(d - orbit[1], eta),
    )


@check(SF_T6h)
def mode_cycles(d: float) -> Evidence:
    """labs' recursion at eta = 1 from a dyadic start, exactly."""
    require(not float(d).is_integer(), "d_0/eta not an integer")
    steps = int(abs(d)) + 3
    run = descend_modes(np.ones(1), np.array([d]), "muon", steps, checkpoints=range(steps))
    last, before, now = (Fraction(float(run.checkpoints[t][0])) for t in range(steps - 2, steps + 1))
    return every(exact(now, last), exact(now, before, "!="), exact(abs(now) + abs(before), 1))


@verifies(SF_T6h)
def test_modes_end_in_cycles_of_period_two() -> None:
    step_is_its_own_inverse()
    for d in (0.5, 0.125, -3.75, 17.0625):
        mode_cycles(d)


@control(SF_T6h, changes="period two -> one")
def test_one_step_does_not_lead_back() -> None:
    step_is_its_own_inverse(period=1)


@control(SF_T6h, drops="d_0/eta not an integer")
def test_a_multiple_of_the_step_size_converges() -> None:
    mode_cycles(3.0)


@check(SF_T6k)
def cycles_off_alignment(period: int, count: int, steps: int, share: float) -> Evidence:
    """The share of runs with |W_{t+period} - W_t|_op <= 1e-6 eta at the end; all but 4 of 100 are allowed."""
    run = ended("muon", count, steps)
    end = [run.checkpoints[t] for t in range(steps - 2, steps + 1)]
    moved = np.linalg.norm(end[-1] - end[-1 - period], 2, axis=(-2, -1)) / quadratics(count).eta
    return measured(np.mean(moved <= 1e-6), share, 0.0, ">=", margin=0.1)


@verifies(SF_T6k)
@pytest.mark.long
def test_most_runs_end_in_cycles_of_period_two() -> None:
    cycles_off_alignment(2, 200, 3000, 0.96)


@verifies(SF_T6k)
def test_most_of_few_runs_end_in_cycles_of_period_two() -> None:
    cycles_off_alignment(2, 60, 400, 0.9)


@control(SF_T6k, changes="period two -> one")
def test_none_of_them_stands_still() -> None:
    cycles_off_alignment(1, 60, 400, 0.9)


# --- singular curvature --------------------------------------------------------------------------------------------


@check(SF_T6i)
def gradient_is_large_enough(modes: int, zeros: int, factor: Fraction = ONE) -> Evidence:
    """|G|_F^2 >= factor 2 mu f: curvatures mu + v_i, v_1 = 0, and zeros."""
    import sympy

    mu = sympy.Symbol("mu", positive=True)
    h = [mu, *(mu + sympy.Symbol(f"v{i}", nonnegative=True) for i in range(1, modes)), *[0] * zeros]
    d = sympy.symbols(f"d:{modes + zeros}", real=True)
    squared = sum(k * k * x * x for k, x in zip(h, d, strict=True))
    return exact(squared, factor * mu * sum(k * x * x for k, x in zip(h, d, strict=True)), ">=")


@check(SF_T6i)
def singular_orbit_ends_below(h: Numbers, d: Numbers, factor: Fraction = ONE) -> Evidence:
    """Aligned modes, some without curvature, eta = 1: limsup f against the bound from the others, exactly."""
    alive = [x for x in h if x > 0]
    steps = 2 * int(max(map(abs, d)) + 4)
    orbits = [dynamics.sign_descent(x, ONE, steps) for x in d]
    values = [sum(k * x * x for k, x in zip(h, now, strict=True)) / 2 for now in zip(*orbits, strict=True)]
    return exact(limsup(values), factor * max(bounds(max(alive) * len(alive), min(alive), ONE)), "<=")


@check(SF_T6i)
def singular_quadratics_end_below(n: int, zeros: int, factor: float = 1.0) -> Evidence:
    """Dense B, A with `zeros` zero eigenvalues each: the bound is finite, and the tail is below it."""
    draw = stream("boundedness: singular", n, zeros)
    factors = []
    for _ in range(2):
        basis = haar(n, draw)
        values = np.concatenate([np.exp(draw.uniform(-1, 1, n - zeros)), np.zeros(zeros)])
        product = (basis * values) @ basis.T
        factors.append((product + product.T) / 2)
    B, A = factors
    run = descend(B, A, draw.standard_normal((n, n)), "muon", 400, size=0.1)
    known = constants(B, A)
    bound = factor * ultimate_bound(known.smoothness * known.rank, known.convexity, np.asarray(0.1))
    return every(
        measured(known.rank, n - zeros, 0.0),
        measured(tails(run) / bound, 1.0, RUN_ERROR, "<="),
    )


@verifies(SF_T6i)
def test_singular_curvature_does_no_harm() -> None:
    for modes, zeros in ((1, 1), (3, 2), (5, 0)):
        gradient_is_large_enough(modes, zeros)
    for h, d in MODES:
        singular_orbit_ends_below([*h, Fraction(0), Fraction(0)], [*d, Fraction(7, 2), Fraction(1, 3)])
    singular_quadratics_end_below(3, 1)
    singular_quadratics_end_below(5, 3)


@control(SF_T6i, sharpens="mu -> 1.01 mu")
def test_the_least_curvature_counts() -> None:
    gradient_is_large_enough(3, 1, Fraction(101, 100))


def test_a_small_eigenvalue_makes_the_bound_large_and_a_zero_does_not() -> None:
    """A = diag(1, e), B = 1, eta = 1: max(1, 1/(4 e))/2, and 1/2 at e = 0; the tolerance decides what is zero."""
    found = []
    for small in (1e-3, 1e-6, 1e-13, 0.0):
        known = constants(np.ones((1, 1)), np.diag([1.0, small]))
        found.append(float(ultimate_bound(known.smoothness * known.rank, known.convexity, np.asarray(1.0))))
    np.testing.assert_allclose(found, [125.0, 125000.0, 0.5, 0.5], rtol=1e-12)
    strict = constants(np.ones((1, 1)), np.diag([1.0, 1e-13]), rtol=0.0)
    assert ultimate_bound(strict.spectral, strict.convexity, np.asarray(1.0)) > 1e12
    assert ultimate_bound(np.asarray(1.0), np.asarray(0.0), np.asarray(1.0)) == np.inf
    assert ultimate_bound(np.asarray(0.0), np.asarray(0.0), np.asarray(1.0)) == 0.0


# --- a saddle ----------------------------------------------------------------------------------------------------


@check(SF_T6j)
def saddle_is_left(start: float, steps: int, speed: int = 1) -> Evidence:
    """labs' recursion on h = (1, -1), exactly: |y_t| = |y_0| + speed eta t with eta = 1/2; GD by (1 + eta)^t."""
    require(start != 0, "y_0 != 0")
    h, d = np.array([1.0, -1.0]), np.array([0.75, start])
    muon = descend_modes(h, d, "muon", steps, size=0.5, checkpoints=range(steps))
    gd = descend_modes(h, d, "gd", steps, size=0.5, checkpoints=range(steps))
    y = [Fraction(float(muon.checkpoints[t][1])) for t in range(steps + 1)]
    z = Fraction(float(gd.checkpoints[steps][1]))
    first = abs(Fraction(start))
    return every(
        *(exact(abs(y[t]), first + speed * Fraction(t, 2)) for t in range(steps + 1)),
        exact(z, Fraction(3, 2) ** steps * Fraction(start)),
    )


@check(SF_T6j)
def saddle_for_all_starts() -> Evidence:
    """y > 0, curvature -1, G = -y: y - eta sign(-y) = y + eta; the loss over -(eta t)^2/2 tends to one."""
    import sympy

    eta, y, x, t = sympy.symbols("eta y x t", positive=True)
    loss = (x * x - (y + eta * t) ** 2) / 2
    return every(
        exact(y - eta * sympy.sign(-y), y + eta),
        exact(sympy.limit(loss / (-((eta * t) ** 2) / 2), t, sympy.oo), 1),
    )


@verifies(SF_T6j)
def test_saddles_are_left_at_constant_speed() -> None:
    saddle_for_all_starts()
    for start in (0.25, -2.0):
        saddle_is_left(start, 12)


@control(SF_T6j, changes="eta t -> 2 eta t")
def test_not_at_twice_the_speed() -> None:
    saddle_is_left(0.25, 12, speed=2)


@control(SF_T6j, drops="y_0 != 0")
def test_on_the_ridge_nothing_moves() -> None:
    saddle_is_left(0.0, 12)
