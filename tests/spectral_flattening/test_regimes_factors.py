"""SF-K4.g, h, i: what one step of the best length leaves of an isotropic error."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.fit import exponent
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import line_search_factor
from labs.spectral_flattening.conditioning_forms import mean_residue, signal_factors
from tests.referee import check, control, verifies
from tests.spectral_flattening.curvatures import EPS
from tests.spectral_flattening.rationals import fractions, frame
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import line_search
from theory.spectral_flattening.conditioning_regimes import SF_K4g, SF_K4h, SF_K4i

ONE = Fraction(1)
ISOTROPIC = "Delta^T B^k Delta = s^2 tr(B^k) 1"


# --- the factor of an exact line search --------------------------------------------------------------------------


@check(SF_K4g)
def factors_of_isotropic_errors(b: Sequence[Any], a: Sequence[Any], stretch: Fraction = ONE) -> Evidence:
    """B = diag(b_1 1, b_2 1, ...) in blocks of the size of A, Delta a stack of rational orthogonal matrices.

    `stretch` multiplies the last of them.
    """
    import sympy

    n = len(a)
    blocks = [sympy.Matrix(frame(n, start=i).tolist()) for i in range(len(b))]
    blocks[-1] *= sympy.Rational(stretch)
    Delta = sympy.Matrix.vstack(*blocks)
    B, A = sympy.diag(*(x for x in b for _ in range(n))), sympy.diag(*a)
    for k in (1, 2, 3):
        moment = n * Delta.T * B**k * Delta - (B**k).trace() * sympy.eye(n)
        require(moment.applyfunc(sympy.expand).is_zero_matrix, ISOTROPIC)
    traces = [tuple((X**k).trace() for k in (1, 2, 3)) for X in (B, A)]
    muon, descent = signal_factors(*traces)
    G = B * Delta * A
    return every(
        exact(line_search.least_share(B, A, Delta, B * Delta), muon),
        exact(line_search.least_share(B, A, Delta, G), descent),
    )


@check(SF_K4g)
def factors_in_floats(b: np.ndarray, a: np.ndarray, tilt: float = 0.0) -> Evidence:
    """The same by `line_search_factor` in random bases; `tilt` is added to one entry of Delta."""
    n, rng = a.size, stream("isotropic errors", b.size, a.size)
    Delta = haar(n, rng, (b.size,)).reshape(-1, n)
    Delta[0, 0] += tilt
    left, right = haar(b.size * n, rng), haar(n, rng)
    B, A = (left * np.repeat(b, n)) @ left.T, (right * a) @ right.T
    rotated = left @ Delta @ right.T
    traces = [[float(np.sum(x**k)) for k in (1, 2, 3)] for x in (np.repeat(b, n), a)]
    found = [
        float(line_search_factor((B + B.T) / 2, (A + A.T) / 2, rotated, rule)) for rule in ("muon", "gd")
    ]
    # The polar factor sees eps kappa(G); the factors are smooth, so that its square would do.
    return measured(
        found, signal_factors(*traces), 64 * n * EPS * np.max(b) * np.max(a) / (np.min(a) * np.min(b))
    )


@verifies(SF_K4g)
def test_factors_of_isotropic_errors() -> None:
    import sympy

    factors_of_isotropic_errors(sympy.symbols("b1 b2", positive=True), sympy.symbols("a1 a2", positive=True))
    factors_in_floats(np.array([5.0, 1.0, 0.2, 0.1]), np.array([10.0, 1.0, 0.01]))
    factors_in_floats(np.ones(3), np.array([10.0, 1.0]))


@control(SF_K4g, drops=ISOTROPIC)
def test_an_error_that_is_not_isotropic() -> None:
    import sympy

    factors_of_isotropic_errors(
        [sympy.Integer(2), sympy.Integer(1)], [sympy.Integer(3), sympy.Integer(1)], Fraction(21, 20)
    )


@control(SF_K4g, changes="one entry of Delta by 0.05")
def test_an_error_that_is_not_isotropic_in_floats() -> None:
    factors_in_floats(np.array([5.0, 1.0]), np.array([10.0, 1.0]), tilt=0.05)


def gaussian_factors(
    a: Sequence[float] | np.ndarray, b: np.ndarray, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """(Muon's, GD's) factors for Gaussian Delta, through the n x n matrices Delta^T B^k Delta."""
    rng, A = stream("factors of Gaussian errors", len(a), b.size), np.asarray(a)
    muon, descent = [], []
    for _ in range(draws):
        delta = rng.standard_normal((b.size, A.size))
        first, second, third = (delta.T @ (b[:, None] ** k * delta) for k in (1, 2, 3))
        energy = np.sum(np.diag(first) * A)
        gram = A[:, None] * second * A  # of the gradient
        values, frames = np.linalg.eigh(gram)
        root = (frames / np.sqrt(values)) @ frames.T
        curvature = np.sum(root * (A[:, None] * third * A @ root @ np.diag(A)))
        muon.append(1 - np.sum(np.sqrt(values)) ** 2 / (curvature * energy))
        steepest = np.sum(np.diag(third) * A**3)
        descent.append(1 - np.trace(gram) ** 2 / (steepest * energy))
    return np.asarray(muon), np.asarray(descent)


def test_factors_through_small_matrices() -> None:
    """`gaussian_factors` is what `line_search_factor` computes."""
    a, b = [10.0, 1.0, 0.1], np.exp(np.linspace(-1, 1, 30))
    delta = stream("factors of Gaussian errors", 3, 30).standard_normal((30, 3))
    for rule, found in zip(("muon", "gd"), gaussian_factors(a, b, 1), strict=True):
        expected = line_search_factor(np.diag(b), np.diag(a), delta, rule)
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-11)


@check(SF_K4h)
def factors_of_gaussian_errors(
    a: Sequence[float], b: np.ndarray, printed: tuple[float, float], digits: float
) -> Evidence:
    """Means of 20 draws against the printed limits (Muon, GD), to four standard errors and the digits printed."""
    found = gaussian_factors(a, b, 20)
    errors = [4 * float(np.std(x)) / 20**0.5 + digits for x in found]
    return measured([float(np.mean(x)) for x in found], printed, errors, margin=0.1)


@check(SF_K4h)
def muon_and_descent_coincide(long_side: bool = True) -> Evidence:
    """A = 1, B = exp(linspace(-3, 3, m)): the median of |difference| is about 2e-4 at m = 10000 and falls like 1/m.

    long_side  False: A carries the same spread instead, and B = 1
    """
    sizes, medians = np.array([300, 1000, 3000, 10000]), []
    for m in sizes:
        spread = np.exp(np.linspace(-3, 3, int(m)))
        a, b = (np.ones(3), spread) if long_side else (np.exp([-3.0, 0.0, 3.0]), np.ones(int(m)))
        muon, descent = gaussian_factors(a, b, 25)
        medians.append(float(np.median(np.abs(muon - descent))))
    fitted = exponent(sizes.astype(float), np.asarray(medians))
    # 2e-4 was printed of one draw, of the order of the median.
    return every(
        measured(fitted.value, -1.0, 0.3, margin=0.5),
        measured(np.log(medians[-1] / 2e-4), 0.0, 1.0, margin=2.0),
    )


@verifies(SF_K4h)
def test_gaussian_errors_have_these_factors() -> None:
    factors_of_gaussian_errors([10.0, 1.0, 0.1], np.ones(4000), (0.0, 0.0817), 0.00005)
    factors_of_gaussian_errors([1.0] * 3, np.exp(np.linspace(-3, 3, 10000)), (0.24815, 0.24815), 0.000005)
    muon_and_descent_coincide()


@control(SF_K4h, changes="the long side -> the short side carries the ill-conditioning")
def test_on_the_short_side_they_differ() -> None:
    muon_and_descent_coincide(long_side=False)


def test_printed_limits() -> None:
    """The closed forms to the digits printed; the second with sums over m = 10000 points, and with integrals."""
    a = np.array([10.0, 1.0, 0.1])
    traces = [
        tuple(float(np.sum(x**k)) for k in (1, 2, 3))
        for x in (np.ones(1), a, np.exp(np.linspace(-3, 3, 10000)))
    ]
    assert f"{signal_factors(traces[0], traces[1])[1]:.4f}" == "0.0817"
    assert f"{signal_factors(traces[2], traces[0])[1]:.5f}" == "0.24815"
    integral = 1 - 3 * np.sinh(6) ** 2 / (4 * np.sinh(9) * np.sinh(3))
    assert f"{integral:.5f}" == "0.24815"


# --- the residue of Muon -----------------------------------------------------------------------------------------


@check(SF_K4i)
def residue(n: int, factor: Fraction = ONE) -> Evidence:
    """The closed form against the mean of the second-order term, from the series of the root, for all A."""
    import sympy

    a = sympy.symbols(f"a1:{n + 1}", positive=True)
    alone, second = line_search.mean_residue_from_series(a)
    return every(exact(second, factor * mean_residue(a)), exact(alone, 0))


@check(SF_K4i)
def residue_of_two() -> Evidence:
    """For n = 2 also from trace and determinant of the root."""
    import sympy

    a = sympy.symbols("a1:3", positive=True)
    alone, second = line_search.mean_residue_from_invariants(a)
    return every(exact(second, mean_residue(a)), exact(alone, 0))


@check(SF_K4i)
def residue_by_draws(a: Sequence[float], m: int, draws: int, factor: float = 1.0) -> Evidence:
    """m times the mean factor of Gaussian draws, to four standard errors and a next order of relative size n/m."""
    found = m * gaussian_factors(a, np.ones(m), draws)[0]
    predicted = factor * mean_residue(a)
    error = 4 * float(np.std(found)) / draws**0.5 + predicted * len(a) / m
    return measured(float(np.mean(found)), predicted, error, margin=2 * error)


@verifies(SF_K4i)
def test_the_residue_of_muon() -> None:
    residue(2)
    residue_of_two()
    assert f"{float(mean_residue(fractions('10', '1', '1/10'))):.4f}" == "0.1891"
    assert mean_residue(fractions("3", "1")) == Fraction("0.375")
    residue_by_draws([10.0, 1.0, 0.1], 300, 1500)
    residue_by_draws([3.0, 1.0], 300, 1500)


@pytest.mark.long
@verifies(SF_K4i)
def test_the_residue_of_muon_for_three() -> None:
    residue(3)


@control(SF_K4i, changes="the constant by 1 %")
def test_the_constant_of_the_residue() -> None:
    residue(2, Fraction(101, 100))
