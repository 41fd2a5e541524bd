"""The runs themselves: rules, schedules, certificates and models against plain computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import POLAR_EXPRESS, TUNED
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening._descent import Quadratic, run
from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.dynamics import RULES, SCHEDULES, constants, descend, ultimate_bound
from labs.spectral_flattening.models import factorise, regression, sharpness

ROUNDING = 1e-12


def quadratic(m: int, n: int, batch: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """B, A (eigenvalues 1 ... e^-2) and a start."""
    draw = stream("test models: quadratic", m, n, *batch)
    factors = []
    for size in (m, n):
        basis, values = haar(size, draw, batch), np.exp(-2 * draw.random((*batch, size)))
        S = (basis * values[..., None, :]) @ basis.swapaxes(-1, -2)
        factors.append((S + S.swapaxes(-1, -2)) / 2)
    return factors[0], factors[1], draw.standard_normal((*batch, m, n))


def expected_direction(rule: str, M: np.ndarray) -> np.ndarray:
    Q = msign(M)
    return {
        "gd": M,
        "ngd": np.sqrt(min(M.shape)) * M / np.linalg.norm(M),
        "muon": Q,
        "scaled-muon": np.linalg.norm(M, "nuc") * Q,
        "muon-ns5": newton_schulz(M, [TUNED] * 5),
        "polar-express": newton_schulz(M, POLAR_EXPRESS[:5]),
    }[rule]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
def test_descend_is_the_plain_loop(rule: str, schedule: str) -> None:
    B, A, D = quadratic(3, 4)
    L = np.linalg.eigvalsh(A)[-1] * np.linalg.eigvalsh(B)[-1]
    run = descend(B, A, D, rule, 4, schedule, size=0.3, momentum=0.5, checkpoints=(0, 2))
    M, values, sizes, kept = np.zeros((3, 4)), [], [], {}
    for t in range(4):
        kept[t] = D
        G = B @ D @ A
        values.append(np.sum(D * G) / 2)
        M = 0.5 * M + G
        X = expected_direction(rule, M)
        eta = {
            "constant": 0.3,
            "halving": 0.3 / 2 ** (t + 1),
            "line-search": 0.3 * np.sum(G * X) / np.sum(X * (B @ X @ A)),
            "average-singular-value": 0.3 * np.linalg.norm(G, "nuc") / (3 * L),
        }[schedule]
        sizes.append(eta)
        D = D - eta * X
    values.append(np.sum(D * (B @ D @ A)) / 2)
    np.testing.assert_allclose(run.values, values, rtol=ROUNDING)
    np.testing.assert_allclose(run.sizes, sizes, rtol=ROUNDING)
    assert list(run.checkpoints) == [0, 2, 4]
    for t, expected in ((0, kept[0]), (2, kept[2]), (4, D)):
        np.testing.assert_allclose(run.checkpoints[t], expected, atol=ROUNDING)
    assert run.residual < 1e-14  # a sum of four terms, relative to the largest of them


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
def test_modes_are_the_diagonals_of_matrices(rule: str, schedule: str) -> None:
    h, d = np.array([3.0, 1.0, 0.2]), np.array([-1.0, 0.7, 2.1])
    modes = descend_modes(h, d, rule, 5, schedule, size=0.2, momentum=0.3)
    run = descend(np.diag(h), np.eye(3), np.diag(d), rule, 5, schedule, size=0.2, momentum=0.3)
    np.testing.assert_allclose(modes.values, run.values, rtol=1e-11)
    np.testing.assert_allclose(modes.checkpoints[5], np.diagonal(run.checkpoints[5]), atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_every_run_of_a_batch_is_the_run_alone(rule: str) -> None:
    """A batch of two by two, which is smaller than the matrices."""
    B, A, D = quadratic(3, 4, (2,))
    sizes = np.array([[0.1, 0.3], [0.2, 0.05]])
    together = descend(B, A, D, rule, 4, size=sizes)
    for i, j in np.ndindex(2, 2):
        alone = descend(B[j], A[j], D[j], rule, 4, size=float(sizes[i, j]))
        np.testing.assert_allclose(together.values[i, j], alone.values, rtol=1e-11)
    Y, W2, W1 = factors()
    pair = factorise(Y, np.stack([W2, 0.5 * W2]), W1, rule, 3, size=sizes[0])
    for i, left in enumerate((W2, 0.5 * W2)):
        single = factorise(Y, left, W1, rule, 3, size=float(sizes[0, i]))
        np.testing.assert_allclose(pair.losses[i], single.losses, rtol=1e-10)


def test_an_array_of_step_sizes_is_a_schedule() -> None:
    B, A, D = quadratic(3, 3)
    sizes = np.array([0.5, 0.1, 0.7])
    run = descend(B, A, D, "muon", 3, sizes, size=2.0)
    np.testing.assert_array_equal(run.sizes, 2.0 * sizes)
    halving = descend(B, A, D, "muon", 3, "halving", size=2.0)
    again = descend(B, A, D, "muon", 3, 0.5 ** np.arange(1.0, 4.0), size=2.0)
    np.testing.assert_array_equal(halving.values, again.values)


def test_every_run_of_a_batch_has_its_own_step_size_and_leaves_by_itself() -> None:
    B, A, D = quadratic(3, 4, (2,))
    sizes = np.array([[0.1, 30.0], [0.2, 0.3]])
    run = descend(B, A, D, "gd", 40, size=sizes, ceiling=1e6)
    assert run.values.shape == (2, 2, 41)
    for i, j in np.ndindex(2, 2):
        alone = descend(B[j], A[j], D[j], "gd", 40, size=float(sizes[i, j]), ceiling=1e6)
        np.testing.assert_allclose(run.values[i, j], alone.values, rtol=1e-11)
    left = run.values[0, 1]
    first = int(np.argmax(left > 1e6))
    assert 0 < first < 20
    assert np.all(left[first:] == left[first])
    assert np.all(run.sizes[0, 1, first:] == 0.0)
    assert np.all(run.values[1] < run.values[1, :, :1] + 1e-12)


def test_momentum_accumulates_gradients() -> None:
    """Two steps of heavy ball in one mode: m_1 = g_0, m_2 = beta g_0 + g_1."""
    run = descend_modes(np.array([2.0]), np.array([1.0]), "gd", 2, size=0.1, momentum=0.5)
    first = 1.0 - 0.1 * 2.0
    second = first - 0.1 * (0.5 * 2.0 + 2.0 * first)
    np.testing.assert_allclose(run.checkpoints[2], [second], rtol=1e-15)


def test_the_minimum_stays_where_it_is() -> None:
    for rule in RULES:
        for schedule in SCHEDULES:
            run = descend(np.eye(2), np.eye(3), np.zeros((2, 3)), rule, 3, schedule)
            assert np.all(run.values == 0.0)
            assert np.all(run.checkpoints[3] == 0.0)
            assert run.residual == 0.0
            modes = descend_modes(np.array([1.0, 0.5]), np.array([0.3, 0.0]), rule, 3, schedule)
            assert modes.checkpoints[3][1] == 0.0


def test_the_certificate_is_the_largest_error_of_the_descent_identity() -> None:
    """On a loss that is no quadratic, H[d] = d^3, GD with eta = 1/2 from d = 1: by hand, step by step."""
    cubic = Quadratic(
        curvature=lambda d: d**3,
        direction=lambda g: g,
        nuclear=lambda g: (abs(g[..., 0]), abs(g[..., 0])),
        smoothness=np.asarray(1.0),
        axes=(-1,),
    )
    found = run(cubic, np.array([1.0]), 3, "constant", 0.5, 0.0, 1e12, ())
    d, errors = 1.0, []
    for _ in range(3):
        g = d**3
        after = d - 0.5 * g
        terms = (d**4 / 2, after**4 / 2, 0.5 * g * g, 0.125 * g * g**3)
        errors.append(abs(terms[0] - terms[1] - terms[2] + terms[3]) / max(terms))
        d = after
    assert errors.index(max(errors)) < 2  # not the last one
    np.testing.assert_allclose(found.residual, max(errors), rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"rule": "lion"}, "rule"),
        ({"schedule": "cosine"}, "schedule"),
        ({"schedule": np.ones(3)}, "schedule"),
        ({"steps": 0}, "steps"),
        ({"momentum": 1.0}, "momentum"),
        ({"whiten": "up"}, "whiten"),
        ({"size": np.nan}, "size"),
        ({"B": np.eye(3)}, "B"),
        ({"A": np.array([[1.0, 2.0], [0.0, 1.0]])}, "A"),
        ({"A": -np.eye(2)}, "A"),
        ({"delta0": np.full((2, 2), np.inf)}, "delta0"),
    ],
)
def test_bad_runs_are_refused(change: dict[str, Any], argument: str) -> None:
    given: dict[str, Any] = {"B": np.eye(2), "A": np.eye(2), "delta0": np.eye(2), "rule": "muon", "steps": 2}
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        descend(**(given | change))


def test_constants_by_hand() -> None:
    known = constants(np.diag([5.0, 2.0, 1.0, 0.1]), np.diag([3.0, 1.0, 0.2]))
    found = [float(x) for x in (known.smoothness, known.spectral, known.convexity, known.rank)]
    np.testing.assert_allclose(found, [15.0, 17.2, 0.02, 3.0], rtol=1e-14)
    empty = constants(np.zeros((2, 2)), np.eye(2))
    assert [float(x) for x in (empty.smoothness, empty.convexity, empty.rank)] == [0.0, 0.0, 0.0]
    assert float(ultimate_bound(np.asarray(8.0), np.asarray(1.0), np.asarray(0.5))) == 2.0
    assert float(ultimate_bound(np.asarray(2.0), np.asarray(1.0), np.asarray(0.5))) == 0.25
    with pytest.raises(ValueError, match=r"^rtol must .*got "):
        constants(np.eye(2), np.eye(2), rtol=1.0)


# --- regression ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "count"), [(3, 20), (6, 4)])
def test_regression_is_a_kronecker_quadratic(n: int, count: int) -> None:
    """Also with fewer samples than inputs, where A is singular."""
    draw = stream("test models: regression", n, count)
    X, Y = draw.standard_normal((n, count)), draw.standard_normal((2, count))
    model = regression(X, Y)
    np.testing.assert_allclose(model.A, X @ X.T / count, atol=1e-14)
    for _ in range(3):
        W = draw.standard_normal((2, n))
        delta = W - model.solution
        loss = np.sum((W @ X - Y) ** 2) / (2 * count)
        np.testing.assert_allclose(np.sum(delta * (delta @ model.A)) / 2 + model.floor, loss, rtol=1e-12)
    np.testing.assert_allclose(model.solution, Y @ np.linalg.pinv(X), atol=1e-12)


# --- factorisation -------------------------------------------------------------------------------------------------


def factors() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = stream("test models: factorisation")
    return draw.standard_normal((4, 5)), draw.standard_normal((4, 2)), draw.standard_normal((2, 5))


@pytest.mark.parametrize("rule", RULES)
def test_factorise_is_the_plain_loop(rule: str) -> None:
    Y, W2, W1 = factors()
    run = factorise(Y, W2, W1, rule, 3, size=0.05)
    losses = []
    for _ in range(3):
        R = W2 @ W1 - Y
        losses.append(np.sum(R * R) / 2)
        W2, W1 = (
            W2 - 0.05 * expected_direction(rule, R @ W1.T),
            W1 - 0.05 * expected_direction(rule, W2.T @ R),
        )
    losses.append(np.sum((W2 @ W1 - Y) ** 2) / 2)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-11)
    np.testing.assert_allclose(run.left, W2, atol=1e-11)
    np.testing.assert_allclose(run.right, W1, atol=1e-11)


def test_sharpness_is_the_top_of_the_hessian() -> None:
    """Against second differences of the loss, which is a polynomial of degree four: exact but for rounding."""
    Y, W2, W1 = factors()

    def loss(x: np.ndarray) -> float:
        return float(np.sum((x[:8].reshape(4, 2) @ x[8:].reshape(2, 5) - Y) ** 2) / 2)

    at, h = np.concatenate([W2.ravel(), W1.ravel()]), 1e-3
    unit = np.eye(18) * h
    hessian = np.array(
        [
            [
                (loss(at + p + q) - loss(at + p - q) - loss(at - p + q) + loss(at - p - q)) / (4 * h * h)
                for p in unit
            ]
            for q in unit
        ]
    )
    # Truncation h^2 times fourth derivatives (at most 24), rounding eps loss/h^2.
    np.testing.assert_allclose(sharpness(Y, W2, W1), np.linalg.eigvalsh(hessian)[-1], atol=1e-3)
    both = sharpness(Y, np.stack([W2, 2 * W2]), W1)
    np.testing.assert_allclose(both, [sharpness(Y, W2, W1), sharpness(Y, 2 * W2, W1)], rtol=1e-12)


def test_factorisation_beyond_the_sharpness_blows_up_under_gd_and_not_under_muon() -> None:
    draw = stream("test models: blow up")
    Y = (haar(20, draw) / np.arange(1.0, 21.0)) @ haar(20, draw).T
    W2, W1 = 0.3 * draw.standard_normal((20, 8)), 0.3 * draw.standard_normal((8, 20))
    eta = 8.0 / sharpness(Y, W2, W1)
    gd = factorise(Y, W2, W1, "gd", 50, size=eta)
    muon = factorise(Y, W2, W1, "muon", 50, size=eta)
    assert gd.losses[-1] > 1e12
    assert np.max(muon.losses) < 100 * muon.losses[0]


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"left": np.ones((3, 2))}, "left"),
        ({"right": np.ones((3, 5))}, "right"),
        ({"size": 0.0}, "size"),
        ({"steps": 0}, "steps"),
        ({"rule": "lion"}, "rule"),
    ],
)
def test_bad_factorisations_are_refused(change: dict[str, Any], argument: str) -> None:
    Y, W2, W1 = factors()
    given: dict[str, Any] = {"target": Y, "left": W2, "right": W1, "rule": "gd", "steps": 2}
    with pytest.raises(ValueError, match=rf"^{argument} must .*got "):
        factorise(**(given | change))
