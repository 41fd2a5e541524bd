"""The polar factor of graded columns, against a computation in ball arithmetic with hundreds of digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.associative_memory import graded as module
from labs.associative_memory.graded import graded_polar
from labs.core.streams import stream

EPS = 2.0**-52


def graded(M: int, decades: float, seed: int = 0, *, ordered: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(G, c): columns over so many decades, in an order drawn at random, orthogonal to c to rounding."""
    draw = stream("graded columns", M, str(decades), seed)
    c = draw.random(M) + 0.1
    c = c / np.linalg.norm(c)
    G = draw.standard_normal((M, M))
    powers = np.linspace(0.0, -decades, M)
    G = (G - np.outer(c, c @ G)) * 10.0 ** (powers if ordered else draw.permutation(powers))
    return G, c


def reference(G: np.ndarray, c: np.ndarray, decades: float) -> np.ndarray:
    """msgn((I - c c^T) G) by Newton's iteration on a square matrix of full rank, in decades + 60 digits and more.

    B = (I - c c^T) G has a right null vector n; B + c n^T is regular, and its polar factor is msgn(B) + c n^T.
    """
    flint = pytest.importorskip("flint")
    arb, arb_mat, ctx = flint.arb, flint.arb_mat, flint.ctx

    def balls(A: np.ndarray) -> Any:
        return arb_mat(A.shape[0], A.shape[1], [arb(float(x)) for x in A.ravel()])

    def middles(A: Any) -> Any:
        return arb_mat(A.nrows(), A.ncols(), [x.mid() for x in A.entries()])

    M = len(c)
    before, ctx.prec = ctx.prec, int(14 * decades) + 400
    try:
        left = balls(c[:, None])
        left = left * (1 / sum((x * x for x in left.entries()), arb(0)).sqrt())
        B = balls(G)
        B = middles(B - left * (left.transpose() * B))
        # B n = 0 with n_M = 1, in M - 1 rows of which the first is left out.
        inner = arb_mat(M - 1, M - 1, [B[i, j] for i in range(1, M) for j in range(M - 1)])
        n = inner.solve(arb_mat(M - 1, 1, [-B[i, M - 1] for i in range(1, M)]))
        null = arb_mat(M, 1, [*n.entries(), arb(1)])
        null = null * (1 / sum((x * x for x in null.entries()), arb(0)).sqrt())
        X = middles(B + left * null.transpose())
        for _ in range(60):
            inverse = middles(X.inv().transpose())
            sizes = [sum((x * x for x in Y.entries()), arb(0)) for Y in (inverse, X)]
            scale = (sizes[0] / sizes[1]).sqrt().sqrt().mid()
            if abs(float(scale) - 1) < 1e-4:
                scale = arb(1)
            new = middles((X * scale + inverse * (1 / scale)) * arb("0.5"))
            change = max(float(abs(x)) for x in (new - X).entries())
            X = new
            if change < 1e-25:
                break
        else:
            raise AssertionError("Newton's iteration did not converge")
        Q = X - left * null.transpose()
        return np.array([float(x.mid()) for x in Q.entries()]).reshape(M, M)
    finally:
        ctx.prec = before


def certificate(G: np.ndarray, c: np.ndarray, q: np.ndarray) -> float:
    """The column-scaled asymmetry of q^T G, and the defect of q q^T."""
    H, d = q.T @ G, np.max(np.abs(G), axis=0)
    asymmetry = np.max(np.abs(H - H.T) / np.maximum(d[:, None], d[None, :]))
    return max(asymmetry, np.max(np.abs(q @ q.T - np.eye(len(c)) + np.outer(c, c))))


@pytest.mark.parametrize(("M", "decades"), [(2, 100), (3, 40), (5, 0), (5, 100), (8, 14), (8, 100), (16, 14)])
def test_every_column_is_accurate(M: int, decades: float) -> None:
    for seed in range(2):
        G, c = graded(M, decades, seed)
        found = graded_polar(G, c)
        far = np.max(np.abs(found.q - reference(G, c, decades)))
        assert far <= 50 * M * EPS
        assert float(found.error) <= 50 * M * EPS
        assert certificate(G, c, found.q) <= 50 * M * EPS


