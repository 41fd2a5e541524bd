"""NDS-P1 to P3 in plain matrices: floating point while it can follow, then several hundred digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from labs.curvature_nds.levels import two_level
from labs.curvature_nds.quadratic import Trajectory, descend, descend_dense, structured
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_P1a, NDS_P1b, NDS_P2c, NDS_P3c, NDS_P3e
from theory.evidence import Evidence, measured, require

Shape = tuple[int, int]

# Rounding leaves a displacement of size c eps |D_0| that the steps do not shrink with the others: Muon's line search
# keeps every spread within a level.  Its loss is (c eps)^2 of the first one, 5e-16 c^2 of FOLLOWED; c = 1 to 30 was
# seen.
FOLLOWED = 1e-16
DEMANDED = 1e-10


def frames(q: int, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    draw = stream("dense frames", q, *shape)
    return haar(shape[0], draw, columns=q), haar(shape[1], draw, columns=q)


def with_spread(w: np.ndarray, sigma: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three Kronecker terms with curvature w_i at the pairs and other numbers, also negative ones, elsewhere."""
    q = len(w)
    left, right = frames(q, shape)
    draw = stream("dense spread", q, *shape)
    a, b = draw.uniform(-1, 1, (2, q)), draw.uniform(-1, 1, (2, q))
    a, b = np.vstack([a, np.ones(q)]), np.vstack([b, w - np.sum(a * b, axis=0)])
    A, B = ((frame * x[:, None, :]) @ frame.T for frame, x in ((left, a), (right, b)))
    return A, B, (left * (sigma / w)) @ right.T


def compared(found: Trajectory, expected: np.ndarray) -> Evidence:
    """Logarithms of losses over the first one, while these are above FOLLOWED of it."""
    follow = expected - expected[0] > np.log(FOLLOWED)
    return measured((found.log_loss - found.log_loss[0])[follow], (expected - expected[0])[follow], DEMANDED)


# --- any spectrum ------------------------------------------------------------------------------------------------


@check(NDS_P1a)
def dense_follows_modes(
    w: np.ndarray, sigma: np.ndarray, shape: Shape, rule: str, steps: int, beside: float = 0.0
) -> Evidence:
    """Losses of both models; `beside` adds a little of another mode of the same frames to the displacement."""
    require(beside == 0.0, "A4")
    left, right = frames(len(w), shape)
    A, B, D = structured(w, sigma, left, right)
    D = D + beside * np.linalg.norm(D) * np.outer(left[:, 0], right[:, 1])
    return compared(descend_dense(A, B, D, rule, steps), descend(w, sigma, rule, steps).log_loss)


@check(NDS_P1b)
def dense_sharpness(w: np.ndarray, z: np.ndarray, shape: Shape, beside: float = 0.0) -> Evidence:
    """<Z, H[Z]>/|Z|^2 in matrices against the mean of the paired curvatures; relative to the largest, 100 eps."""
    require(beside == 0.0, "A4")
    left, right = frames(len(w), shape)
    A, B, D = structured(w, np.ones(len(w)), left, right)
    Z = (left * z) @ right.T + beside * np.linalg.norm(z) * np.outer(left[:, 0], right[:, 1])
    found = descend_dense(A, B, D, lambda R: Z, 1, step=0.0).nds
    return measured(found, np.sum(w * z * z) / np.sum(z * z), 100 * 2.0**-52 * np.max(w))


SIZES = [(6, (8, 6)), (24, (24, 32)), (48, (64, 48))]


@verifies(NDS_P1a, NDS_P1b)
@pytest.mark.parametrize(("q", "shape"), SIZES)
def test_zoo_in_matrices(q: int, shape: Shape) -> None:
    """Curvatures over up to 6 decades; gradients aligned with them, and not."""
    spectra = zoo(q, stream("dense zoo", q))
    for name in ("graded", "log-uniform", "repeated", "spike", "two-level", "power law", "geometric"):
        w = spectra[name]
        dense_sharpness(w, np.ones(q), shape)
        for sigma in (np.sqrt(w), np.ones(q)):
            dense_sharpness(w, sigma, shape)
            for rule in ("gd", "muon"):
                dense_follows_modes(w, sigma, shape, rule, 10)


@control(NDS_P1a, drops="A4")
def test_a_little_of_another_mode() -> None:
    w = zoo(6, stream("dense zoo", 6))["power law"]
    dense_follows_modes(w, np.sqrt(w), (8, 6), "muon", 10, beside=1e-3)


