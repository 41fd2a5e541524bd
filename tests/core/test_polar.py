"""The polar factor: every method, on every matrix of the zoo, at every scale, against its certificate."""

from __future__ import annotations

import functools
import itertools
import threading
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from labs.core.arrays import backend as backend_named
from labs.core.arrays import to_numpy
from labs.core.polar import PolarResult, _eigen, _products, _steps, certify, factor, msign, polar
from labs.core.polar._ladder import DOUBLE, SINGLE
from labs.core.polar._scratch import KEPT, Scratch, scratch_for
from labs.core.spectrum import matrix
from labs.core.streams import stream
from tests.core.polar_zoo import by_mpmath, matrices
from tests.counting import counting

METHODS = factor.METHODS
SHAPES = [(1, 1), (2, 2), (3, 3), (8, 8), (33, 33), (7, 3), (3, 7), (40, 16), (1, 6), (6, 1)]
DTYPES: list[Any] = [np.float64, np.float32]


def worst(result: PolarResult) -> np.ndarray:
    """The largest error of each item."""
    return np.max(np.stack([to_numpy(error) for error in vars(result.certificate).values()]), axis=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_every_method_is_accurate_on_the_whole_zoo(method: str, dtype: Any, m: int, n: int) -> None:
    zoo = matrices(m, n, dtype)
    result = polar(np.stack(list(zoo.values())), method)
    errors = dict(zip(zoo, worst(result), strict=True))
    assert max(errors.values()) < 30.0, errors
    assert result.q.dtype == dtype
    assert result.q.shape == (len(zoo), m, n)


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [64, 130, 256])
def test_every_method_is_accurate_on_large_matrices(method: str, dtype: Any, n: int) -> None:
    for shape in ((n, n), (n + 50, n), (n // 2, n)):
        zoo = matrices(*shape, dtype)
        errors = dict(zip(zoo, worst(polar(np.stack(list(zoo.values())), method)), strict=True))
        assert max(errors.values()) < 30.0, (shape, errors)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_the_factor_is_the_true_one(method: str, condition: float) -> None:
    """Newton's iteration with 60 digits.  The factor moves by eps cond, times a small number, if A does by eps."""
    A = matrix(np.geomspace(1.0, 1.0 / condition, 5), 5, 5, stream("polar: true", str(condition)))
    assert np.max(np.abs(msign(A, method) - by_mpmath(A))) < 20.0 * 2.0**-52 * condition


@pytest.mark.parametrize("method", METHODS)
def test_exact_cases(method: str) -> None:
    signs = np.diag([1.0, -1.0, 1.0, 1.0])
    for A, q in (
        (np.array([[3.0]]), [[1.0]]),
        (np.array([[-1e-310]]), [[-1.0]]),
        (np.array([[3.0, 4.0]]), [[0.6, 0.8]]),
        (np.array([[3.0], [-4.0]]), [[0.6], [-0.8]]),
        (signs * [5.0, 0.5, 3.0, 0.25], signs),
        (np.array([[0.0, 2.0], [-1.0, 0.0]]), [[0.0, 1.0], [-1.0, 0.0]]),
    ):
        np.testing.assert_allclose(msign(A, method), q, rtol=0, atol=2e-15)


@pytest.mark.parametrize("method", METHODS)
def test_a_shared_batch_is_all_its_items(method: str) -> None:
    """Two batch axes; many items, over a chunk's end, of all condition numbers side by side."""
    rng = stream("polar: batch")
    spectra = 10.0 ** (-rng.uniform(0, 13, (7, 300, 1)) * rng.random((7, 300, 5)))
    A = matrix(spectra, 6, 5, rng)
    assert A.size > factor.CHUNK
    result = polar(A, method)
    assert result.q.shape == A.shape
    assert result.rank.shape == result.by_svd.shape == result.certificate.residual.shape == (7, 300)
    assert worst(result).max() < 30.0
    for i, j in ((0, 0), (3, 150), (6, 299)):
        alone = polar(A[i, j], method)
        # The order of the sums of a product may differ with the batch; what it is worth is eps times the condition.
        np.testing.assert_allclose(
            result.q[i, j], alone.q, rtol=0, atol=1e-14 * spectra[i, j].max() / spectra[i, j].min()
        )
        assert alone.rank.shape == ()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_size_of_a_matrix_does_not_matter(method: str, dtype: Any) -> None:
    rng = stream("polar: scales")
    A = rng.integers(-4, 5, (60, 8, 8)).astype(dtype)
    q = msign(A, method)
    low, high = (-1070, 1019) if dtype is np.float64 else (-146, 124)  # of numbers up to 4: still exact
    for power in (low, -500, -100, -30, 30, 100, 500, high):
        if low <= power <= high:
            same = msign(np.ldexp(A, power).astype(dtype), method)
            # The last bits may differ: eps times the condition number, which is below 1e4 for these.
            np.testing.assert_allclose(same, q, rtol=0, atol=2e4 * np.finfo(dtype).eps)
    if dtype is np.float64:
        for scale in (1e-150, 3e-7, 1e150):
            np.testing.assert_allclose(msign(scale * A, method), q, rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_rank_deficient_matrix_has_the_smallest_partial_isometry(method: str, dtype: Any) -> None:
    rng = stream("polar: rank")
    for m, n in ((2, 2), (4, 3), (3, 4), (8, 8), (20, 9)):
        for r in range(1, min(m, n)):
            A = (rng.standard_normal((50, m, r)) @ rng.standard_normal((50, r, n))).astype(dtype)
            A[:25] = np.round(A[:25])  # rank-deficient no more, in general
            A[25:30] *= 0.0
            result = polar(A, method)
            s = np.linalg.svd(A, compute_uv=False)
            expected = np.sum(s > max(m, n) * np.finfo(dtype).eps * s[:, :1], axis=-1) * (s[:, 0] > 0)
            assert np.array_equal(result.rank, expected)
            trace = np.sum(result.q.astype(float) ** 2, axis=(-2, -1))
            np.testing.assert_allclose(trace, expected, rtol=0, atol=200 * np.finfo(dtype).eps)
            assert worst(result).max() < 30.0
            assert not result.q[25:30].any()


@pytest.mark.parametrize("method", METHODS)
def test_rtol_says_what_counts_as_zero(method: str) -> None:
    A = matrix(np.array([1.0, 0.5, 1e-3, 1e-9]), 6, 4, stream("polar: rtol"))
    for rtol, rank in ((None, 4), (0.0, 4), (1e-10, 4), (1e-8, 3), (2e-3, 2), (0.7, 1)):
        result = polar(np.stack([A, A]), method, rtol=rtol)
        assert result.rank.tolist() == [rank, rank]
        assert np.sum(result.q[0] ** 2) == pytest.approx(rank, abs=1e-13)
        np.testing.assert_allclose(msign(A, method, rtol=rtol), result.q[1], rtol=0, atol=1e-6)
    for rtol in (-1e-3, 1.0, np.nan):
        with pytest.raises(ValueError, match=r"rtol must be in \[0, 1\), got"):
            polar(A, method, rtol=rtol)


def test_what_an_iteration_cannot_do_is_left_to_the_svd_item_by_item() -> None:
    rng = stream("polar: left")
    good = matrix(np.geomspace(1.0, 0.1, 6), 6, 6, rng)
    bad = matrix(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), 6, 6, rng)
    hard = matrix(np.geomspace(1.0, 1e-7, 6), 6, 6, rng)
    A = np.stack([good, bad, np.zeros((6, 6)), hard, good])
    for method, left in (
        ("svd", [True] * 5),
        ("newton", [False, True, False, False, False]),
        ("products", [False, True, False, False, False]),
        ("eigen", [False, True, False, True, False]),
    ):
        result = polar(A, method)
        assert result.by_svd.tolist() == left
        assert result.rank.tolist() == [6, 5, 0, 6, 6]
        np.testing.assert_allclose(result.q[0], result.q[4], rtol=0, atol=1e-15)
    # And where all of them are left.
    for method in METHODS:
        result = polar(np.stack([bad, bad]), method)
        assert result.by_svd.all()
        assert result.rank.tolist() == [5, 5]
    # A matrix with an exact zero for a pivot, which NumPy's inverse refuses; small and large.
    for n in (3, 40):
        singular = np.stack([np.eye(n), np.ones((n, n))])
        assert polar(singular, "newton").rank.tolist() == [n, 1]


def _noted(names: list[str], name: str, solver: Any, *arguments: Any) -> Any:
    names.append(name)
    return solver(*arguments)


def test_auto_takes_the_svd_for_little_newton_for_much_and_eigenvectors_for_large(monkeypatch: Any) -> None:
    asked: list[str] = []
    for name, solver in factor.SOLVERS.items():
        monkeypatch.setitem(factor.SOLVERS, name, functools.partial(_noted, asked, name, solver))
    rng = stream("polar: auto")
    for shape, expected in (
        ((4, 4), []),
        ((46, 8, 8), []),
        ((47, 8, 8), ["newton"]),
        ((1, 111, 200), ["newton"]),
        ((1, 111, 887), ["newton"]),
        ((1, 111, 888), ["eigen"]),
        ((9, 160, 20), ["eigen"]),
        ((112, 112), ["eigen"]),
        ((300, 112), ["eigen"]),
    ):
        asked.clear()
        result = polar(rng.standard_normal(shape))
        assert asked == expected
        assert bool(np.all(result.by_svd)) == (not expected)
    strict = backend_named("strict")
    asked.clear()
    msign(strict.asarray(rng.standard_normal((3, 3))))
    assert asked == ["products"]


@pytest.mark.parametrize("method", METHODS)
def test_empty_batches_and_bad_input(method: str) -> None:
    empty = polar(np.zeros((0, 4, 3)), method)
    assert (empty.q.shape, empty.rank.shape) == ((0, 4, 3), (0,))
    assert polar(np.zeros((2, 0, 4, 3)), method).certificate.duality.shape == (2, 0)
    for value in (np.nan, np.inf, -np.inf):
        A = np.ones((2, 4000, 3, 3))
        A[1, 399, 2, 1] = value
        with pytest.raises(ValueError, match=r"^A must be finite, got .* at index \(1, 399, 2, 1\)"):
            polar(A, method)
    for bad in (np.ones(3), np.ones((2, 0, 3)), np.ones((2, 2), dtype=int), [[1.0]], None):
        with pytest.raises(ValueError, match=r"^A must be"):
            msign(bad, method)
    with pytest.raises(ValueError, match=r"^method must be one of"):
        polar(np.eye(2), "svd " + method)


def test_the_input_is_not_written_to_and_results_are_not_shared() -> None:
    rng = stream("polar: memory")
    for shape, method in itertools.product(((300, 5, 5), (9, 64, 64), (60, 9, 5), (60, 5, 9)), METHODS):
        A = rng.standard_normal(shape)
        before = A.copy()
        A.flags.writeable = False
        first = msign(A, method)
        kept = first.copy()
        msign(2.0 * before[::-1], method)
        assert np.array_equal(A, before)
        assert np.array_equal(first, kept)
        assert np.array_equal(msign(A, method), first)


def test_against_scipy() -> None:
    A = stream("polar: scipy").standard_normal((30, 9, 4))
    for method in METHODS:
        for a, q in zip(A, msign(A, method), strict=True):
            np.testing.assert_allclose(q, scipy.linalg.polar(a)[0], rtol=0, atol=1e-13)


def test_on_a_device_products_decide_alone() -> None:
    """By "auto": nothing is looped over, and the launches do not depend on how many matrices there are."""
    backend, counts = counting()
    rng = stream("polar: device")
    spent = []
    for batch in (3, 12):
        A = backend.asarray(matrix(np.geomspace(1.0, 1e-3, 40) * np.ones((batch, 1)), 48, 40, rng))
        counts.reset()
        msign(A)
        spent.append((counts.launches.total(), counts.launches["matmul"], counts.syncs.total()))
        assert not counts.looped
        result = polar(A)
        assert not counts.looped
        assert not to_numpy(result.by_svd).any()
        assert worst(result).max() < 30.0
    assert spent[0] == spent[1]
    # One round: 3 products a step, 2 for the last; and 1 for the look.
    steps = _products.ROUND + 3
    assert spent[0][1] == 3 * steps + 2 + 1
    assert spent[0][0] <= 180
    assert spent[0][2] <= 7


def test_a_gram_route_is_corrected_and_not_only_orthogonal() -> None:
    """Eigenvectors of A^T A alone: orthogonal to rounding, but 180 times too asymmetric; corrected: symmetric."""
    A = matrix(np.geomspace(1.0, 1e-4, 12), 12, 12, stream("polar: gram"))
    _, V = np.linalg.eigh(A.T @ A)
    C = A @ V
    plain = msign(C / np.linalg.norm(C, axis=0), "svd") @ V.T
    before, after = certify(A, plain), certify(A, polar(A, "eigen").q)
    assert before.orthogonality < 5.0
    assert before.asymmetry > 100.0
    assert after.asymmetry < 5.0
    assert not polar(A, "eigen").by_svd
    assert _eigen.PIVOTS < 1e-4


def test_units_and_what_rounding_can_resolve() -> None:
    for dtype in DTYPES:
        A = np.ones((2, 5, 3), dtype=dtype)
        assert _steps.eps(A, np) == np.finfo(dtype).eps
        assert _steps.resolution(A, np) == 30.0 * np.finfo(dtype).eps
    assert _steps.ladder(np.ones(1, dtype=np.float32), np) is SINGLE
    assert _steps.ladder(np.ones(1), np) is DOUBLE


@pytest.mark.parametrize("n", [5, 63, 64, 200])
def test_symmetry_is_judged_by_a_norm_or_by_a_good_estimate_of_it(n: int) -> None:
    """Twenty n eps |A|_F is the limit; three times less passes, three times more does not."""
    rng = stream("polar: probes", n)
    scratch = scratch_for(np)
    skew = rng.standard_normal((4, n, n))
    skew[1, : n - 1, : n - 1] = 0.0  # of rank two
    skew -= skew.mT
    A = np.eye(n) * np.ones((4, 1, 1))
    unit = n * 2.0**-52 * n**0.5 / np.linalg.norm(skew, axis=(1, 2), keepdims=True)
    for factor_, expected in ((3.0, True), (60.0, False)):
        # Q^T A - A^T Q = 2 x the skew part added, of Frobenius norm factor_ n eps |A|_F.
        Q = A + 0.5 * factor_ * unit * skew.mT
        assert _steps.symmetric(Q, A, scratch).tolist() == [expected] * 4


def test_products_by_symmetry_are_those_without() -> None:
    rng = stream("polar: symmetric products")
    scratch = scratch_for(np)
    for n in (5, _steps.SYMMETRIC):
        X = rng.standard_normal((2, n + 3, n))
        G = _steps.gram(X, -1.5, scratch)
        np.testing.assert_allclose(G, -1.5 * X.mT @ X, rtol=0, atol=1e-11)
        np.testing.assert_allclose(_steps.square(G, scratch), G @ G, rtol=1e-9, atol=1e-7)
        np.testing.assert_allclose(
            _steps.plus_identity(G.copy(), 2.0, scratch), G + 2.0 * np.eye(n), rtol=0, atol=0
        )
        each = np.array([1.0, 3.0])[:, None, None]
        np.testing.assert_allclose(
            _steps.plus_identity(G.copy(), each, scratch), G + each * np.eye(n), rtol=0
        )


def test_scratch_is_used_again_by_shape_and_kind_and_forgotten_if_it_is_much() -> None:
    scratch = Scratch(np)
    a = np.ones((2, 3, 3))
    first = scratch.matmul(a, a)
    assert np.array_equal(first, 3.0 * a)
    scratch.give(first)
    assert scratch.multiply(a.astype(np.float32), 2.0).dtype == np.float32
    assert scratch.add(a, a[:, :1]) is first
    assert scratch.multiply(a, 5.0) is not first
    scratch.give(first)
    assert scratch.multiply(a[:1], 5.0).shape == (1, 3, 3)
    scratch.close()
    assert scratch.multiply(a, 4.0) is first
    scratch.give(first, np.empty(KEPT // 8))
    scratch.close()
    assert scratch.multiply(a, 4.0) is not first
    for n, dtype in ((3, np.float64), (2, np.float64), (2, np.float32), (4, np.float32)):
        eye = scratch.identity(np.ones((5, n, n), dtype=dtype))
        assert eye.dtype == dtype
        assert np.array_equal(eye, np.eye(n))
    assert scratch_for(np) is scratch_for(np)
    other = []
    thread = threading.Thread(target=lambda: other.append(scratch_for(np)))
    thread.start()
    thread.join()
    assert other[0] is not scratch_for(np)
