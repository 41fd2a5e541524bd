"""SF-T5 in numbers: the threshold ratio along the usual iterations, and over typical spectra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, SOFT5, TUNED, as_schedule, iterate
from labs.spectral_flattening.thresholds import threshold_ratio
from tests.referee import check, control, verifies
from theory.evidence import Evidence, every, measured
from theory.spectral_flattening.steps_inexact import SF_T5draws, SF_T5table

COUNTS = (0, 1, 2, 3, 5, 8, 12, 20)
# To the three decimals printed.
TABLE: dict[str, tuple[Any, Sequence[int], Sequence[float]]] = {
    "cubic": (CUBIC, COUNTS, (10.668, 7.658, 5.802, 4.643, 3.276, 2.204, 1.496, 1.001)),
    "pade5": (PADE5, COUNTS, (10.668, 6.522, 4.548, 3.458, 2.267, 1.447, 1.016, 1.000)),
    "tuned": (TUNED, COUNTS, (10.668, 4.075, 2.505, 1.828, 1.157, 1.065, 1.037, 1.041)),
    "Polar Express": (POLAR_EXPRESS, range(1, 7), (2.063, 1.202, 1.085, 0.868, 1.054, 1.010)),
}


def frobenius_normalised(s: np.ndarray) -> np.ndarray:
    return s / np.linalg.norm(s, axis=-1, keepdims=True)


def ratio_after(s: np.ndarray, schedule: Any, steps: int) -> np.ndarray:
    """tau of s/|s|_2 after so many steps."""
    s = frobenius_normalised(s)
    return np.asarray(threshold_ratio(s, iterate(as_schedule(schedule, steps), s) if steps else s))


@check(SF_T5table)
def table_row(schedule: Any, counts: Sequence[int], printed: Sequence[float]) -> Evidence:
    """tau after each number of steps, as printed."""
    found = [float(ratio_after(np.geomspace(1, 1e-3, 32), schedule, steps)) for steps in counts]
    return measured(found, printed, 5e-4)  # half a unit of the third decimal


@verifies(SF_T5table)
def test_table() -> None:
    for schedule, counts, printed in TABLE.values():
        table_row(schedule, counts, printed)


@control(SF_T5table, changes="the classical quintic (15/8, -10/8, 3/8) -> (2, -3/2, 1/2)")
def test_another_quintic() -> None:
    table_row(SOFT5, *TABLE["pade5"][1:])


@check(SF_T5draws)
def typical_spectra(steps: int, count: int = 20000) -> Evidence:
    """Least, mean and largest tau over spectra exp(sig Z), to the digits printed (of 20000)."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(count):
        r, sig = int(draw.integers(2, 65)), draw.uniform(0.2, 2)
        s = np.exp(sig * draw.standard_normal(r))
        found.append(np.pad(s, (0, 64 - r)))
    tau = ratio_after(np.stack(found), TUNED, steps)
    parts = zip((np.min(tau), np.mean(tau), np.max(tau)), (0.69, 1.12, 3.8), (5e-3, 5e-3, 5e-2), strict=True)
    return every(*(measured(value, printed, digit) for value, printed, digit in parts))


@verifies(SF_T5draws)
def test_typical_spectra() -> None:
    typical_spectra(5)


@control(SF_T5draws, changes="five steps -> four")
def test_other_numbers_of_steps() -> None:
    typical_spectra(4, 2000)
