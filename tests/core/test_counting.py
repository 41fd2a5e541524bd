"""The counting stand-in counts what it says, is as strict as the standard, and refuses what CuPy refuses."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from labs.core.arrays import SPECIAL, array_namespace, special, to_numpy
from tests.counting import HOME, HOST, counting


@pytest.fixture
def stand_in():
    """The namespace, two small arrays (one a stack of matrices) and counts that start at nothing."""
    backend, counts = counting()
    x, a = backend.asarray([1.0, 2.0, 3.0]), backend.asarray(np.arange(1.0, 19.0).reshape(2, 3, 3))
    counts.reset()
    return backend.xp, x, a, counts


def totals(counts):
    return counts.launches.total(), counts.syncs.total(), counts.looped.total()


def test_it_is_an_array_library_of_its_own(stand_in):
    xp, x, _, _ = stand_in
    assert array_namespace(x, 2.0) is xp
    assert x.device == HOME
    assert xp.sin(x).device == HOME


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "ne", "ge"])
def test_an_operator_is_one_launch_and_gives_numpys_values(stand_in, name):
    _, x, _, counts = stand_in
    function = getattr(operator, name)
    got = [function(x, x), function(x, 2.0), function(2.0, x)]
    assert totals(counts) == (3, 0, 0)
    host = np.array([1.0, 2.0, 3.0])
    for value, expected in zip(
        got, [function(host, host), function(host, 2.0), function(2.0, host)], strict=True
    ):
        np.testing.assert_array_equal(to_numpy(value), expected)


def test_functions_operators_and_updates_count_one_launch_each_and_views_none(stand_in):
    xp, x, a, counts = stand_in
    views = (
        x[None, :],
        a[..., 0],
        a.mT,
        xp.matrix_transpose(a),
        xp.broadcast_to(x, (4, 3)),
        xp.squeeze(x[None, :], axis=0),
    )
    assert all(array_namespace(v) is xp for v in views)
    assert totals(counts) == (0, 0, 0)
    y = xp.where(x > 1.0, x, 0.0)  # 2
    y = xp.concat([y, -x])  # 2
    y += 1.0  # 1
    y[0] = 5.0  # 1
    a @ a  # 1
    xp.linalg.solve(a + xp.eye(3, device=HOME), a)  # 3
    assert totals(counts) == (10, 0, 0)
    np.testing.assert_array_equal(to_numpy(y), [5.0, 3.0, 4.0, 0.0, -1.0, -2.0])


def test_whatever_waits_for_the_device_is_a_host_sync(stand_in):
    xp, x, _, counts = stand_in
    waits = [
        lambda: float(x[0]),
        lambda: int(x[1]),
        lambda: bool(x[2]),
        lambda: operator.index(xp.asarray(2, device=HOME)),
        lambda: to_numpy(x),
        lambda: xp.nonzero(x),
        lambda: xp.unique_values(x),
        lambda: x[x > 1.5],
        lambda: xp.repeat(x, xp.asarray([1, 0, 2], device=HOME)),
    ]
    for done, wait in enumerate(waits, start=1):
        wait()
        assert counts.syncs.total() == done


def test_a_gather_is_a_launch_and_what_is_on_the_host_waits_no_more(stand_in):
    xp, x, _, counts = stand_in
    gathered = x[xp.asarray([2, 0], device=HOME)]  # the index, the gather
    assert totals(counts) == (2, 0, 0)
    host = gathered.to_device(HOST)
    np.testing.assert_array_equal(np.asarray(host.to_device(HOST)), [3.0, 1.0])
    assert totals(counts) == (2, 1, 0)


def test_numpy_cannot_reach_in_without_being_seen(stand_in):
    _, x, _, counts = stand_in
    with pytest.raises(RuntimeError, match="device1"):
        np.asarray(x)
    with pytest.raises(RuntimeError, match="device1"):
        np.arange(3.0) + x
    assert counts.syncs.total() == 0


def test_it_is_as_strict_as_the_standard(stand_in):
    xp, x, _, _ = stand_in
    with pytest.raises(ValueError, match="different devices"):
        x + xp.ones(3)
    with pytest.raises(TypeError):
        x + xp.asarray([1, 2, 3], device=HOME)
    with pytest.raises(TypeError):
        len(x)
    with pytest.raises(AttributeError):
        xp.einsum  # noqa: B018


def cost_of(name, shape, **options):
    """Launches, syncs and looped matrices of one call of `linalg.name` on a batch of identities."""
    backend, counts = counting()
    a = backend.asarray(np.broadcast_to(np.eye(*shape[-2:]), shape))
    counts.reset()
    getattr(backend.xp.linalg, name)(a, **options)
    return totals(counts)


@pytest.mark.parametrize("name", ["svd", "svdvals", "eigh", "eigvalsh", "pinv", "matrix_rank"])
def test_decompositions_above_32_count_once_per_matrix_of_a_batch(name):
    assert cost_of(name, (2, 3, 33, 33)) == (6, 0, 6)
    assert cost_of(name, (2, 3, 32, 32)) == cost_of(name, (40, 2, 2)) == (1, 0, 0)
    assert cost_of(name, (1, 33, 33)) == cost_of(name, (33, 33)) == (1, 0, 0)


def test_qr_loops_at_any_size_and_factorisations_that_cupy_batches_never():
    assert cost_of("qr", (2, 1, 1)) == (2, 0, 2)
    for name in ("cholesky", "inv", "det"):
        assert cost_of(name, (5, 33, 33)) == (1, 0, 0)


@pytest.mark.parametrize("order", ["nuc", 2, -2])
def test_a_matrix_norm_that_needs_singular_values_loops(order):
    assert cost_of("matrix_norm", (3, 2, 33), ord=order) == (3, 0, 3)
    assert cost_of("matrix_norm", (3, 33, 2)) == cost_of("matrix_norm", (3, 33, 2), ord=1) == (1, 0, 0)


@pytest.mark.parametrize(
    ("a", "b", "accepted"),
    [
        ((2, 2), (2,), True),
        ((2, 2), (2, 1), True),
        ((5, 2, 2), (5, 2, 1), True),
        ((5, 2, 2), (2, 1), False),
        ((2, 2), (5, 2, 1), False),
        ((1, 2, 2), (5, 2, 1), False),
        ((2, 2, 2), (2,), False),
    ],
)
def test_solve_does_not_broadcast(a, b, accepted):
    backend, _ = counting()
    left = backend.asarray(np.broadcast_to(np.eye(2), a))
    right = backend.asarray(np.ones(b))
    if accepted:
        assert backend.xp.linalg.solve(left, right).shape == b
    else:
        with pytest.raises(ValueError, match="solve does not broadcast on CuPy"):
            backend.xp.linalg.solve(left, right)


def test_a_named_result_keeps_its_names(stand_in):
    xp, _, a, _ = stand_in
    result = xp.linalg.eigh(a + a.mT)
    assert result.eigenvalues.shape == (2, 3)
    assert array_namespace(result.eigenvectors) is xp


def test_a_special_function_is_one_launch_and_no_sync(stand_in):
    xp, x, _, counts = stand_in
    functions = special(array_namespace(x))
    arguments = {"betainc": (x, 2.0, 0.5), "gammainc": (x, 0.5), "ndtri": (x / 4.0,)}
    counts.reset()
    for name in SPECIAL:
        assert array_namespace(getattr(functions, name)(*arguments.get(name, (x,)))) is xp
    assert totals(counts) == (len(SPECIAL), 0, 0)


def test_the_counts_say_that_they_are_upper_bounds(stand_in):
    _, x, _, counts = stand_in
    bool(x[0] > x[1] + x[2])
    assert str(counts) == (
        "launches 2 (add 1, gt 1); syncs 1 (bool 1); looped 0 [upper bounds: operations are counted unfused]"
    )
