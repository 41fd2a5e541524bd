"""SF-K8 and SF-C5: what fixed-step Muon does on the simplest loss of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.dynamics import descend
from tests.referee import check, control, refutes, restates, verifies
from tests.spectral_flattening.rationals import fractions
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import dynamics
from theory.spectral_flattening.dynamics import SF_C5, SF_K8a, SF_K8b, SF_K8c, SF_K8d, SF_K8e

ONE = Fraction(1)
FIXED, WHOLE = "fixed step", "d_0/eta not an integer"
Numbers = Sequence[Fraction]


# --- steps to a target -------------------------------------------------------------------------------------------


def muon_steps(d: Numbers, sizes: Sequence[Fraction], tolerance: Fraction) -> int:
    """Steps of aligned Muon until |Delta|_op <= tolerance."""
    needed = dynamics.steps_until([dynamics.sign_descent(x, list(sizes), 0) for x in d], tolerance)
    if needed is None:
        raise ValueError(f"the target {tolerance} is not reached in {len(sizes)} steps")
    return needed


def gradient_steps(h: Numbers, d: Numbers, eta: Fraction, tolerance: Fraction) -> int:
    """Steps of gradient descent until |Delta|_op <= tolerance, at most a hundred."""
    for t in range(100):
        if max(abs((1 - eta * k) ** t * x) for k, x in zip(h, d, strict=True)) <= tolerance:
            return t
    raise ValueError(f"the target {tolerance} is not reached in 100 steps")


@check(SF_C5)
def muon_is_faster(h: Numbers, d: Numbers, eta: Fraction, tolerance: Fraction) -> Evidence:
    """Steps to the target at the same step size, exactly; a multiple of eta is reached, so Muon arrives."""
    muon = muon_steps(d, [eta] * 100, tolerance)
    return exact(muon, gradient_steps(h, d, eta, tolerance), "<")


@refutes(SF_C5, corrected=SF_K8a)
def test_gradient_descent_can_be_faster_at_the_same_step_size() -> None:
    for d in (fractions("5"), fractions("7", "2", "1")):
        muon_is_faster([ONE] * len(d), d, ONE, Fraction(1, 100))


@check(SF_K8a)
def distance_over_step(
    d: Numbers, eta: Fraction, tolerance: Fraction, schedule: str = "constant"
) -> Evidence:
    """GD with eta = 1 is there after one step; Muon not before (s_1 - tol)/eta, and for tol >= eta just then."""
    require(schedule == "constant", FIXED)
    first = max(map(abs, d))
    count = 2 + math.ceil(first / eta)
    sizes = [eta] * count if schedule == "constant" else [first / 2 ** (t + 1) for t in range(60)]
    after = [x - ONE * x for x in d]
    needed = muon_steps(d, sizes, tolerance)
    bound = (first - tolerance) / eta
    return every(
        *(exact(x, 0) for x in after), exact(needed, bound, ">="), exact(needed, math.ceil(bound), ">=")
    )


@check(SF_K8a)
def distance_in_a_run(s: np.ndarray, eta: float, tolerance: float) -> Evidence:
    """Matrices with these singular values and H = 1: rounding of a step is eps |Delta|."""
    draw = stream("dynamics: distance", s.size, eta)
    delta = matrix(s, s.size, s.size + 2, draw)
    steps = int(np.max(s) / eta) + 3
    run = descend(
        np.eye(s.size), np.eye(s.size + 2), delta, "muon", steps, size=eta, checkpoints=range(steps)
    )
    sizes = np.array([np.linalg.norm(run.checkpoints[t], 2) for t in range(steps + 1)])
    reached = int(np.argmax(sizes <= tolerance))
    gd = descend(np.eye(s.size), np.eye(s.size + 2), delta, "gd", 1)
    return every(
        measured(gd.values[-1], 0.0, 0.0),
        measured(reached, (np.max(s) - tolerance) / eta, 1e-12 * steps, ">="),
    )


@verifies(SF_K8a)
def test_muon_needs_the_distance_over_the_step() -> None:
    for d in (fractions("8"), fractions("8", "-3", "1/7"), fractions("5/2", "5/2")):
        for eta, tolerance in (("1", "1"), ("1/3", "1/2"), ("1/10", "2")):
            distance_over_step(d, Fraction(eta), Fraction(tolerance))
    for s in zoo(5, stream("dynamics: zoo")).values():
        distance_in_a_run(s, 0.07, 0.1)


@control(SF_K8a, drops=FIXED)
def test_a_halving_step_size_is_faster() -> None:
    distance_over_step(fractions("8"), ONE, ONE, schedule="halving")


# --- no nearer than half a step ----------------------------------------------------------------------------------


@check(SF_K8b)
def stays_away(d: float, schedule: str = "constant") -> Evidence:
    """labs' recursion, eta = 1 from a dyadic start: the larger of the last two |d_t| is at least 1/2, exactly."""
    require(schedule == "constant", FIXED)
    require(not float(d).is_integer(), WHOLE)
    steps = max(int(abs(d)) + 4, 40 if schedule == "halving" else 0)
    size = abs(d) if schedule == "halving" else 1.0
    run = descend_modes(
        np.ones(1), np.array([d]), "muon", steps, schedule, size=size, checkpoints=range(steps)
    )
    tail = [abs(Fraction(float(run.checkpoints[t][0]))) for t in (steps - 1, steps)]
    return exact(max(tail), Fraction(1, 2), ">=")