@pytest.mark.long
@pytest.mark.parametrize("decades", [14, 40])
def test_jacobi_takes_over_at_forty(decades: float) -> None:
    G, c = graded(40, decades)
    found = graded_polar(G, c)
    assert found.jacobi
    assert np.max(np.abs(found.q - reference(G, c, decades))) < 1e-14


@pytest.mark.parametrize("decades", [14, 40, 100])
def test_jacobi_takes_over_at_a_hundred(decades: float) -> None:
    G, c = graded(100, decades)
    found = graded_polar(G, c)
    assert found.jacobi
    assert certificate(G, c, found.q) < 50 * 100 * EPS


def test_what_the_decomposition_alone_would_give() -> None:
    """Unsorted and with a cutoff the factor is wrong in the leading digit, and the certificate says so."""
    for M in (5, 8):
        worst = []
        for seed in range(6):
            G, c = graded(M, 100, seed)
            u, _, vt = np.linalg.svd(G)
            q = u[:, :-1] @ vt[:-1]
            far, said = np.max(np.abs(q - reference(G, c, 100))), certificate(G, c, q)
            worst.append(far)
            assert far < 50 * M * EPS or 0.05 * far <= said
        assert max(worst) > 0.1
    G, c = graded(8, 14, ordered=True)
    u, s, vt = np.linalg.svd(G)
    kept = s > 1e-12 * s[0]
    assert np.max(np.abs((u * kept) @ vt - reference(G, c, 14))) > 0.1


def test_how_far_sorting_alone_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The orders of magnitude that decide where Jacobi's method is needed: errors with and without it."""
    c = np.full(100, 0.1)
    powers = [((np.eye(100) - 0.01) * np.arange(1.0, 101.0) ** -beta, c) for beta in (2.0, 4.0)]
    cases = [graded(8, 100), graded(100, 14), graded(100, 40), *powers]
    true = [graded_polar(*case).q for case in cases]
    monkeypatch.setattr(module, "ACCEPTED", np.inf)
    far = [np.max(np.abs(graded_polar(*case).q - q)) for case, q in zip(cases, true, strict=True)]
    assert far[0] < 2e-14
    assert 1e-11 < far[1] < 1e-6
    assert far[2] == pytest.approx(0.2, abs=0.1)
    assert far[3] < 1e-13
    assert 1e-12 < far[4] < 1e-9


def test_the_order_of_the_columns_does_not_matter() -> None:
    G, c = graded(8, 60)
    order = stream("an order").permutation(8)
    np.testing.assert_allclose(graded_polar(G[:, order], c).q, graded_polar(G, c).q[:, order], atol=1e-13)


@pytest.mark.parametrize("size", [1e-290, 1e-150, 1e150, 1e300])
def test_the_size_of_the_matrix_does_not_matter(size: float) -> None:
    G, c = graded(6, 8)
    np.testing.assert_allclose(graded_polar(size * G, c).q, graded_polar(G, c).q, atol=1e-13)


