"""NDS-D2: the split of the sharpness by layer, in symbols, on fractions and on networks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.core.jets import constant, lines, series
from labs.core.networks import MLP, NGram, Transformer
from labs.core.spectrum import matrix, zoo
from labs.core.streams import stream
from labs.curvature_nds.one_step import Layers, taylor
from tests.curvature_nds.matrices import pivots
from tests.referee import check, control, verifies
from tests.tightness import worst_case
from theory.curvature_nds import (
    NDS_D2a,
    NDS_D2b,
    NDS_D2c,
    NDS_D2d,
)
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)
Q = Sequence[Sequence[Any]]  # layer to layer


def total(q: Q) -> Any:
    return sum(itertools.chain.from_iterable(q))


def trace(q: Q) -> Any:
    return sum(q[i][i] for i in range(len(q)))


def symmetric(layers: int) -> list[list[Any]]:
    """Q with a symbol for every entry."""
    import sympy

    return [[sympy.Symbol(f"q{min(i, j)}{max(i, j)}") for j in range(layers)] for i in range(layers)]


def semidefinite(q: Q) -> bool:
    try:
        return all(p >= 0 for p in pivots(np.array([[Fraction(x) for x in row] for row in q], dtype=object)))
    except ValueError:
        return False


def fractions(rows: Sequence[Sequence[int]], denominator: int = 1) -> list[list[Fraction]]:
    return [[Fraction(x, denominator) for x in row] for row in rows]


def gram(columns: Sequence[Sequence[int]]) -> list[list[Fraction]]:
    """Inner products of these vectors."""
    return [[Fraction(sum(x * y for x, y in zip(a, b, strict=True))) for b in columns] for a in columns]


# --- D2.a -----------------------------------------------------------------------------------------------------------


@check(NDS_D2a)
def weighted_mean(sizes: Sequence[int], power: int = 2) -> Evidence:
    """A general quadratic of layers with these numbers of parameters: the blocks' own sharpnesses, weighted."""
    import sympy

    n = sum(sizes)
    H, z = symmetric(n), sympy.symbols(f"z0:{n}")
    ends = list(itertools.accumulate(sizes, initial=0))
    blocks = [range(a, b) for a, b in itertools.pairwise(ends)]

    def form(block: range) -> Any:
        return sum(z[i] * H[i][j] * z[j] for i in block for j in block)

    norms = [sum(z[i] ** 2 for i in block) for block in blocks]
    within = sum(map(form, blocks)) / sum(norms)
    weighted = sum(
        sympy.sqrt(norm / sum(norms)) ** power * form(block) / norm
        for norm, block in zip(norms, blocks, strict=True)
    )
    return exact(within, weighted)


@check(NDS_D2a)
def weighted_mean_on_a_network(name: str) -> Evidence:
    """labs: every layer alone against all at once; sums of a few thousand products of one sign or the other."""
    network, data = NETWORKS[name]
    parameters, Z = point(network)
    layers = split(name)
    own = [taylor(lambda p: network.loss(p, *data), parameters, {k: Z[k]}, 2, layers={}) for k in Z]
    weighted = sum(float(t.norm2 * t.nds) for t in own) / float(np.sum(layers.norm2))
    size = sum(abs(float(t.norm2 * t.nds)) for t in own) / float(np.sum(layers.norm2))
    return measured(layers.within, weighted, 1e-13 * size)


@verifies(NDS_D2a)
def test_within_is_the_mean_of_the_layers() -> None:
    for sizes in ((1, 1), (2, 1), (1, 2, 1)):
        weighted_mean(sizes)


@verifies(NDS_D2a)
@pytest.mark.parametrize("name", ["n-gram", "perceptron", "transformer"])
def test_within_is_the_mean_of_the_layers_of_a_network(name: str) -> None:
    weighted_mean_on_a_network(name)


@control(NDS_D2a, changes="|Z_l|^2/|Z|^2 -> |Z_l|/|Z|")
def test_the_weights_are_squares() -> None:
    weighted_mean((2, 1), power=1)


# --- D2.b, c --------------------------------------------------------------------------------------------------------


@check(NDS_D2b)
def deficit(layers: int) -> Evidence:
    """L tr Q - sum Q is a sum of values of the form Q, for any symmetric Q of this size."""
    q = symmetric(layers)
    pairs = itertools.combinations(range(layers), 2)
    return exact(layers * trace(q) - total(q), sum(q[i][i] + q[j][j] - 2 * q[i][j] for i, j in pairs))


@check(NDS_D2b)
def one_more_layer() -> Evidence:
    """For every L, by induction, Q = B^T B: a coordinate y of a new column adds to L sum x^2 - (sum x)^2 the sum of
    (x_l - y)^2; written in p = sum x and r = sum x^2."""
    import sympy

    L, p, r, y = sympy.symbols("L p r y")
    before = L * r - p**2
    after = (L + 1) * (r + y**2) - (p + y) ** 2
    return every(exact(after - before, r - 2 * y * p + L * y**2), exact(before.subs({L: 1, r: p**2}), 0))


