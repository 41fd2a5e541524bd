"""GD against Muon on two levels: closed forms beside simulations, of one problem and of a whole phase diagram."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache

import numpy as np

from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.curvature_nds.levels import two_level, win_region
from labs.curvature_nds.quadratic import Trajectory, descend, descend_dense, structured
from tests.benchmarks.harness import Row, compare
from theory.curvature_nds import phases

TITLE = "GD against Muon on two levels: closed forms, simulations, phase diagrams"

POINTS = 100_000
SIMULATED = 2_000  # of these points, one by one
STEPS = 100


def rows() -> Iterator[Row]:
    """Losses after 100 steps, against modes and against matrices; regions of a phase diagram."""
    yield closed_form_against_modes(STEPS)
    for size in (8, 64):
        yield closed_form_against_matrices(size, 20)
    yield phase_diagram(POINTS, SIMULATED)


RULES = ("gd", "muon")
NOTE = "errors: of the logarithms of the losses, relative; against runs in fractions"


def closed_form_against_modes(steps: int) -> Row:
    """Logarithms of both losses after `steps` steps, over the first loss."""
    w, sigma = _levels(1, 4)
    return compare(
        f"both losses after {steps} steps, 4 modes",
        ("closed form", lambda: _logarithms(1, 4, steps)),
        ("simulation in modes", lambda: _fall(*(descend(w, sigma, rule, steps) for rule in RULES))),
        lambda found: _distance(found, steps),
        note=NOTE,
    )


def closed_form_against_matrices(size: int, steps: int) -> Row:
    """The same with plain matrices of this size, a quarter of the modes on the high level."""
    w, sigma = _levels(size // 4, size)
    matrices = structured(w, sigma, *(haar(size, stream("benchmark: frames", size, k)) for k in range(2)))
    return compare(
        f"both losses after {steps} steps, {size} x {size} matrices",
        ("closed form", lambda: _logarithms(size // 4, size, steps)),
        ("simulation in matrices", lambda: _fall(*(descend_dense(*matrices, rule, steps) for rule in RULES))),
        lambda found: _distance(found, steps),
        repeat=2,
        note=NOTE,
    )


def phase_diagram(points: int, simulated: int) -> Row:
    """Regions of `points` random problems at once, against two simulated steps of both, one by one.

    The simulation gets only `simulated` of the points, and its time is scaled up.  Error: the share of them that runs
    in fractions put elsewhere.
    """
    draw = stream("benchmark: phase diagram", points)
    alpha = draw.integers(1, 20, points) / 40
    rho, s = (np.exp(draw.uniform(0, np.log(top), points)) for top in (100.0, 20.0))
    truth = [exact_region(*point) for point in zip(alpha[:simulated], rho, s, strict=False)]
    row = compare(
        f"regions of {points} problems",
        ("win_region", lambda: win_region(alpha, rho, s)),
        (
            f"simulation, of {simulated}",
            lambda: np.array(
                [simulated_region(*point) for point in zip(alpha[:simulated], rho, s, strict=False)]
            ),
        ),
        lambda found: float(np.mean(found[:simulated] != truth)),
        repeat=2,
    )
    scaled = row.ratio * points / simulated
    per_second = f"{points / row.our_seconds:.2g} points a second on one core"
    return Row(**(vars(row) | {"ratio": scaled, "note": f"{per_second}; ratio for equally many points"}))


def simulated_region(alpha: float, rho: float, s: float) -> int:
    """The region from the first losses of a run with 40 modes: rates, and the first step."""
    high = np.arange(40) < round(40 * alpha)
    w, sigma = np.where(high, rho, 1.0), np.where(high, s, 1.0)
    gd, muon = (descend(w, sigma, rule, 2).log_loss for rule in RULES)
    first = muon[1] < gd[1]
    late = np.diff(muon)[1] <= np.diff(gd)[1]
    return (1 if late else 2) if first else (3 if late else 4)


def exact_region(alpha: float, rho: float, s: float) -> int:
    """The region from the rates of runs in fractions, alpha rounded to 40 modes."""
    m = round(40 * alpha)
    found = phases.run_rates(Fraction(m, 40 - m), Fraction(rho), Fraction(s))
    first, late = found.gamma < found.kappa, found.later <= found.kappa
    return (1 if late else 2) if first else (3 if late else 4)


def _levels(m: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """rho = 12, s = 2."""
    high = np.arange(q) < m
    return np.where(high, 12.0, 1.0), np.where(high, 2.0, 1.0)


def _logarithms(m: int, q: int, steps: int) -> np.ndarray:
    """Of both losses over the first one, in closed form."""
    form = two_level(m, q, 12.0, 2.0)
    return np.array([steps * form.log_kappa, form.log_gamma + (steps - 1) * form.log_g2])


def _fall(*runs: Trajectory) -> np.ndarray:
    """The same of runs."""
    return np.array([run.log_loss[-1] - run.log_loss[0] for run in runs])


@cache
def _truth(steps: int) -> tuple[float, ...]:
    """The same of runs in fractions; only the quarter of the modes on the high level counts."""
    runs = phases.losses(Fraction(1, 3), Fraction(12), Fraction(2), steps)
    falls = [losses[-1] / losses[0] for losses in runs]
    with localcontext() as digits:
        digits.prec = 30
        return tuple(float((Decimal(x.numerator) / x.denominator).ln()) for x in falls)


def _distance(found: np.ndarray, steps: int) -> float:
    return float(np.max(np.abs(found / np.array(_truth(steps)) - 1)))
