"""SF-T7: momentum and noise against the guarantee of one step."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from labs.spectral_flattening.momentum import guaranteed_gain, heavy_ball_limit
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.rationals import fractions, gradient, inner
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import dynamics_momentum as theory
from theory.spectral_flattening.dynamics_momentum import SF_T7a, SF_T7b, SF_T7c, SF_T7h, SF_T7i

ONE, TWO = Fraction(1), Fraction(2)
Numbers = Sequence[Fraction]


# --- a stale buffer ----------------------------------------------------------------------------------------------


@check(SF_T7a)
def gain_of_one_direction(constant: Fraction = TWO) -> Evidence:
    """One singular value: g sign(m) >= |g| - constant |g - c m| for g > 0 > m, and for g, m > 0 (in either order)."""
    import sympy

    g, m, c, v = sympy.symbols("g m c v", positive=True)
    opposite = {g: 1, m: Fraction(1, 1000), c: 1}
    return every(
        exact(-g, g - constant * (g + c * m), ">=", witness=opposite),
        exact(g, g - constant * v, ">="),  # the same sign: |g - c m| = v, on either side
    )


@check(SF_T7a)
def gain_of_two_by_two(
    G: np.ndarray, M: np.ndarray, Q: np.ndarray, c: Fraction, constant: Fraction = TWO
) -> Evidence:
    """Two by two, in numbers with square roots: |X|_*^2 = |X|_F^2 + 2 |det X|."""
    import sympy

    require(c > 0, "c > 0")

    def nuclear(X: np.ndarray) -> sympy.Expr:
        det = X[0, 0] * X[1, 1] - X[0, 1] * X[1, 0]
        square = inner(X, X) + 2 * abs(det)
        return sympy.sqrt(sympy.Rational(square.numerator, square.denominator))

    return exact(
        sympy.Rational(inner(G, Q)), nuclear(G) - sympy.Rational(constant) * nuclear(G - c * M), ">="
    )


@check(SF_T7a)
def gain_of_matrices(G: np.ndarray, M: np.ndarray, c: float) -> Evidence:
    """Each of the three sums is right to n eps of |G|_* + |c M|_*."""
    require(c > 0, "c > 0")
    bound, _ = guaranteed_gain(G, M, c)
    size = np.linalg.norm(G, "nuc") + c * np.linalg.norm(M, "nuc")
    return measured(np.sum(G * msign(M)) / size, bound / size, 1e-13 * max(G.shape), ">=")


def turned_pairs() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(G, M, polar(M)) of rational matrices, near to each other and far apart."""
    pairs = []
    for s, t in ((("3", "1"), ("3", "11/10")), (("3", "1"), ("1", "2")), (("1", "1/100"), ("1", "1"))):
        G, _ = gradient(fractions(*s), 2, 2)
        M, Q = gradient(fractions(*t), 2, 2)
        pairs += [(G, M, Q), (G, M.T, Q.T), (G, -M, -Q), (G[::-1], M, Q)]
    return pairs


@verifies(SF_T7a)
def test_a_stale_buffer_gains_at_least_this() -> None:
    gain_of_one_direction()
    for G, M, Q in turned_pairs():
        for c in fractions("1/10", "1", "3"):
            gain_of_two_by_two(G, M, Q, c)
    for n in (3, 8):
        for name, s in zoo(n, stream("momentum: zoo")).items():
            for m in (n, n + 4):
                draw = stream("momentum: zoo", name, n, m)
                G = matrix(s, m, n, draw)
                for mix in (0.01, 1.0):
                    gain_of_matrices(G, G + mix * draw.standard_normal((m, n)) / m, 1.0)


@control(SF_T7a, sharpens="2 -> 1.98")
def test_the_constant_two_is_needed() -> None:
    gain_of_one_direction(Fraction(99, 50))
    G = np.array(fractions("1", "0", "0", "1"), dtype=object).reshape(2, 2)
    gain_of_two_by_two(G, -G, -G, Fraction(1, 1000), Fraction(99, 50))


