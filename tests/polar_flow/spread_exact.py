"""What exact checks of spreads need: symbols, entropies as balls, and whether a ball prints as given."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from theory.evidence import Evidence, enclosed, every


def positive_symbols(names: str, **assumptions: bool) -> Any:
    """sympy symbols, positive unless other assumptions are given."""
    import sympy

    return sympy.symbols(names, **(assumptions or {"positive": True}))


def nonnegative_symbols(names: str, **assumptions: bool) -> Any:
    """sympy symbols, nonnegative unless other assumptions are given."""
    return positive_symbols(names, **(assumptions or {"nonnegative": True}))


def ball(x: Any) -> Any:
    """An integer or Fraction as an Arb ball; a ball as it is."""
    from flint import arb, fmpq

    return arb(fmpq(x.numerator, x.denominator)) if isinstance(x, int | Fraction) else x


def entropy_ball(sigma: Sequence[Any]) -> Any:
    """-sum p log p, p = sigma/sum sigma > 0."""
    entries = [ball(s) for s in sigma]
    total = sum(entries[1:], entries[0])
    terms = [-(s / total) * (s / total).log() for s in entries]
    return sum(terms[1:], terms[0])


def pairwise_ball(sigma: Sequence[Any], k: int = 1) -> Any:
    """Rbar_k = |sigma|^k sum_{i<j} (sigma_i + sigma_j)^-k."""
    entries = [ball(s) for s in sigma]
    length = sum((s * s for s in entries[1:]), entries[0] ** 2).sqrt()
    pairs = [1 / (a + b) ** k for i, a in enumerate(entries) for b in entries[i + 1 :]]
    return length**k * sum(pairs[1:], pairs[0])


def prints(value: Any, text: str) -> Evidence:
    """The ball lies within half a unit of the last digit of `text`."""
    printed = Fraction(text)
    half = Fraction(1, 2 * 10 ** len(text.partition(".")[2]))
    above, below = ball(printed + half) - value, value - ball(printed - half)
    return every(enclosed(above, ">="), enclosed(below, ">="))
