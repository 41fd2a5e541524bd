"""The kernels of the dense memory, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.associative_memory.dense import simulate
from labs.associative_memory.memory import answers, losses
from labs.associative_memory.preconditioner import preconditioner
from tests.kernels import Kernel, vectors

# Two spectra of three facts; the second runs without noise.
P = np.array([[0.5, 0.3, 0.2], [0.7, 0.2, 0.1]])
ALPHA = np.array([0.2, 0.0])
ETA = np.array([0.3, 0.1])
LOGITS = np.stack([0.5 * np.cos(np.arange(9.0)).reshape(3, 3), 3.0 * np.eye(3) + 0.1])
STEPS = 3


def frequencies() -> tuple[tuple[dict[str, Any], str], ...]:
    """The ways in which frequencies can be bad."""
    odd = [np.array([1.5, -0.3, -0.2]), np.array([0.5, 0.3, 0.1]), np.ones((2, 1)), P.astype(np.float32)]
    return (*vectors("p", P), *(({"p": value}, "p") for value in odd))


def noise_levels() -> tuple[tuple[dict[str, Any], str], ...]:
    return tuple(
        ({"alpha": value}, "alpha") for value in (np.array([0.2, -0.1]), 1.1, np.array([np.nan, 0.0]))
    )


DENSE: tuple[Kernel, ...] = (
    Kernel(
        simulate,
        example=lambda _: {
            "p": P,
            "alpha": ALPHA,
            "eta": ETA,
            "steps": STEPS,
            "rule": "muon",
            "schedule": np.array([1.0, 0.75, 0.5]),
            "momentum": 0.5,
        },
        core={"p": 1, "alpha": 0, "eta": 0},
        bad=(
            *frequencies(),
            *noise_levels(),
            ({"eta": 0.0}, "eta"),
            ({"eta": np.array([0.1, np.nan])}, "eta"),
            ({"steps": -1}, "steps"),
            ({"steps": 3.0}, "steps"),
            ({"rule": "adam"}, "rule"),
            ({"schedule": np.ones(2)}, "schedule"),
            ({"schedule": np.array([1.0, np.inf, 1.0])}, "schedule"),
            ({"momentum": 1.0}, "momentum"),
            ({"queries": np.eye(2)}, "queries"),
            ({"answers": np.full((3, 3), np.nan)}, "answers"),
            ({"rule": "tra-signgd", "queries": np.eye(3)}, "queries"),
            ({"start": np.zeros((2, 2))}, "start"),
            ({"batch": 0, "stream": np.random.default_rng(0)}, "batch"),
            ({"batch": 2}, "stream"),
            ({"depth": 0}, "depth"),
            ({"dead_zone": 1.0}, "dead_zone"),
        ),
        launches=480,
        syncs=15,
        iterations=lambda result: STEPS,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    Kernel(
        answers,
        example=lambda _: {"logits": LOGITS, "p": P, "alpha": ALPHA},
        core={"logits": 2, "p": 1, "alpha": 0},
        bad=(
            *frequencies(),
            *noise_levels(),
            ({"logits": np.ones((3, 2))}, "logits"),
            ({"logits": np.full((3, 3), np.nan)}, "logits"),
            ({"logits": np.eye(3, dtype=np.float32)}, "logits"),
        ),
        launches=100,
        syncs=9,
        tolerance=1e-13,
        absolute=1e-15,
    ),
    Kernel(
        losses,
        example=lambda _: {
            "margins": np.array([[0.5, 2.0, 4.0], [800.0, 0.0, -3.0]]),
            "spread": np.array([[0.0, 0.1, 0.2], [0.0, 0.0, 1.0]]),
            "p": P,
            "alpha": ALPHA,
        },
        core={"margins": 1, "spread": 1, "p": 1, "alpha": 0},
        bad=(
            *vectors("margins", np.ones((2, 3))),
            *vectors("spread", np.ones((2, 3))),
            *vectors("p", P),
            ({"alpha": -0.1}, "alpha"),
            ({"alpha": np.array([np.nan, 0.0])}, "alpha"),
        ),
        launches=300,
        syncs=18,
        tolerance=1e-13,
    ),
    Kernel(
        preconditioner,
        example=lambda _: {"G": LOGITS, "power": 0.5},
        core={"G": 2},
        bad=(
            ({"G": np.ones(3)}, "G"),
            ({"G": np.full((3, 3), np.nan)}, "G"),
            ({"G": np.eye(3, dtype=np.float32)}, "G"),
            ({"power": 1.5}, "power"),
            ({"rtol": -0.1}, "rtol"),
        ),
        launches=20,
        syncs=2,
        looped=0,
        tolerance=1e-12,
        absolute=1e-14,
    ),
)
