"""The losses that claims about single steps meet: a small language model, and softmax regressions of all shapes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from labs.core.arrays import array_namespace
from labs.core.jets import logsumexp
from labs.core.networks import NGram
from labs.core.streams import stream

NETWORK = NGram(12, 4, (8, 8))
TOKENS = stream("D1: tokens").integers(0, 12, (40, 4))


def point(network: Any = NETWORK, size: float = 0.1) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters, and an update of normal entries of this size."""
    parameters = network.initial(stream("D1: parameters"))
    draw = stream("D1: update")
    return parameters, {name: size * draw.standard_normal(x.shape) for name, x in parameters.items()}


Case = tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def regressions() -> dict[str, Case]:
    """(logits, change, labels): wide, tall, graded over 6 decades, one spike, nothing moves, labels that are sure."""
    draw = stream("X13: regressions")
    wide = draw.standard_normal((3, 40)), draw.standard_normal((3, 40)), draw.integers(0, 40, 3)
    tall = draw.standard_normal((50, 2)), draw.standard_normal((50, 2)), draw.integers(0, 2, 50)
    graded = 10.0 ** -np.linspace(0, 6, 9)
    z, labels = draw.standard_normal((8, 9)), draw.integers(0, 9, 8)
    spike = np.zeros((8, 9))
    spike[:, 4] = 3.0
    return {
        "wide": wide,
        "tall": tall,
        "graded": (z, graded * draw.standard_normal((8, 9)), labels),
        "spike": (z, spike, labels),
        "all classes move alike": (z, np.full((8, 9), 2.0), labels),
        "certain": (20.0 * np.eye(9)[labels], draw.standard_normal((8, 9)), labels),
        "large changes": (z, 30.0 * draw.standard_normal((8, 9)), labels),
    }


def regression_loss(labels: np.ndarray, classes: int) -> Any:
    """The loss as a function of logits z, for jets."""
    chosen = np.eye(classes)[labels]

    def loss(p: Any) -> Any:
        z = p["z"]
        xp = array_namespace(z)
        return xp.mean(logsumexp(z) - xp.sum(z * chosen, axis=-1), axis=-1)

    return loss
