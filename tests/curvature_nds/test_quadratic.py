"""labs' quadratic model and its two-level closed forms as functions: rules, steps, and what comes at the ends."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from labs.core.arrays import backend
from labs.core.spectrum import haar, power_law
from labs.core.streams import stream
from labs.curvature_nds.levels import two_level, win_region
from labs.curvature_nds.quadratic import Trajectory, descend, descend_dense, structured
from theory.curvature_nds import modes
from theory.curvature_nds.modes import Mode

EPS = 2.0**-52
W = np.array([12.0, 3.0, 1.0, 0.25])
SIGMA = np.array([2.0, -1.0, 1.0, 0.5])
OFF_GRID = np.array(
    [2.1, -1.3, 0.9, 0.47]
)  # no step ends at a minimum, where rounding would choose the next sign


def exactly(
    rule: modes.Update, steps: int, eta: Any = None, w: Any = W, sigma: Any = SIGMA
) -> list[modes.State]:
    """The run in fractions; eta(t): the step length, None for the exact line search."""
    pairs = zip(w, sigma, strict=True)
    states: list[modes.State] = [
        [Mode(Fraction(1), Fraction(float(a)), Fraction(float(b))) for a, b in pairs]
    ]
    for t in range(steps):
        length = modes.searched(states[-1], rule) if eta is None else eta(t)
        states.append(modes.moved(states[-1], rule, length))
    return states


RULES = {"gd": modes.gd, "muon": modes.muon}
LENGTHS: dict[str, Any] = {"line-search": None, "halving": lambda t: Fraction(1, 2**t)}  # D = max |d| = 2


@pytest.mark.parametrize(
    ("rule", "step", "steps"),
    [("gd", "line-search", 5), ("muon", "line-search", 12), ("muon", "halving", 12)],
)
def test_runs_in_fractions(rule: str, step: str, steps: int) -> None:
    """Losses, sharpnesses and norms of the updates, to 1e-12."""
    found = descend(W, SIGMA, rule, steps, step)
    states, update = exactly(RULES[rule], steps, LENGTHS[step]), RULES[rule]
    np.testing.assert_allclose(found.loss, [float(modes.loss(x)) for x in states], rtol=1e-12)
    np.testing.assert_allclose(
        found.nds, [float(modes.sharpness(x, update)) for x in states[:-1]], rtol=1e-12
    )
    moved = [
        math.sqrt(sum((x.r - y.r) ** 2 / x.w**2 for x, y in zip(one, two, strict=True)))
        for one, two in pairwise(states)
    ]
    np.testing.assert_allclose(found.update_norm, moved, rtol=1e-12)
    np.testing.assert_allclose(found.log_loss, np.log(found.loss), rtol=1e-13)


@pytest.mark.parametrize("rule", ["gd", "muon"])
def test_constant_and_listed_steps(rule: str) -> None:
    lengths = [Fraction(1, 8), Fraction(1, 16), Fraction(3, 32)]
    listed = np.array([float(x) for x in lengths])
    expected = [float(modes.loss(x)) for x in exactly(RULES[rule], 3, lambda t: lengths[t])]
    np.testing.assert_allclose(descend(W, SIGMA, rule, 3, listed).loss, expected, rtol=1e-13)
    np.testing.assert_allclose(descend(W, SIGMA, rule, 2, listed[:2]).loss, expected[:3], rtol=1e-13)
    constant = [float(modes.loss(x)) for x in exactly(RULES[rule], 5, lambda t: lengths[0])]
    np.testing.assert_allclose(descend(W, SIGMA, rule, 5, 0.125).loss, constant, rtol=1e-13)
    batch = descend(W, SIGMA, rule, 3, np.stack([listed, np.full(3, 0.125)]))
    np.testing.assert_allclose(batch.loss, [expected, constant[:4]], rtol=1e-13)
    np.testing.assert_array_equal(descend(W, SIGMA, rule, 3, np.array([[0.125]])).loss[0], batch.loss[1])


def test_matched_norms() -> None:
    """By default the norm of GD's line-searched step; else the one given.  For GD itself nothing changes."""
    gd = descend(W, SIGMA, "gd", 6)
    same = descend(W, SIGMA, "gd", 6, "matched-norm")
    np.testing.assert_allclose(same.loss, gd.loss, rtol=1e-13)
    muon = descend(W, SIGMA, "muon", 1, "matched-norm")
    np.testing.assert_allclose(muon.update_norm, gd.update_norm[:1], rtol=1e-14)
    norms = np.array([0.5, 0.25, 0.125])
    for rule in ("gd", "muon", "ngd"):
        given = descend(W, SIGMA, rule, 3, "matched-norm", norm=norms)
        np.testing.assert_allclose(given.update_norm, norms, rtol=1e-14)
    np.testing.assert_allclose(
        descend(W, SIGMA, "muon", 3, "matched-norm", norm=0.5).update_norm, 0.5, rtol=1e-14
    )


