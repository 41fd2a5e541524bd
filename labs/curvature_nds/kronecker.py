"""A curvature as a sum of Kronecker products with common eigenbases: how nearly, and which.

H[Z] = sum_k A_k Z B_k on matrices Z (m, n) is, for Z unravelled row by row, the matrix sum_k A_k (x) B_k^T.
The tools of Wang et al. 2026, as reported; conventions, algorithms and the pairing are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.core.arrays import Array, array_namespace, check_finite, check_shape, device, require_host
from labs.curvature_nds._checks import check_orthonormal, check_symmetric

# Sweeps of joint diagonalisation: common eigenbases take about log(n) + 4, others, where it converges linearly, tens
# to hundreds.
MOST_SWEEPS = 5000


# --- Kronecker sums ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KroneckerSum:
    """The best sum of `rank` Kronecker products of symmetric matrices, H[Z] = sum_k A_k Z B_k.

    A, B             (..., rank, m, m), (..., rank, n, n), symmetric; |A_k| = |B_k|, trace A_k >= 0
    singular_values  (..., min(m^2, n^2)), of the rearranged matrix: those left out are the error
    residual         (...), |H - sum_k A_k (x) B_k| in the Frobenius norm: those left out, and what no symmetric
                     factors can reach
    """

    A: Array
    B: Array
    singular_values: Array
    residual: Array


def rearranged(H: Array, m: int) -> Array:
    """Kernel: Van Loan's rearrangement (..., m n, m n) -> (..., m^2, n^2) of the matrix of H: a sum of r Kronecker
    products becomes a matrix of rank r,

        H = sum_k A_k (x) B_k^T   <=>   rearranged = sum_k vec(A_k) vec(B_k)^T  (row by row).

    m  how many rows Z has.  No arithmetic: cost O(m^2 n^2).  Raises ValueError for bad arguments.
    """
    m, n = _check_hessian(H, m)
    xp = array_namespace(H)
    batch = tuple(H.shape[:-2])
    lead = tuple(range(len(batch)))
    i, j, k, l = (len(batch) + axis for axis in range(4))
    parts = xp.permute_dims(xp.reshape(H, (*batch, m, n, m, n)), (*lead, i, k, l, j))
    return xp.reshape(parts, (*batch, m * m, n * n))


def kronecker_sum(H: Array, m: int, rank: int) -> KroneckerSum:
    """Kernel: the sum of `rank` Kronecker products of symmetric matrices that is nearest to H in the Frobenius norm.

    H     (..., m n, m n), symmetric to rounding
    m     how many rows Z has
    rank  1 <= rank <= min(m^2, n^2)

    The singular value decomposition of the rearranged matrix (Van Loan and Pitsianis 1993), on symmetric factors.
    Cost O(m^2 n^2 min(m^2, n^2)).  Raises ValueError for bad arguments.
    """
    m, n = _check_hessian(H, m)
    check_finite(H=H)
    xp = array_namespace(H)
    asymmetry = xp.abs(H - xp.matrix_transpose(H))
    # Twice the rounding of a product of n m numbers.
    if bool(xp.any(asymmetry > 2.0 * m * n * xp.finfo(H.dtype).eps * _largest(H))):
        raise ValueError(f"H must be symmetric, got asymmetry {float(xp.max(asymmetry))}")
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= min(m * m, n * n):
        raise ValueError(f"rank must be an integer from 1 to {min(m * m, n * n)}, got {rank!r}")
    batch = tuple(H.shape[:-2])
    R = rearranged(H, m)
    first = xp.reshape(R, (*batch, m, m, n * n))
    turned = xp.reshape(_swapped(first), (*batch, m * m, n * n))
    symmetric, rest = (R + turned) / 2.0, (R - turned) / 2.0
    left, values, right = xp.linalg.svd(symmetric, full_matrices=False)
    root = xp.sqrt(values[..., :rank])[..., None]
    A = xp.reshape(xp.matrix_transpose(left[..., :rank]) * root, (*batch, rank, m, m))
    B = xp.reshape(right[..., :rank, :] * root, (*batch, rank, n, n))
    left_out = xp.sum(values[..., rank:] ** 2, axis=-1) + xp.sum(rest**2, axis=(-2, -1))
    A, B = ((X + xp.matrix_transpose(X)) / 2.0 for X in (A, B))
    trace = xp.linalg.trace(A)[..., None, None]
    A, B = (xp.where(trace < 0.0, -X, X) for X in (A, B))
    return KroneckerSum(A, B, values, xp.sqrt(left_out))


def _check_hessian(H: Array, m: int) -> tuple[int, int]:
    """m and n."""
    check_shape((None, None), H=H)
    size = H.shape[-1]
    check_shape((size, size), H=H)
    if isinstance(m, bool) or not isinstance(m, int) or m < 1 or size % m:
        raise ValueError(f"m must be an integer that divides {size}, got {m!r}")
    return m, size // m


def _largest(X: Array) -> Array:
    """The largest modulus in each matrix."""
    xp = array_namespace(X)
    return xp.max(xp.abs(X), axis=(-2, -1), keepdims=True)


def _swapped(X: Array) -> Array:
    """(..., i, j, k) -> (..., j, i, k)."""
    xp = array_namespace(X)
    last = X.ndim - 1
    return xp.permute_dims(X, (*range(last - 2), last - 1, last - 2, last))


# --- a common eigenbasis -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class JointBasis:
    """An orthogonal basis in which several symmetric matrices are as diagonal as rotations can make them.

    basis   (..., n, n), its columns
    score   (...), the share of sum_k |A_k|^2 that is on the diagonals; 1: a common eigenbasis
    gain    (...), certificate: the largest share that one more plane rotation would add; rounding
    sweeps  how many were made
    """

    basis: Array
    score: Array
    gain: Array
    sweeps: int


def joint_diagonalise(A: Array) -> JointBasis:
    """Kernel: an orthogonal U with sum_k sum_i (U^T A_k U)_ii^2 as large as plane rotations make it.

    A  (..., K, n, n), symmetric to rounding, not all 0

    Jacobi's method: each rotation is the best one in its plane (Cardoso and Souloumiac 1996); n/2 disjoint planes
    are turned at once.  It ends where no rotation adds more than rounding; other local maxima may exist unless the
    A_k have a common eigenbasis.  Cost O(K n^3) a sweep.  Raises ValueError for bad A, RuntimeError after MOST_SWEEPS
    sweeps.
    """
    check_shape((None, None, None), A=A)
    n = A.shape[-1]
    check_shape((n, n), A=A)
    check_finite(A=A)
    check_symmetric(A=A)
    xp = array_namespace(A)
    A = _of_order_one(A)
    total = xp.sum(A * A, axis=(-3, -2, -1), keepdims=True)
    A = A / xp.sqrt(total)
    A = (A + xp.matrix_transpose(A)) / 2.0
    U = xp.zeros_like(A[..., 0, :, :]) + xp.eye(n, dtype=A.dtype, device=device(A))
    # An entry's rounding error grows to about n eps; what a rotation adds is the square of an entry.
    rounding = (8.0 * n * xp.finfo(A.dtype).eps) ** 2
    gain = xp.zeros_like(total[..., 0, 0, 0])
    for sweep in range(1, MOST_SWEEPS + 1):
        gain = xp.zeros_like(gain)
        for planes in _tournament(n):
            A, U, added = _turned(A, U, planes, rounding)
            gain = xp.maximum(gain, added)
        if not bool(xp.any(gain > rounding)):
            diagonal = xp.sum(xp.eye(n, dtype=A.dtype, device=device(A)) * A * A, axis=(-3, -2, -1))
            return JointBasis(U, diagonal / xp.sum(A * A, axis=(-3, -2, -1)), gain, sweep)
    raise RuntimeError(f"joint_diagonalise: a rotation still adds {float(xp.max(gain))} after {sweep} sweeps")


def joint_diagonality(A: Array, basis: Array) -> Array:
    """Kernel: the score of a basis U: sum_k sum_i (U^T A_k U)_ii^2/sum_k |A_k|_F^2, at most 1.

    A (..., K, n, n), not all 0; basis (..., n, n), orthogonal.  Cost O(K n^3).  Raises ValueError for bad arguments.
    Source: reconstructed from the range that Wang et al. 2026 report, maximum 1.
    """
    check_shape((None, None, None), A=A)
    n = A.shape[-1]
    check_shape((n, n), A=A, basis=basis)
    check_finite(A=A, basis=basis)
    check_orthonormal(basis=basis)
    xp = array_namespace(A, basis)
    A = _of_order_one(A)
    total = xp.sum(A * A, axis=(-3, -2, -1))
    diagonal = xp.sum(basis[..., None, :, :] * (A @ basis[..., None, :, :]), axis=-2)
    return xp.sum(diagonal * diagonal, axis=(-2, -1)) / total


def _of_order_one(A: Array) -> Array:
    """A over its largest entry, so that squares neither underflow nor overflow; ValueError where that is 0."""
    xp = array_namespace(A)
    largest = xp.max(xp.abs(A), axis=(-3, -2, -1), keepdims=True)
    if not bool(xp.all(largest > 0.0)):
        raise ValueError("A must not be all zeros, got an item that is")
    return A / largest


def _turned(A: Array, U: Array, planes: list[tuple[int, int]], rounding: float) -> tuple[Array, Array, Array]:
    """The best rotations in disjoint planes: A and U after them, and the most that one has added.

    In a plane the off-diagonal energy is a quadratic form in (cos 2t, sin 2t): G = sum_k h_k h_k^T with
    h_k = (a_pp - a_qq, 2 a_pq) has all that is needed.
    """
    xp = array_namespace(A)
    home = device(A)
    first, second = (xp.asarray([plane[side] for plane in planes], device=home) for side in (0, 1))
    rest = sorted(set(range(A.shape[-1])) - {i for plane in planes for i in plane})
    order = [*(p for p, _ in planes), *(q for _, q in planes), *rest]
    back = xp.asarray([order.index(i) for i in range(A.shape[-1])], device=home)
    others = xp.asarray(rest, dtype=xp.int64, device=home)

    def parts(X: Array, axis: int) -> tuple[Array, Array, Array]:
        return tuple(xp.take(X, index, axis=axis) for index in (first, second, others))

    half = len(planes)
    upper, lower, _ = parts(A, -2)
    identity = xp.eye(half, dtype=A.dtype, device=home)

    def entry(rows: Array, index: Array) -> Array:
        return xp.sum(identity * xp.take(rows, index, axis=-1), axis=-1)

    x, y = entry(upper, first) - entry(lower, second), 2.0 * entry(upper, second)
    difference, mixed = xp.sum(x * x - y * y, axis=-2), 2.0 * xp.sum(x * y, axis=-2)
    length = xp.hypot(difference, mixed)
    # (length - difference)/4, without cancellation.
    positive = difference > 0.0
    above = length + xp.abs(difference)
    added = xp.where(positive, mixed * mixed / xp.where(positive, above, 1.0), above) / 4.0
    angle = xp.where(added > rounding, xp.atan2(mixed, difference) / 4.0, 0.0)
    # atan2/4 is half of the angle that makes x largest and y smallest.
    cosine, sine = xp.cos(angle), xp.sin(angle)

    def rotated(X: Array, axis: int) -> Array:
        p, q, r = parts(X, axis)
        c, s = (v[..., None, :] if axis == -1 else v[..., :, None] for v in (cosine, sine))
        c, s = (v[..., None, :, :] if X.ndim == A.ndim else v for v in (c, s))
        return xp.take(xp.concat([c * p + s * q, c * q - s * p, r], axis=axis), back, axis=axis)

    return rotated(rotated(A, -1), -2), rotated(U, -1), xp.max(added, axis=-1)


def _tournament(n: int) -> list[list[tuple[int, int]]]:
    """All planes (p, q), p < q < n, in rounds of disjoint ones: a round-robin tournament."""
    even = n + n % 2
    places = list(range(even))
    rounds = []
    for _ in range(even - 1):
        pairs = [(places[i], places[-1 - i]) for i in range(even // 2)]
        rounds.append([(min(pair), max(pair)) for pair in pairs if max(pair) < n])
        places = [places[0], places[-1], *places[1:-1]]
    return [planes for planes in rounds if planes]


# --- the pairing -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairing:
    """Paired modes u_i v_i^T, by falling curvature.

    left, right  indices of the columns u_i and v_i
    w            sum_k (u_i^T A_k u_i)(v_i^T B_k v_i)
    sigma        <G, u_i v_i^T>
    energy       sigma^2/|G|^2
    """

    left: np.ndarray
    right: np.ndarray
    w: np.ndarray
    sigma: np.ndarray
    energy: np.ndarray


def pair_modes(A: np.ndarray, B: np.ndarray, left: np.ndarray, right: np.ndarray, G: np.ndarray) -> Pairing:
    """Host routine: pairs left with right basis vectors so that the pairs hold most of the gradient's energy.

    A, B         (K, m, m), (K, n, n), symmetric
    left, right  (m, m), (n, n), orthogonal: the bases
    G            (m, n), the gradient, not 0

    The assignment that maximises sum_i <G, u_i v_i^T>^2, solved exactly.  Cost O((m + n)^3).  Raises ValueError for
    bad arguments.  Source: reconstructed; the rule of Wang et al. 2026 is not known to us.
    """
    require_host(A=A, B=B, left=left, right=right, G=G)
    A, B, left, right, G = (np.asarray(X, dtype=float) for X in (A, B, left, right, G))
    if G.ndim != 2 or not G.any():
        raise ValueError(f"G must be one matrix that is not 0, got shape {G.shape}")
    m, n = G.shape
    check_shape((None, m, m), A=A)
    check_shape((A.shape[-3], n, n), B=B)
    check_shape((m, m), left=left)
    check_shape((n, n), right=right)
    check_finite(A=A, B=B, left=left, right=right, G=G)
    check_symmetric(A=A, B=B)
    check_orthonormal(left=left, right=right)
    from scipy.optimize import linear_sum_assignment

    coefficients = left.T @ G @ right
    rows, columns = linear_sum_assignment(coefficients**2, maximize=True)
    a = np.einsum("ip,kij,jp->kp", left, A, left)
    b = np.einsum("ip,kij,jp->kp", right, B, right)
    w = np.sum(a[:, rows] * b[:, columns], axis=0)
    order = np.argsort(-w, kind="stable")
    rows, columns, w = rows[order], columns[order], w[order]
    sigma = coefficients[rows, columns]
    return Pairing(rows, columns, w, sigma, sigma**2 / np.sum(G * G))
