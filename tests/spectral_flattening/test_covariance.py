"""SF-K3.a to d, SF-K4.a, b, d, e, g, i, j: what the covariance of a random gradient is, exactly, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import preconditioned_condition_number
from labs.spectral_flattening.conditioning_forms import (
    largest_frozen_step,
    mixed_condition_number_squared,
    wishart_distance,
)
from tests.referee import check, control, verifies
from tests.spectral_flattening.curvatures import EPS, increments, kappa, positive_spectra
from tests.spectral_flattening.rationals import fractions
from theory.evidence import Evidence, every, exact, measured, require
from theory.spectral_flattening import gaussian_moments, pencils
from theory.spectral_flattening.conditioning_regimes import (
    SF_K3a,
    SF_K3b,
    SF_K3c,
    SF_K3d,
    SF_K4a,
    SF_K4b,
    SF_K4e,
    SF_K4j,
)

ONE, NEAR = Fraction(1), Fraction(101, 100)
INDEPENDENT, CENTRED = "delta and a independent", "E[delta a^T] = 0"
ISOMETRY = "Delta^T B^2 Delta = c^2 1"
ISOTROPIC = "Delta^T B^k Delta = s^2 tr(B^k) 1"


def equal(X: Any, Y: Any, witness: Any = None) -> Evidence:
    """Entry by entry; `witness` where they differ, if they do."""

    def compare(x: Any, y: Any) -> Evidence:
        symbols = x.free_symbols | y.free_symbols
        point = {symbol: value for symbol, value in (witness or {}).items() if symbol in symbols}
        return exact(x, y, witness=point if witness else None)

    return every(*(compare(x, y) for x, y in zip(X, Y, strict=True)))


# --- noise -------------------------------------------------------------------------------------------------------


@check(SF_K3a)
def noise_covariance(
    batch: int, errors: int = 1, size: int = 2, joint: bool = False, mean: int = 0
) -> Evidence:
    """E[G G^T] = tr(A) S/batch for delta = mean + one of +-d, +-e and a = one of x, y, vectors of symbols.

    errors  1: +-d alone;  size: of a;  joint: a = x where delta is +-d and y where it is +-e, so that the two are not
            independent
    """
    import sympy

    require(not joint, INDEPENDENT)
    require(mean == 0, CENTRED)
    d, e = (sympy.Matrix(sympy.symbols(f"{name}1:3")) for name in "de")
    x, y = (sympy.Matrix(sympy.symbols(f"{name}1:{size + 1}")) for name in "xy")
    shift = sympy.Matrix([mean, 0])
    deltas, inputs = [shift + sign * v for v in (d, e)[:errors] for sign in (1, -1)], [x, y]
    samples = [u * v.T for u in deltas for v in inputs]
    if joint:
        samples = [u * v.T for u, v in zip(deltas, (x, x, y, y), strict=True)]
    S, A = gaussian_moments.second_moment(deltas), gaussian_moments.second_moment(inputs)
    values = {symbol: k for k, symbol in enumerate(sorted(S.free_symbols | A.free_symbols, key=str), 1)}
    return equal(gaussian_moments.batch_covariance(samples, batch), A.trace() * S / batch, values)


@verifies(SF_K3a)
def test_covariance_of_noise() -> None:
    for batch in (1, 2):
        noise_covariance(batch)
    noise_covariance(1, errors=2)
    noise_covariance(3, size=1)


@control(SF_K3a, drops=CENTRED)
def test_a_mean_gradient_adds_to_the_covariance() -> None:
    noise_covariance(2, mean=1)


@control(SF_K3a, drops=INDEPENDENT)
def test_inputs_that_know_the_errors() -> None:
    noise_covariance(1, errors=2, joint=True)


@check(SF_K3b)
def root_of_the_curvature(
    S: Sequence[Fraction], A: Sequence[Fraction], slip: Fraction = Fraction(0)
) -> Evidence:
    """kappa_eff^2 = kappa(A)^2 kappa(S)^(1 + 2 slip) with C^2 = E[G G^T] by Gaussian moments."""
    import sympy

    c2 = expected_squares(S, A, noise=1)
    number = pencils.condition_number
    found = number(A) ** 2 * number([x * x / c for x, c in zip(S, c2, strict=True)])
    return exact(
        found, sympy.Rational(number(A)) ** 2 * sympy.Rational(number(S)) ** sympy.Rational(1 + 2 * slip)
    )


@check(SF_K3b, SF_K4b)
def preconditioned_in_floats(B: np.ndarray, C: np.ndarray, predicted: float) -> Evidence:
    """kappa(C^{-1/2} B C^{-1/2}) by `preconditioned_condition_number`."""
    error = 64 * len(B) * EPS * (np.linalg.cond(C) + np.sqrt(predicted))
    return measured(float(preconditioned_condition_number(B, C)) / predicted, 1.0, error)


def expected_squares(
    B: Sequence[Fraction], A: Sequence[Fraction], signal: int = 0, noise: int = 0
) -> list[Fraction]:
    """The diagonal of E[G G^T] for B, A diagonal."""
    import sympy

    X, Y = (sympy.diag(*map(sympy.Rational, values)) for values in (B, A))
    D, Z = (gaussian_moments.normals(name, len(B), len(A)) for name in "dz")
    found = gaussian_moments.covariance(X, Y, D, Z, signal, noise)
    return [Fraction(int(x.p), int(x.q)) for x in found.diagonal()]


@check(SF_K3c)
def frozen_threshold(mean: bool = True) -> Evidence:
    """2 (tr A)^{1/2}/(lambda_1(A) lambda_1(S)^{1/2}) for S = diag(sigma^2), C^2 = E[G G^T], and GD's step, C = 1.

    mean  False: lambda_1(A) in place of tr A in the first
    """
    import sympy

    low, flat = sympy.symbols("low flat", positive=True)
    sigma, a = [low + increments("v"), low], [flat + increments("w"), flat]
    c2 = gaussian_moments.covariance(
        sympy.diag(*(x**2 for x in sigma)),
        sympy.diag(*a),
        sympy.zeros(2),
        gaussian_moments.normals("z", 2, 2),
        noise=1,
    ).diagonal()
    squares = [
        sympy.factor(x**4 / c) for x, c in zip(sigma, c2, strict=True)
    ]  # of the eigenvalues of C^{-1} S
    step = largest_frozen_step(a[0], sympy.sqrt(squares[0]))
    predicted = 4 * (sum(a) if mean else a[0]) / (a[0] * sigma[0]) ** 2
    return every(
        exact(squares[1], squares[0], "<="),
        exact(step**2, predicted, witness=dict.fromkeys(predicted.free_symbols, 1)),
        exact(largest_frozen_step(a[0], sigma[0] ** 2), 2 / (a[0] * sigma[0] ** 2)),
    )


@verifies(SF_K3b, SF_K3c)
def test_the_root_of_the_curvature() -> None:
    for S, A in MENU:
        root_of_the_curvature(S, A)
    frozen_threshold()


@verifies(SF_K3b, SF_K4b)
def test_expected_covariances_in_floats() -> None:
    for n in (2, 6):
        for b in positive_spectra(n, "regimes").values():
            frame = haar(n, stream("regimes", n))
            S, root = ((frame * values) @ frame.T for values in (b, np.sqrt(b)))
            S, root = (S + S.T) / 2, (root + root.T) / 2
            preconditioned_in_floats(S, 3 * S, 1.0)
            preconditioned_in_floats(S, 3 * root, float(kappa(b)) ** 0.5)


MENU = [
    (fractions("100", "20", "3"), fractions("2", "1", "1/2")),
    (fractions("1", "1", "1/1000"), fractions("5", "1/5")),
    (fractions("4", "1"), fractions("3", "3", "1")),
]


@control(SF_K3b, changes="exponent 1/2 -> 11/20")
def test_the_exponent_of_noise() -> None:
    root_of_the_curvature(*MENU[0], slip=Fraction(1, 20))


@control(SF_K3c, changes="tr A -> lambda_1(A)")
def test_the_trace_in_the_threshold() -> None:
    frozen_threshold(mean=False)


# --- how near one draw is ----------------------------------------------------------------------------------------


@check(SF_K3d)
def distance_of_one_draw(m: int, n: int, factor: Fraction = ONE) -> Evidence:
    """E |Z A Z^T/tr A - 1|_F^2 by expansion against the closed form, for all A (diagonal without loss)."""
    import sympy

    a = sympy.symbols(f"a1:{n + 1}", positive=True)
    closed = wishart_distance(m, sum(a), sum(x * x for x in a))
    return exact(gaussian_moments.wishart_distance(m, a), factor * closed)


@check(SF_K4e)
def distance_of_the_long_side(m: int, n: int, factor: Fraction = ONE) -> Evidence:
    """E |Delta^T B^2 Delta/tr(B^2) - 1|_F^2 by expansion, Delta (m x n), for all B."""
    import sympy

    b = sympy.symbols(f"b1:{m + 1}", positive=True)
    Delta = gaussian_moments.normals("d", m, n)
    total = sum(x**2 for x in b)
    difference = Delta.T * sympy.diag(*(x**2 for x in b)) * Delta - total * sympy.eye(n)
    found = gaussian_moments.mean(sum(x * x for x in difference), Delta) / total**2
    return exact(found, factor * wishart_distance(n, total, sum(x**4 for x in b)))


@verifies(SF_K3d, SF_K4e)
def test_mean_distances_of_one_draw() -> None:
    for m, n in ((1, 1), (1, 3), (2, 2), (2, 3), (3, 2)):
        distance_of_one_draw(m, n)
        distance_of_the_long_side(n, m)


@control(SF_K3d, sharpens="m (m+1) -> 0.99 m (m+1)")
def test_the_distance_of_one_draw() -> None:
    distance_of_one_draw(2, 2, Fraction(99, 100))


@control(SF_K4e, sharpens="n (n+1) -> 0.99 n (n+1)")
def test_the_distance_of_the_long_side() -> None:
    distance_of_the_long_side(2, 2, Fraction(99, 100))


# --- signal ------------------------------------------------------------------------------------------------------


@check(SF_K4a)
def signal_covariance(B: Any, A: Any, uneven: Fraction = ONE) -> Evidence:
    """E[G G^T] = s^2 tr(A^2) B^2 for symmetric B and A; `uneven` multiplies one entry of Delta."""
    import sympy

    require(uneven == 1, "Delta isotropic")
    s = sympy.Symbol("s", positive=True)
    Delta = s * gaussian_moments.normals("d", B.rows, A.rows)
    variables = gaussian_moments.normals("d", B.rows, A.rows)
    Delta[0, 0] *= sympy.Rational(uneven)
    G = B * Delta * A
    found = gaussian_moments.mean(G * G.T, variables)
    claimed = s**2 * (A * A).trace() * B * B
    return equal(found, claimed, dict.fromkeys(claimed.free_symbols, 1))


@check(SF_K4b)
def newton_on_the_short_side(B: Sequence[Fraction], A: Sequence[Fraction], exponent: int = 1) -> Evidence:
    """kappa_eff = kappa(A) with C^2 = E[G G^T]^exponent by Gaussian moments, B and A diagonal."""
    c2 = [x**exponent for x in expected_squares(B, A, signal=1)]
    squared = pencils.condition_number([b * b / c for b, c in zip(B, c2, strict=True)])
    return exact(pencils.condition_number(A) ** 2 * squared, pencils.condition_number(A) ** 2)


@verifies(SF_K4a, SF_K4b)
def test_covariance_of_a_signal() -> None:
    import sympy

    signal_covariance(pencils.symmetric("b"), pencils.symmetric("a"))
    signal_covariance(sympy.diag(*sympy.symbols("b1:4")), sympy.diag(*sympy.symbols("a1:3")))
    for B, A in MENU:
        newton_on_the_short_side(B, A)


@control(SF_K4a, drops="Delta isotropic")
def test_an_error_that_is_not_isotropic() -> None:
    import sympy

    signal_covariance(sympy.diag(2, 1), sympy.eye(2), uneven=Fraction(21, 20))


@control(SF_K4b, changes="C = (E G G^T)^{1/2} -> E G G^T")
def test_the_root_of_the_covariance() -> None:
    newton_on_the_short_side(*MENU[0], exponent=2)


@check(SF_K4j)
def signal_and_noise(independent: bool = True) -> Evidence:
    """E[G G^T] = p B^2 + q B by Gaussian moments; b^2 over it increases; kappa(M)^2 is the closed form; its ends."""
    import sympy

    require(independent, "Delta and Z independent")
    s, sigma, low, a = sympy.symbols("s sigma low a", positive=True)
    v = increments("v")
    b, A = [low * (1 + v), low], sympy.diag(a, 1)
    D, Z = (gaussian_moments.normals(name, 2, 2) for name in "dz")
    found = gaussian_moments.covariance(sympy.diag(*b), A, D, Z if independent else D, s, sigma).diagonal()
    p, q = s**2 * (a**2 + 1), sigma**2 * (a + 1)
    M2 = [x * x / (p * x * x + q * x) for x in b]
    ones = dict.fromkeys((s, sigma, low, a), 1) | {v: 0}
    return every(
        equal(found, [p * x * x + q * x for x in b], ones),
        exact(M2[1], M2[0], "<="),
        exact(M2[0] / M2[1], mixed_condition_number_squared(b[0], b[1], p, q)),
        exact(mixed_condition_number_squared(b[0], b[1], p, sympy.Integer(0)), 1),
        exact(mixed_condition_number_squared(b[0], b[1], sympy.Integer(0), q), 1 + v),
    )


@verifies(SF_K4j)
def test_signal_and_noise() -> None:
    signal_and_noise()


@control(SF_K4j, drops="Delta and Z independent")
def test_noise_that_follows_the_signal() -> None:
    signal_and_noise(independent=False)
