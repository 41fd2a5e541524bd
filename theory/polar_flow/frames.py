"""How singular values move, in exact algebra: frames with rational entries, projections, implicit derivatives.

Everything is a sympy matrix; a matrix is flattened row by row.  Nothing is built before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Matrix = Any  # sympy.Matrix


def orthogonal(skew: Sequence[Any], n: int) -> Matrix:
    """(I - S)(I + S)^{-1} (Cayley): orthogonal, with rational entries, from the n(n-1)/2 entries of a skew S."""
    import sympy

    entries = iter(skew)
    S = sympy.zeros(n, n)
    for i in range(n):
        for j in range(i + 1, n):
            S[i, j] = next(entries)
            S[j, i] = -S[i, j]
    eye = sympy.eye(n)
    return (eye - S) * (eye + S).inv()


def kernel_projector(rows: Matrix) -> Matrix:
    """I - A^T (A A^T)^{-1} A."""
    import sympy

    return sympy.eye(rows.cols) - rows.T * (rows * rows.T).inv() * rows


def left_projector(X: Matrix, width: int) -> Matrix:
    """The same for the measurements X W of matrices of this width: (I - pinv(X) X) (x) I."""
    import sympy

    return sympy.kronecker_product(kernel_projector(X), sympy.eye(width))


def flat(M: Matrix) -> Matrix:
    """The column of all entries, row by row."""
    return M.reshape(M.rows * M.cols, 1)


def units(U: Matrix, V: Matrix) -> list[Matrix]:
    """The E_i = u_i v_i^T, flattened."""
    return [flat(U[:, i] * V[:, i].T) for i in range(min(U.cols, V.cols))]


def gram(U: Matrix, V: Matrix, Pi: Matrix) -> Matrix:
    """K_ij = <E_i, P_perp E_j>."""
    import sympy

    E = units(U, V)
    return sympy.Matrix(len(E), len(E), lambda i, j: (E[i].T * Pi * E[j])[0])


def decay(U: Matrix, V: Matrix, Pi: Matrix) -> list[Any]:
    """alpha_i = <E_i, P_perp P(W)>, through P(W) itself."""
    E = units(U, V)
    pulled = Pi * sum(E[1:], E[0])
    return [(e.T * pulled)[0] for e in E]


def motion(m: int, n: int) -> tuple[list[Any], Matrix]:
    """Singular values s_i and a velocity X, all symbols, of W = diag(s) (m x n) in its own singular frames."""
    import sympy

    s = list(sympy.symbols(f"s1:{min(m, n) + 1}", positive=True))
    return s, sympy.Matrix(m, n, lambda i, j: sympy.Symbol(f"x{i + 1}{j + 1}", real=True))


def slope(m: int, n: int, i: int) -> Any:
    """d sigma_i/dt at W = diag(s), dW/dt = X, by differentiating det(W^T W - lambda I) = 0 at lambda = s_i^2.

    On the short side, and to first order in t: W^T W = S^T S + t (S^T X + X^T S) + O(t^2).
    """
    import sympy

    s, X = motion(m, n)
    t, level = sympy.symbols("t lambda", real=True)
    S = sympy.zeros(m, n)
    for j, value in enumerate(s):
        S[j, j] = value
    square = S.T * S + t * (S.T * X + X.T * S) if n <= m else S * S.T + t * (S * X.T + X * S.T)
    characteristic = (square - level * sympy.eye(min(m, n))).det(method="berkowitz")
    here = {level: s[i] ** 2, t: 0}
    by_time, by_level = (sympy.diff(characteristic, x).subs(here) for x in (t, level))
    return sympy.cancel(-by_time / by_level) / (2 * s[i])


def parting(n: int) -> tuple[Any, Any]:
    """For W = s I + t X (n x n): p(mu) for which sigma = s + t mu + ..., and det(sym(X) - mu I).

    The first is what is left of det(W^T W - (s + t mu)^2 I)/(2 s t)^n at t = 0.
    """
    import sympy

    s, t = sympy.symbols("s t", positive=True)
    mu = sympy.Symbol("mu", real=True)
    X = motion(n, n)[1]
    W = s * sympy.eye(n) + t * X
    inner = ((W.T * W - (s + t * mu) ** 2 * sympy.eye(n)) / t).applyfunc(sympy.expand)
    left = (inner.subs(t, 0) / (2 * s)).det(method="berkowitz")
    return left, ((X + X.T) / 2 - mu * sympy.eye(n)).det(method="berkowitz")


def polar_of_two_by_two() -> tuple[Matrix, Matrix]:
    """W with entries a, b, c, d and its polar factor where det W > 0: the rotation by the angle of (a + d, c - b).

    Nothing in it knows whether the singular values are equal: they are where a = d, b = -c.
    """
    import sympy

    a, b, c, d = sympy.symbols("a b c d", real=True)
    x, y = a + d, c - b
    length = sympy.sqrt(x**2 + y**2)
    return sympy.Matrix([[a, b], [c, d]]), sympy.Matrix([[x, -y], [y, x]]) / length