def test_normalised_gd_is_gd_with_another_length() -> None:
    gd, ngd = (descend(W, SIGMA, rule, 8) for rule in ("gd", "ngd"))
    np.testing.assert_allclose(ngd.log_loss, gd.log_loss, rtol=1e-13)
    # |Z| = sqrt(number of modes that move), like Muon's.
    sigma = np.array([2.0, 0.0, 1.0, 0.5])
    for rule in ("ngd", "muon"):
        np.testing.assert_allclose(
            descend(W, sigma, rule, 1, 0.1).update_norm, 0.1 * math.sqrt(3), rtol=1e-14
        )


def test_certificates_of_the_line_search() -> None:
    """The residual is left orthogonal to the update: Muon's factor is Var/E u^2.  GD keeps to Kantorovich's bound."""
    u, pi = np.abs(SIGMA / W), W / np.sum(W)
    factors = np.exp(np.diff(descend(W, SIGMA, "muon", 30).log_loss))
    for factor in factors:
        mean = np.sum(pi * u)
        assert factor == pytest.approx(np.sum(pi * (u - mean) ** 2) / np.sum(pi * u * u), rel=1e-9)
        u = np.abs(u - mean)
    ratio = np.max(W) / np.min(W)
    gd = np.exp(np.diff(descend(W, SIGMA, "gd", 200).log_loss))
    assert np.all(gd <= ((ratio - 1) / (ratio + 1)) ** 2 * (1 + 1e-12))


def test_rates_go_on_where_the_loss_underflows() -> None:
    """2000 steps of GD at kappa = 432/1615: the loss is 1e-1145, beyond every power of two that is kept."""
    found = descend(np.array([7.0, 1.0, 1.0, 1.0]), np.array([0.5, 1.0, 1.0, 1.0]), "gd", 2000)
    assert found.loss[-1] == 0.0
    # Rounding of the shares of energy: 2 steps^2 eps over the lesser one, 1/13, is 2e-8.
    assert found.log_loss[-1] == pytest.approx(found.log_loss[0] + 2000 * math.log(432 / 1615), abs=3e-8)
    assert found.nds[-1] == pytest.approx(85 / 13, rel=3e-8)


def test_what_diverges_says_so() -> None:
    found = descend(np.array([2.0, 1.0]), np.ones(2), "gd", 2000, 3.0)
    assert found.loss[-1] == math.inf
    assert found.log_loss[-1] == pytest.approx(4000 * math.log(5.0) + math.log(0.25), rel=1e-12)


def test_the_minimum_is_reached_and_kept() -> None:
    """s = rho: after one step; a rho = 1: after two.  Then there is no update, and no sharpness."""
    found = descend(power_law(88, 1.3), power_law(88, 1.3), "muon", 3)
    assert found.loss[1:].tolist() == [0.0] * 3
    assert found.log_loss[1:].tolist() == [-math.inf] * 3
    assert np.isnan(found.nds).tolist() == [False, True, True]
    assert found.update_norm[1:].tolist() == [0.0, 0.0]
    two = descend(np.array([3.0, 1.0, 1.0, 1.0]), np.array([0.5, 1.0, 1.0, 1.0]), "muon", 4)
    assert (two.loss > 0).tolist() == [True, True, False, False, False]
    one_level = descend(np.full(3, 0.7), np.array([0.1, 2.0, 3.0]), "gd", 2)
    assert (one_level.loss > 0).tolist() == [True, False, False]
    assert descend(W, 0 * SIGMA, "muon", 2).loss.tolist() == [0.0] * 3


