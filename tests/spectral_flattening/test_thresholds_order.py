"""SF-T2: the order of the thresholds, and their size in linear regression."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from labs.core.spectrum import haar, matrix, stable_rank, zoo
from labs.core.streams import stream
from labs.spectral_flattening import one_step
from labs.spectral_flattening.thresholds import StableStep, spectral_smoothness, stable_step
from tests.referee import check, control, restates, verifies
from tests.spectral_flattening.curvatures import turned
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import partial_isometries
from theory.spectral_flattening.steps import SF_T2c, SF_T2f, SF_T2g

ONE, NEAR = Fraction(1), Fraction(101, 100)


# --- the order of the thresholds ---------------------------------------------------------------------------------


@check(SF_T2c)
def thresholds_for_all_spectra(m: int, n: int, rank: int, factor: Fraction = ONE) -> Evidence:
    """factor * 2 N/(L r) <= 2 N/L_(r), for all spectra of A and B and every N; equality where they are flat."""
    import sympy

    of = partial_isometries.weights(m, n)
    N = sympy.Symbol("N", positive=True)
    below = one_step.largest_step(N, rank * of.alpha[0] * of.beta[0])
    above = one_step.largest_step(N, partial_isometries.largest(of, rank))
    ends = {of.beta_steps[-1]: 1, of.alpha_steps[-1]: 1, N: 1}
    flat = dict.fromkeys([*of.beta_steps, *of.alpha_steps], 0) | ends
    return exact(factor * below, above, "<=", witness=flat)


@check(SF_T2c)
def thresholds_are_ordered(steps: StableStep, factor: float = 1.0) -> Evidence:
    """labs: frobenius <= rank <= exact, spectral <= rank, and for GD and NGD the uniform one <= the exact one."""
    # The eigenvalues, the nuclear norm and the curvatures are each right to about 1e-14.
    return every(
        measured(factor * steps.frobenius / steps.rank, 1.0, 1e-13, "<="),
        measured(steps.rank / steps.exact, 1.0, 1e-13, "<="),
        measured(steps.spectral / steps.rank, 1.0, 1e-13, "<="),
        measured(steps.gd / steps.gd_exact, 1.0, 1e-13, "<="),
        measured(steps.ngd / steps.ngd_exact, 1.0, 1e-13, "<="),
    )


@verifies(SF_T2c)
def test_order_for_all_spectra() -> None:
    for m, n in ((1, 1), (2, 3), (3, 3)):
        for rank in range(1, min(m, n) + 1):
            thresholds_for_all_spectra(m, n, rank)


@verifies(SF_T2c)
def test_order_of_500_instances() -> None:
    draw = stream("order of thresholds")
    for m, n in ((1, 1), (2, 5), (4, 4), (7, 3), (12, 9)):
        B, A = (turned(np.exp(draw.uniform(-3, 3, (100, k))), draw) for k in (m, n))
        G = draw.standard_normal((100, m, n))
        thresholds_are_ordered(stable_step(G, B, A))


@control(SF_T2c, sharpens="eta_T1 -> 1.01 eta_T1, at A = 1, B = 1")
def test_the_order_is_sharp_where_curvature_is_flat() -> None:
    thresholds_for_all_spectra(3, 3, 2, NEAR)
    thresholds_are_ordered(stable_step(np.diag([3.0, 1.0]), np.eye(2), np.eye(2)), 1.01)


# --- between L and min(m, n) L, and linear regression ------------------------------------------------------------


@check(SF_T2f)
def between(m: int, n: int, factor: Fraction = ONE) -> Evidence:
    """L <= L_op <= factor * min(m, n) L for all spectra."""
    of = partial_isometries.weights(m, n)
    k = min(m, n)
    smooth, spectral = partial_isometries.largest(of, 1), partial_isometries.largest(of, k)
    flat = dict.fromkeys([*of.beta_steps, *of.alpha_steps], 0) | {of.beta_steps[-1]: 1, of.alpha_steps[-1]: 1}
    return every(exact(smooth, spectral, "<="), exact(spectral, factor * k * smooth, "<=", witness=flat))


@check(SF_T2f)
def labs_between(B: np.ndarray, A: np.ndarray) -> Evidence:
    smooth, spectral = float(spectral_smoothness(B, A, 1)), float(spectral_smoothness(B, A))
    k = min(len(B), len(A))
    # Sums of at most k products of eigenvalues, each right to n eps.
    return every(
        measured(smooth, spectral, 1e-13 * spectral, "<="),
        measured(spectral, k * smooth, 1e-13 * spectral, "<="),
    )


@verifies(SF_T2f)
def test_between() -> None:
    for m, n in ((1, 1), (2, 3), (4, 3)):
        between(m, n)
    draw = stream("between")
    for b, a in zip(zoo(5, draw).values(), reversed(zoo(3, draw).values()), strict=True):
        labs_between(turned(b, draw), turned(a, draw))


@control(SF_T2f, sharpens="min(m, n) -> 0.99 min(m, n)")
def test_the_upper_bound_is_attained_by_flat_spectra() -> None:
    between(2, 3, 1 / NEAR)


@check(SF_T2g)
def trace_of_the_covariance(m: int, n: int) -> Evidence:
    """B = 1: L_(min(m, n)) is the sum of all eigenvalues of A, L the first."""
    of = partial_isometries.weights(m, n)
    identity = dict.fromkeys(of.beta_steps[:-1], 0) | {of.beta_steps[-1]: 1}
    require(m >= n, "m >= n")
    spectral = partial_isometries.largest(of, min(m, n)).subs(identity)
    return every(
        exact(spectral, sum(of.alpha)), exact(partial_isometries.largest(of, 1).subs(identity), of.alpha[0])
    )


@check(SF_T2g)
def stable_rank_of_the_data(X: np.ndarray, m: int) -> Evidence:
    """labs: L_op/L for A = X X^T/N is the stable rank of X."""
    n, count = X.shape
    require(m >= n, "m >= n")
    A = X @ X.T / count
    found = float(spectral_smoothness(np.eye(m), A)) / float(spectral_smoothness(np.eye(m), A, 1))
    expected = float(stable_rank(np.linalg.svd(X, compute_uv=False)))
    return measured(
        found, expected, 1e-13 * expected
    )  # n eps of the largest eigenvalue, which is at least 1/n of all


@verifies(SF_T2g)
def test_linear_regression() -> None:
    for m, n in ((1, 1), (3, 3), (4, 2)):
        trace_of_the_covariance(m, n)
    draw = stream("regression")
    for s in zoo(6, draw).values():
        stable_rank_of_the_data(matrix(s, 6, 40, draw), 7)


@control(SF_T2g, drops="m >= n")
def test_fewer_outputs_than_inputs() -> None:
    trace_of_the_covariance(2, 3)
    stable_rank_of_the_data(stream("regression").standard_normal((6, 40)), 5)


# --- a typical size, and the same problem otherwise --------------------------------------------------------------


def regression(m: int = 20, n: int = 30, samples: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """(G, A) of a linear regression at W = 0: inputs of variances 1/i, a Gaussian W*; NumPy's default stream."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((n, samples)) / np.sqrt(np.arange(1.0, n + 1))[:, None]
    A = X @ X.T / samples
    return -draw.standard_normal((m, n)) @ A, A


