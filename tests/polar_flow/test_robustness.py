"""POL-T2.a, .ar, .b, .c: what polarising another matrix than W costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.spectrum import matrix
from labs.core.streams import stream
from labs.polar_flow import ensembles
from labs.polar_flow.alignment import misaligned_flow
from labs.polar_flow.operators import Operator, regression
from labs.polar_flow.spreads import decay, participation_slope
from tests.polar_flow import rational_models
from tests.polar_flow.rational_models import Rational, frame, inner
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.polar_flow import POL_T2_a, POL_T2_ar, POL_T2_b, POL_T2_c

NEAR = Fraction(99, 100)


@check(POL_T2_a, POL_T2_ar, POL_T2_b)
def cauchy_schwarz(size: int, sign: int) -> Evidence:
    """|x|^2 |y|^2 - <x, y>^2 = sum_{i<j} (x_i y_j - x_j y_i)^2: all that the three bounds need."""
    import sympy

    x, y = (sympy.symbols(f"{name}1:{size + 1}", real=True) for name in "xy")
    squares = sum((x[i] * y[j] - sign * x[j] * y[i]) ** 2 for i, j in combinations(range(size), 2))
    return exact(inner(x, x) * inner(y, y) - inner(x, y) ** 2, squares)


# --- one rate -----------------------------------------------------------------------------------------------------


def other_factor(model: Rational, seed: int) -> Any:
    """P(M) of a matrix M with other frames, rational."""
    m, r = model.u.shape
    return frame(m, r, seed + 20) * frame(model.v.rows, r, seed + 30).T


@check(POL_T2_a)
def rate_in_rationals(model: Rational, factor: Any, share: Fraction) -> Evidence:
    """(d sigma_i/dt + alpha_i)^2 <= share^2 |P_perp E_i|^2 |P_perp Delta|^2 <= share^2 delta_P^2, eta = 1."""
    require(all(s > 0 for s in model.sigma), "A3")
    gap = factor - model.factor
    pulled = model.projected(gap)
    disturbed = [-a - b for a, b in zip(model.decay(factor), [-x for x in model.decay()], strict=True)]
    seen = [share**2 * square * inner(pulled, pulled) for square in model.diagonal()]
    chain = [exact(bound, share**2 * inner(gap, gap), "<=") for bound in seen]
    return every(*(exact(x**2, bound, "<=") for x, bound in zip(disturbed, seen, strict=True)), *chain)


@check(POL_T2_ar)
def regression_rate_in_rationals(model: Rational, factor: Any, share: Fraction) -> Evidence:
    """(d sigma_i/dt + alpha_i)^2 <= share^2 alpha_i |Delta v_i|^2, and |Delta v_i| <= |Delta|_op."""
    gap = factor - model.factor
    alpha, squares = model.decay(), model.diagonal()
    require(alpha == squares, "regression")
    parts = []
    for i, a in enumerate(alpha):
        image = gap * model.v[:, i]
        disturbed = inner(model.element(i), model.projected(gap))
        parts.append(exact(disturbed**2, share**2 * a * inner(image, image), "<="))
    return every(*parts)


MODELS = {
    "sensing": rational_models.sensing(3, 2, (3, 1), 3, 0),
    "square": rational_models.sensing(2, 2, (2, 2), 2, 1),
    "one direction": rational_models.sensing(2, 2, (3, 1), 3, 2),
    "regression": rational_models.regression(4, 2, (3, 1), 2, 3),
}


@verifies(POL_T2_a)
def test_one_rate() -> None:
    for size in (2, 4):
        cauchy_schwarz(size, 1)
    for model in MODELS.values():
        for seed in (0, 1):
            rate_in_rationals(model, other_factor(model, seed), Fraction(1))
        rate_in_rationals(model, -model.factor, Fraction(1))


@control(POL_T2_a, sharpens="1 -> 0.99")
def test_the_bound_on_a_rate_is_sharp() -> None:
    """With one direction left unmeasured all projections are parallel."""
    rate_in_rationals(MODELS["one direction"], other_factor(MODELS["one direction"], 0), NEAR)


@control(POL_T2_a, changes="|P_perp Delta| -> angles between singular subspaces")
def test_angles_do_not_bound_a_rate() -> None:
    """M = -W: no angle, so that the bound would be 0."""
    model = MODELS["sensing"]
    rate_in_rationals(model, -model.factor, Fraction(0))


@verifies(POL_T2_ar)
def test_one_rate_in_a_regression() -> None:
    cauchy_schwarz(3, 1)
    model = MODELS["regression"]
    for seed in (0, 1):
        regression_rate_in_rationals(model, other_factor(model, seed), Fraction(1))


@control(POL_T2_ar, drops="regression")
def test_in_sensing_a_rate_may_be_disturbed_without_decay() -> None:
    """POL-X1': alpha_2 = -1/5."""
    import sympy

    kernel = sympy.Matrix([2, 0, 0, -1])
    plane = Rational(sympy.eye(2), (sympy.Integer(2), sympy.Integer(1)), sympy.eye(2), kernel * kernel.T / 5)
    regression_rate_in_rationals(plane, -plane.factor, Fraction(1))


