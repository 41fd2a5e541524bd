"""The kernels of one margin and of scalar descent, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.associative_memory.bounds import critical_step, global_step, item_lower_bound, margin_for, potential
from labs.associative_memory.descent import gd_errors, gd_margins, ngd_errors, ngd_margins
from labs.associative_memory.flow_time import flow_margin, flow_time, wright_omega
from labs.associative_memory.margins import (
    error_drift,
    item_excess,
    item_loss,
    least_loss,
    margin_drift,
    masses_of_power_law,
    optimal_margin,
    peak,
)
from tests.kernels import Kernel, vectors

FACTS = np.array([2.0, 1000.0, 12.0])
NOISE = np.array([0.9, 0.2, 0.01])
SOME_NOISELESS = np.array([0.9, 0.0, 0.01])
MARGINS = np.array([0.1, -3.0, 4.0])
ERRORS = np.array([0.4, -3.0, 700.0])

FREQUENCIES = np.array([[0.5, 0.25, 0.0], [0.3, 0.02, 0.1]])
STEPS = 3

Bad = tuple[tuple[dict[str, Any], str], ...]


def numbers(name: str, *others: float) -> Bad:
    """The ways in which an argument that broadcasts can be bad; `others` are out of its range."""
    wrong: list[Any] = [np.array([1.0, np.nan, 1.0]), np.ones(3, np.float32), None]
    return tuple(({name: value}, name) for value in (*wrong, *others))


FACTS_BAD = numbers("K", 0.5, -1.0)
NOISE_BAD = numbers("alpha", -0.1, 1.1)
POSITIVE_NOISE_BAD = numbers("alpha", 0.0, 1.1)
MEMORY = {"K": 0, "alpha": 0}
STEPS_BAD: Bad = tuple(({"steps": value}, "steps") for value in (-1, 1.0, True, (), (2, 2), (3, -1), None))


def scalar(function: Any, launches: float, syncs: float, bad: Bad, **arguments: np.ndarray) -> Kernel:
    """A kernel of numbers that broadcast."""
    return Kernel(
        function,
        lambda _: dict(arguments),
        dict.fromkeys(arguments, 0),
        bad,
        launches=launches,
        syncs=syncs,
        tolerance=1e-13,
    )


def run(function: Any, launches: float, syncs: float, *, noisy: bool, normalised: bool) -> Kernel:
    """A kernel that descends."""
    arguments: dict[str, Any] = {
        "p": FREQUENCIES,
        "K": np.array([5.0, 7.0]),
        "alpha": np.array([0.2, 0.4 if noisy else 0.0]),
        "eta": np.array([3.0, 5.0]),
        "steps": STEPS,
        "schedule": np.array([1.0, 0.5, 0.25]),
    }
    if normalised:
        arguments["counts"] = np.array([2.0, 1.0, 3.0])
    counts_bad: Bad = (
        ({"counts": np.ones(2)}, "counts"),
        ({"counts": np.zeros(3)}, "counts"),
        ({"counts": None}, "counts"),
    )
    return Kernel(
        function,
        lambda _: dict(arguments),
        {"p": 1, "K": 0, "alpha": 0, "eta": 0},
        (
            *vectors("p", FREQUENCIES, nonnegative=True),
            *(({"K": x}, "K") for x in (0.5, np.nan)),
            *((({"alpha": x}, "alpha")) for x in (-0.1, 1.1, *((0.0,) if noisy else ()))),
            *((({"eta": x}, "eta")) for x in (0.0, -1.0, np.nan, None)),
            *STEPS_BAD,
            ({"schedule": np.ones(2)}, "schedule"),
            ({"schedule": -np.ones(3)}, "schedule"),
            ({"schedule": 1.0}, "schedule"),
            *(counts_bad if normalised else ()),
        ),
        launches=launches,
        syncs=syncs,
        tolerance=1e-13,
    )


SCALARS: tuple[Kernel, ...] = (
    scalar(peak, 30, 3, (*FACTS_BAD, *NOISE_BAD), K=FACTS, alpha=NOISE),
    scalar(optimal_margin, 34, 3, (*FACTS_BAD, *NOISE_BAD), K=FACTS, alpha=SOME_NOISELESS),
    scalar(least_loss, 50, 3, (*FACTS_BAD, *NOISE_BAD), K=FACTS, alpha=SOME_NOISELESS),
    scalar(
        margin_drift,
        50,
        3,
        (*numbers("m"), *FACTS_BAD, *NOISE_BAD),
        m=MARGINS,
        K=FACTS,
        alpha=SOME_NOISELESS,
    ),
    scalar(
        error_drift,
        60,
        3,
        (*numbers("e"), *FACTS_BAD, *POSITIVE_NOISE_BAD),
        e=ERRORS,
        K=FACTS,
        alpha=NOISE,
    ),
    scalar(
        item_loss, 50, 3, (*numbers("m"), *FACTS_BAD, *NOISE_BAD), m=MARGINS, K=FACTS, alpha=SOME_NOISELESS
    ),
    scalar(
        item_excess,
        190,
        3,
        (*numbers("e"), *FACTS_BAD, *POSITIVE_NOISE_BAD),
        e=ERRORS,
        K=FACTS,
        alpha=NOISE,
    ),
    Kernel(
        masses_of_power_law,
        lambda _: {"beta": np.array([1.5, 2.0, 0.0]), "M": 4},
        {"beta": 0},
        (
            *numbers("beta")[:2],
            ({"beta": None}, "beta"),
            ({"M": 0}, "M"),
            ({"M": 2.0}, "M"),
            ({"M": True}, "M"),
        ),
        launches=20,
        syncs=1,
        tolerance=1e-14,
    ),
    scalar(wright_omega, 130, 1, numbers("z"), z=np.array([-800.0, -2.0, 0.5, 40.0])),
    scalar(
        flow_time,
        140,
        9,
        (
            *numbers("margin", -0.1, 50.0),
            *numbers("K", 1.0),
            *numbers("alpha", -0.1, 1.0),
            *numbers("p", 0.0),
        ),
        margin=np.array([0.1, 3.0, 4.0]),
        K=FACTS,
        alpha=SOME_NOISELESS,
        p=np.array([0.5, 0.1, 0.2]),
    ),
    scalar(
        flow_margin,
        1040,
        15,
        (*numbers("time", -0.1), *numbers("K", 1.0), *numbers("alpha", -0.1, 1.0), *numbers("p", 0.0)),
        time=np.array([0.1, 30.0, 400.0]),
        K=FACTS,
        alpha=SOME_NOISELESS,
        p=np.array([0.5, 0.1, 0.2]),
    ),
    scalar(critical_step, 50, 4, (*FACTS_BAD, *NOISE_BAD), K=FACTS, alpha=SOME_NOISELESS),
    scalar(global_step, 27, 3, FACTS_BAD, K=FACTS),
    scalar(potential, 50, 4, (*numbers("m"), *FACTS_BAD), m=MARGINS, K=FACTS),
    scalar(
        margin_for, 60, 5, (*numbers("eps", 0.0, -1.0), *FACTS_BAD), eps=np.array([0.1, 2.0, 40.0]), K=FACTS
    ),
    scalar(
        item_lower_bound,
        110,
        7,
        (*numbers("t", -1.0), *FACTS_BAD, *NOISE_BAD, *numbers("h", 0.0, 3.0)),
        t=np.array([0.0, 3.0, 40.0]),
        K=FACTS,
        alpha=SOME_NOISELESS,
        h=np.array([0.5, 0.1, 1.5]),
    ),
    run(gd_margins, 120, 6, noisy=False, normalised=False),
    run(gd_errors, 250, 12, noisy=True, normalised=False),
    run(ngd_margins, 300, 7, noisy=False, normalised=True),
    run(ngd_errors, 390, 13, noisy=True, normalised=True),
)
