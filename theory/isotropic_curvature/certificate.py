"""A lower bound of the objective over all matrices, tight at a stationary spectrum (needs A2).

Under A2 the function s -> H(sqrt s) is convex with derivative w/2, so for every matrix Q' and every zeta

    H(|Q' zeta|) >= H(rho) + (1/2) w(rho) (|Q' zeta|^2 - rho^2),      rho = |diag(q) V^T zeta|.

Average: with M = E[w(rho) zeta zeta^T], which is V diag(lambda) V^T by symmetry under sign flips,

    F(Q') >= phi(q) - (1/2) sum_i lambda_i q_i^2 - tr(Q' G^T) + (1/2) tr(Q' M Q'^T).

The right-hand side is a quadratic of Q', smallest at G M^(-1), where it equals the bound below.  Its gap to
F(U diag(q) V^T) is (1/2) sum_i lambda_i (q_i - g_i/lambda_i)^2: zero exactly where g = q lambda.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def lower_bound(phi: Any, q: Sequence[Any], g: Sequence[Any], lam: Sequence[Any]) -> Any:
    """phi(q) - (1/2) sum lambda_i q_i^2 - (1/2) sum g_i^2/lambda_i: no matrix does better."""
    spent = sum(li * qi * qi for li, qi in zip(lam, q, strict=True))
    earned = sum(gi * gi / li for gi, li in zip(g, lam, strict=True))
    return phi - (spent + earned) / 2


def gap(q: Sequence[Any], g: Sequence[Any], lam: Sequence[Any]) -> Any:
    """(1/2) sum lambda_i (q_i - g_i/lambda_i)^2, the distance of the aligned objective from the bound."""
    return sum(li * (qi - gi / li) ** 2 for qi, gi, li in zip(q, g, lam, strict=True)) / 2