@check(SF_T7b)
def steps_below_the_threshold(factor: Fraction = ONE) -> Evidence:
    """eta = factor 2 gain/(L r (1 + w)), for every gain > 0 and every <G, Q_M> = gain + v, v >= 0: the loss falls."""
    import sympy

    gain, L, r, w = sympy.symbols("gain L r w", positive=True)
    v = sympy.Symbol("v", nonnegative=True)
    eta = factor * one_step.largest_step(gain, L * r) / (1 + w)
    edge = {gain: 1, L: 1, r: 1, w: Fraction(1, 1000), v: 0}
    return exact(one_step.change(eta, gain + v, L * r), 0, "<", witness=edge)


@check(SF_T7b)
def threshold_of_matrices(G: np.ndarray, M: np.ndarray, shares: Sequence[float]) -> Evidence:
    """The loss sum(1 - cos W_ij), not convex, at a point with this gradient; c is the best of a grid, L = 1.

    A change of the loss is a sum of a dozen differences of cosines: 1e-14.
    """
    require(bool(np.max(np.abs(G)) < 1), "A1")
    gains = [guaranteed_gain(G, M, float(c)) for c in np.geomspace(0.1, 10.0, 41)]
    gain, rank = max(gains, key=lambda found: float(found[0]))
    W = np.arcsin(G)
    ends = [np.sum(np.cos(W) - np.cos(W - share * 2 * gain / rank * msign(M))) for share in shares]
    return every(measured(gain, 0.0, 0.0, ">"), measured(ends, 0.0, 1e-14, "<"))


@verifies(SF_T7b)
def test_steps_below_the_threshold_decrease() -> None:
    steps_below_the_threshold()
    for seed in range(5):
        draw = stream("momentum: threshold", seed)
        G = matrix(np.array([0.5, 0.3, 0.1]), 4, 3, draw)
        threshold_of_matrices(G, 2 * G + 0.02 * draw.standard_normal((4, 3)), (0.01, 0.5, 1.0))


@control(SF_T7b, sharpens="2 -> 2.02")
def test_the_threshold_has_no_room() -> None:
    steps_below_the_threshold(Fraction(101, 100))


@check(SF_T7c)
def every_step_ascends(constant: Fraction = ONE, buffer: int = -1) -> Evidence:
    """Along -eta polar(M), M = buffer G: <G, -eta polar(M)> = constant eta |G|_*, for all spectra of rank three."""
    import sympy

    require(buffer < 0, "M = -G")
    eta = sympy.Symbol("eta", positive=True)
    s = sympy.symbols("s1:4", positive=True)
    moved = -eta * sum(g * sympy.sign(buffer * g) for g in s)
    return exact(moved, constant * eta * sum(s), ">=")


@check(SF_T7c)
def ascent_of_a_convex_loss(G: np.ndarray, eta: Fraction, buffer: int = -1) -> Evidence:
    """f = <G, D> + |D|_F^2/2 + (sum of D)^2, exactly, at D = -eta polar(buffer G); G is diagonal."""
    require(buffer < 0, "M = -G")
    D = -eta * buffer * np.sign(G)
    loss = inner(G, D) + inner(D, D) / 2 + D.sum() ** 2
    return exact(loss, eta * np.abs(G).sum(), ">=")


@verifies(SF_T7c)
def test_an_opposite_buffer_ascends() -> None:
    every_step_ascends()
    G = np.diag(np.array(fractions("3", "-1", "1/10"), dtype=object))
    for eta in fractions("1/1000", "1", "100"):
        ascent_of_a_convex_loss(G, eta)


@control(SF_T7c, sharpens="eta |G|_* -> 1.01 eta |G|_*")
def test_it_ascends_by_no_more_than_the_tangent() -> None:
    every_step_ascends(Fraction(101, 100))


@control(SF_T7c, drops="M = -G")
def test_the_gradient_itself_descends() -> None:
    ascent_of_a_convex_loss(np.diag(np.array(fractions("3", "1"), dtype=object)), Fraction(1, 10), buffer=1)


# --- gradient descent with a buffer --------------------------------------------------------------------------------


