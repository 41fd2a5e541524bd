"""Printed decimals as evidence, and balls at a precision that decides them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from labs.core.polar.ranges import ball
from theory.evidence import Evidence, enclosed, every, exact


@contextmanager
def working_precision(bits: int = 400) -> Iterator[None]:
    """Ball arithmetic with so many bits."""
    from flint import ctx

    with ctx.workprec(bits):
        yield


def rounding_interval(text: str) -> tuple[Fraction, Fraction]:
    """All numbers that round to the decimal `text` ("0.0614810", "-1.279", "4.36964e-4"): half a unit each way."""
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    half = Fraction(1, 2) * Fraction(10) ** (int(exponent or 0) - digits)
    return Fraction(text) - half, Fraction(text) + half


def rounds_to(value: Any, text: str) -> Evidence:
    """Whether an Arb ball lies inside the rounding interval of the printed number."""
    low, high = rounding_interval(text)
    with working_precision():
        return every(enclosed(value - ball(low), ">="), enclosed(value - ball(high), "<="))


def exactly(value: Fraction, sense: str, bound: Fraction) -> Evidence:
    """Exact evidence for a rational number of thousands of digits: it is cut to 50, away from what is claimed."""
    scale = 10**50
    cut = math.ceil(value * scale) if sense in ("<", "<=") else math.floor(value * scale)
    return exact(Fraction(cut, scale), bound, sense)


def rounds_exactly_to(value: Fraction, text: str) -> Evidence:
    """Whether a rational number lies inside the rounding interval of the printed number."""
    low, high = rounding_interval(text)
    return every(exactly(value, ">=", low), exactly(value, "<=", high))