@pytest.mark.parametrize("left", [1e-9, 1e-13])
def test_what_a_step_leaves_over_is_kept(left: float) -> None:
    """Down to rounding, which 4 eps are."""
    found = descend(np.ones(1), np.array([1.0 + left]), "muon", 1, 1.0).loss[1]
    assert found == pytest.approx(((1.0 + left) - 1.0) ** 2 / 2, rel=1e-12)
    one = np.ones((1, 1, 1))
    dense = descend_dense(one, one, (1.0 + left) * one[0], lambda R: one[0], 1, 1.0).loss[1]
    assert dense == pytest.approx(found, rel=1e-12)
    assert descend(np.ones(1), np.array([1.0 + 4 * EPS]), "muon", 1, 1.0).loss[1] == 0.0


def test_modes_without_a_residual_take_no_part() -> None:
    whole, part = (
        descend(W, np.array([2.0, 0.0, 1.0, 0.0]), "muon", 5),
        descend(W[::2], SIGMA[::2], "muon", 5),
    )
    np.testing.assert_array_equal(whole.loss, part.loss)
    np.testing.assert_allclose(whole.nds, np.mean(W[::2]), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units(scale: float) -> None:
    for rule in ("gd", "muon"):
        found, plain = descend(W * scale, SIGMA * scale, rule, 6), descend(W, SIGMA, rule, 6)
        np.testing.assert_allclose(found.log_loss - math.log(scale), plain.log_loss, rtol=1e-12)
        np.testing.assert_allclose(found.nds / scale, plain.nds, rtol=1e-12)


def test_no_steps() -> None:
    found = descend(W, np.stack([SIGMA, SIGMA]), "muon", 0)
    assert [x.shape for x in (found.loss, found.nds, found.update_norm, found.log_loss)] == [
        (2, 1),
        (2, 0),
        (2, 0),
        (2, 1),
    ]


# --- matrices ------------------------------------------------------------------------------------------------------


def dense(w: np.ndarray = W, sigma: np.ndarray = SIGMA) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left, right = (haar(n, stream("quadratic", n), columns=len(w)) for n in (5, 6))
    return structured(w, sigma, left, right)


def agree(found: Trajectory, expected: Trajectory) -> None:
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-10)
    np.testing.assert_allclose(found.nds, expected.nds, rtol=1e-10)
    np.testing.assert_allclose(found.update_norm, expected.update_norm, rtol=1e-10)


@pytest.mark.parametrize("step", ["line-search", "halving", "matched-norm", 0.05])
@pytest.mark.parametrize("rule", ["gd", "muon", "ngd"])
def test_matrices_and_modes_agree(rule: str, step: Any) -> None:
    if (rule, step) == ("gd", "halving"):
        return
    if rule == "ngd":  # a square of full rank, so that both count the same directions
        left, right = (haar(4, stream("quadratic", k)) for k in (1, 2))
        matrices = structured(W, OFF_GRID, left, right)
    else:
        matrices = dense(W, OFF_GRID)
    agree(descend_dense(*matrices, rule, 8, step), descend(W, OFF_GRID, rule, 8, step))


def test_structured_curvature() -> None:
    """H[u_i v_j^T] = sqrt(w_i w_j) u_i v_j^T, G = H[D] has the coefficients sigma; nothing beyond the modes."""
    left, right = (haar(n, stream("quadratic", n), columns=4) for n in (5, 6))
    A, B, D = structured(W, SIGMA, left, right)
    bent = (A[0] @ left)[:, :, None] * (B[0] @ right).T[None]
    expected = np.sqrt(W)[None, :, None] * left[:, :, None] * (np.sqrt(W)[:, None] * right.T)[None]
    np.testing.assert_allclose(bent, expected, atol=1e-14)
    np.testing.assert_allclose(left.T @ A[0] @ D @ B[0] @ right, np.diag(SIGMA), atol=1e-14)
    assert np.linalg.matrix_rank(A[0]) == 4