@control(POL_T2_ar, changes="sign in the identity")
def test_another_sign_is_no_identity() -> None:
    cauchy_schwarz(3, -1)


@check(POL_T2_a)
def rate_by_differences(operator: Operator, V: np.ndarray, M: np.ndarray, share: float = 1.0) -> Evidence:
    """A difference quotient of the singular values along -P_perp P(M)."""
    sigma, alpha = decay(operator, V)
    require(sigma[-1] > 1e-3 * sigma[0], "A3")
    u, _, vt = np.linalg.svd(V, full_matrices=False)
    velocity, gap = -operator.perp(msign(M)), msign(M) - u @ vt
    elements = u.T[:, :, None] * vt[:, None, :]
    size = np.sqrt(np.sum(operator.perp(elements) ** 2, axis=(-2, -1)))
    h = 1e-5 * np.min(np.abs(np.diff(sigma, append=0.0)))
    found = (np.linalg.svdvals(V + h * velocity) - np.linalg.svdvals(V - h * velocity)) / (2 * h)
    # Error of the quotient: (h/gap)^2 relatively, and rounding over h.
    error = 1e-9 + 1e-15 * sigma[0] / h
    return measured(np.abs(found + alpha), share * size * np.linalg.norm(operator.perp(gap)), error, "<=")


