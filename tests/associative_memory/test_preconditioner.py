"""AML-P10: Muon as gradient descent with a preconditioner made of the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.memory import answers
from labs.associative_memory.preconditioner import preconditioner
from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from tests.associative_memory.rationals import balanced, factored, frame, squares
from tests.referee import check, control, verifies
from theory.associative_memory import preconditioner as theory
from theory.associative_memory.preconditioner import AML_P10a, AML_P10b, AML_P10c
from theory.evidence import Evidence, every, exact, measured, require

EPS = 2.0**-52
SIZES = (1, 4, 4)  # squares, so that the unit vectors of the groups are rational; c = (1, 2, 2)/3


def rational(*numbers: str) -> list[Any]:
    import sympy

    return [sympy.Rational(number) for number in numbers]


FREQUENCIES, RESIDUALS = ("1/3", "1/8", "1/24"), ("-1/2", "-1/9", "-3/1000")


def vectors(values: list[Any], start: int = 0) -> Any:
    """The right singular vectors that `factored` gives G = U diag(s) V^T in n = len(c) = 3 dimensions."""
    return frame(3, start + 1)[:, : len(values)]


# --- (a) the root of the Gram matrix -----------------------------------------------------------------------------


@check(AML_P10a)
def root_of_the_gram_matrix(values: list[Any], twice_power: int = 1) -> Evidence:
    """D = V s^-twice_power V^T: symmetric, >= 0, D^2 the pseudo-inverse of G^T G (Penrose), and G D = msgn(G)."""
    import sympy

    G, sign = factored(rational("1/3", "2/3", "2/3"), values)
    V = vectors(values)
    D = V * sympy.diag(*(1 / s**twice_power for s in values)) * V.T
    gram, inverse = G.T * G, D * D
    penrose = [
        gram * inverse * gram - gram,
        inverse * gram * inverse - inverse,
        gram * inverse - (gram * inverse).T,
    ]
    gaps = [*penrose, D - D.T, G * D - sign]
    signs = [x * (-1) ** i for i, x in enumerate(D.charpoly().all_coeffs())]
    return every(*(exact(squares(gap), 0) for gap in gaps), *(exact(x, 0, ">=") for x in signs))


@check(AML_P10a)
def labs_preconditions(G: np.ndarray, scale: float = 1.0) -> Evidence:
    """G D and D (G^T G) D of labs against U V^T and V V^T of a singular value decomposition."""
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    kept = s > max(G.shape) * EPS * s[0]
    U, s, Vt = U[:, kept], s[kept], Vt[kept]
    D = scale * preconditioner(G)
    # Backward stable: eps n times the condition number of what is kept.
    tolerance = 16 * max(G.shape) * EPS * float(s[0] / s[-1])
    return every(
        measured(G @ D, U @ Vt, tolerance), measured(D @ G.T @ G @ D, Vt.T @ Vt, tolerance * s[0] / s[-1])
    )


@verifies(AML_P10a)
def test_muon_divides_by_the_root_of_the_gram_matrix() -> None:
    for values in (rational("3", "1/2"), rational("1", "1"), rational("2/7")):
        root_of_the_gram_matrix(values)


@verifies(AML_P10a)
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)], ids=str)
def test_preconditioners_of_the_zoo(shape: tuple[int, int]) -> None:
    draw = stream("preconditioners", *shape)
    n = min(shape)
    for s in zoo(n, draw).values():
        G = (haar(shape[0], draw)[:, :n] * np.where(s > 1e-6 * s[0], s, 0.0)) @ haar(shape[1], draw)[:n]
        labs_preconditions(G)


@control(AML_P10a, changes="the root -> the inverse itself, s^-1 -> s^-2")
def test_the_root_is_a_root() -> None:
    root_of_the_gram_matrix(rational("3", "1/2"), twice_power=2)


@control(AML_P10a, changes="D -> 1.01 D")
def test_the_preconditioner_has_the_right_size() -> None:
    draw = stream("preconditioners")
    labs_preconditions((haar(6, draw) * np.geomspace(1, 0.1, 6)) @ haar(6, draw), scale=1.01)


# --- (b) group by group ------------------------------------------------------------------------------------------


@check(AML_P10b)
def preconditioner_by_groups(
    p: list[Any], r: list[Any], values: list[Any], residuals: bool = True
) -> Evidence:
    """The D of (b) for sizes (1, 4, 4) and a rational mean block: G D = msgn(G), and D^2 inverts G^T G on its range.

    Contrasts p_a r_a, r_a < 0; `residuals` = False leaves |r_a| out of D.
    """
    import sympy

    projections, means = theory.blocks(SIZES)
    mean, mean_sign = factored(rational("1/3", "2/3", "2/3"), values)
    V = vectors(values)
    B = sympy.Matrix.hstack(*means)
    lived = [a for a, size in enumerate(SIZES) if size > 1]

    def whole(block: Any, weights: list[Any]) -> Any:
        return B * block * B.T + sum((weights[a] * projections[a] for a in lived), sympy.zeros(sum(SIZES)))

    G = whole(mean, [x * y for x, y in zip(p, r, strict=True)])
    weights = [1 / (x * (-y if residuals else 1)) for x, y in zip(p, r, strict=True)]
    D = whole(V * sympy.diag(*(1 / s for s in values)) * V.T, weights)
    sign, gram = whole(mean_sign, [-1] * len(SIZES)), G.T * G
    return every(exact(squares(G * D - sign), 0), exact(squares(gram * D * D * gram - gram), 0))


@check(AML_P10b)
def preconditioner_along_a_run(
    sizes: tuple[int, ...], masses: np.ndarray, alpha: float, eta: float, steps: int, residuals: bool = True
) -> Evidence:
    """labs' D at every step of a run of Muon: on the contrasts 1/(p_a |r_a|), r_a from the probabilities."""
    p = np.repeat(masses / np.array(sizes), sizes)
    require(all(np.ptp(part) == 0.0 for part in np.split(p, np.cumsum(sizes)[:-1])), "A4")
    ends = np.cumsum(sizes)
    parts = []
    logits = np.zeros((len(p), len(p)))
    for _ in range(steps):
        G = answers(logits, p, alpha).gradient
        D = preconditioner(G)
        for a, size in enumerate(sizes):
            if size == 1:
                continue
            own, other = ends[a] - size, ends[a] - size + 1
            # A contrast e_own - e_other of the group is an eigenvector of G with the eigenvalue p_a r_a.
            eigenvalue = abs(G[own, own] - G[own, other]) if residuals else p[own]
            found = (D[own, own] - D[own, other]) * eigenvalue
            # Relative rounding of a singular vector decomposition: K eps over the smallest nonzero value.
            parts.append(measured(found, 1.0, 1e-12))
        parts.append(measured(D @ G.T @ G @ D @ D, D, 1e-11 * float(np.max(np.abs(D)))))
        logits = simulate(p, alpha, eta, 1, "muon", start=logits).logits
    return every(*parts)


