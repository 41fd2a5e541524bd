"""The kernels of runs and training, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labs.core.networks import MLP
from labs.core.streams import stream
from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.dynamics import constants, descend, ultimate_bound
from labs.spectral_flattening.models import factorise, regression, sharpness
from labs.spectral_flattening.momentum import guaranteed_gain, sign_momentum
from labs.spectral_flattening.training import train_matrices
from tests.kernels import Kernel

# A batch of three starts 2 x 3, one B for all, an A for each.  All of full rank: one that is not would be a matter of
# rounding after a step.
STARTS = np.stack(
    [np.diag([3.0, 1.0, 0.5])[:2] + 0.3 * np.cos(np.arange(6.0) + i).reshape(2, 3) for i in range(2)]
    + [np.array([[0.5, -1.0, 2.0], [1.0, 0.4, -0.3]])]
)
A = np.eye(3) + 0.3 * STARTS.mT @ STARTS
B = np.array([[2.0, 0.5], [0.5, 1.0]])
SIZES = np.array([0.1, 0.2, 0.05])
MODES = np.array([[3.0, 1.0, 0.2], [1.0, 1.0, 1e-3]])
NOT_FINITE = np.full((2, 3), np.nan)
SINGLE = np.ones((2, 3), np.float32)

# Every schedule, with the rules that have no polar factor: that is a kernel with an entry, and a budget, of its own.
# A few steps, so that rounding has no time to grow.
RUNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("gd", "constant", {"momentum": 0.5}),
    ("ngd", "line-search", {}),
    ("muon-ns5", "halving", {}),
    ("polar-express", "average-singular-value", {}),
)


def _plain(run: Any) -> tuple[Any, ...]:
    return (run.values, run.sizes, run.residual, *run.checkpoints.values())


@functools.wraps(descend)
def _descend(*, whiten: str, **arguments: Any) -> Any:
    runs = [descend(rule=r, schedule=s, steps=2, **o, **arguments) for r, s, o in RUNS]
    runs.append(descend(rule="muon-ns5", steps=1, whiten=whiten, **arguments))
    return tuple(map(_plain, runs))


@functools.wraps(descend_modes)
def _descend_modes(**arguments: Any) -> Any:
    return tuple(_plain(descend_modes(rule=r, schedule=s, steps=3, **o, **arguments)) for r, s, o in RUNS)


NETWORK = MLP((3, 4, 2), "relu")
START = NETWORK.initial(stream("kernel contract: matrices"))
INPUTS = stream("kernel contract: matrices of inputs").standard_normal((4, 3))


@functools.wraps(train_matrices)
def _train(rate: Any, start: Any, data: Any, rule: str, loss_scale: float) -> Any:
    log = train_matrices(NETWORK, start, lambda _: data, 3, rule, rate, loss_scale=loss_scale, measured=(1,))
    end = log.training.checkpoints[3]
    return log.training.losses, *end.values(), *log.measures[1].values()


# Rounding of a few steps, each a product of small matrices and a polar factor.
FEW_STEPS: dict[str, Any] = {"tolerance": 1e-11, "absolute": 1e-12}

DYNAMICS: tuple[Kernel, ...] = (
    Kernel(
        _descend,
        example=lambda _: {"B": B, "A": A, "delta0": STARTS, "size": SIZES, "whiten": "right"},
        core={"B": 2, "A": 2, "delta0": 2, "size": 0},
        bad=(
            ({"B": np.eye(3)}, "B"),
            ({"A": np.diag([1.0, 1.0, -1.0])}, "A"),
            ({"delta0": NOT_FINITE}, "delta0"),
            ({"delta0": SINGLE}, "delta0"),
            ({"size": np.array([0.1, np.nan, 0.1])}, "size"),
            ({"whiten": "up"}, "whiten"),
        ),
        launches=1200,
        syncs=45,
        **FEW_STEPS,
    ),
    Kernel(
        _descend_modes,
        example=lambda _: {"h": MODES, "d0": MODES[::-1] - 0.3, "size": SIZES[:2]},
        core={"h": 1, "d0": 1, "size": 0},
        bad=(
            ({"h": np.full((2, 3), np.inf)}, "h"),
            ({"h": np.ones((2, 3), np.float32)}, "h"),
            ({"d0": np.ones((2, 2))}, "d0"),
            ({"size": np.array([0.1, np.nan])}, "size"),
        ),
        launches=970,
        syncs=9,
        **FEW_STEPS,
    ),
    Kernel(
        constants,
        example=lambda _: {"B": B, "A": A, "rtol": 1e-12},
        core={"B": 2, "A": 2},
        bad=(({"B": -B}, "B"), ({"A": np.ones((2, 3))}, "A"), ({"rtol": 1.0}, "rtol")),
        launches=140,
        syncs=9,
        tolerance=1e-13,
    ),
    Kernel(
        ultimate_bound,
        example=lambda _: {
            "curvature": np.array([1.0, 8.0, 3.0, 0.0]),
            "mu": np.array([1.0, 1.0, 0.0, 0.0]),
            "eta": np.array([0.5, 0.5, 2.0, 1.0]),
        },
        core={"curvature": 0, "mu": 0, "eta": 0},
        bad=(
            ({"curvature": np.full(4, -1.0)}, "curvature"),
            ({"mu": np.full(4, np.nan)}, "mu"),
            ({"eta": np.zeros(4)}, "eta"),
        ),
        launches=33,
        syncs=2,
    ),
    Kernel(
        sign_momentum,
        example=lambda _: {
            "w0": np.array([3.3, -0.4, 12.002]),
            "m0": np.array([0.0, 1.0, 0.0]),
            "beta": np.array([0.5, 0.9, 0.99]),
            "steps": 6,
            "tail": 3,
        },
        core={"w0": 0, "m0": 0, "beta": 0},
        bad=(
            ({"w0": np.array([1.0, np.nan, 1.0])}, "w0"),
            ({"m0": np.ones(3, np.float32)}, "m0"),
            ({"beta": np.array([0.5, 1.0, 0.5])}, "beta"),
            ({"tail": 7}, "tail"),
        ),
        launches=70,
        syncs=3,
        absolute=1e-14,
    ),
    Kernel(
        guaranteed_gain,
        example=lambda _: {"G": STARTS, "M": STARTS[::-1] + 0.1, "scale": SIZES},
        core={"G": 2, "M": 2, "scale": 0},
        bad=(
            ({"G": NOT_FINITE}, "G"),
            ({"M": np.ones((3, 2))}, "M"),
            ({"scale": np.array([0.1, 0.0, 0.1])}, "scale"),
        ),
        launches=45,
        syncs=2,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    Kernel(
        regression,
        example=lambda _: {"inputs": STARTS, "targets": STARTS[:, :1] ** 2},
        core={"inputs": 2, "targets": 2},
        bad=(
            ({"inputs": NOT_FINITE}, "inputs"),
            ({"targets": np.ones((1, 2))}, "targets"),
            ({"targets": np.ones((1, 3), np.float32)}, "targets"),
        ),
        launches=33,
        syncs=1,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    Kernel(
        factorise,
        example=lambda _: {
            "target": STARTS,
            "left": STARTS[..., :1] + 0.2,
            "right": STARTS[:, :1] - 0.4,
            "rule": "muon-ns5",
            "steps": 2,
            "size": SIZES,
        },
        core={"target": 2, "left": 2, "right": 2, "size": 0},
        bad=(
            ({"target": NOT_FINITE}, "target"),
            ({"left": np.ones((3, 1))}, "left"),
            ({"right": np.ones((1, 2))}, "right"),
            ({"size": np.array([0.1, -0.1, 0.1])}, "size"),
            ({"rule": "lion"}, "rule"),
        ),
        launches=330,
        syncs=8,
        **FEW_STEPS,
    ),
    Kernel(
        sharpness,
        example=lambda _: {"target": STARTS, "left": STARTS[..., :1], "right": STARTS[:, :1]},
        core={"target": 2, "left": 2, "right": 2},
        bad=(
            ({"target": NOT_FINITE}, "target"),
            ({"left": np.ones((3, 1))}, "left"),
            ({"right": np.ones((1, 2))}, "right"),
        ),
        launches=40,
        syncs=1,
        tolerance=1e-12,
    ),
    Kernel(
        _train,
        example=lambda on: {
            "rate": np.asarray([0.1, 0.3]),
            "start": {name: on.asarray(x) for name, x in START.items()},
            "data": (on.asarray(INPUTS), on.asarray(np.asarray([0, 1, 1, 0]), dtype=on.xp.int64)),
            "rule": "muon-ns5",
            "loss_scale": 1.0,
        },
        core={"rate": 0},
        bad=(
            ({"rate": np.asarray([0.1, 0.0])}, "rate"),
            ({"rule": "lion"}, "rule"),
            ({"loss_scale": 0.0}, "loss_scale"),
        ),
        launches=1600,
        syncs=55,
        tolerance=1e-7,  # curvatures are differences of gradients over 1e-4
        absolute=1e-9,
    ),
)
