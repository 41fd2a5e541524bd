"""NDS-X5: Muon's line search as a map on distances, its worst step, its laggard."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np

from labs.core.spectrum import zoo
from labs.core.streams import stream
from labs.curvature_nds import spectra
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, restates, verifies
from tests.tightness import worst_case
from theory.curvature_nds import (
    NDS_X5a,
    NDS_X5b,
    NDS_X5c,
    NDS_X5d,
    NDS_X5e,
    NDS_X5f,
    modes,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)
Vector = Sequence[Fraction]


def state_of(w: Vector, u: Vector, signs: Sequence[int]) -> list[Mode]:
    """Modes at the distances u, on the sides `signs` of their minima."""
    return [Mode(ONE, x, s * x * y) for x, y, s in zip(w, u, signs, strict=True)]


def distances(state: modes.State) -> list[Fraction]:
    return [abs(mode.r) / mode.w for mode in state]


def mean(w: Vector, u: Vector) -> Fraction:
    """E u."""
    return sum((x * y for x, y in zip(w, u, strict=True)), start=Fraction(0)) / sum(w)


# --- the map -----------------------------------------------------------------------------------------------------


@check(NDS_X5a)
def distances_move_by_their_mean(w: Vector, u: Vector, factor: Fraction = ONE) -> Evidence:
    """One step of the recursion in residuals, from every combination of signs, against |u - E u|."""
    require(all(x > 0 for x in u), "all r_i != 0")
    found = []
    for signs in product((1, -1), repeat=len(w)):
        after = modes.run(state_of(w, u, signs), modes.muon, 1)[1]
        wanted = [abs(x - factor * mean(w, u)) for x in u]
        found += [exact(x, y) for x, y in zip(distances(after), wanted, strict=True)]
    return every(*found)


@check(NDS_X5a)
def any_mode_among_any_others(factor: Fraction = ONE) -> Evidence:
    """A mode (w, u) on either side, and the others by their sums W = sum w_i and M = sum w_i u_i alone: for any q."""
    import sympy

    w, u, W, M = sympy.symbols("w u W M", positive=True)
    found = []
    for sign in (1, -1):
        # One mode of curvature W at the distance M/W has the same sums.
        state = [Mode(1, w, sign * w * u), Mode(1, W, M)]
        signs = {w: sign, W: 1}
        after = modes.stepped(state, lambda mode, signs=signs: signs[mode.w])  # type: ignore[misc]
        found.append(exact(after[0].r / w, sign * (u - factor * (w * u + M) / (w + W))))
    return every(*found)


@check(NDS_X5b)
def moments_of_the_map(w: Vector, u: Vector, steps: int, power: int = 2) -> Evidence:
    """Phi and its factor along a run in fractions, against the second moment and the variance."""
    found = []
    states = modes.run(state_of(w, u, [1] * len(w)), modes.muon, steps)
    for before, after in pairwise(states):
        v = distances(before)
        require(all(x > 0 for x in v), "all r_i != 0")
        second = mean(w, [x**power for x in v])
        found += [
            exact(modes.loss(before), sum(w) * second / 2),
            exact(modes.loss(after) / modes.loss(before), 1 - mean(w, v) ** 2 / second),
        ]
    return every(*found)


@check(NDS_X5c, NDS_X5e)
def what_stands_out(laggard: bool, coefficient: int = 2) -> Evidence:
    """For any q: a mode j above the mean by e, others above it by b in the mean, the rest below by c in the mean.

    Their shares are p, A and B; deviations balance, p e + A b = B c.  E u' = p e + A b + B c.
    """
    import sympy

    p, A, B, e, b = sympy.symbols("p A B e b", positive=True)
    c = (p * e + A * b) / B
    after = p * e + A * b + B * c
    if laggard:
        return every(exact(after, 2 * p * e, ">"), exact(after.subs(A, 0), 2 * p * e))
    return exact(after, coefficient * (p * e + A * b))


@check(NDS_X5c, NDS_X5e, NDS_X5f)
def along_a_run(w: Vector, u: Vector, steps: int, coefficient: Fraction = 2 * ONE) -> Evidence:
    """The identity for E u', and both bounds for every mode to which they apply, along a run in fractions."""
    states = [distances(x) for x in modes.run(state_of(w, u, [1] * len(w)), modes.muon, steps)]
    trace, found, previous = sum(w), [], None
    for now, after in pairwise(states):
        require(all(x > 0 for x in now), "all r_i != 0")
        here, there = mean(w, now), mean(w, after)
        above = [max(x - here, Fraction(0)) for x in now]
        found.append(exact(there, coefficient * mean(w, above)))
        for j, x in enumerate(now):
            pi = w[j] / trace
            if x >= here:
                found.append(exact(there, coefficient * pi * after[j], ">="))
                if previous is not None and previous[0][j] >= previous[1]:
                    found.append(exact(after[j], (1 - coefficient * pi) * x, "<="))
        previous = (now, here)
    return every(*found)


@verifies(NDS_X5a, NDS_X5b)
def test_muon_is_a_map_on_distances() -> None:
    any_mode_among_any_others()
    for w, u in (
        (fractions("9", "4", "1", "1/1000"), fractions("1", "3", "1/5", "2")),
        (fractions("1000000", "1", "1/3"), fractions("1/1000", "1", "2")),
    ):
        distances_move_by_their_mean(w, u)
        moments_of_the_map(w, u, 6)


