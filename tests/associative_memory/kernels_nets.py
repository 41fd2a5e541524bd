"""Kernels of training on rare classes, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labs.associative_memory.longtail import train_matrices
from labs.core.networks import MLP
from labs.core.streams import stream
from tests.kernels import Kernel

_DRAW = stream("kernel contract: long tail")
_NETWORK = MLP((4, 5, 3), "relu")
_START = _NETWORK.initial(_DRAW)
_INPUTS, _LABELS = _DRAW.standard_normal((7, 4)), _DRAW.integers(0, 3, 7)


@functools.wraps(train_matrices)
def _train(rate: Any, start: Any, data: Any, rule: str) -> Any:
    run = train_matrices(_NETWORK, start, lambda _: data, 3, rule, rate, momentum=0.5)
    return (run.losses, run.checkpoints[3]["weight1"], run.checkpoints[3]["weight2"])


NETS: tuple[Kernel, ...] = (
    Kernel(
        _train,
        example=lambda on: {
            "rate": np.asarray([0.1, 0.03]),
            "start": {name: on.asarray(x) for name, x in _START.items()},
            "data": (on.asarray(_INPUTS), on.asarray(_LABELS, dtype=on.xp.int64)),
            "rule": "muon",
        },
        core={"rate": 0},
        bad=(
            ({"rate": np.asarray([0.1, 0.0])}, "rate"),
            ({"rate": np.asarray([1])}, "rate"),
            ({"rule": "lion"}, "rule"),
        ),
        launches=1800,
        syncs=44,
        tolerance=1e-12,
        absolute=1e-13,
    ),
)