@check(SF_K8b)
def cycle_for_all_starts(share: Fraction = Fraction(1, 2)) -> Evidence:
    """|d| = eta/(1+v) and eta - |d|: the larger one is at least share eta (two cases, v < 1 and v >= 1)."""
    import sympy

    eta, v = sympy.symbols("eta v", positive=True)
    w = sympy.Symbol("w", nonnegative=True)
    low, high = eta * v / (1 + v), eta / (1 + v)  # they add up to eta
    return every(
        exact(high.subs(v, 1 / (1 + w)), share * eta, ">=", witness={eta: 1, w: 0}),
        exact(low.subs(v, 1 + w), share * eta, ">=", witness={eta: 1, w: 0}),
    )


@check(SF_K8b)
def matrices_stay_away(s: np.ndarray, eta: float) -> Evidence:
    """Any matrix with H = 1; the singular values wander by eps |Delta| a step."""
    draw = stream("dynamics: cycles", s.size, eta)
    delta = matrix(s, s.size + 1, s.size, draw)
    steps = int(np.max(s) / eta) + 10
    run = descend(
        np.eye(s.size + 1), np.eye(s.size), delta, "muon", steps, size=eta, checkpoints=range(steps)
    )
    tail = [np.linalg.norm(run.checkpoints[t], 2) for t in (steps - 1, steps)]
    return measured(max(tail) / eta, 0.5, 1e-12 * steps, ">=")


@verifies(SF_K8b)
def test_fixed_step_muon_comes_no_nearer_than_half_a_step() -> None:
    cycle_for_all_starts()
    for d in (0.5, 3.25, -7.125):
        stays_away(d)
    for s in zoo(5, stream("dynamics: zoo")).values():
        matrices_stay_away(s, 0.07)


@control(SF_K8b, sharpens="eta/2 -> 0.51 eta")
def test_half_a_step_is_reached() -> None:
    cycle_for_all_starts(Fraction(51, 100))


@control(SF_K8b, drops=FIXED)
def test_with_halving_it_converges() -> None:
    stays_away(3.25, schedule="halving")


@control(SF_K8b, drops=WHOLE)
def test_from_a_multiple_it_converges() -> None:
    stays_away(3.0)


# --- the frozen preconditioner -----------------------------------------------------------------------------------


@check(SF_K8c)
def frozen_against_real(s: Numbers, eta: Fraction, steps: int = 200) -> Evidence:
    """Same first step; after `steps` the frozen method is below eta/100, Muon not below eta/2: exactly."""
    require(eta < 2 * min(s), "eta < 2 s_r")
    require(all((x / eta).denominator > 1 for x in s), WHOLE)
    frozen = [[(1 - eta / x) ** t * x for t in (1, steps)] for x in s]
    real = [dynamics.sign_descent(x, eta, steps) for x in s]
    same = [exact(a[0], b[1]) for a, b in zip(frozen, real, strict=True)]
    late = max(max(abs(x) for x in orbit[-2:]) for orbit in real)
    return every(*same, exact(max(abs(a[1]) for a in frozen), eta / 100, "<"), exact(late, eta / 2, ">="))


