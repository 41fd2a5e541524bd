"""The kernels of labs.core, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core import optimisers, spectrum
from labs.core.networks import MLP, Transformer, train
from labs.core.streams import stream
from tests.kernels import Kernel, vectors

# A batch of batches: two scales (one near the ends of the range), every spectrum of the zoo, and zeros.
_ZOO = spectrum.zoo(6, stream("kernel contract: spectra"))
SPECTRA = np.stack([np.stack([*_ZOO.values(), np.zeros(6)]) * scale for scale in (1.0, 1e-150)])


def _measure(function, launches, bad=(), **static):
    """A measure of spectra: one array of vectors in, one number (or vector) per vector out."""
    return Kernel(
        function,
        example=lambda _: {"s": SPECTRA, **static},
        core={"s": 1},
        bad=(*vectors("s", SPECTRA, nonnegative=True), *bad),
        launches=launches,
        syncs=1,
    )


_POWERS = tuple(({"power": power}, "power") for power in (0.0, -1.0, math.inf, math.nan))
_TOLERANCES = tuple(({"tolerance": tolerance}, "tolerance") for tolerance in (-0.1, 1.0, math.nan))


def _with_plain_arrays(function: Callable[..., Any], *data: str) -> Callable[..., Any]:
    """A function of parameters in a dict as one of plain arrays by name, and the same for its result."""

    @functools.wraps(function)
    def call(*, network: Any, **arrays: Any) -> Any:
        parameters = {name: arrays[name] for name in network.shapes}
        result = function(network, parameters, *(arrays[name] for name in data))
        return (result[0], *result[1].values()) if isinstance(result, tuple) else result

    return call


def _network(network: Any, method: str, launches: float, **data: Any) -> Kernel:
    """A method of a network: a batch of 2 x 3, in which its matrices share no axis, and some are shared by all.

    The data are (array, axes that are no batch axes, array that is bad).
    """
    arrays = {}
    for i, (name, shape) in enumerate(network.shapes.items()):
        batch = ((2, 1), (3,), ())[i % 3]
        arrays[name] = stream("kernel contract: networks", name).standard_normal((*batch, *shape))
    wrong = [({name: np.ones((*shape[:-1], shape[-1] + 1))}, name) for name, shape in network.shapes.items()]
    wrong.append(({name: np.full(shape, np.nan)}, name))
    return Kernel(
        _with_plain_arrays(getattr(type(network), method), *data),
        example=lambda _: {"network": network, **arrays, **{name: x for name, (x, _, _) in data.items()}},
        core={
            **{name: len(shape) for name, shape in network.shapes.items()},
            **{name: core for name, (_, core, _) in data.items()},
        },
        bad=(*wrong, *(({name: bad}, name) for name, (_, _, bad) in data.items())),
        launches=launches,
        syncs=3 if "targets" in data else 2,
        tolerance=1e-12,  # sums of a few dozen products of order one, in another order
        absolute=1e-13,
    )


_STEPPED = {
    name: stream("kernel contract: optimisers", name).standard_normal((3, 4, 2))
    for name in ("weights", "gradient", "velocity", "first")
} | {"second": stream("kernel contract: optimisers").random((3, 4, 2))}
_RATES = np.asarray([0.1, 0.2, 0.3])[:, None, None]


def _step(function: Callable[..., Any], launches: float, **state: Any) -> Kernel:
    arrays = {name: _STEPPED[name] for name in ("weights", "gradient")} | state
    bad: list[tuple[dict[str, Any], str]] = [({"rate": -0.1}, "rate"), ({"momentum": 1.0}, "momentum")]
    for name in arrays:
        bad.append(({name: np.full((3, 4, 2), np.nan)}, name))
    return Kernel(
        function,
        example=lambda _: {**arrays, "rate": _RATES, **({"step": 3} if "second" in state else {})},
        core=dict.fromkeys(arrays, 2) | {"rate": 2},
        bad=tuple(bad),
        launches=launches,
        syncs=2,
        tolerance=1e-13,
        absolute=1e-13,
    )


_PERCEPTRON = MLP((3, 4, 2))
_INPUTS = (_STEPPED["weights"][0, :, :1] * np.ones(3), 2, np.ones((4, 2)))
_LABELS = (np.asarray([0, 1, 1, 0]), 1, np.asarray([0, 1, 2, 0]))
_CHARACTERS = Transformer(4, 3, 4, heads=2, hidden=3)
_TOKENS = (np.asarray([[0, 1, 2, 3], [3, 2, 2, 0]]), 2, np.asarray([[0, 1, 2, 4]]))
_SHORT = (_TOKENS[0][:, :3], 2, _TOKENS[2])


@functools.wraps(train)
def _train(rate: Any, start: Any, data: Any) -> Any:
    run = train(_PERCEPTRON, start, lambda _: data, 3, "muon", rate)
    return (run.losses, *run.checkpoints[3].values())


_START = _PERCEPTRON.initial(stream("kernel contract: training"))

KERNELS = [
    _network(_PERCEPTRON, "outputs", 35, inputs=_INPUTS),
    _network(_PERCEPTRON, "loss", 65, inputs=_INPUTS, targets=_LABELS),
    _network(_PERCEPTRON, "loss_and_gradient", 75, inputs=_INPUTS, targets=_LABELS),
    _network(_CHARACTERS, "logits", 190, tokens=_SHORT),
    _network(_CHARACTERS, "loss", 220, tokens=_TOKENS),
    _network(_CHARACTERS, "loss_and_gradient", 320, tokens=_TOKENS),
    Kernel(
        _train,
        example=lambda on: {
            "rate": np.asarray([0.1, 0.3]),
            "start": {name: on.asarray(x) for name, x in _START.items()},
            "data": (on.asarray(_INPUTS[0]), on.asarray(_LABELS[0], dtype=on.xp.int64)),
        },
        core={"rate": 0},
        bad=(({"rate": np.asarray([0.1, 0.0])}, "rate"), ({"rate": np.asarray([1])}, "rate")),
        launches=740,
        syncs=30,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    _step(optimisers.momentum_step, 26, velocity=_STEPPED["velocity"]),
    _step(optimisers.muon_step, 40, velocity=_STEPPED["velocity"]),
    _step(optimisers.adam_step, 44, first=_STEPPED["first"], second=_STEPPED["second"]),
    _measure(spectrum.normalized, launches=8),
    _measure(spectrum.stable_rank, launches=10),
    _measure(spectrum.nuclear_rank, launches=16),
    _measure(spectrum.participation_ratio, launches=16, bad=_POWERS, power=2.0),
    _measure(spectrum.entropy, launches=22, bad=_POWERS, power=1.0),
    _measure(spectrum.effective_rank, launches=23, bad=_POWERS, power=1.0),
    _measure(spectrum.rank, launches=10, bad=_TOLERANCES, tolerance=1e-3),
    _measure(spectrum.condition_number, launches=17),
]