@check(NDS_D2b)
def share_is_at_least(q: Q, factor: Fraction = ONE) -> Evidence:
    """rho_within >= factor/L on fractions."""
    require(semidefinite(q), "PSD")
    return exact(trace(q) / total(q), factor / len(q), ">=")


@check(NDS_D2b)
def share_on_a_network(name: str) -> Evidence:
    """labs' Gauss-Newton part of the layers' curvature, which is semidefinite; rounding of a quotient of sums."""
    q = gauss_newton(name)
    share = np.trace(q) / np.sum(q)
    return measured(share, 1 / len(q), 1e-13, ">=")


@check(NDS_D2b)
def share_by_floats(q: np.ndarray) -> Evidence:
    """labs' share, up to the rounding of a sum of positive and negative numbers."""
    layers = Layers(tuple(map(str, range(len(q)))), 0 * q[0], np.ones(len(q)), q)
    size = np.sum(np.abs(q)) / np.sum(q)
    return measured(layers.within_share, 1 / len(q), 4 * len(q) * 2.0**-52 * size, ">=")


@check(NDS_D2c)
def equal_share(q: Q) -> Evidence:
    """Whether rho_within = 1/L, and whether all entries are equal."""
    require(semidefinite(q), "PSD")
    equal = all(x == q[0][0] for row in q for x in row)
    return exact(int(len(q) * trace(q) == total(q)), int(equal))


@check(NDS_D2c)
def columns_of_no_difference(layers: int) -> Evidence:
    """Q (e_l - e_m) = 0 for all l, m: solved for the entries, all of them are equal."""
    import sympy

    q = symmetric(layers)
    equations = [
        q[k][i] - q[k][j] for k in range(layers) for i, j in itertools.combinations(range(layers), 2)
    ]
    unknown = sorted({x for row in q for x in row}, key=str)
    (solution,) = sympy.solve(equations, unknown, dict=True)
    return every(*(exact(x.subs(solution), q[-1][-1]) for row in q for x in row))


CLOSE = [[1, 2, 3], [1, 2, 4], [1, 3, 3]]


@verifies(NDS_D2b, NDS_D2c)
def test_the_share_within_is_at_least_one_over_the_layers() -> None:
    for layers in (2, 3, 4, 6):
        deficit(layers)
    one_more_layer()
    for layers in (2, 3, 4):
        columns_of_no_difference(layers)
    ones = fractions([[1] * 4] * 4)
    almost = fractions([[1000 + (i == j == 0) for j in range(4)] for i in range(4)])
    for q in (ones, almost, gram(CLOSE), gram([[1, 0], [0, 1], [1, 1]]), fractions([[1, 0], [0, 0]])):
        share_is_at_least(q)
        equal_share(q)


@control(NDS_D2b, sharpens="1/L -> 1.01/L")
def test_the_bound_is_attained() -> None:
    share_is_at_least(fractions([[1] * 4] * 4), Fraction(101, 100))


@control(NDS_D2b, drops="PSD")
def test_without_semidefiniteness_the_share_is_below() -> None:
    share_is_at_least(fractions([[-1, 2], [2, -1]]))


@control(NDS_D2c, drops="PSD")
def test_without_semidefiniteness_other_matrices_attain_it() -> None:
    equal_share(fractions([[0, 1], [1, 2]]))


@verifies(NDS_D2b)
def test_the_share_on_the_zoo() -> None:
    """Semidefinite matrices of every spectrum; random ones are far from the bound, and a search finds it."""
    for layers in (2, 4, 12):
        draw = stream("D2: zoo", layers)
        for s in zoo(layers, draw).values():
            root = matrix(s, layers, layers, draw)
            share_by_floats(root @ root.T)

    def instance(x: np.ndarray) -> tuple[np.ndarray]:
        root = np.array([[1.0, x[0], 0.0], [1.0, x[1], x[2]], [1.0, 0.0, x[3]]])
        return (root @ root.T,)

    draw = stream("D2: sharpest")
    best = worst_case(share_by_floats, instance, dimension=4, lower=1e-3, upper=10.0, stream=draw, starts=3)
    assert best > 0.99


def test_the_counterexample_in_numbers() -> None:
    """Q = [[-1, 2], [2, -1]]: S proportional to 2, within to -2, rho = -1."""
    layers = Layers(("a", "b"), np.zeros(2), np.array([1.0, 1.0]), np.array([[-1.0, 2.0], [2.0, -1.0]]))
    assert (2 * (layers.within + layers.cross), 2 * layers.within, layers.within_share) == (2.0, -2.0, -1.0)


# --- D2.d -----------------------------------------------------------------------------------------------------------


@check(NDS_D2d)
def above_one(q: Q) -> Evidence:
    """Whether rho_within > 1, and whether what is across is negative."""
    require(total(q) > 0, "S > 0")
    return exact(int(trace(q) / total(q) > 1), int(total(q) - trace(q) < 0))


