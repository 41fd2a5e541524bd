"""ICM-D: a certificate for any trial update, from one dual vector field on the sphere."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

from labs.core.streams import stream
from labs.isotropic_curvature import Polynomial, Power
from tests.isotropic_curvature.device import duality_gap, expect, solve
from tests.isotropic_curvature.menu import SUPERQUADRATIC, gradient_of, rationals, spectra, weights
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import ICM_Da, ICM_Db, ICM_Dc, certificate, even_powers

# H = x^2/2 + x^4/4, with H' = x + x^3, w = 1 + x^2.
H = Polynomial({2: 0.5, 4: 0.25})
G = np.array([2.0, 0.5])


def _conjugate(y: np.ndarray) -> np.ndarray:
    """H*(y) = x y - H(x) at the real root of x + x^3 = y (Cardano)."""
    root = np.sqrt(y**2 / 4 + 1 / 27)
    x = np.cbrt(y / 2 + root) + np.cbrt(y / 2 - root)
    return x * y - H(x)


class Certificate(NamedTuple):
    """gap, F(Q) - F*, and max |E[y' zeta^T] - G|."""

    gap: float
    loss: float
    defect: float


def _certificate(q: np.ndarray, corrected: bool) -> Certificate:
    """At n = 2, on 256 equally spaced angles, which integrate these smooth periodic functions to rounding."""
    angle = (np.arange(256) + 0.5) * np.pi / 128
    zeta = np.stack([np.cos(angle), np.sin(angle)])
    step = q[:, None] * zeta
    rho = np.linalg.norm(step, axis=0)
    y = H.weight(rho) * step
    if corrected:
        residual = np.diag(G) - y @ zeta.T / 256
        y = y + 2 * residual @ zeta
    value = H(rho).mean() - q @ G
    gap = value + _conjugate(np.linalg.norm(y, axis=0)).mean()
    best = solve(G, H)
    return Certificate(gap, value - float(best.value), float(np.abs(y @ zeta.T / 256 - np.diag(G)).max()))


@check(ICM_Da)
def gap_bounds_the_loss(q: np.ndarray, corrected: bool = True) -> Evidence:
    """gap >= F(Q) - F*, for y' with E[y' zeta^T] = G; both are differences of numbers of size 1."""
    found = _certificate(q, corrected)
    require(H.strictly_convex, "A1")
    require(found.defect < 1e-13, "dual feasible")
    return measured(found.loss, found.gap, 1e-13, "<=")


@check(ICM_Db)
def gap_is_quadratic(direction: tuple[float, float], corrected: bool = True) -> Evidence:
    """Doubling a small distance from the optimum multiplies the gap by 4, to 1 in 1000; at it the gap is 0."""
    require(H.strictly_convex, "A1")
    require(not H.breaks, "smooth")
    best, d = solve(G, H).q, 1e-4 * np.asarray(direction)
    near, far = (_certificate(best + t * d, corrected).gap for t in (1.0, 2.0))
    return every(
        measured(_certificate(best, corrected).gap, 0.0, 1e-14), measured(far / near, 4.0, 4e-3, margin=0.4)
    )


@check(ICM_Db)
def gaps_quoted(d: float, gap: float, loss: float) -> Evidence:
    """Gap and suboptimality at q* + d (1, -1), to the digits given."""
    require(H.strictly_convex, "A1")
    require(not H.breaks, "smooth")
    found = _certificate(solve(G, H).q + d * np.array([1.0, -1.0]), True)
    unit = 10.0 ** (np.floor(np.log10(gap)) - 4)
    return every(measured(found.gap, gap, 0.51 * unit), measured(found.loss, loss, 0.51 * unit))


@verifies(ICM_Da)
def test_the_gap_bounds_the_loss() -> None:
    best = solve(G, H).q
    for d in (0.0, 1e-6, 1e-3, 0.1, 0.5):
        for direction in ([1.0, -1.0], [1.0, 1.0], [-1.0, 0.2], [0.0, 1.0]):
            gap_bounds_the_loss(best + d * np.array(direction))
    gap_bounds_the_loss(np.array([1.0, 0.0]))


@control(ICM_Da, drops="dual feasible")
@pytest.mark.parametrize("shrink", [0.99, 0.9999])
def test_without_the_correction_it_does_not(shrink: float) -> None:
    gap_bounds_the_loss(shrink * solve(G, H).q, corrected=False)


@verifies(ICM_Db)
def test_the_gap_is_quadratic() -> None:
    for direction in ((1.0, -1.0), (1.0, 1.0), (0.0, 1.0)):
        gap_is_quadratic(direction)
    gaps_quoted(1e-3, 2.1545e-6, 1.8508e-6)
    gaps_quoted(1e-2, 2.1621e-4, 1.8549e-4)


@control(ICM_Db, changes="y' -> y")
def test_without_the_correction_it_is_linear() -> None:
    gap_is_quadratic((1.0, -1.0), corrected=False)


# --- the closed certificate ------------------------------------------------------------------------------------


@check(ICM_Dc)
def gap_is_objective_less_bound(q: list[Fraction], g: list[Fraction], n: int) -> Evidence:
    """F(q) less its lower bound over all matrices is the closed form, for any trial q, in rational numbers."""
    H6 = {2: Fraction(1, 2), 6: Fraction(1)}
    lam = even_powers.weights(H6, q, n)
    lower = certificate.lower_bound(even_powers.penalty(H6, q, n), q, g, lam)
    return exact(even_powers.objective(H6, q, g, n) - lower, certificate.gap(q, g, lam))


@check(ICM_Dc)
def closed_gap_bounds_the_loss(H: Any, g: np.ndarray, q: np.ndarray, n: int) -> Evidence:
    """F(q) - min F <= (1/2) sum lambda (q - g/lambda)^2, which is labs' gap; rounding of F besides."""
    require(H.superquadratic, "A2")
    best = solve(g, H, n=n)
    value = float(expect(H, q, n, order=0)[0]) - float(g @ q)
    gap = certificate.gap(q.tolist(), g.tolist(), weights(H, q, n).tolist())
    rounding = 1e-13 * abs(float(best.value))
    same = measured(float(duality_gap(g, q, H, n)), gap, 1e-12 * gap + rounding)
    bound = measured(value - float(best.value), gap, rounding, "<=")
    return every(same, bound) if H.superquadratic else bound


@verifies(ICM_Dc)
def test_closed_gap_by_algebra() -> None:
    gap_is_objective_less_bound(rationals("1", "1/2", "1/7"), rationals("3", "1", "1/5"), 4)
    gap_is_objective_less_bound(rationals("1", "1000"), rationals("2", "0"), 2)


@verifies(ICM_Dc)
@pytest.mark.parametrize("law", SUPERQUADRATIC.values(), ids=SUPERQUADRATIC)
def test_closed_gap_bounds_the_loss(law: Any) -> None:
    draw = stream("closed gap")
    for g in spectra(5, "closed gap"):
        best = solve(g, law).q
        for spread in (1e-3, 1.0):
            closed_gap_bounds_the_loss(law, g, best * np.exp(spread * draw.uniform(-1, 1, len(g))), len(g))


@control(ICM_Dc, drops="A2")
def test_below_the_quadratic_the_closed_gap_is_too_small() -> None:
    q = np.array([1.0, 0.6, 0.3])
    closed_gap_bounds_the_loss(Power(1.98), gradient_of(Power(1.98), q), 1.1 * q, 3)
