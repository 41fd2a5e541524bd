"""The aligned model: U_B^T Delta U_A = diag(d), so that every quantity is a sum over modes of curvature h_i."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def curvature_ratio(h: Sequence[Any], phi: Sequence[Any]) -> Any:
    """c(D) = <D, H[D]>/|D|_F^2 for an update with the spectrum phi."""
    return sum(x * p * p for x, p in zip(h, phi, strict=True)) / sum(p * p for p in phi)


def exact_step(h: Sequence[Any], s: Sequence[Any], phi: Sequence[Any]) -> Any:
    """The positive root eta of sum h_i (d_i - eta phi_i)^2 = sum h_i d_i^2, with h_i d_i = s_i."""
    import sympy

    eta = sympy.Symbol("eta", positive=True)
    before = sum(a * a / x for x, a in zip(h, s, strict=True)) / 2
    after = sum(x * (a / x - eta * p) ** 2 for x, a, p in zip(h, s, phi, strict=True)) / 2
    (solution,) = sympy.solve(sympy.cancel((after - before) / eta), eta)
    return solution


def line_search_factor(h: Sequence[Any], d: Sequence[Any], phi: Sequence[Any]) -> Any:
    """f after / f before at the best step along diag(phi), by minimising sum h_i (d_i - eta phi_i)^2/2."""
    import sympy

    eta = sympy.Symbol("eta", positive=True)
    after = sum(x * (a - eta * p) ** 2 for x, a, p in zip(h, d, phi, strict=True))
    (best,) = sympy.solve(sympy.diff(after, eta), eta)
    return sympy.cancel(after.subs(eta, best) / sum(x * a * a for x, a in zip(h, d, strict=True)))
