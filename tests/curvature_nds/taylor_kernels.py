"""The kernels that look at single steps of any loss, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from labs.core.arrays import array_namespace
from labs.core.networks import NGram
from labs.core.streams import stream
from labs.curvature_nds.certificate import psi, softmax_step
from labs.curvature_nds.hessian import block_hessian
from labs.curvature_nds.language import train_and_look
from labs.curvature_nds.measurement import predicted_at, realised_at
from labs.curvature_nds.one_step import taylor
from tests.kernels import Kernel, vectors

DRAW = stream("kernel contract: steps")
MATRICES, MOVES, LOGITS, CHANGE = (DRAW.standard_normal((3, 2, 4)) for _ in range(4))
LABELS = DRAW.integers(0, 4, (3, 2))
NETWORK = NGram(3, 2, (4,), context=2)
START = NETWORK.initial(stream("kernel contract: language"))
PIECES = np.array([[0, 1, 2], [2, 2, 0], [1, 0, 0]])
SCALES = (0.5, 2.0)


def _loss(p: dict[str, Any]) -> Any:
    """Of a matrix and of one number, a part of the update."""
    W, b = p["W"], p["b"]
    xp = array_namespace(W, b)
    return xp.sum(xp.tanh(W @ xp.matrix_transpose(W)), axis=(-2, -1)) * b + xp.sum(W * W, axis=(-2, -1))


def _named(W: Any) -> dict[str, Any]:
    return {"W": W, "b": array_namespace(W).sum(W, axis=(-2, -1))}


@functools.wraps(taylor)
def _taylor(parameters: Any, update: Any) -> Any:
    return taylor(_loss, _named(parameters), _named(update), 3)


@functools.wraps(realised_at)
def _realised_at(parameters: Any, update: Any) -> Any:
    return realised_at(_loss, _named(parameters), _named(update), SCALES)


def _gradient(p: dict[str, Any]) -> Any:
    """Of sum cos(W): entry by entry."""
    return -array_namespace(p["W"]).sin(p["W"]) + 0.0 * p["b"][..., None, None]


@functools.wraps(block_hessian)
def _block_hessian(parameters: Any) -> Any:
    return block_hessian(_gradient, _named(parameters), "W")


@functools.wraps(train_and_look)
def _train(rate: Any, start: Any, data: Any) -> Any:
    seen: list[Any] = []
    losses, end = train_and_look(
        NETWORK, start, lambda _: (data,), 2, "muon", rate, look=seen.append, at=(1,), others=("adam",)
    )
    return (losses, *end.values(), *seen[0].updates["adam"].values())


_NOT_FINITE = tuple(({name: np.full((3, 2, 4), math.nan)}, name) for name in ("parameters", "update"))

TAYLOR_KERNELS: tuple[Kernel, ...] = (
    Kernel(
        _taylor,
        example=lambda _: {"parameters": MATRICES, "update": MOVES},
        core={"parameters": 2, "update": 2},
        bad=_NOT_FINITE,
        launches=500,
        syncs=12,
        tolerance=1e-12,
        absolute=1e-12,
    ),
    Kernel(
        _realised_at,
        example=lambda _: {"parameters": MATRICES, "update": MOVES},
        core={"parameters": 2, "update": 2},
        bad=_NOT_FINITE,
        launches=66,
        syncs=2,
        tolerance=1e-12,
        absolute=1e-12,
    ),
    Kernel(
        _block_hessian,
        example=lambda _: {"parameters": MATRICES},
        core={"parameters": 2},
        bad=_NOT_FINITE[:1],
        launches=40,
        syncs=3,
        tolerance=1e-13,
        absolute=1e-13,
    ),
    Kernel(
        predicted_at,
        example=lambda _: {"terms": MATRICES, "scales": SCALES},
        core={"terms": 1},
        bad=(*vectors("terms", MATRICES)[:4], ({"last": 0}, "last"), ({"last": 4}, "last")),
        launches=22,
        syncs=1,
        tolerance=1e-13,
    ),
    Kernel(
        softmax_step,
        example=lambda _: {"logits": LOGITS, "change": CHANGE, "labels": LABELS},
        core={"logits": 2, "change": 2, "labels": 1},
        bad=(
            ({"logits": np.full((2, 4), math.nan)}, "logits"),
            ({"change": np.ones((2, 3))}, "change"),
            ({"labels": np.array([0, 4])}, "labels"),
        ),
        launches=350,
        syncs=6,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    Kernel(
        psi,
        example=lambda _: {"x": 3.0 * MATRICES},
        core={"x": 0},
        bad=(({"x": np.array([math.inf])}, "x"), ({"x": None}, "x")),
        launches=80,
        syncs=1,
    ),
    Kernel(
        _train,
        example=lambda on: {
            "rate": np.asarray([0.1, 0.3]),
            "start": {name: on.asarray(x) for name, x in START.items()},
            "data": on.asarray(PIECES, dtype=on.xp.int64),
        },
        core={"rate": 0},
        bad=(({"rate": np.asarray([0.1, 0.0])}, "rate"), ({"rate": np.asarray([1])}, "rate")),
        launches=1000,
        syncs=30,
        tolerance=1e-12,
        absolute=1e-13,
    ),
)
