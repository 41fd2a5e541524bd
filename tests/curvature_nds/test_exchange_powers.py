"""NDS-X2: updates along powers of the spectrum.  NDS-X3: updates of matched norm."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.curvature_nds import steps as forms
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.algebra import symbols
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.curvature_nds import (
    NDS_X2a,
    NDS_X2b,
    NDS_X2c,
    NDS_X3a,
    NDS_X3b,
    NDS_X3c,
    modes,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)
EPS = 2.0**-52


# --- X2: powers of the spectrum ------------------------------------------------------------------------------------


def loss_after(w: Sequence[Any], sigma: Sequence[Any], z: Sequence[Any]) -> tuple[Any, Any]:
    """Loss before and after one searched step along z."""
    start = [Mode(ONE, *pair) for pair in zip(w, sigma, strict=True)]
    update = dict(zip(start, z, strict=True))
    after = modes.moved(start, lambda mode: update[mode], modes.searched(start, lambda mode: update[mode]))
    return modes.loss(start), modes.loss(after)


@check(NDS_X2a)
def newton_by_a_power(shift: Fraction = Fraction(0)) -> Evidence:
    """Three modes with any w_i, beta and c: the loss after one searched step along sigma^p, p = labs' p* + shift.

    As sigma_i = c w_i^beta, |sigma_i|^p* is sigma_i/w_i but for a factor c^(-1/beta): that is shown first.
    """
    import sympy

    beta, *w = symbols("beta w_1 w_2 w_3")
    powers = [sympy.expand(beta * (forms.newton_power(beta) + shift)), beta - 1]
    sigma = symbols("sigma_1 sigma_2 sigma_3")
    after = loss_after(w, sigma, [x / y for x, y in zip(sigma, w, strict=True)])[1]
    return every(exact(powers[0], powers[1]), exact(after, 0))


@check(NDS_X2a)
def best_ratio(w: np.ndarray, sigma: np.ndarray, beta: float) -> Evidence:
    """The least Phi_1/Phi_0 over p, by Brent's method: 0, at p* = 1 - 1/beta.

    Near its least value the ratio is quadratic in p, so p is found to the root of the rounding of the ratio.
    """
    require(np.ptp(sigma / w**beta) < 1e-12 * np.max(sigma / w**beta), "sigma is a power of w")
    p, least = _best_power(w, sigma)
    return every(measured(least, 0.0, 1e-12), measured(p, forms.newton_power(beta), 1e-5))


def _best_power(w: np.ndarray, sigma: np.ndarray) -> tuple[float, float]:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda p: float(one_step_ratio(w, sigma, p)), bracket=(-3.0, 1.0), tol=1e-10)
    return float(found.x), float(found.fun)


def one_step_ratio(w: np.ndarray, sigma: np.ndarray, p: float) -> Any:
    """Phi_1/Phi_0 after a searched step along sigma^p, as a sum of squares (Lagrange's identity)."""
    z, d = (sigma / np.max(sigma)) ** p, sigma / w
    cross = d[:, None] * z - d * z[:, None]
    return np.sum(np.outer(w, w) * cross**2) / (2 * np.sum(w * d * d) * np.sum(w * z * z))


@check(NDS_X2b)
def lagrange_identity(sign: int = 1) -> Evidence:
    """Phi_1 as a sum of squares of d_i z_j - d_j z_i, for three modes and any update."""
    w, z, d = symbols("w_1 w_2 w_3"), symbols("z_1 z_2 z_3"), symbols("d_1 d_2 d_3")
    _, after = loss_after(w, [x * y for x, y in zip(w, d, strict=True)], z)
    squares = sum(
        w[i] * w[j] * (d[i] * z[j] - sign * d[j] * z[i]) ** 2 for i in range(3) for j in range(i + 1, 3)
    )
    return exact(after, squares / (2 * sum(x * y * y for x, y in zip(w, z, strict=True))))


@check(NDS_X2b)
def other_powers_leave_something(w: Sequence[Fraction], beta: int, p: int) -> Evidence:
    """Phi_1 > 0 for sigma = w^beta and z = sigma^p, p != p*, in fractions."""
    require(len(set(w)) > 1, "w not constant")
    sigma = [x**beta for x in w]
    assert p != forms.newton_power(Fraction(beta))
    return exact(loss_after(w, sigma, [x**p for x in sigma])[1], 0, ">")


@check(NDS_X2c)
def place_of_the_best_power(limit: Fraction = ONE) -> Evidence:
    """Signs of labs' p*, beta = limit/(1 + v) and limit (1 + v); and p* < 1."""
    v = symbols("v")
    near = {v: Fraction(1, 1000)}
    return every(
        exact(forms.newton_power(limit), 0),
        exact(forms.newton_power(limit / (1 + v)), 0, "<", witness=near),
        exact(forms.newton_power(limit * (1 + v)), 0, ">"),
        exact(forms.newton_power(limit * (1 + v)), 1, "<"),
    )


@verifies(NDS_X2a, NDS_X2b, NDS_X2c)
def test_powers_of_the_spectrum() -> None:
    newton_by_a_power()
    lagrange_identity()
    place_of_the_best_power()
    for beta, p in ((1, 1), (1, -1), (1, 2), (2, 0), (2, 1), (3, 0)):
        other_powers_leave_something(fractions("4", "2", "1", "1/7"), beta, p)
    w = np.geomspace(1.0, 0.05, 8)
    for exponent in (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0):
        best_ratio(w, w**exponent, exponent)


@control(NDS_X2a, drops="sigma is a power of w")
def test_without_a_power_law_no_power_is_exact() -> None:
    best_ratio(np.array([4.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0]), 1.0)


@control(NDS_X2a, changes="p* -> p* + 1/100")
def test_another_power_is_not_newton() -> None:
    newton_by_a_power(Fraction(1, 100))


@control(NDS_X2b, drops="w not constant")
def test_one_level_is_solved_by_every_power() -> None:
    other_powers_leave_something(fractions("2", "2"), 1, 1)


@control(NDS_X2c, sharpens="beta < 1 -> beta < 1.01")
def test_muon_is_best_at_one_only() -> None:
    place_of_the_best_power(Fraction(101, 100))


def test_printed_ratio() -> None:
    """w = (4, 2, 1), sigma = (2, 1, 2): 0.327; by Brent's method and on a grid."""
    w, sigma = np.array([4.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0])
    grid = min(float(one_step_ratio(w, sigma, p)) for p in np.linspace(-6, 4, 1001))
    assert f"{_best_power(w, sigma)[1]:.3f}" == f"{grid:.3f}" == "0.327"


# --- X3: matched norms ---------------------------------------------------------------------------------------------


@check(NDS_X3a)
def gain_at_matched_norm(q: int, factor: Fraction = ONE) -> Evidence:
    """factor q sum sigma^2 - (sum sigma)^2 is the sum of the squares of all differences, so it is not negative."""
    sigma = symbols(" ".join(f"sigma_{i}" for i in range(q)))
    left = factor * q * sum(x * x for x in sigma) - sum(sigma) ** 2
    squares = sum((sigma[i] - sigma[j]) ** 2 for i in range(q) for j in range(i))
    return exact(left, squares)


@check(NDS_X3a)
def gain_in_matrices(spectrum: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """<G, Q>/|Q|_F <= |G|_F, Q = polar(G), |Q|_F^2 = rank; (m + n) eps for rounding."""
    G = matrix(spectrum, m, n, stream("matched", m, n))
    Q = msign(G)
    norm = float(np.linalg.norm(G))
    gain = float(np.sum(G * Q) / np.linalg.norm(Q))
    return measured(gain, factor * norm, 10 * (m + n) * EPS * norm, "<=")


@check(NDS_X3b)
def where_lower_sharpness_pays(constant: Fraction = ONE) -> Evidence:
    """Muon's decrease less GD's at equal norm, for all norms and sharpnesses: of the sign of eta - labs' eta_c."""
    N, F, k, S, v, eta = symbols("N F k S v eta")
    q = k * k
    threshold = constant * forms.paying_step(q, k, F, N, S + v, S)
    gd = forms.matched_decrease(eta * k, F, S + v)
    muon = forms.matched_decrease(eta * k, N / k, S)
    return exact(muon - gd, eta * q * v / 2 * (eta - threshold))


@check(NDS_X3b)
def order_at_matched_norm(w: np.ndarray, sigma: np.ndarray, share: float) -> Evidence:
    """One step of norm eta sqrt(q), eta = share |eta_c|, of both: Muon's loss is the lower one iff share > 1."""
    q = len(w)
    sharp = [np.sum(w * z * z) / np.sum(z * z) for z in (sigma, np.ones(q))]
    require(sharp[0] > sharp[1], "S(G) > S(polar G)")
    norms = float(np.linalg.norm(sigma)), float(np.sum(np.abs(sigma)))
    eta = share * abs(forms.paying_step(q, q**0.5, *norms, *sharp))
    gd, muon = (
        descend(w, sigma, rule, 1, "matched-norm", norm=eta * q**0.5).loss[1] for rule in ("gd", "muon")
    )
    # Each loss to a few eps of the first one.
    return measured(muon, gd, 100 * EPS * max(gd, muon), "<" if share > 1 else ">")


@check(NDS_X3c)
def paying_step_of_two_levels(extra: int = 0) -> Evidence:
    """The general threshold with the norms and sharpnesses of two levels, root^2 = alpha s^2 + 1 - alpha; labs."""
    alpha, rho, s, root, k = symbols("alpha rho s root k")
    p, q = alpha * s * s / root**2, k * k
    mean = alpha * rho + 1 - alpha
    general = forms.paying_step(
        q, k, k * root, q * (alpha * s + 1 - alpha), p * rho + 1 - p, mean + extra * (rho - 1) / 100
    )
    form = forms.paying_step_on_two_levels(alpha, rho, s, root)
    return exact(general.subs(root, _root(alpha, s)), form.subs(root, _root(alpha, s)))


def _root(alpha: Any, s: Any) -> Any:
    import sympy

    return sympy.sqrt(alpha * s * s + 1 - alpha)


@verifies(NDS_X3a, NDS_X3b, NDS_X3c)
def test_matched_norms() -> None:
    for q in range(2, 7):
        gain_at_matched_norm(q)
    where_lower_sharpness_pays()
    paying_step_of_two_levels()
    for spectrum in zoo(12, stream("matched zoo")).values():
        gain_in_matrices(spectrum, 12, 16)
    w = np.array([12.0, 12.0, 1.0, 1.0, 1.0, 1.0])
    for s in (1.1, 2.0, 9.0):
        for share in (0.01, 0.99, 1.01, 3.0):
            order_at_matched_norm(w, np.where(w > 1, s, 1.0), share)


@verifies(NDS_X3a)
def test_flat_spectra_are_the_sharp_case() -> None:
    best = worst_case(
        gain_in_matrices,
        lambda x: (np.asarray(x), 4, 4),
        dimension=4,
        lower=0.1,
        upper=1.0,
        stream=stream("matched, worst"),
        starts=2,
        steps=60,
    )
    assert best > 0.999


@control(NDS_X3a, sharpens="sqrt(q) -> 0.99 sqrt(q)")
def test_flat_spectra_have_equal_gains() -> None:
    gain_at_matched_norm(3, Fraction(99, 100) ** 2)
    gain_in_matrices(np.ones(6), 6, 6, factor=0.99)


@control(NDS_X3b, sharpens="2 -> 1.98")
def test_the_threshold_is_sharp() -> None:
    where_lower_sharpness_pays(Fraction(99, 100))


@control(NDS_X3b, drops="S(G) > S(polar G)")
@pytest.mark.parametrize("share", [1.01, 3.0, 100.0])
def test_without_alignment_no_step_pays(share: float) -> None:
    """s = 1/2: Muon's sharpness is the higher one, and its gain the lower one."""
    w = np.array([12.0, 1.0, 1.0, 1.0])
    order_at_matched_norm(w, np.where(w > 1, 0.5, 1.0), share)


@control(NDS_X3c, changes="alpha -> alpha + 1/100 in p - alpha")
def test_another_difference_of_sharpnesses() -> None:
    paying_step_of_two_levels(1)