@check(SF_T7h)
def schur_cohn(factor: Fraction = ONE) -> Evidence:
    """x^2 - p x + q has both roots inside the unit circle iff |q| < 1 and |p| < 1 + q; below, at and above the limit.

    p = trace, q = determinant of the step's matrix; beta = 1/(1 + u), eta = share times labs' limit.
    """
    import sympy

    u, v, L = sympy.symbols("u v L", positive=True)
    beta = 1 / (1 + u)
    limit = factor * heavy_ball_limit(beta, L)

    def margins(eta: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        step = theory.companion(beta, eta * L)
        p, q = step.trace(), step.det()
        return sympy.factor(1 + q - p), sympy.factor(1 + q + p)

    inside, outside = margins(limit / (1 + v)), margins(limit * (1 + v))
    return every(
        exact(theory.companion(beta, limit * L).det(), beta),  # in (0, 1)
        exact(inside[0], 0, ">"),
        exact(inside[1], 0, ">", witness={u: 1, v: Fraction(1, 1000)}),
        exact(outside[1], 0, "<"),
    )


@check(SF_T7h)
def heavy_ball_runs(beta: float, share: float, below: bool) -> Evidence:
    """The spectral radius of the step's matrix by its eigenvalues; they are simple, so right to about 1e-13."""
    step = np.array(
        [[beta, 1.0], [-share * heavy_ball_limit(beta, 1.0) * beta, 1 - share * heavy_ball_limit(beta, 1.0)]]
    )
    radius = np.max(np.abs(np.linalg.eigvals(step)))
    return measured(radius, 1.0, 1e-12, "<" if below else ">")


@verifies(SF_T7h)
def test_heavy_ball_limit() -> None:
    schur_cohn()
    for beta in (0.1, 0.9, 0.999):
        heavy_ball_runs(beta, 0.999, True)
        heavy_ball_runs(beta, 1.001, False)


@control(SF_T7h, sharpens="2 -> 2.02")
def test_the_limit_has_no_room() -> None:
    schur_cohn(Fraction(101, 100))


# --- skew noise --------------------------------------------------------------------------------------------------


@check(SF_T7i)
def skew_noise(values: Numbers, chances: Numbers, gain: Fraction) -> Evidence:
    """-(E g)(E sign g) >= gain: the tangent at w rises by eta times that, and a convex loss lies above it."""
    mean = sum(g * p for g, p in zip(values, chances, strict=True))
    sign = sum(((g > 0) - (g < 0)) * p for g, p in zip(values, chances, strict=True))
    return every(exact(sum(chances), 1), exact(-mean * sign, gain, ">="))


@check(SF_T7i)
def expected_loss(curvature: Fraction, eta: Fraction) -> Evidence:
    """f(w) = w/4 + curvature w^2/2 at w = 0, exactly: E f(-eta sign g) >= eta/8, if the loss is convex."""
    require(curvature >= 0, "convex")

    def f(w: Fraction) -> Fraction:
        return w / 4 + curvature * w * w / 2

    return exact(Fraction(1, 4) * f(-eta) + Fraction(3, 4) * f(eta), eta / 8, ">=")


@verifies(SF_T7i)
def test_skew_noise_ascends() -> None:
    skew_noise(fractions("4", "-1"), fractions("1/4", "3/4"), Fraction(1, 8))
    for curvature in fractions("0", "1", "100"):
        for eta in fractions("1/1000", "1", "50"):
            expected_loss(curvature, eta)


@control(SF_T7i, sharpens="eta/8 -> 1.01 eta/8")
def test_the_ascent_is_what_it_is() -> None:
    skew_noise(fractions("4", "-1"), fractions("1/4", "3/4"), Fraction(101, 800))


@control(SF_T7i, drops="convex")
def test_a_concave_loss_may_fall() -> None:
    expected_loss(Fraction(-1), Fraction(1))


# --- the same, rotated ---------------------------------------------------------------------------------------------


@restates(SF_T7a)
def test_rotated_and_scaled_pairs_gain_the_same() -> None:
    draw = stream("momentum: rotated")
    G, M = matrix(np.array([1.0, 0.1, 1e-3]), 3, 5, draw), matrix(np.array([1.0, 0.5, 1e-3]), 3, 5, draw)
    for scale in (1e-100, 1.0, 1e100):
        gain_of_matrices(scale * G.T, scale * M.T, 0.5)


@pytest.mark.parametrize(
    ("change", "argument"),
    [({"M": np.ones((3, 2))}, "M"), ({"scale": 0.0}, "scale"), ({"G": np.full((2, 3), np.nan)}, "G")],
)
def test_bad_pairs_are_refused(change: dict, argument: str) -> None:
    given = {"G": np.ones((2, 3)), "M": np.ones((2, 3)), "scale": 1.0} | change
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        guaranteed_gain(**given)