@check(SF_K8c)
def frozen_factor(edge: Fraction = Fraction(2)) -> Evidence:
    """0 < eta < edge s: |1 - eta/s| < 1, for all of them."""
    import sympy

    s, v = sympy.symbols("s v", positive=True)
    factor = 1 - edge * s / (1 + v) / s
    near = {v: Fraction(1, 1000), s: 1}
    return every(exact(factor, 1, "<"), exact(factor, -1, ">", witness={v: near[v]}))


@verifies(SF_K8c)
def test_the_frozen_method_converges_and_muon_does_not() -> None:
    frozen_factor()
    frozen_against_real(fractions("3", "2", "1"), Fraction(7, 10))
    frozen_against_real(fractions("1", "1/2"), Fraction(3, 7))


@control(SF_K8c, sharpens="2 s_r -> 2.02 s_r")
def test_the_frozen_threshold_is_sharp() -> None:
    frozen_factor(Fraction(101, 50))


@control(SF_K8c, drops="eta < 2 s_r")
def test_beyond_it_the_frozen_method_diverges() -> None:
    frozen_against_real(fractions("3", "1/4"), Fraction(4, 7))


# --- the best step -------------------------------------------------------------------------------------------------


@check(SF_K8d)
def best_step(r: int, rank: int | None = None) -> Evidence:
    """|s - eta|^2 at its minimum over eta, against (1 - nr/r)|s|^2, for all spectra of rank r."""
    import sympy

    s, eta = sympy.symbols(f"s1:{r + 1}", positive=True), sympy.Symbol("eta")
    after = sum((x - eta) ** 2 for x in s)
    (best,) = sympy.solve(sympy.diff(after, eta), eta)
    square, total = sum(x * x for x in s), sum(s)
    share = total**2 / square / (rank or r)
    return exact(after.subs(eta, best), sympy.expand((1 - share) * square))


@check(SF_K8d)
def best_step_of_labs(s: np.ndarray) -> Evidence:
    """descend with line search on H = 1, one step: f_+/f = 1 - nr/r, right to a few n eps."""
    m, n = s.size + 2, s.size
    delta = matrix(s, m, n, stream("dynamics: best step", n))
    run = descend(np.eye(m), np.eye(n), delta, "muon", 1, "line-search")
    alive = s[s > 0]
    share = np.sum(alive) ** 2 / np.sum(alive**2) / alive.size
    return measured(run.values[1] / run.values[0], 1 - share, 1e-13)


@verifies(SF_K8d)
def test_the_best_step_removes_the_nuclear_rank_over_the_rank() -> None:
    for r in (1, 2, 3, 4):
        best_step(r)
    for name, s in zoo(6, stream("dynamics: zoo")).items():
        if name != "near-zero":  # its rank is a matter of rounding
            best_step_of_labs(s)


@control(SF_K8d, changes="r -> r + 1")
def test_another_rank_is_wrong() -> None:
    best_step(3, 4)


@check(SF_K8e)
def slowest_best_step(r: int, factor: Fraction = ONE) -> Evidence:
    """1 - nr/r < factor (1 - 1/r) for all spectra; and its limit along s = (1, t, ..., t)."""
    import sympy

    require(r >= 2, "r >= 2")
    s = sympy.symbols(f"s1:{r + 1}", positive=True)
    t = sympy.Symbol("t", positive=True)
    share = sum(s) ** 2 / sum(x * x for x in s) / r
    along = share.subs(dict(zip(s, [1] + [t] * (r - 1), strict=True)), simultaneous=True)
    spike = dict(zip(s, [1] + [Fraction(1, 10000)] * (r - 1), strict=True))
    bound = sympy.Rational(factor * (1 - Fraction(1, r)))
    return every(
        exact(1 - share, bound, "<", witness=spike),
        exact(sympy.limit(1 - along, t, 0), 1 - Fraction(1, r)),
    )


@verifies(SF_K8e)
def test_spikes_are_the_slowest() -> None:
    for r in (2, 3, 5):
        slowest_best_step(r)


@control(SF_K8e, sharpens="1 - 1/r -> 0.99 of it")
def test_the_supremum_is_approached() -> None:
    slowest_best_step(3, Fraction(99, 100))


@restates(SF_K8d)
def test_the_best_step_of_scaled_and_transposed_matrices() -> None:
    for c in (1e-60, 1e3):
        best_step_of_labs(c * np.array([3.0, 1.0, 0.1]))