def test_a_batch_of_matrices() -> None:
    """Items that reach their minimum beside items that do not, for every rule."""
    sigma = np.stack([OFF_GRID, W, 3 * OFF_GRID])  # Muon solves the second one in a step
    A, B, D = dense(W, sigma)
    for rule in ("gd", "muon", "ngd", "sign", "adam"):
        batch = descend_dense(A, B, D, rule, 5)
        for k in range(3):
            alone = descend_dense(A, B, D[k], rule, 5)
            np.testing.assert_allclose(batch.loss[k], alone.loss, rtol=1e-9)
        assert np.all(batch.loss[[0, 2]] > 0)
        assert (batch.loss[1, 1] == 0) == (rule == "muon")


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_function_may_be_the_rule(scale: float) -> None:
    """It sees the residual itself, not what the loop scales it to."""
    A, B, D = dense(W, scale * SIGMA)
    seen: list[np.ndarray] = []

    def rule(R: np.ndarray) -> np.ndarray:
        seen.append(R)
        return R / np.sum(np.abs(R))

    found = descend_dense(A, B, D, rule, 3)
    agree(found, descend(W, scale * SIGMA, "gd", 3))
    np.testing.assert_allclose(seen[0], A[0] @ D @ B[0], rtol=1e-12, atol=1e-15 * scale)
    third = scale * math.sqrt(float(modes.energy(exactly(modes.gd, 2)[2])))
    assert np.linalg.norm(seen[2]) == pytest.approx(third, rel=1e-10)


def test_sign_and_adam() -> None:
    """Adam's first update is the sign, up to its epsilon of 1e-8, and without memory all of them are."""
    A, B, D = dense()
    sign, adam = (descend_dense(A, B, D, rule, 6) for rule in ("sign", "adam"))
    assert adam.loss[1] == pytest.approx(sign.loss[1], rel=1e-6)
    assert abs(adam.loss[3] / sign.loss[3] - 1) > 1e-3
    without = descend_dense(A, B, D, "adam", 6, momentum=0.0, memory=0.0)
    np.testing.assert_allclose(without.loss, sign.loss, rtol=1e-5)
    for rule in ("sign", "adam"):  # downhill, which the line search would not tell
        assert np.all(np.diff(descend_dense(A, B, D, rule, 3, 0.01).loss) < 0)
    again = descend_dense(A, B, D, "adam", 6)
    np.testing.assert_array_equal(again.loss, adam.loss)  # no state is left from one run to the next


@pytest.mark.parametrize("scale", [1e-6, 1e-9, 1.0])
def test_adam_sees_the_size_of_the_gradient(scale: float) -> None:
    """Its first update is g/(|g| + epsilon), so that gradients near epsilon move less."""
    A, B, D = dense(W, scale * SIGMA)
    g = A[0] @ D @ B[0]
    moved = 0.1 * np.linalg.norm(g / (np.abs(g) + 1e-8))
    assert descend_dense(A, B, D, "adam", 1, 0.1).update_norm[0] == pytest.approx(moved, rel=1e-9)


def test_the_line_search_refuses_curvature_that_is_not_positive() -> None:
    A, B, D = dense()
    with pytest.raises(ValueError, match=r"^A and B must .* got one that has none"):
        descend_dense(-A, B, D, "gd", 1)
    flat = np.eye(5, 6, k=1) * 1e-3  # a small update without any curvature
    with pytest.raises(ValueError, match=r"^A and B must .* got one that has none"):
        descend_dense(
            np.diag([1.0, 0, 0, 0, 0])[None], np.diag([1.0, 0, 0, 0, 0, 0])[None], D, lambda R: flat, 1
        )
    found = descend_dense(-A, B, D, "gd", 1, 0.1)
    assert found.nds[0] < 0
    assert np.isnan(found.log_loss[0])


@pytest.mark.parametrize("name", ["numpy", "strict"])
@pytest.mark.parametrize("step", ["line-search", "halving", "matched-norm", 0.05, "listed"])
def test_every_step_on_every_backend(name: str, step: Any) -> None:
    """What the contract's one example leaves out: other rules and steps, and arguments that are arrays."""
    here = backend(name)
    options: dict[str, Any] = {"step": step}
    if step == "listed":
        options = {"step": here.asarray(np.array([0.1, 0.05, 0.02]))}
    if step == "matched-norm":
        options["norm"] = here.asarray(np.array([[0.3, 0.2, 0.1]]))
    for rule in ("gd", "muon", "ngd"):
        if (rule, step) == ("gd", "halving"):
            continue
        found = descend(here.asarray(W), here.asarray(np.stack([SIGMA, 2 * SIGMA])), rule, 3, **options)
        numpy = {key: here.to_numpy(x) if hasattr(x, "shape") else x for key, x in options.items()}
        expected = descend(W, np.stack([SIGMA, 2 * SIGMA]), rule, 3, **numpy)
        np.testing.assert_allclose(here.to_numpy(found.loss), expected.loss, rtol=1e-14)
    A, B, D = (here.asarray(x) for x in dense())
    for rule in ("muon", "adam"):
        found = descend_dense(A, B, D, rule, 3, **options)
        assert here.to_numpy(found.loss).shape == ((1, 4) if step == "matched-norm" else (4,))


