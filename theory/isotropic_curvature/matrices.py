"""Phi of a whole matrix, for even powers: by expansion, and by traces of powers of Q^T Q.

The expansion multiplies out |Q zeta|^p and averages monomial by monomial; it makes no use of singular
values.  The trace form follows from E exp(t z^T W z / 2) = det(1 - t W)^(-1/2), W = Q^T Q, and shows that
Phi sees the singular values only.  `spread` replaces zeta by R zeta: anisotropic inputs, for controls.
"""

from __future__ import annotations

from typing import Any

from theory.isotropic_curvature.dirichlet import moment


def expanded_penalty(power: int, Q: Any, spread: Any = None) -> Any:
    """E |Q R zeta|^power by direct expansion (R = identity unless `spread` is given); sympy matrices."""
    import sympy

    n = Q.shape[1]
    zeta = sympy.symbols(f"zeta1:{n + 1}")
    step = Q if spread is None else Q * spread
    out = step * sympy.Matrix(zeta)
    length = sympy.Poly(sympy.expand(sum(y * y for y in out) ** (power // 2)), *zeta)
    total = sympy.Integer(0)
    for exponents, coefficient in length.terms():
        if all(e % 2 == 0 for e in exponents):  # odd moments vanish by symmetry
            total += coefficient * moment([e // 2 for e in exponents], n)
    return sympy.expand(total)


def trace_penalty(power: int, Q: Any) -> Any:
    """E |Q zeta|^power for power 2, 4, 6 in terms of T_j = tr((Q^T Q)^j); sympy or NumPy matrices."""
    n = Q.shape[1]
    W = Q.T @ Q
    T1, T2, T3 = W.trace(), (W @ W).trace(), (W @ W @ W).trace()
    table = {
        2: T1 / n,
        4: (T1**2 + 2 * T2) / (n * (n + 2)),
        6: (T1**3 + 6 * T1 * T2 + 8 * T3) / (n * (n + 2) * (n + 4)),
    }
    return table[power]


def matrix_gradient(power: int, Q: Any) -> Any:
    """The gradient of E |Q zeta|^power with respect to Q: differentiate the traces, d T_j = 2 j Q W^(j-1)."""
    n = Q.shape[1]
    W = Q.T @ Q
    T1, T2 = W.trace(), (W @ W).trace()
    table = {
        2: 2 * Q / n,
        4: (4 * T1 * Q + 8 * Q @ W) / (n * (n + 2)),
        6: ((6 * T1**2 + 12 * T2) * Q + 24 * T1 * Q @ W + 48 * Q @ W @ W) / (n * (n + 2) * (n + 4)),
    }
    return table[power]


def cayley(size: int, parameters: list[Any]) -> Any:
    """A rational orthogonal matrix (1 - A)(1 + A)^(-1), A skew with the given entries above the diagonal."""
    import sympy

    A = sympy.zeros(size, size)
    entries = iter(parameters)
    for i in range(size):
        for j in range(i + 1, size):
            A[i, j] = sympy.nsimplify(next(entries))
            A[j, i] = -A[i, j]
    one = sympy.eye(size)
    return (one - A) * (one + A).inv()