@control(NDS_P1b, drops="A4")
def test_sharpness_with_a_little_of_another_mode() -> None:
    w = zoo(6, stream("dense zoo", 6))["spike"]
    dense_sharpness(w, np.ones(6), (8, 6), beside=1e-2)


# --- two levels: closed forms ------------------------------------------------------------------------------------


def levels(m: int, q: int, rho: float, s: float) -> tuple[np.ndarray, np.ndarray]:
    high = np.arange(q) < m
    return np.where(high, rho, 1.0), np.where(high, s, 1.0)


def predicted(m: int, q: int, rho: float, s: float, rule: str, steps: int) -> np.ndarray:
    """Logarithms of the losses by labs' closed forms."""
    form = two_level(m, q, rho, s)
    t = np.arange(steps + 1)
    later = float(form.log_gamma) + (t - 1) * float(form.log_g2)
    return t * float(form.log_kappa) if rule == "gd" else np.where(t > 0, later, 0.0)


@check(NDS_P2c, NDS_P3c)
def dense_follows_closed_form(
    m: int, q: int, rho: float, s: float, shape: Shape, rule: str, steps: int, spread: bool
) -> Evidence:
    """A dense run against the closed form; `spread`: with other curvatures at the modes that are not paired."""
    w, sigma = levels(m, q, rho, s)
    A, B, D = with_spread(w, sigma, shape) if spread else structured(w, sigma, *frames(q, shape))
    return compared(descend_dense(A, B, D, rule, steps), predicted(m, q, rho, s, rule, steps))


@check(NDS_P2c, NDS_P3c)
def modes_follow_closed_form(m: int, q: int, rho: float, s: float, rule: str, steps: int) -> Evidence:
    """A run mode by mode against the closed form, in logarithms, whatever they are.

    GD's shares of energy are kept by nothing, so their rounding adds up twice: 2 steps^2 eps over the lesser share,
    which is DEMANDED for 100 steps and a share of 0.045.
    """
    w, sigma = levels(m, q, rho, s)
    share = float(two_level(m, q, rho, s).p)
    assert steps <= 100
    assert 0.045 < share < 0.955
    found = descend(w, sigma, rule, steps).log_loss
    return measured(found - found[0], predicted(m, q, rho, s, rule, steps), DEMANDED)


LEVELS = [(1, 4), (3, 7), (8, 48)]
SHAPES: dict[int, Shape] = {4: (4, 6), 7: (9, 7), 48: (64, 48)}


@verifies(NDS_P2c)
@pytest.mark.parametrize(("m", "q"), LEVELS)
def test_gd_in_matrices(m: int, q: int) -> None:
    for rho, s in ((12.0, 2.0), (1e6, 1.0), (1e6, 5.0), (7.0, 0.5)):
        modes_follow_closed_form(m, q, rho, s, "gd", 100)
        dense_follows_closed_form(m, q, rho, s, SHAPES[q], "gd", 20, False)


@verifies(NDS_P3c)
@pytest.mark.parametrize(("m", "q"), LEVELS)
def test_muon_in_matrices(m: int, q: int) -> None:
    for rho, s in ((12.0, 2.0), (1e6, 1.0), (1e6, 5.0), (7.0, 0.5)):
        modes_follow_closed_form(m, q, rho, s, "muon", 100)
        for spread in (False, True):
            dense_follows_closed_form(m, q, rho, s, SHAPES[q], "muon", 40, spread)


@check(NDS_P3e)
def dense_sharpness_of_muon(
    m: int, q: int, rho: float, s: float, shape: Shape, more: float = 0.0
) -> Evidence:
    """alpha rho + 1 - alpha at every step of a dense run, to 1e-10 (signs do not round)."""
    w, sigma = levels(m, q, rho, s)
    A, B, D = structured(w, sigma, *frames(q, shape))
    found = descend_dense(A, B, D, "muon", 10).nds
    return measured(found, (m / q + more) * rho + (1 - m / q - more), DEMANDED * rho)


@verifies(NDS_P3e)
def test_sharpness_of_muon_in_matrices() -> None:
    for m, q in LEVELS:
        dense_sharpness_of_muon(m, q, 12.0, 2.0, SHAPES[q])


@control(NDS_P3e, changes="alpha -> alpha + 1e-6")
def test_another_mean_in_matrices() -> None:
    dense_sharpness_of_muon(3, 7, 12.0, 2.0, SHAPES[7], more=1e-6)