@check(SF_T2c)
def quoted(found: dict[str, float], printed: dict[str, str]) -> Evidence:
    """Each number as printed: half a unit of the last digit."""
    values = [found[name] for name in printed]
    places = [10.0 ** -len(text.partition(".")[2]) / 2 for text in printed.values()]
    return measured(values, [float(text) for text in printed.values()], places)


@verifies(SF_T2c)
def test_typical_size() -> None:
    G, A = regression()
    B = np.eye(20)
    steps = stable_step(G, B, A)
    s = np.linalg.svd(G, compute_uv=False)
    found = {name: float(value) for name, value in vars(steps).items()}
    found |= {
        "L": float(spectral_smoothness(B, A, 1)),
        "L_op": float(spectral_smoothness(B, A)),
        "s1": float(s[0]),
    }
    found |= {
        "sbar": float(np.mean(s)),
        "nr": float(np.sum(s) ** 2 / np.sum(s**2)),
        "gain": found["exact"] / found["gd_exact"],
    }
    sizes = {
        "L": "1.0039",
        "L_op": "3.616",
        "sbar": "0.7755",
        "s1": "5.478",
        "nr": "5.88",
        "gradient_rank": "20",
    }
    thresholds = {"frobenius": "1.545", "rank": "8.579", "exact": "9.000", "gd": "1.992", "gd_exact": "2.470"}
    quoted(found, sizes | thresholds | {"gain": "3.64"})
    assert (
        found["frobenius"] < found["gd"]
    )  # the average singular value alone would have it the other way round


@restates(SF_T2c)
def test_typical_size_scaled_rotated_and_transposed() -> None:
    G, A = regression()
    draw = stream("rotated")
    left, right = haar(20, draw), haar(30, draw)
    plain = stable_step(G, np.eye(20), A)
    turned = stable_step(1e-100 * (left @ G @ right.T).T, 1e9 * right @ A @ right.T, np.eye(20))
    thresholds_are_ordered(turned)
    units = {"gd": 1e-9, "gd_exact": 1e-9}
    for name, value in vars(plain).items():
        unit = 1.0 if name == "gradient_rank" else units.get(name, 1e-109)
        assert float(getattr(turned, name)) == pytest.approx(float(value) * unit, rel=1e-12), name


@pytest.mark.parametrize("c", [1e-150, 1.0, 1e150])
def test_the_unit_of_the_loss(c: float) -> None:
    """Muon's thresholds do not know it where G and H change together."""
    G, A = regression(3, 4)
    B = np.diag([2.0, 1.0, 0.0])
    plain, other = stable_step(G, B, A), stable_step(c * G, c * B, A)
    for name in ("frobenius", "spectral", "rank", "exact", "ngd", "ngd_exact"):
        assert float(getattr(other, name)) == pytest.approx(float(getattr(plain, name)), rel=1e-13), name
    assert float(other.gd) == pytest.approx(float(plain.gd) / c, rel=1e-13)
