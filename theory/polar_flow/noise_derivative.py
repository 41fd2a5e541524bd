"""The derivative of the polar factor, from its definition; and what is summed over its eigenvalues.

A = Q H, Q^T Q = 1, H symmetric (m >= n; a wide matrix is transposed).  Along A + t E the derivatives D of Q and
S = Q^T(E - D H) obey

    E = D H + Q S,   Q^T D + D^T Q = 0,   S = S^T,

linear equations with one solution.  P(U A V^T) = U P(A) V^T for orthogonal U and V, so it is enough to solve them
where A = diag(mu); general frames are a check of the formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def derivative(mu: Sequence[Any], E: Any) -> Any:
    """D of A = diag(mu), m x n, in the direction E: the solution of the equations above."""
    import sympy

    m, n = E.shape
    if m < n:
        return derivative(mu, E.T).T
    D = sympy.Matrix(m, n, lambda i, j: sympy.Dummy(f"d{i}{j}"))
    S = sympy.Matrix(n, n, lambda i, j: sympy.Symbol(f"s{min(i, j)}{max(i, j)}"))
    Q, H = sympy.eye(m)[:, :n], sympy.diag(*mu)
    equations = [*(D * H + Q * S - E), *(Q.T * D + D.T * Q)]
    unknowns = sorted(set(D) | set(S), key=str)
    (solution,) = sympy.solve(equations, unknowns, dict=True)
    return D.subs(solution)


def formula(U: Any, mu: Sequence[Any], V: Any, E: Any, rectangular: Any = 1) -> Any:
    """U [(K_ij - K_ji)/(mu_i + mu_j)] V^T and the two terms outside the frames, times `rectangular`; K = U^T E V."""
    import sympy

    K, over = U.T * E * V, sympy.diag(*[1 / sympy.sympify(x) for x in mu])
    inner = sympy.Matrix(len(mu), len(mu), lambda i, j: (K[i, j] - K[j, i]) / (mu[i] + mu[j]))
    left = (E - U * (U.T * E)) * V * over * V.T
    right = U * over * U.T * (E - (E * V) * V.T)
    return U * inner * V.T + rectangular * (left + right)


def residuals(U: Any, mu: Sequence[Any], V: Any, E: Any, D: Any) -> list[Any]:
    """What the equations above leave over at A = U diag(mu) V^T, for orthonormal columns of U and V."""
    if U.shape[0] < V.shape[0]:
        return residuals(V, mu, U, E.T, D.T)
    import sympy

    Q, H = U * V.T, V * sympy.diag(*mu) * V.T
    rest = E - D * H
    S = Q.T * rest
    return [*(Q.T * D + D.T * Q), *(S - S.T), *(rest - Q * S)]


def frames(m: int, n: int) -> tuple[Any, Any]:
    """Orthonormal columns U (m x r) and V (n x r) with rational entries: two reflections each."""
    import sympy

    def rotated(size: int, shift: int) -> Any:
        Q = sympy.eye(size)
        for start in (1, 2):
            x = sympy.Matrix([(-1) ** (i * start) * (start + i + shift) for i in range(size)])
            Q = Q * (sympy.eye(size) - 2 * x * x.T / (x.T * x)[0])
        return Q

    r = min(m, n)
    return rotated(m, 0)[:, :r], rotated(n, 1)[:, :r]


def identity_frames(m: int, n: int) -> tuple[Any, Any]:
    """The first min(m, n) coordinate vectors on both sides."""
    import sympy

    return sympy.eye(m)[:, : min(m, n)], sympy.eye(n)[:, : min(m, n)]


def directions(m: int, n: int) -> list[tuple[str, tuple[int, int], Any]]:
    """The eigenvectors of the derivative at diag(mu): (kind, (i, j), matrix), m n of them, a basis.

    "turn" e_i e_j^T - e_j e_i^T;  "out" e_k e_j^T with k beyond the frame, j the singular value;  "null" the rest.
    """
    import sympy

    def unit(i: int, j: int) -> Any:
        return sympy.Matrix(m, n, lambda a, b: int((a, b) == (i, j)))

    r = min(m, n)
    basis: list[tuple[str, tuple[int, int], Any]] = []
    for i in range(r):
        basis.append(("null", (i, i), unit(i, i)))
        for j in range(i + 1, r):
            basis.append(("turn", (i, j), unit(i, j) - unit(j, i)))
            basis.append(("null", (i, j), unit(i, j) + unit(j, i)))
    for j in range(r):
        basis += [("out", (j, k), unit(k, j) if m > n else unit(j, k)) for k in range(r, max(m, n))]
    return basis


def traces(mu: Sequence[Any], m: int, n: int) -> tuple[Any, Any]:
    """(|DP|_HS^2, tr DP): sums over the m n unit matrices of |DP[e]|^2 and of <e, DP[e]>."""
    import sympy

    E = sympy.Matrix(m, n, sympy.symbols(f"e0:{m * n}"))
    D = derivative(mu, E)
    images = [[sympy.diff(d, e) for d in D] for e in E]
    squares = sum(value**2 for image in images for value in image)
    return squares, sum(image[k] for k, image in enumerate(images))


def nuclear_norm_slope(mu: Sequence[Any], E: Any) -> Any:
    """d/dt |diag(mu) + t E|_* at t = 0: the trace of the solution H' of H H' + H' H = A^T E + E^T A (H^2 = A^T A)."""
    import sympy

    if E.shape[0] < E.shape[1]:
        return nuclear_norm_slope(mu, E.T)
    A = sympy.eye(E.shape[0])[:, : E.shape[1]] * sympy.diag(*mu)
    right = A.T * E + E.T * A
    return sum(right[i, i] / (2 * mu[i]) for i in range(len(mu)))
