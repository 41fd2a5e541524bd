"""Embeddings that are not orthogonal, more facts than dimensions, and the best that a memory can do with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.associative_memory._drifts import check_numbers
from labs.associative_memory._memory import check_memory
from labs.core.arrays import check_double, check_finite, check_positive, check_shape, require_host
from labs.core.spectrum import haar

KINDS = ("identity", "haar", "gaussian")


def embeddings(kind: str, dimension: int, count: int, stream: np.random.Generator) -> np.ndarray:
    """Host routine: embeddings of `count` items in `dimension` dimensions, as columns: (dimension, count).

    "identity"  the unit vectors (dimension = count)
    "haar"      `dimension` rows of a random orthogonal matrix, times sqrt(count/dimension), so that
                E E^T = (count/dimension) 1: orthogonal columns if dimension = count, else of mean square 1
    "gaussian"  independent normal entries of variance 1/dimension

    Cost: one decomposition count x count for "haar".  Raises ValueError for another kind, for sizes that are no
    integers >= 1, for more dimensions than items but for "gaussian".
    Source: derived here; Li et al. 2026 have orthogonal ones.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    for name, size in (("dimension", dimension), ("count", count)):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
    if kind == "gaussian":
        return stream.standard_normal((dimension, count)) / dimension**0.5
    if dimension > count or (kind == "identity" and dimension != count):
        raise ValueError(f"dimension must fit {count} items of the kind {kind!r}, got {dimension}")
    if kind == "identity":
        return np.eye(count)
    return (count / dimension) ** 0.5 * haar(count, stream)[:dimension]


@dataclass(frozen=True)
class BestMemory:
    """The memory of least loss.

    weights, loss  W (e, d) and L(W)
    dual, lower    the certificate: answers Q (K, K), feasible to rounding, and sum_j p_j H(Q_j): no memory has a loss
                   below `lower`
    """

    weights: np.ndarray
    loss: float
    dual: np.ndarray
    lower: float
    iterations: int


def best_memory(
    p: np.ndarray,
    alpha: float,
    queries: np.ndarray,
    answers: np.ndarray,
    *,
    tolerance: float = 1e-12,
    iterations: int = 100,
) -> BestMemory:
    """Host routine: the least L(W) = sum_j p_j L_j over all matrices, logits What = Et^T W E, by Newton's method.

    p        (K,) frequencies > 0 of sum 1;  alpha in (0, 1]: without noise there is no best one
    queries  E (d, K), answers Et (e, K), of full rank; e d unknowns: some thousands at most
    The certificate is the dual value of answers Q near softmax(What) (AML-N8.b):

        L(W) >= sum_j p_j H(Q_j)  for every W,  if Q >= 0, 1^T Q = 1 and Et (Q - P) diag(p) E^T = 0;

    Q is softmax(What) moved by the least amount that makes the equation hold.  tolerance > 0: what may lie between.
    Raises ValueError for bad arguments, RuntimeError where loss - lower > tolerance after `iterations` steps.
    Cost of a step: (e d)^3/3 + K (e d)^2 multiply-adds.  Source: derived here (weak duality of entropy).
    """
    require_host(p=p, queries=queries, answers=answers)
    check_numbers(alpha=alpha, tolerance=tolerance)
    check_positive(tolerance=tolerance)
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 0:
        raise ValueError(f"iterations must be an integer >= 0, got {iterations!r}")
    check_memory(p, alpha)
    K = p.shape[-1]
    for name, x in (("queries", queries), ("answers", answers)):
        check_shape((None, K), **{name: x})
        check_double(**{name: x})
        check_finite(**{name: x})
        if x.ndim != 2 or np.linalg.matrix_rank(x) < x.shape[0]:
            raise ValueError(
                f"{name} must be a matrix (dimensions, {K}) of full row rank, got shape {x.shape}"
            )
    if p.ndim != 1 or not np.all(p > 0.0):
        raise ValueError(f"p must be a vector of positive frequencies, got {p!r}")
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha must be in (0, 1], got {alpha!r}")
    E, Et = queries, answers
    P = (1.0 - alpha) * np.eye(K) + alpha / K
    # L is flat along logits that are constant in a column; the gradient vanishes there, and a ridge does no harm.
    W = np.zeros((Et.shape[0], E.shape[0]))
    loss = _loss(W, p, P, E, Et)[0]
    for step in range(iterations + 1):
        _, Q = _loss(W, p, P, E, Et)
        dual, lower = _dual(Q, p, P, E, Et)
        if loss - lower <= tolerance:
            return BestMemory(W, loss, dual, lower, step)
        G = Et @ ((Q - P) * p) @ E.T
        move = _newton_step(G, Q, p, E, Et)
        along, size = float(np.sum(G * move)), 1.0
        while (after := _loss(W + size * move, p, P, E, Et)[0]) > loss + 0.25 * size * along and size > 1e-6:
            size /= 2.0
        W, loss = W + size * move, after
    raise RuntimeError(f"no certificate after {iterations} steps: loss {loss!r}, lower bound {lower!r}")


def _loss(
    W: np.ndarray, p: np.ndarray, P: np.ndarray, E: np.ndarray, Et: np.ndarray
) -> tuple[float, np.ndarray]:
    """L(W) and softmax(What)."""
    logits = Et.T @ W @ E
    logits = logits - np.max(logits, axis=0)
    total = np.sum(np.exp(logits), axis=0)
    return float(np.sum(p * (np.log(total) - np.sum(P * logits, axis=0)))), np.exp(logits) / total


def _newton_step(G: np.ndarray, Q: np.ndarray, p: np.ndarray, E: np.ndarray, Et: np.ndarray) -> np.ndarray:
    """-H^-1 G; H = sum_j p_j [Et (diag(q_j) - q_j q_j^T) Et^T] x e_j e_j^T."""
    from scipy.linalg import cho_factor, cho_solve

    rows, columns = G.shape
    mean = Et @ Q
    inner = (Et[None] * Q.T[:, None]) @ Et.T - mean.T[:, :, None] * mean.T[:, None]
    outer = E.T[:, :, None] * E.T[:, None]
    H = (inner.reshape(p.size, -1).T * p) @ outer.reshape(p.size, -1)
    H = H.reshape(rows, rows, columns, columns).transpose(0, 2, 1, 3).reshape(rows * columns, -1)
    ridge = 1e-13 * float(np.trace(H))
    return -cho_solve(cho_factor(H + ridge * np.eye(G.size)), G.ravel()).reshape(G.shape)


def _dual(
    Q: np.ndarray, p: np.ndarray, P: np.ndarray, E: np.ndarray, Et: np.ndarray
) -> tuple[np.ndarray, float]:
    """The feasible answers nearest to Q, and sum_j p_j H of them; -inf where they are not positive."""
    centred = Et - np.mean(Et, axis=1, keepdims=True)
    R = Et @ ((Q - P) * p) @ E.T
    feasible = Q - np.linalg.pinv(centred) @ R @ np.linalg.pinv(E).T / p
    if np.any(feasible <= 0.0):
        return feasible, -np.inf
    return feasible, float(-np.sum(p * np.sum(feasible * np.log(feasible), axis=0)))