@restates(NDS_P2c, NDS_P3c)
def test_transposed_and_in_other_units() -> None:
    for rule in ("gd", "muon"):
        modes_follow_closed_form(3, 7, 12.0, 2.0, rule, 20)
        dense_follows_closed_form(3, 7, 12.0, 2.0, (7, 9), rule, 20, False)


def test_floating_point_stops_following_muon() -> None:
    """a = 1/3, rho = 12, s = 2: |g| = 0.6, and at T = 100, where the loss is 1e-45, the dense run is far off."""
    w, sigma = levels(1, 4, 12.0, 2.0)
    found = descend_dense(*structured(w, sigma, *frames(4, (4, 6))), "muon", 100).log_loss
    error = np.abs(found - found[0] - predicted(1, 4, 12.0, 2.0, "muon", 100))
    assert np.all(error[:40] < DEMANDED)
    assert error[100] > 1.0


# --- several hundred digits ---------------------------------------------------------------------------------------


@check(NDS_P2c, NDS_P3c)
def digits_follow_closed_form(
    m: int, q: int, rho: int, s: int, muon: bool, steps: int, bits: int
) -> Evidence:
    """A dense run at `bits` bits, polar factors by Newton's iteration, against the closed form every tenth step."""
    flint = pytest.importorskip("flint")
    old, flint.ctx.prec = flint.ctx.prec, bits
    try:
        losses = _dense_losses(flint, [rho] * m + [1] * (q - m), [s] * m + [1] * (q - m), muon, steps)
        log = [float((x / losses[0]).log().mid()) for x in losses]
    finally:
        flint.ctx.prec = old
    expected = predicted(m, q, float(rho), float(s), "muon" if muon else "gd", steps)
    return measured(np.array(log[::10]), expected[::10], DEMANDED)


def _dense_losses(flint: Any, w: Sequence[int], sigma: Sequence[int], muon: bool, steps: int) -> list[Any]:
    """Losses of a run in q x q matrices between orthogonal frames: Cayley transforms of two skew matrices."""
    q = len(w)

    def mid(X: Any) -> Any:
        """Without the radii, which a contracting iteration would only blow up."""
        return flint.arb_mat([[x.mid() for x in row] for row in X.tolist()])

    def diagonal(values: Sequence[Any]) -> Any:
        return flint.arb_mat([[values[i] if i == j else 0 for j in range(q)] for i in range(q)])

    def frame(shift: int) -> Any:
        S = flint.arb_mat(
            [[0 if i == j else (i - j) * (1 + (i + j + shift) % 3) for j in range(q)] for i in range(q)]
        )
        one = diagonal([1] * q)
        return mid((one + S / 3).solve(one - S / 3))

    def polar(X: Any) -> Any:
        X = mid(X / inner(X, X).sqrt())
        for _ in range(40):
            new = mid((X + X.inv().transpose()) / 2)
            moved = max(float(abs(x)) for row in (new - X).tolist() for x in row)
            X = new
            if moved < 2.0 ** (-flint.ctx.prec / 2 - 10):  # one more step doubles the digits
                return mid((X + X.inv().transpose()) / 2)
        raise RuntimeError("Newton's iteration for the polar factor did not converge")

    def inner(X: Any, Y: Any) -> Any:
        return (X.transpose() * Y).trace()

    left, right = frame(0), frame(1)
    root = diagonal([flint.arb(x).sqrt() for x in w])
    A, B = mid(left * root * left.transpose()), mid(right * root * right.transpose())
    D = mid(left * diagonal([flint.arb(x) / y for x, y in zip(sigma, w, strict=True)]) * right.transpose())
    losses = []
    for _ in range(steps + 1):
        R = mid(A * D * B)
        losses.append(inner(D, R) / 2)
        Z = polar(R) if muon else R
        D = mid(D - inner(R, Z) / inner(Z, A * Z * B) * Z)
    return losses


@verifies(NDS_P2c, NDS_P3c)
def test_hundreds_of_steps_in_matrices() -> None:
    """0.6^400 = 1e-89: 900 bits leave 1e-180 of noise."""
    digits_follow_closed_form(1, 4, 12, 2, True, 400, 900)
    digits_follow_closed_form(2, 5, 1_000_000, 3, True, 200, 400)
    digits_follow_closed_form(1, 4, 12, 2, False, 400, 400)