# --- two levels: limits ------------------------------------------------------------------------------------------


def test_plain_numbers_and_arrays() -> None:
    one, many = two_level(1, 4, 12, 2), two_level(1, 4, np.array([12.0, 3.0]), 2.0)
    assert float(one.kappa) == many.kappa[0] == pytest.approx(121 / 170, rel=4 * EPS)
    assert int(win_region(0.25, 12, 2)) == many.region[0] == 1
    assert one.loss_gd(0) == one.loss_muon(0) == 1.0
    assert float(one.p) == pytest.approx(4 / 7, rel=4 * EPS)
    assert float(one.loss_muon(3)) == pytest.approx(0.5 * 0.36**2, rel=1e-14)
    assert float(one.loss_gd(3)) == pytest.approx((121 / 170) ** 3, rel=1e-14)
    assert float(one.mean_nds_muon()) == pytest.approx(3.75)
    assert [float(one.mean_nds_gd(T)) for T in (1, 2)] == pytest.approx([51 / 7, 6.5])
    with pytest.raises(ValueError, match=r"^m must be below q"):
        two_level(4, 4, 12.0, 2.0)
    with pytest.raises(ValueError, match=r"^arguments must broadcast, got the shapes \[\(2,\), \(3,\)"):
        two_level(np.ones(2), np.full(3, 4.0), 12.0, 2.0)
    wrong: tuple[Any, ...] = (-1, 2.0, True)
    for T in wrong:
        for method in (one.loss_gd, one.loss_muon, one.mean_nds_gd):
            with pytest.raises(ValueError, match=r"^T must be an integer >= [01], got "):
                method(T)
    with pytest.raises(ValueError, match=r"^T must be an integer >= 1, got 0"):
        one.mean_nds_gd(0)


def test_one_level_of_curvature() -> None:
    """rho = 1: GD is exact in one step, Muon is not unless s = 1; nobody beats GD, so region 4."""
    s = np.array([0.5, 1.0, 2.0])
    found = two_level(1, 4, 1.0, s)
    assert found.kappa.tolist() == [0.0] * 3
    assert found.log_kappa.tolist() == [-math.inf] * 3
    assert (found.gamma > 0).tolist() == [True, False, True]
    np.testing.assert_allclose(found.g, -0.5)
    assert found.region.tolist() == [4, 4, 4]
    assert found.s_star.tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("a", "rho", "s"), [(1e-9, 2.0, 1.5), (1 / 3, 1 + 1e-9, 2.0), (1 / 3, 1e12, 1e-6), (0.5, 3.0, 3.0)]
)
def test_logarithms_near_the_ends(a: float, rho: float, s: float) -> None:
    """Against fractions, to 4e-15: rates near 1 and near 0, and gamma = 0."""
    labs = two_level(a, 1 + a, rho, s)
    A, R, S = Fraction(float(labs.a)), Fraction(rho), Fraction(s)
    x = A * S * S
    exact = {
        "log_kappa": x * (R - 1) ** 2 / ((x * R + 1) * (x + R)),
        "log_gamma": A * (R - S) ** 2 / ((A * R + 1) * (x + R)),
        "log_g2": ((A * R - 1) / (A * R + 1)) ** 2,
    }
    for name, value in exact.items():
        if value == 0:
            assert float(getattr(labs, name)) == -math.inf
            continue
        gap = float(1 - value)
        logarithm = math.log1p(-gap) if gap < 0.5 else math.log(value.numerator) - math.log(value.denominator)
        assert float(getattr(labs, name)) == pytest.approx(
            logarithm, rel=4e-15, abs=1e-13 if gap > 0.5 else 0.0
        )