@check(NDS_D2d)
def above_one_in_symbols() -> Evidence:
    """S > 0 and cross = -c or c, c > 0: the sign of rho - 1."""
    import sympy

    S, c = sympy.symbols("S c", positive=True)
    return every(exact((S + c) / S, 1, ">"), exact((S - c) / S, 1, "<"), exact(S / S, 1))


@verifies(NDS_D2d)
def test_the_share_is_above_one_where_the_layers_work_against_each_other() -> None:
    above_one_in_symbols()
    for rows in ([[2, -1], [-1, 2]], [[2, 1], [1, 2]], [[1, 0], [0, 1]], [[-1, 2], [2, -1]]):
        above_one(fractions(rows))


@control(NDS_D2d, drops="S > 0")
def test_a_negative_sharpness_turns_it_round() -> None:
    above_one(fractions([[-1, 2], [2, -4]]))


# --- networks -------------------------------------------------------------------------------------------------------

DRAW = stream("D2: data")
TOKENS = DRAW.integers(0, 8, (30, 4))
NETWORKS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "n-gram": (NGram(8, 3, (6, 6)), (TOKENS,)),
    "perceptron": (MLP((3, 5, 4)), (constant(DRAW.standard_normal((7, 3))), DRAW.integers(0, 4, 7))),
    "transformer": (Transformer(5, 4, 6, hidden=7), (constant(DRAW.integers(0, 5, (3, 5))),)),
}


@cache
def point(network: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    draw = stream("D2: update")
    parameters = network.initial(stream("D2: parameters"))
    return parameters, {name: 0.1 * draw.standard_normal(x.shape) for name, x in parameters.items()}


@cache
def split(name: str) -> Layers:
    network, data = NETWORKS[name]
    return taylor(lambda p: network.loss(p, *data), *point(network), 2).layers


@cache
def gauss_newton(name: str) -> np.ndarray:
    """E Cov_p(u_l, u_m), u_l the logits' derivative along the update of layer l."""
    network, (tokens,) = NETWORKS[name]
    parameters, Z = point(network)
    contexts = tokens[:, :-1]
    moves = [series(lambda p: network.logits(p, contexts), parameters, {name: Z[name]}, 1) for name in Z]
    z = moves[0][0]
    p = np.exp(z - np.max(z, axis=-1, keepdims=True))
    p /= np.sum(p, axis=-1, keepdims=True)
    u = np.array([move[1] - np.sum(p * move[1], axis=-1, keepdims=True) for move in moves])
    return np.einsum("lnk,mnk,nk->lm", u, u, p) / len(z)


@verifies(NDS_D2b)
def test_the_share_of_gauss_newton() -> None:
    share_on_a_network("n-gram")


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_add_up_and_are_the_hessian_s_blocks(name: str) -> None:
    """Polarisation against jets of back-propagation, H[Z_m] for each layer m; differences of sums of order one."""
    network, data = NETWORKS[name]
    parameters, Z = point(network)
    found = split(name)
    whole = taylor(lambda p: network.loss(p, *data), parameters, Z, 2, layers={})
    assert found.names == tuple(Z)
    assert np.sum(found.gain) == pytest.approx(whole.gain, rel=1e-12)
    assert np.sum(found.norm2) == pytest.approx(whole.norm2, rel=1e-13)
    assert np.sum(found.curvature) == pytest.approx(2 * whole.penalty, abs=1e-14)
    assert found.within + found.cross == pytest.approx(whole.nds, rel=1e-11)
    assert found.within_share == pytest.approx(found.within / whole.nds, rel=1e-11)
    plain = tuple(x.coefficients[0] if hasattr(x, "coefficients") else x for x in data)
    _, G = network.loss_and_gradient(parameters, *plain)
    np.testing.assert_allclose(found.gain, [np.sum(G[k] * Z[k]) for k in Z], atol=1e-15)
    for m, name_m in enumerate(Z):
        _, turned = network.loss_and_gradient(lines(parameters, {name_m: Z[name_m]}, 1), *data)
        column = [np.sum(turned[k].coefficients[-1] * Z[k]) for k in Z]
        np.testing.assert_allclose(found.curvature[:, m], column, rtol=0, atol=1e-14)


def test_layers_may_be_groups_of_parameters() -> None:
    network, data = NETWORKS["n-gram"]
    parameters, Z = point(network)
    groups = {"tables": ("embedding", "unembedding"), "hidden": ("weight1", "weight2")}
    found = taylor(lambda p: network.loss(p, *data), parameters, Z, 2, layers=groups).layers
    single = split("n-gram")
    assert found.names == ("tables", "hidden")
    members = [[0, 3], [1, 2]]
    for i, rows in enumerate(members):
        assert found.norm2[i] == pytest.approx(np.sum(single.norm2[rows]))
        for j, columns in enumerate(members):
            expected = np.sum(single.curvature[np.ix_(rows, columns)])
            assert found.curvature[i, j] == pytest.approx(expected, abs=1e-15)


def test_no_update_has_no_shares() -> None:
    zero = Layers(("a",), np.zeros(1), np.zeros(1), np.zeros((1, 1)))
    assert np.isnan(zero.within)
    assert np.isnan(zero.cross)
    assert np.isnan(zero.within_share)