@verifies(AML_P10b)
def test_the_preconditioner_works_group_by_group() -> None:
    for values in (rational("3/5", "1/7"), rational("1/1000", "1"), rational("2")):
        preconditioner_by_groups(rational(*FREQUENCIES), rational(*RESIDUALS), values)


@verifies(AML_P10b)
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_the_preconditioner_along_a_run(alpha: float) -> None:
    preconditioner_along_a_run((2, 3, 1, 2), np.array([0.5, 0.25, 0.15, 0.1]), alpha, 0.3, 8)


@control(AML_P10b, changes="1/(p_a |r_a|) -> 1/p_a")
def test_the_residual_is_divided_out_too() -> None:
    preconditioner_by_groups(
        rational(*FREQUENCIES), rational(*RESIDUALS), rational("3/5", "1/7"), residuals=False
    )
    preconditioner_along_a_run((2, 3), np.array([0.6, 0.4]), 0.1, 0.3, 3, residuals=False)


# --- (c) powers --------------------------------------------------------------------------------------------------


@check(AML_P10c)
def first_step_of_a_power(sizes: tuple[int, ...], power: Any = None) -> Evidence:
    """Contrasts of G and of G^T G at W = 0 in symbols: G (G^T G)^((s-1)/2) v = -((1 - alpha) p_a)^power v.

    `power` is s unless said otherwise.
    """
    import sympy

    s = sympy.Symbol("s", real=True)
    noise = sympy.Symbol("n", positive=True)  # alpha = 1/(1 + n): every value in (0, 1)
    alpha = 1 / (1 + noise)
    p = sympy.symbols(f"p1:{len(sizes) + 1}", positive=True)
    G = theory.first_gradient(sizes, list(p), alpha)
    projections, _ = theory.blocks(sizes)
    parts = []
    for a, size in enumerate(sizes):
        if size == 1:
            continue
        value = sympy.cancel((1 - alpha) * p[a])
        for matrix, eigenvalue in ((G, -value), (G.T * G, value**2)):
            gap = matrix * projections[a] - eigenvalue * projections[a]
            parts.append(every(*(exact(sympy.cancel(x), 0) for x in gap)))
        moved = sympy.powsimp(sympy.powdenest(value * (value**2) ** ((s - 1) / 2), force=True))
        wanted = value ** (s if power is None else power)
        point = {s: 0, noise: 1} | {symbol: sympy.Rational(1, 3) for symbol in p}
        free = {x: point[x] for x in (moved / wanted).free_symbols}
        parts.append(
            exact(sympy.simplify(sympy.expand_log(sympy.log(moved / wanted), force=True)), 0, witness=free)
        )
    return every(*parts)


@check(AML_P10c)
def contrasts_after_one_step(power: float, predicted: float | None = None) -> Evidence:
    """x_a of one step of labs' power family from W = 0, against eta ((1 - alpha) p_a)^predicted."""
    sizes, masses, alpha, eta = (2, 3, 2), np.array([0.6, 0.3, 0.1]), 0.2, 0.7
    p = np.repeat(masses / np.array(sizes), sizes)
    G = answers(np.zeros((7, 7)), p, alpha).gradient
    W = -eta * G @ preconditioner(G, power)
    found = np.array([W[0, 0] - W[0, 1], W[2, 2] - W[2, 3], W[5, 5] - W[5, 6]])
    frequency = masses / np.array(sizes)
    return measured(
        found, eta * ((1 - alpha) * frequency) ** (power if predicted is None else predicted), 1e-13
    )


@verifies(AML_P10c)
@pytest.mark.parametrize("sizes", [(2, 3), (1, 2, 2)], ids=str)
def test_the_first_step_of_every_power(sizes: tuple[int, ...]) -> None:
    first_step_of_a_power(sizes)


@verifies(AML_P10c)
@pytest.mark.parametrize("power", [0.0, 0.25, 0.5, 1.0])
def test_labs_takes_these_steps(power: float) -> None:
    contrasts_after_one_step(power)


@control(AML_P10c, changes="s = 1/2: x_a = eta, as for Muon")
def test_the_square_root_is_not_equal_for_all_groups() -> None:
    contrasts_after_one_step(0.5, 0.0)
    first_step_of_a_power((2, 3), 0)


def test_a_balanced_frame_is_orthonormal_and_balanced() -> None:
    import sympy

    c = rational("1/3", "2/3", "2/3")
    U = balanced(c, 2)
    assert sympy.eye(2) == U.T * U
    assert sympy.Matrix([c]) * U == sympy.zeros(1, 2)
