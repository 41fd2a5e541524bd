"""AML-P0, P1.a, P1.d: the gradient, and which optimisers see the embeddings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.memory import answers
from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from tests.associative_memory.frequencies import POWER_LAW, frequencies
from tests.associative_memory.rationals import factored, frame, identity, is_polar, squares
from tests.referee import check, control, verifies
from theory.associative_memory import model
from theory.associative_memory.model import AML_P0, AML_P1a, AML_P1d
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
NOISE = 0.2
K, STEPS = len(POWER_LAW), 50
EQUIVARIANT = ("gd", "ngd", "muon")


def rotations(*cell: int) -> tuple[np.ndarray, np.ndarray]:
    draw = stream("embeddings of the memory", *cell)
    return haar(K, draw), haar(K, draw)


# --- P0: the gradient --------------------------------------------------------------------------------------------


@check(AML_P0)
def gradient_of_symbols(facts: int, d: int, *, weighted: bool = True, transposed: bool = False) -> Evidence:
    """The derivative of the loss in each weight is Et (Phat - P) diag(p) E^T, for any embeddings and targets."""
    import sympy

    of = model.memory(facts, d)
    R = model.residual(of.z, of.P)
    R = R.T if transposed else R
    claimed = of.answers * R * (sympy.diag(*of.p) if weighted else sympy.eye(facts)) * of.queries.T
    return every(*(identity(found, right) for found, right in zip(of.gradient, claimed, strict=True)))


@check(AML_P0)
def gradient_of_labs(
    p: np.ndarray,
    alpha: float,
    E: np.ndarray,
    Et: np.ndarray,
    W: np.ndarray,
    *,
    weighted: bool = True,
    transposed: bool = False,
) -> Evidence:
    """Five-point differences of labs' loss along each weight, and labs' gradient of the logits between embeddings."""
    G = answers(Et.T @ W @ E, p, alpha).gradient
    G = G if weighted else G / p
    claimed = Et @ (G.T if transposed else G) @ E.T
    h = 1e-3
    steps = np.array([-2, -1, 1, 2])[:, None, None, None, None] * h
    unit = np.eye(W.size).reshape(*W.shape, *W.shape)
    loss = simulate(p, alpha, 1.0, 0, "gd", queries=E, answers=Et, start=W + steps * unit).loss[..., 0]
    slope = (8 * (loss[2] - loss[1]) - (loss[3] - loss[0])) / (12 * h)
    # The fifth derivative of a log-sum-exp of logits that move by at most b is below 30 b^5; rounding of the losses.
    moved = float(np.max(np.abs(E)) * np.max(np.abs(Et)))
    tolerance = h**4 * moved**5 + 16 * EPS * float(np.max(np.abs(loss))) / h
    return measured(slope, claimed, tolerance)


@verifies(AML_P0)
@pytest.mark.parametrize(("facts", "d"), [(2, 1), (2, 2), (3, 1)])
def test_the_gradient_in_symbols(facts: int, d: int) -> None:
    gradient_of_symbols(facts, d)


@verifies(AML_P0)
@pytest.mark.parametrize("alpha", [0.0, NOISE, 1.0])
def test_the_gradient_in_floats(alpha: float) -> None:
    draw = stream("gradient of the memory")
    for spectrum in zoo(5, draw).values():
        p = spectrum / np.sum(spectrum)
        E, Et, W = (draw.standard_normal(shape) for shape in ((4, 5), (3, 5), (3, 4)))
        gradient_of_labs(p, alpha, E, Et, W)


@control(AML_P0, changes="the factor p_j -> 1")
def test_the_gradient_is_weighted_by_frequency() -> None:
    gradient_of_symbols(2, 1, weighted=False)
    draw = stream("gradient of the memory", 1)
    p = np.array([0.4, 0.3, 0.2, 0.06, 0.04])
    gradient_of_labs(p, NOISE, haar(5, draw), haar(5, draw), draw.standard_normal((5, 5)), weighted=False)


@control(AML_P0, changes="Phat - P -> its transpose")
def test_the_residual_is_not_transposed() -> None:
    gradient_of_symbols(2, 1, transposed=True)
    draw = stream("gradient of the memory", 2)
    p = np.full(5, 0.2)
    gradient_of_labs(p, NOISE, haar(5, draw), haar(5, draw), draw.standard_normal((5, 5)), transposed=True)


# --- P1.a: embeddings that are orthogonal are no matter ----------------------------------------------------------


def update(rule: str, G: Any, sign: Any) -> Any:
    """X(G) for a sympy matrix; `sign` is its polar factor."""
    import sympy

    if rule == "muon":
        return sign
    return G if rule == "gd" else G / sympy.sqrt(squares(G))


@check(AML_P1a)
def update_in_embeddings(rule: str, E: Any, Et: Any, G: Any, sign: Any, power: int | None = None) -> Evidence:
    """Et^T X(Et G E^T) E = (rho rhot)^power X(G), exactly; for Muon the factor is proved to be one first."""
    import sympy

    n = E.rows
    rho2, rhot2 = (squares(A) / n for A in (E, Et))
    require(rho2 * sympy.eye(n) == E.T * E and Et.T * Et == rhot2 * sympy.eye(n), "A1")
    scale = sympy.sqrt(rho2 * rhot2)
    grad, factor = Et * G * E.T, Et * sign * E.T / scale
    power = (2 if rule == "gd" else 1) if power is None else power
    gap = Et.T * update(rule, grad, factor) * E - scale**power * update(rule, G, sign)
    return every(is_polar(grad, factor), exact(squares(gap), 0)) if rule == "muon" else exact(squares(gap), 0)


@check(AML_P1a)
def losses_in_embeddings(
    rule: str,
    E: np.ndarray,
    Et: np.ndarray,
    p: np.ndarray,
    alpha: float,
    *,
    power: int | None = None,
    steps: int = STEPS,
) -> Evidence:
    """The losses of a run in W are those of a run in the task basis with (rho rhot)^power eta."""
    size = p.shape[-1]
    rho2, rhot2 = (float(np.sum(A * A)) / size for A in (E, Et))
    orthogonal = all(
        np.max(np.abs(A.T @ A - s * np.eye(size))) < 1e-12 * s for A, s in ((E, rho2), (Et, rhot2))
    )
    require(orthogonal, "A1")
    power = (2 if rule == "gd" else 1) if power is None else power
    eta = 4.0 if rule == "gd" else 0.2
    scale = math.sqrt(rho2 * rhot2)
    inside = simulate(p, alpha, scale**power * eta, steps, rule)
    outside = simulate(p, alpha, eta, steps, rule, queries=E, answers=Et)
    # Rounding of the logits, K eps a step, times the growth of an error over the run, below 1e3 at these steps.
    return measured(outside.loss, inside.loss, steps * size * EPS * 1e3)


@verifies(AML_P1a)
@pytest.mark.parametrize("rule", EQUIVARIANT)
def test_orthogonal_embeddings_only_rescale_the_step(rule: str) -> None:
    import sympy

    third = sympy.Rational(1, 3)
    for c, values in (((third, 2 * third, 2 * third), (2, third)), ((2 * third, third, 2 * third), (1,))):
        G, sign = factored(c, [sympy.Rational(value) for value in values])
        for start, rho, rhot in ((0, 1, 1), (1, 2, sympy.Rational(3, 2))):
            update_in_embeddings(rule, rho * frame(3, start), rhot * frame(3, start + 2), G, sign)


@verifies(AML_P1a)
@pytest.mark.parametrize("rule", EQUIVARIANT)
def test_runs_in_orthogonal_embeddings(rule: str) -> None:
    E, Et = rotations(0)
    for rho, rhot, alpha in ((1.0, 1.0, NOISE), (1.0, 1.0, 0.0), (1.5, 0.5, NOISE)):
        losses_in_embeddings(rule, rho * E, rhot * Et, POWER_LAW, alpha)


@verifies(AML_P1a)
@pytest.mark.parametrize("rule", EQUIVARIANT)
def test_runs_in_orthogonal_embeddings_over_the_zoo(rule: str) -> None:
    E, Et = rotations(1)
    losses_in_embeddings(rule, E, Et, frequencies(K, 1e-6), NOISE, steps=20)


@control(AML_P1a, drops="A1")
def test_embeddings_of_condition_number_two_are_a_matter() -> None:
    import sympy

    G, sign = factored([sympy.Rational(x, 3) for x in (1, 2, 2)], [2, 1])
    E, Et = frame(3), frame(3, 2)
    update_in_embeddings("gd", sympy.diag(1, 1, 2) * E, Et, G, sign)
    update_in_embeddings("ngd", sympy.diag(1, 1, 2) * E, Et, G, sign)
    F, Ft = rotations(0)
    for rule in EQUIVARIANT:
        losses_in_embeddings(rule, np.linspace(1.0, 2.0, K)[:, None] * F, Ft, POWER_LAW, NOISE)


@control(AML_P1a, changes="(rho rhot)^2 -> rho rhot for GD, rho rhot -> 1 for NGD and Muon")
def test_norms_count_as_claimed() -> None:
    E, Et = rotations(0)
    for rule, power in (("gd", 1), ("ngd", 0), ("muon", 0)):
        losses_in_embeddings(rule, 1.5 * E, Et, POWER_LAW, NOISE, power=power)


# --- P1.d: sign descent has no such symmetry ---------------------------------------------------------------------


@check(AML_P1d)
def sign_depends_on_the_basis(E: Any, Et: Any, p: list[Any]) -> Evidence:
    """|Et^T sgn(Et G E^T) E - sgn(G)|^2 > 0 at W = 0, exactly."""
    import sympy

    n = E.rows
    require(sympy.eye(n) == E.T * E and Et.T * Et == sympy.eye(n), "A1")
    G = (sympy.ones(n, n) / n - sympy.eye(n)) * sympy.diag(*p)
    turned = (Et * G * E.T).applyfunc(sympy.sign)
    return exact(squares(Et.T * turned * E - G.applyfunc(sympy.sign)), 0, ">")


@verifies(AML_P1d)
def test_sign_descent_depends_on_the_basis() -> None:
    import sympy

    for n in (2, 3, 4):
        sign_depends_on_the_basis(frame(n), frame(n, 1), [sympy.Rational(1, n)] * n)
        sign_depends_on_the_basis(
            frame(n), frame(n), [sympy.Rational(2 * (i + 1), n * (n + 1)) for i in range(n)]
        )


@control(AML_P1d, changes="a rotation -> a permutation with signs")
def test_sign_descent_does_not_mind_permutations() -> None:
    import sympy

    E, Et = sympy.Matrix([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), sympy.Matrix([[0, 0, 1], [0, -1, 0], [1, 0, 0]])
    sign_depends_on_the_basis(E, Et, [sympy.Rational(1, 2), sympy.Rational(1, 3), sympy.Rational(1, 6)])