def operators(m: int, n: int) -> dict[str, Operator]:
    draw = stream("robustness: operators", m, n)
    return {
        "regression": regression(draw.standard_normal((m // 2, m))),
        "gaussian": ensembles.gaussian_sensing(2 * m * n // 5, (m, n), draw),
        "mask": ensembles.entry_sensing(m * n // 3, (m, n), draw),
    }


@verifies(POL_T2_a)
@pytest.mark.parametrize("shape", [(6, 6), (8, 5), (5, 8)], ids=str)
def test_one_rate_by_differences(shape: tuple[int, int]) -> None:
    random = stream("robustness: rates", *shape)
    V = matrix(np.array([3.0, 2.2, 1.4, 0.9, 0.4]), *shape, random)
    V = V + (0.1 * np.eye(6) if shape == (6, 6) else 0.0)
    for operator in operators(*shape).values():
        for size in (0.01, 0.3, 10.0):
            rate_by_differences(operator, V, V + size * random.standard_normal(shape))


# --- a spread -----------------------------------------------------------------------------------------------------


@check(POL_T2_b)
def spread_with_room(model: Rational, factor: Any, room: Fraction) -> Evidence:
    """dPR/dt = -<Q, P_perp P(M)> >= 0 where sum alpha q <= -room |q| |P_perp Delta|."""
    total, squares = sum(model.sigma), sum(s**2 for s in model.sigma)
    q = [participation_slope(s, total, squares) for s in model.sigma]
    criterion = inner(model.decay(), q)
    pulled = model.projected(factor - model.factor)
    enough = criterion <= 0 and criterion**2 >= room**2 * inner(q, q) * inner(pulled, pulled)
    require(enough, "room")
    return exact(-inner(q, model.decay(factor)), 0, ">=")


def turned(t: Fraction) -> Any:
    """The rotation of the plane with tan(angle/2) = t."""
    import sympy

    x = sympy.Rational(t.numerator, t.denominator)
    return sympy.Matrix([[1 - x**2, -2 * x], [2 * x, 1 - x**2]]) / (1 + x**2)


def tilted(a: Fraction) -> Rational:
    """diag(1.01, 1) with ker A spanned by diag(-a, 1): for a > 1 the larger value decays."""
    import sympy

    kernel = sympy.Matrix([-sympy.Rational(a.numerator, a.denominator), 0, 0, 1])
    sigma = (sympy.Rational(101, 100), sympy.Integer(1))
    return Rational(sympy.eye(2), sigma, sympy.eye(2), kernel * kernel.T / inner(kernel, kernel))


@verifies(POL_T2_b)
def test_a_spread_with_room() -> None:
    cauchy_schwarz(3, 1)
    for a in (Fraction(11, 10), Fraction(2)):
        for t in (Fraction(0), Fraction(1, 10), Fraction(-1, 5)):
            spread_with_room(tilted(a), turned(t), Fraction(1))


@control(POL_T2_b, sharpens="room -> 0.99 room")
def test_less_room_is_too_little() -> None:
    """M turned by slightly more than a right angle; P_perp Delta is nearly parallel to Q."""
    spread_with_room(tilted(Fraction(21, 20)), turned(Fraction(1002, 1000)), NEAR)


@control(POL_T2_b, drops="room")
def test_without_room_a_spread_may_fall() -> None:
    spread_with_room(tilted(Fraction(21, 20)), turned(Fraction(2)), Fraction(1))


# --- a trajectory -------------------------------------------------------------------------------------------------


@check(POL_T2_c)
def straight_paths(signs: Sequence[int], start: Fraction, share: Fraction) -> Evidence:
    """Diagonal, B = 0, while all entries stay positive: V = x - t signs, W = x - t, at every such time t.

    |V - W|^2 = |start|^2 + t^2 |signs - 1|^2 for starts that differ by `start` in a direction orthogonal to the rest.
    """
    import sympy

    t = sympy.Symbol("t", positive=True)
    require(start == 0, "V(0) = W(0)")
    gap = [t * (s - 1) for s in signs] + [sympy.Rational(start.numerator, start.denominator)]
    defect_squared = t**2 * sum((s - 1) ** 2 for s in signs)
    return exact(inner(gap, gap), share**2 * defect_squared, "<=")


@cache
def path(kind: str, shape: tuple[int, int], step: float, steps: int) -> tuple[Operator, Any, Any, Any]:
    """(operator, V, W, defect): M = V + 0.3 C sin 3t, both from a Gaussian start plus the identity."""
    random = stream("robustness: paths", kind, *shape)
    operator = operators(*shape)[kind]
    start = random.standard_normal(shape) + 2 * np.eye(*shape)
    C = random.standard_normal(shape)
    V, defect = misaligned_flow(operator, start, lambda t, V: V + 0.3 * np.sin(3 * t) * C, step, steps)
    W, _ = misaligned_flow(operator, start, lambda _, V: V, step, steps)
    return operator, V, W, defect


@check(POL_T2_c)
def nearby(
    kind: str, shape: tuple[int, int], step: float, steps: int, share: float = 1.0, shift: float = 0.0
) -> Evidence:
    """|V - W|_F and the distance of the sorted spectra against the accumulated misalignment."""
    require(shift == 0, "V(0) = W(0)")
    _, V, W, defect = path(kind, shape, step, steps)
    _, rough, coarse, rough_defect = path(kind, shape, 2 * step, steps // 2)
    # Runge-Kutta: a step twice as long errs 16 times as much; singular values were watched to stay away from 0.
    error = (
        np.max(np.abs(rough - V[::2]))
        + np.max(np.abs(coarse - W[::2]))
        + np.max(np.abs(rough_defect - defect[::2]))
    )
    gap = np.linalg.norm(V + shift * np.eye(*shape) - W, axis=(-2, -1))
    spectra = np.linalg.norm(np.linalg.svdvals(V) - np.linalg.svdvals(W), axis=-1)
    tolerance = float(error) + 1e-13
    return every(
        measured(gap[1:], share * defect[1:], tolerance, "<="),
        measured(spectra[1:], share * defect[1:], tolerance, "<="),
    )


@verifies(POL_T2_c)
def test_errors_add_up_and_no_more() -> None:
    for signs in ((1, -1), (-1, -1), (1, 1, -1)):
        straight_paths(signs, Fraction(0), Fraction(1))


@verifies(POL_T2_c)
@pytest.mark.parametrize("kind", ["regression", "gaussian", "mask"])
def test_a_misaligned_flow_stays_near(kind: str) -> None:
    nearby(kind, (5, 4), 0.02, 50)


@pytest.mark.long
@verifies(POL_T2_c)
@pytest.mark.parametrize("kind", ["regression", "gaussian", "mask"])
@pytest.mark.parametrize("shape", [(6, 6), (4, 7)], ids=str)
def test_a_misaligned_flow_stays_near_for_longer(kind: str, shape: tuple[int, int]) -> None:
    nearby(kind, shape, 0.005, 240)


@control(POL_T2_c, sharpens="1 -> 0.99")
def test_at_first_all_of_it_counts() -> None:
    straight_paths((1, -1), Fraction(0), NEAR)
    nearby("gaussian", (5, 4), 1e-4, 4, share=0.99)


def test_bad_input() -> None:
    operator, V = operators(5, 4)["mask"], np.eye(5, 4)

    def always(M: np.ndarray) -> Callable[[float, np.ndarray], np.ndarray]:
        return lambda t, V: M

    for bad in (V.T, np.full_like(V, np.nan), V.astype(np.float32)):
        with pytest.raises(ValueError, match=r"^V0 must .*got "):
            misaligned_flow(operator, bad, always(V), 0.1, 2)
        with pytest.raises(ValueError, match=r"^polarised must .*got "):
            misaligned_flow(operator, V, always(bad), 0.1, 2)
    with pytest.raises(ValueError, match=r"^steps must be an integer >= 1, got 0"):
        misaligned_flow(operator, V, always(V), 0.1, 0)


@control(POL_T2_c, drops="V(0) = W(0)")
def test_different_starts_stay_apart() -> None:
    straight_paths((1, 1), Fraction(1, 100), Fraction(1))
    nearby("gaussian", (5, 4), 0.02, 50, shift=1.0)