RUN = fractions("5", "4", "2", "1", "1/2", "1/10"), fractions("1", "13/10", "1/5", "2", "17/10", "3")


@verifies(NDS_X5c, NDS_X5e, NDS_X5f)
def test_the_next_mean() -> None:
    along_a_run(*RUN, 40)


@verifies(NDS_X5c)
def test_the_next_mean_of_any_spectrum() -> None:
    what_stands_out(laggard=False)


@verifies(NDS_X5e)
def test_the_laggard_bounds_the_next_mean() -> None:
    what_stands_out(laggard=True)


@restates(NDS_X5b)
def test_the_map_does_not_know_units() -> None:
    moments_of_the_map(fractions("9/7", "4/7", "1/7"), fractions("10", "30", "2"), 6)


@control(NDS_X5a, changes="E u -> 99/100 E u")
def test_distances_do_not_move_by_less() -> None:
    distances_move_by_their_mean(*RUN, Fraction(99, 100))
    any_mode_among_any_others(Fraction(99, 100))


@control(NDS_X5b, changes="E[u^2] -> E[u^3]")
def test_the_loss_is_a_second_moment() -> None:
    moments_of_the_map(*RUN, 2, power=3)


@control(NDS_X5c, changes="2 -> 3")
def test_deviations_count_twice() -> None:
    what_stands_out(laggard=False, coefficient=3)


@control(NDS_X5e, sharpens="2 pi_j -> 2.02 pi_j")
@control(NDS_X5f, sharpens="1 - 2 pi_j -> 1 - 2.02 pi_j")
def test_the_laggard_bound_is_attained() -> None:
    on_the_ray(fractions("5", "2", "1"), 2, 3, Fraction(101, 100))


@check(NDS_X5e, NDS_X5f)
def on_the_ray(w: Vector, j: int, steps: int, factor: Fraction = ONE) -> Evidence:
    """Both bounds with 2 pi_j -> 2 factor pi_j on the ray of NDS-X5.h, where they are equalities."""
    pi = w[j] / sum(w)
    u = [pi if i != j else 1 - pi for i in range(len(w))]
    states = [distances(x) for x in modes.run(state_of(w, u, [1] * len(w)), modes.muon, steps)]
    bound = 2 * factor * pi
    means = (exact(mean(w, after), bound * after[j], ">=") for after in states[1:])
    return every(*means, *(exact(y[j], (1 - bound) * x[j], "<=") for x, y in pairwise(states[1:])))


@verifies(NDS_X5e, NDS_X5f)
def test_the_laggard_bound_on_the_ray() -> None:
    on_the_ray(fractions("5", "2", "1"), 2, 3)


# --- the worst step ----------------------------------------------------------------------------------------------


@check(NDS_X5d)
def step_takes_its_share(share: int = 1) -> Evidence:
    """(sum w u)^2 - w_min sum w u^2 > 0, here for q = 4: coefficients of w_i = w + v_i are positive, as for any q."""
    import sympy

    w = sympy.Symbol("w", positive=True)
    v, u = (0, *sympy.symbols("v1:4", nonnegative=True)), sympy.symbols("u0:4", positive=True)
    curvatures = [w + x for x in v]
    first = sum(c * x for c, x in zip(curvatures, u, strict=True))
    second = sum(c * x * x for c, x in zip(curvatures, u, strict=True))
    return exact(sympy.expand(first**2 - share * w * second), 0, ">")


@check(NDS_X5d)
def factor_of_a_step(w: np.ndarray, sigma: np.ndarray, steps: int, sharper: float = 1.0) -> Evidence:
    """Factors of the loss along descents, against labs' bound."""
    require(bool(np.all(sigma != 0)), "all r_i != 0")
    factor = np.exp(np.diff(descend(w, sigma, "muon", steps).log_loss, axis=-1))
    rows = np.reshape(np.broadcast_to(w, factor.shape[:-1] + w.shape[-1:]), (-1, w.shape[-1]))
    bounds = np.array([spectra.worst_searched_factor(list(row)) for row in rows])
    bound = sharper * np.reshape(bounds, (*factor.shape[:-1], 1)) * np.ones_like(factor)
    # A step is a sum of q positive terms; the loss that is left is not below the bound by less than this.
    return measured(factor, bound, 4 * w.shape[-1] * 2.0**-52, "<=")


@verifies(NDS_X5d)
def test_the_worst_step() -> None:
    step_takes_its_share()
    draw = stream("worst step")
    w = np.array([np.where(s > 1e-10, s, np.max(s)) for s in zoo(9, draw).values()])
    factor_of_a_step(w, draw.uniform(0.1, 1.0, w.shape), 20)


@restates(NDS_X5d)
def test_the_worst_step_is_approached() -> None:
    def instance(x: np.ndarray) -> tuple[Any, ...]:
        return np.array([1.0, 1.0 + x[0], 1.0 + x[1]]), x[2:], 1

    best = worst_case(
        factor_of_a_step,
        instance,
        dimension=5,
        lower=1e-3,
        upper=1e3,
        stream=stream("share"),
        starts=4,
        steps=150,
    )
    assert best > 0.999


@control(NDS_X5d, sharpens="1 - pi_min -> 0.99 (1 - pi_min)")
def test_the_worst_step_is_sharp() -> None:
    factor_of_a_step(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1e-6, 1e-6]), 1, 0.99)