def test_what_is_along_the_null_vector_is_dropped() -> None:
    G, c = graded(6, 3)
    tilted = G + 0.5 * np.outer(c, np.max(np.abs(G), axis=0))
    np.testing.assert_allclose(graded_polar(tilted, c).q, graded_polar(G, c).q, atol=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_null_vector_that_is_nearly_an_axis(sign: float) -> None:
    c = np.array([sign, 1e-9, -2e-9, 3e-10])
    c = c / np.linalg.norm(c)
    G = stream("nearly an axis").standard_normal((4, 4))
    G = (G - np.outer(c, c @ G)) * np.array([1e-20, 1.0, 1e-7, 1e3])
    q = graded_polar(G, c).q
    assert np.max(np.abs(c @ q)) < 1e-15
    assert np.max(np.abs(q - reference(G, c, 23))) < 1e-14


def test_columns_of_zeros_stay_and_the_others_do_not_feel_them() -> None:
    G, c = graded(6, 8)
    live = [0, 3, 5]
    H = np.zeros_like(G)
    H[:, live] = G[:, live]
    found = graded_polar(H, c)
    u, _, vt = np.linalg.svd(G[:, live], full_matrices=False)
    assert np.all(found.q[:, [1, 2, 4]] == 0.0)
    assert certificate(G[:, live], c, (u @ vt)) > 0  # a factor of rank three: q q^T is smaller than I - c c^T
    q = found.q[:, live]
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-14)
    S, d = q.T @ G[:, live], np.max(np.abs(G[:, live]), axis=0)
    assert np.max(np.abs(S - S.T) / np.maximum(d[:, None], d)) < 1e-14
    nothing = graded_polar(np.zeros((6, 6)), c)
    assert np.all(nothing.q == 0.0)
    assert float(nothing.error) == 0.0
    assert not nothing.jacobi


def test_a_missed_certificate_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACCEPTED", 1e-3)
    with pytest.raises(RuntimeError, match="missed its certificate"):
        graded_polar(*graded(8, 10))


def test_one_row_has_no_complement() -> None:
    found = graded_polar(np.array([[[3.0]], [[0.0]]]), np.array([-1.0]))
    assert np.all(found.q == 0.0)
    assert found.error.shape == found.jacobi.shape == (2,)
    assert not found.jacobi.any()


def test_each_item_of_a_batch_has_its_own_method() -> None:
    pairs = [graded(40, decades) for decades in (0, 14)]
    c = pairs[0][1]
    batch = np.stack([G - np.outer(c, c @ G) for G, _ in pairs])
    found = graded_polar(batch, c)
    assert found.jacobi.tolist() == [False, True]
    for G, q in zip(batch, found.q, strict=True):
        assert certificate(G, c, q) < 50 * 40 * EPS


def nearly_even(M: int, least: float) -> tuple[np.ndarray, np.ndarray]:
    """(G, c): near the multiples of the columns of I - c c^T that a gradient has, sizes from 1 down to `least`."""
    draw = stream("nearly even columns", M)
    c = np.full(M, M**-0.5)
    G = (np.eye(M) + 0.02 * draw.standard_normal((M, M)) / M**0.5) * draw.permutation(
        np.geomspace(1.0, least, M)
    )
    return G - np.outer(c, c @ G), c


@pytest.mark.parametrize("M", [16, 40, 111, 112])
def test_columns_of_nearly_one_size_need_no_decomposition(M: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [nearly_even(M, 0.15), nearly_even(M, 0.15 if M < 112 else 0.01)]
    monkeypatch.setattr(module, "FEW", 1000)
    true = [graded_polar(*case).q for case in cases]
    monkeypatch.undo()
    monkeypatch.setattr(module, "_by_decomposition", None)
    for (G, c), q in zip(cases, true, strict=True):
        found = graded_polar(G, c)
        np.testing.assert_allclose(found.q, q, atol=1e-13)
        assert found.error < 50 * M * EPS
        assert not found.jacobi


@pytest.mark.parametrize("M", [16, 60, 120])
def test_where_the_quicker_methods_end_the_decomposition_follows(M: int) -> None:
    """Even columns, but singular values of 1e-3 and 1e-9: too small for the quintics and for the Gram matrix."""
    for least in (1e-3, 1e-9):
        G, c = nearly_even(M, 1.0)
        u, s, vt = np.linalg.svd(G)
        s[M - 2] = least
        found = graded_polar((u * s) @ vt, c)
        np.testing.assert_allclose(found.q, u[:, :-1] @ vt[:-1], atol=1e-14 / least)
        assert found.error < 50 * M * EPS
