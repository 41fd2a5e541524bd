"""The curvature that an update meets under H[D] = B D A, by summation by parts.

In the eigenbases b_i of B and a_j of A, <D, B D A> = sum_ij beta_i alpha_j w_ij with w_ij = (b_i^T D a_j)^2.  Where
|D|_op <= 1 the rows and columns of w sum to at most 1; a partial isometry of rank r has total r besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Weights:
    """Formal w (m x n), and the steps of two decreasing spectra: beta_i = sum_{k >= i} beta_steps[k] (all >= 0)."""

    w: list[list[Any]]
    beta_steps: list[Any]
    alpha_steps: list[Any]

    @property
    def beta(self) -> list[Any]:
        return [sum(self.beta_steps[i:]) for i in range(len(self.beta_steps))]

    @property
    def alpha(self) -> list[Any]:
        return [sum(self.alpha_steps[j:]) for j in range(len(self.alpha_steps))]


def weights(m: int, n: int) -> Weights:
    """Symbols, all nonnegative."""
    import sympy

    w = [[sympy.Symbol(f"w{i}{j}", nonnegative=True) for j in range(n)] for i in range(m)]
    beta = [sympy.Symbol(f"beta{k}", nonnegative=True) for k in range(m)]
    alpha = [sympy.Symbol(f"alpha{l}", nonnegative=True) for l in range(n)]
    return Weights(w, beta, alpha)


def curvature(of: Weights) -> Any:
    """sum_ij beta_i alpha_j w_ij."""
    beta, alpha = of.beta, of.alpha
    return sum(b * a * x for b, row in zip(beta, of.w, strict=True) for a, x in zip(alpha, row, strict=True))


def largest(of: Weights, rank: int) -> Any:
    """L_(rank): the sum of the first `rank` products of eigenvalues."""
    return sum(b * a for b, a in list(zip(of.beta, of.alpha, strict=False))[:rank])


def room(of: Weights, rank: int, corner: Any) -> Any:
    """sum_kl beta_steps_k alpha_steps_l corner(k, l): what L_(rank) exceeds the curvature by, if

    corner(k, l) = min(k, l, rank) - W_kl, W_kl the sum of the first k rows and l columns of w.
    """
    return sum(
        b * a * corner(k, l) for k, b in enumerate(of.beta_steps, 1) for l, a in enumerate(of.alpha_steps, 1)
    )


def corner_sum(w: Sequence[Sequence[Any]], k: int, l: int) -> Any:
    """W_kl."""
    return sum(sum(row[:l]) for row in w[:k])


def corner_rooms(w: Sequence[Sequence[Any]], k: int, l: int) -> dict[str, tuple[Any, list[Any]]]:
    """Why W_kl is at most k, l and the total: (bound, terms >= 0 that W_kl is short of it), by name.

    rows     k     = W_kl + what the first k rows miss of 1 each + what they hold beyond column l
    columns  l     = the same with columns
    total    sum w = W_kl + everything outside the corner
    """
    m, n = len(w), len(w[0])
    rows = [1 - sum(w[i]) for i in range(k)] + [w[i][j] for i in range(k) for j in range(l, n)]
    columns = [1 - sum(w[i][j] for i in range(m)) for j in range(l)]
    columns += [w[i][j] for i in range(k, m) for j in range(l)]
    outside = [w[i][j] for i in range(m) for j in range(n) if i >= k or j >= l]
    total = sum(sum(row) for row in w)
    return {"rows": (k, rows), "columns": (l, columns), "total": (total, outside)}
