"""ICM-N1: when one curvature function is exact on a network; ICM-R1 ... R3: what is seen on small ones, recorded."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core import spectrum
from labs.core.networks import MLP, Transformer, mixture, replaced, train
from labs.core.streams import stream
from labs.isotropic_curvature.measure import even_part, local_slopes, unit_direction
from tests.referee import check, control, reports, restates, verifies
from theory.evidence import Evidence, every, exact, measured, require
from theory.isotropic_curvature import (
    ICM_R1,
    ICM_R2,
    ICM_R3,
    ICM_N1a,
    ICM_N1b,
    ICM_N1c,
    dirichlet,
    even_powers,
    network,
)

SEPARATE, HAAR, CONVEX = "separate samples", "Haar", "convex"


# --- one function for all spectra: polynomials -------------------------------------------------------------


def polynomial(name: str) -> tuple[Any, Any, Any, list[Any]]:
    """(loss as a polynomial in the entries of D, the entries, the loss of one sample, the inputs' squared lengths).

    Separate samples: the loss of one, p(y) = y_1^4 + 3 y_1 y_2^3 + y_1^2 y_2^2 + 2 y_2^2 + y_1, summed over
    y = D x for the inputs x = (a, 1) and (2, 1).  Coupled: (D x . D x')^2, which a norm or attention could make.
    """
    import sympy

    entries = sympy.symbols("D11 D12 D21 D22")
    a = sympy.Symbol("a", positive=True)
    y = sympy.symbols("y1 y2")
    one = y[0] ** 4 + 3 * y[0] * y[1] ** 3 + y[0] ** 2 * y[1] ** 2 + 2 * y[1] ** 2 + y[0]
    inputs = [(a, 1), (2, 1)]
    outputs = [[entries[2 * i] * x[0] + entries[2 * i + 1] * x[1] for i in (0, 1)] for x in inputs]
    if name == "separate":
        loss = sum(one.subs(dict(zip(y, z, strict=True)), simultaneous=True) for z in outputs)
    else:
        loss = sum(u * v for u, v in zip(*outputs, strict=True)) ** 2
    return loss, entries, (one, y), [a**2 + 1, sympy.Integer(5)]


@check(ICM_N1a)
def one_function_of_polynomials(name: str, haar: bool) -> Evidence:
    """The mean over directions is E H(rho) with the H read off at q = (x, x); and that H is the samples' own."""
    import sympy

    require(name == "separate", SEPARATE)
    require(haar, HAAR)
    q1, q2, x = sympy.symbols("q1 q2 x", positive=True)
    loss, entries, (one, y), squares = polynomial(name)
    mean = network.mean_over_directions(loss, entries, (q1, q2), haar=haar)
    flat = sympy.Poly(mean.subs({q1: x, q2: x}), x)
    H = {power: coefficient for (power,), coefficient in flat.terms()}
    found = exact(mean, sympy.expand(even_powers.penalty(H, (q1, q2), 2)))
    if name != "separate":
        return found
    own = sum(network.mean_over_sphere(one, y, x * sympy.sqrt(s)) for s in squares)
    return every(found, exact(flat.as_expr(), sympy.expand(own)))


@verifies(ICM_N1a)
def test_one_function_serves_all_spectra() -> None:
    one_function_of_polynomials("separate", True)


@control(ICM_N1a, drops=SEPARATE)
def test_samples_that_meet_in_the_loss_see_more() -> None:
    one_function_of_polynomials("coupled", True)


@control(ICM_N1a, drops=HAAR)
def test_directions_with_fixed_inputs_see_more() -> None:
    one_function_of_polynomials("separate", False)


# --- one function for all spectra: networks ----------------------------------------------------------------


def rotations(angles: np.ndarray) -> np.ndarray:
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)


@cache
def small(name: str) -> tuple[Any, Any, Any]:
    """Networks with a two by two matrix: (network, parameters, data)."""
    if name == "perceptron":
        perceptron = MLP((2, 2, 3))
        data = (stream("N1: inputs").standard_normal((6, 2)), np.array([0, 1, 2, 0, 1, 2]))
        return perceptron, perceptron.initial(stream("N1: perceptron")), data
    transformer = Transformer(3, 4, 2, heads=2, hidden=2)
    parameters = transformer.initial(stream("N1: transformer"))
    # A norm of two numbers is nearly a sign, unless they are as small as the 1e-5 beneath its root.
    for key in ("embedding", "position", "merge", "down"):
        parameters[key] = 3e-3 * parameters[key]
    parameters["norm1_shift"] = np.array([0.5, 0.8])
    return transformer, parameters, (stream("N1: text").integers(0, 3, (2, 5)),)


@check(ICM_N1a)
def one_function_on_a_network(name: str, matrix: str, length: float) -> Evidence:
    """Both means by the trapezoid rule over all angles, which converges geometrically: 32 angles against 48.

    What that changes bounds the error of 48, and 1e-14 is rounding in a loss of order one.
    Separate: each sample's, or character's, loss sees the matrix through one vector.  The first layer of a
    perceptron does, and query, merge and up of one block; value does not where heads attend differently.
    """
    require(matrix != "value", SEPARATE)
    net, parameters, data = small(name)
    q = np.array([1.2, 0.4])
    here = net.loss(parameters, *data)

    def mean(D: np.ndarray) -> float:
        moved = parameters[matrix] + length * D.reshape(-1, 2, 2)
        return float(np.mean(net.loss(replaced(parameters, matrix, moved), *data)) - here)

    def both(count: int) -> np.ndarray:
        turn = rotations(2 * np.pi * np.arange(count) / count)
        u = np.concatenate([turn, turn * np.array([1.0, -1.0])])
        rho = np.sqrt(turn[:, 0] ** 2 @ q**2)
        return np.array([mean((u[:, None] * q) @ turn), mean(rho[:, None, None, None] * u)])

    coarse, fine = both(32), both(48)
    tolerance = float(np.max(np.abs(fine - coarse))) + 1e-14
    return measured(fine[0], fine[1], tolerance)


@verifies(ICM_N1a)
@pytest.mark.parametrize(
    ("name", "matrix", "length"),
    [
        ("perceptron", "weight1", 0.7),
        ("transformer", "query", 1.0),
        ("transformer", "merge", 3e-3),
        ("transformer", "up", 1.0),
    ],
)
def test_one_function_on_networks(name: str, matrix: str, length: float) -> None:
    one_function_on_a_network(name, matrix, length)


@control(ICM_N1a, drops=SEPARATE)
def test_heads_that_attend_differently_meet_in_the_loss() -> None:
    one_function_on_a_network("transformer", "value", 1.0)


# --- a convex loss gives a convex H ------------------------------------------------------------------------


@check(ICM_N1b)
def convexity_of_a_ridge(sign: int) -> Evidence:
    """p''(t) = (A + B t)^2 + sign C^2, any nonnegative quadratic or nearly; H'' >= 0 for all numbers of outputs m."""
    import sympy

    require(sign > 0, CONVEX)
    A, B, C = sympy.symbols("A B C", real=True)
    t = sympy.Symbol("t", real=True)
    x, m = sympy.symbols("x m", positive=True)
    return exact(network.curvature_of_ridge((A + B * t) ** 2 + sign * C**2, t, x, m), 0, ">=")


@check(ICM_N1b)
def convexity_on_a_network(layers: tuple[int, ...]) -> Evidence:
    """Second differences of H at 40 lengths, the mean over 64 directions of a perceptron's two outputs.

    Each is a difference of four losses of order ten at most, each right to 8 units of rounding: 1e-13.
    """
    require(len(layers) == 2, CONVEX)  # the last layer is the only one: cross-entropy is convex in it
    net = MLP(layers)
    parameters = net.initial(stream("N1: convexity", len(layers)))
    data = mixture(20, layers[0], layers[-1], stream("N1: convexity of data"))
    turn = rotations(2 * np.pi * np.arange(64) / 64)[:, :, :1]  # rank one: moves all outputs one way
    lengths = np.linspace(0.0, 8.0, 41)[:, None, None, None]
    inputs = np.full((1, layers[0]), 1.0)
    moved = parameters["weight1"] + (lengths * (turn @ inputs)).reshape(-1, 2, layers[0])
    H = np.mean(net.loss(replaced(parameters, "weight1", moved), *data).reshape(41, 64), axis=1)
    return measured(np.diff(H, 2), 0.0, 1e-13, ">=")


@verifies(ICM_N1b)
def test_a_convex_loss_gives_a_convex_function() -> None:
    convexity_of_a_ridge(1)
    convexity_on_a_network((3, 2))


@control(ICM_N1b, drops=CONVEX)
def test_a_loss_that_is_not_convex_need_not() -> None:
    convexity_of_a_ridge(-1)
    convexity_on_a_network((3, 2, 4))


# --- short lengths -----------------------------------------------------------------------------------------


@check(ICM_N1c)
def short_lengths_see_the_trace(haar: bool) -> Evidence:
    """Any quadratic form in the four entries of D: its mean is (trace/4) |q|^2; and for all m, n entry by entry."""
    import sympy

    require(haar, HAAR)
    entries = sympy.symbols("D11 D12 D21 D22")
    hessian = sympy.Matrix(4, 4, lambda i, j: sympy.Symbol(f"h{min(i, j)}{max(i, j)}"))
    form = sympy.expand((sympy.Matrix([entries]) * hessian * sympy.Matrix(entries))[0])
    q1, q2, m, n = sympy.symbols("q1 q2 m n", positive=True)
    mean = network.mean_over_directions(form, entries, (q1, q2), haar=haar)
    return every(
        exact(mean, hessian.trace() * (q1**2 + q2**2) / 4),
        # E D_ij^2 = sum_a q_a^2 E U_ia^2 E V_ja^2, each column uniform on its sphere.
        exact(dirichlet.moment((1,), m) * dirichlet.moment((1,), n), 1 / (m * n)),
    )


@check(ICM_N1c)
def traces_of_a_network(matrix: str) -> Evidence:
    """Means over all angles at a short length, for two spectra of the same |q|: they differ at order r^4 only.

    The fourth derivatives of these losses are below 10, and r^4/24 times a derivative is left out.
    """
    require(True, HAAR)
    net, parameters, data = small("transformer")
    turn = rotations(2 * np.pi * np.arange(16) / 16)
    u = np.concatenate([turn, turn * np.array([1.0, -1.0])])
    length, means = 0.03, []
    for q in (np.array([1.0, 1.0]), np.array([np.sqrt(2.0), 0.0])):
        D = length * ((u[:, None] * q) @ turn).reshape(-1, 2, 2)
        losses = net.loss(replaced(parameters, matrix, parameters[matrix] + D), *data)
        means.append(float(np.mean(losses) - net.loss(parameters, *data)))
    return measured(means[0] - means[1], 0.0, 10 * length**4 / 24 + 1e-14)


@verifies(ICM_N1c)
def test_short_lengths_see_the_trace_alone() -> None:
    short_lengths_see_the_trace(True)


@restates(ICM_N1c)
@pytest.mark.parametrize("matrix", ["query", "key", "value", "up"])
def test_short_lengths_on_a_network(matrix: str) -> None:
    traces_of_a_network(matrix)


@control(ICM_N1c, drops=HAAR)
def test_fixed_inputs_see_more_than_the_trace() -> None:
    short_lengths_see_the_trace(False)


# --- what is seen on small networks: recorded, not judged --------------------------------------------------

NETWORK = MLP((16, 16, 5))
LENGTHS = np.geomspace(1e-2, 3.0, 12)  # in units of the matrix's own length


@cache
def trained(seed: int) -> tuple[dict[str, Any], tuple[np.ndarray, ...]]:
    """A perceptron after 100 steps of Adam, and data that it has not seen."""
    inputs, labels = mixture(576, 16, 5, stream("R: mixture", seed), separation=1.5)
    start = NETWORK.initial(stream("R: start", seed))

    def batch(step: int) -> tuple[np.ndarray, ...]:
        chosen = stream("R: batch", step).integers(0, 512, 64)
        return inputs[chosen], labels[chosen]

    run = train(NETWORK, start, batch, 100, "adam", np.asarray(0.02))
    return run.checkpoints[100], (inputs[512:], labels[512:])


@cache
def curves(seed: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The even part of the loss and its rounding along directions of the first matrix, by kind."""
    parameters, data = trained(seed)
    W = parameters["weight1"]
    gradient = NETWORK.loss_and_gradient(parameters, *data)[1]["weight1"]
    g = np.linalg.svd(gradient, compute_uv=False)
    values = {"flat": np.ones(16), "gradient's spectrum": g, "rank one": np.ones(1), "gradient": g}[kind]
    draw = stream("R: directions", kind, seed)
    D = gradient[None] if kind == "gradient" else spectrum.matrix(np.tile(values, (30, 1)), 16, 16, draw)
    scale = np.linalg.norm(W) / 4.0

    def loss(X: np.ndarray) -> np.ndarray:
        return NETWORK.loss(replaced(parameters, "weight1", X), *data)

    return even_part(loss, W, unit_direction(D), scale * LENGTHS)


@check(ICM_R1)
def growth_of_curvature(seed: int) -> Evidence:
    """The slope at the least length against 2; the largest against the reported 2.2 ... 2.5."""
    _, slope, half = local_slopes(LENGTHS, *curves(seed, "flat"))
    return every(
        measured(slope[0], 2.0, 0.01 + half[0]),
        measured(np.max(slope), 2.35, 0.15 + half[np.argmax(slope)], margin=0.5),
    )


@check(ICM_R2)
def isotropy(seed: int) -> Evidence:
    """Along G against random directions with its spectrum, at the least length: within two standard deviations."""
    even, _ = curves(seed, "gradient's spectrum")
    mean, deviation = np.mean(even[:, 0]), np.std(even[:, 0], ddof=1)
    return measured(curves(seed, "gradient")[0][0, 0] / mean, 1.0, 2 * deviation / mean, margin=5.0)


@check(ICM_R3)
def one_function_for_other_spectra(seed: int, kind: str) -> Evidence:
    """The growth from the least length on, measured and from the H of flat directions; two standard errors of 30.

    H is the mean along flat directions, a parabola below the least length and linear in logarithms between.
    """
    flat, (even, _) = np.mean(curves(seed, "flat")[0], axis=0), curves(seed, kind)
    q = np.ones(1) if kind == "rank one" else np.linalg.svd(_gradient(seed), compute_uv=False)
    z = stream("R: sphere").standard_normal((4000, 16))
    rho = np.sqrt((z**2 / np.sum(z**2, axis=1, keepdims=True))[:, : q.size] @ (16 * q**2 / np.sum(q**2)))
    r = LENGTHS[:7, None] * rho
    H = np.exp(np.interp(np.log(r), np.log(LENGTHS), np.log(flat)))
    H = np.mean(np.where(r < LENGTHS[0], flat[0] * (r / LENGTHS[0]) ** 2, H), axis=1)
    own = even / np.mean(even[:, :1], axis=0)
    error = np.std(own[:, :7] - own[:, :1] * np.mean(own, axis=0)[:7], axis=0, ddof=1) / np.sqrt(30)
    mean = np.mean(own, axis=0)[:7]
    return measured(mean / (H / H[0]), 1.0, 0.01 + 2 * error / (H / H[0]), margin=1.0)


def _gradient(seed: int) -> np.ndarray:
    parameters, data = trained(seed)
    return NETWORK.loss_and_gradient(parameters, *data)[1]["weight1"]


@reports(ICM_R1, ICM_R2, ICM_R3)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_seen(seed: int) -> None:
    growth_of_curvature(seed)
    isotropy(seed)
    for kind in ("gradient's spectrum", "rank one"):
        one_function_for_other_spectra(seed, kind)
