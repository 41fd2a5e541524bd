"""The kernels of labs.core, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core import optimisers, spectrum
from labs.core.arrays import array_namespace
from labs.core.flow import Event, integrate
from labs.core.jets import erf, logsumexp, series
from labs.core.networks import MLP, NGram, Transformer, train
from labs.core.polar import certify, msign, polar, polar_derivative
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.ranges import float_range
from labs.core.polar.schedules import TUNED
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


def _step(function: Callable[..., Any], launches: float, syncs: float = 2, **state: Any) -> Kernel:
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
        syncs=syncs,
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


_PIECES = (np.asarray([[0, 1, 2], [2, 2, 0], [1, 0, 0], [2, 1, 1]]), 2, np.asarray([[0, 1, 3]]))
_CONTEXTS = (_PIECES[0][:, :2], 2, _PIECES[2][:, :2] + 2)
_WORDS = NGram(3, 2, (4,), context=2)


def _everything_smooth(p: dict[str, Any]) -> Any:
    """Whatever has a series, of a matrix."""
    x = p["x"]
    xp = array_namespace(x)
    y = xp.tanh(x @ xp.matrix_transpose(x)) - xp.sin(x) * xp.cos(x) / (1.0 + x**2)
    z = (
        xp.sqrt(1.0 + xp.exp(y))
        + xp.log(2.0 + erf(y))
        + xp.log1p(xp.abs(y))
        + xp.where(y > 0.0, y, xp.expm1(y))
    )
    return logsumexp(z) - xp.sum(xp.max(z, axis=-2, keepdims=True), axis=-1)


@functools.wraps(series)
def _series(at: Any, along: Any) -> Any:
    return series(_everything_smooth, {"x": at}, {"x": along}, 3)


# Matrices of every spectrum of the zoo, at two scales.
MATRICES = spectrum.matrix(SPECTRA, 7, 6, stream("kernel contract: matrices"))
_NOT_MATRICES: tuple[tuple[dict[str, Any], str], ...] = tuple(
    ({"A": bad}, "A") for bad in (np.ones(3), np.ones((2, 0, 3)), np.full((2, 2), np.nan))
)


def _newton_schulz(launches: float, **static: Any) -> Kernel:
    return Kernel(
        newton_schulz,
        example=lambda _: {"A": MATRICES, "schedule": [TUNED] * 2, **static},
        core={"A": 2},
        bad=(*_NOT_MATRICES, ({"normalise": "two"}, "normalise"), ({"schedule": (1.0, 2.0)}, "schedule")),
        launches=launches,
        syncs=1,
        tolerance=1e-13,
        absolute=1e-13,
    )


_NO_METHOD: tuple[tuple[dict[str, Any], str], ...] = (
    *(({"rtol": rtol}, "rtol") for rtol in (-0.1, 1.0, math.nan)),
    ({"method": "qr"}, "method"),
)


@functools.wraps(polar)
def _polar(A: Any, **static: Any) -> Any:
    """The result, with "below 30" for each error of the certificate: what rounding does is no one's to repeat."""
    result = polar(A, **static)
    return result.q, result.rank, result.by_svd, *(e < 30.0 for e in vars(result.certificate).values())


def _polar_kernel(function: Callable[..., Any], launches: float, syncs: float) -> Kernel:
    """By products, as on a device; one spectrum in nine is rank-deficient, and goes back to the SVD."""
    return Kernel(
        function,
        example=lambda _: {"A": MATRICES, "method": "products"},
        core={"A": 2},
        bad=(*_NOT_MATRICES, ({"A": np.ones((2, 2), dtype=np.int64)}, "A"), *_NO_METHOD),
        launches=launches,
        syncs=syncs,
        tolerance=1e-9,  # eps times the largest condition number, 1e6
        absolute=1e-9,
    )


# Of full rank, and directions; a guess at each factor, far from it, so that the errors are large numbers.
_REGULAR = stream("kernel contract: polar").standard_normal((2, 1, 5, 3))
_DIRECTIONS = stream("kernel contract: directions").standard_normal((3, 5, 3))

_START = _PERCEPTRON.initial(stream("kernel contract: training"))

KERNELS = [
    _network(_PERCEPTRON, "outputs", 35, inputs=_INPUTS),
    _network(_PERCEPTRON, "loss", 65, inputs=_INPUTS, targets=_LABELS),
    _network(_PERCEPTRON, "loss_and_gradient", 75, inputs=_INPUTS, targets=_LABELS),
    _network(_WORDS, "logits", 30, tokens=_CONTEXTS),
    _network(_WORDS, "loss", 60, tokens=_PIECES),
    _network(_WORDS, "loss_and_gradient", 75, tokens=_PIECES),
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
        launches=1750,
        syncs=45,
        tolerance=1e-12,
        absolute=1e-13,
    ),
    Kernel(
        _series,
        example=lambda _: {"at": 0.3 * _STEPPED["weights"][:, :2], "along": _STEPPED["first"][:, :2]},
        core={"at": 2, "along": 2},
        bad=(({"at": np.full((2, 2), np.nan)}, "at"), ({"along": np.full((2, 2), np.inf)}, "along")),
        launches=400,
        syncs=2,
        tolerance=1e-12,
        absolute=1e-12,
    ),
    _step(optimisers.momentum_step, 26, velocity=_STEPPED["velocity"]),
    _step(optimisers.muon_step, 190, syncs=8, velocity=_STEPPED["velocity"]),
    _step(optimisers.adam_step, 44, first=_STEPPED["first"], second=_STEPPED["second"]),
    _newton_schulz(32),
    _polar_kernel(_polar, launches=500, syncs=10),
    _polar_kernel(msign, launches=400, syncs=10),
    Kernel(
        certify,
        example=lambda _: {"A": _DIRECTIONS, "q": _DIRECTIONS[::-1]},
        core={"A": 2, "q": 2},
        bad=(
            *_NOT_MATRICES[:2],
            ({"A": np.full((3, 5, 3), np.nan)}, "A"),
            ({"q": _DIRECTIONS[:2]}, "q"),
            ({"q": _DIRECTIONS[..., :2]}, "q"),
            ({"q": np.full((3, 5, 3), np.inf)}, "q"),
        ),
        launches=95,
        syncs=3,
        tolerance=1e-12,
    ),
    Kernel(
        polar_derivative,
        example=lambda _: {"A": _REGULAR, "E": _DIRECTIONS},
        core={"A": 2, "E": 2},
        bad=(
            ({"A": np.ones((2, 1, 5, 3))}, "A"),
            ({"A": np.full((5, 3), np.nan)}, "A"),
            ({"E": np.ones((3, 5))}, "E"),
            ({"E": np.ones((7, 5, 3))[:, None, None] * np.ones((1, 3, 1, 1, 1))}, "E"),
        ),
        launches=60,
        syncs=3,
        tolerance=1e-12,
        absolute=1e-12,
    ),
    Kernel(
        integrate,
        example=lambda on: {
            "field": lambda t, y: t[..., None] - y * y * y,
            "start": np.asarray([[1.0, 2.0, 0.5], [-1.0, 0.0, 3.0]]),
            "times": on.asarray([0.0, 0.3, 1.0, 1.5]),
            "events": [
                Event(lambda t, y: y[..., 1] - 0.6),
                Event(lambda t, y: y[..., 2] - 0.9, terminal=True),
            ],
            "rtol": 1e-4,
            "atol": 1e-4,
        },
        core={"start": 1},
        bad=(
            ({"start": np.full((2, 3), np.nan)}, "start"),
            ({"start": np.ones((2, 3), np.float32)}, "start"),
            ({"times": np.asarray([1.0, 0.0])}, "times"),
            ({"rtol": 0.0}, "rtol"),
        ),
        launches=5000,
        syncs=100,
        tolerance=1e-10,  # rounding of the steps, which are the same
    ),
    Kernel(
        float_range,
        example=lambda _: {
            "coefficients": [TUNED] * 3,
            "lo": np.asarray([[0.0], [0.1]]),
            "hi": np.asarray([0.5, 1.2]),
        },
        core={"lo": 0, "hi": 0},
        bad=(({"lo": np.asarray([[2.0]])}, "lo"), ({"hi": np.asarray([np.nan])}, "hi")),
        launches=170,
        syncs=2,
    ),
    _measure(spectrum.normalized, launches=8),
    _measure(spectrum.stable_rank, launches=10),
    _measure(spectrum.nuclear_rank, launches=16),
    _measure(spectrum.participation_ratio, launches=16, bad=_POWERS, power=2.0),
    _measure(spectrum.entropy, launches=22, bad=_POWERS, power=1.0),
    _measure(spectrum.effective_rank, launches=23, bad=_POWERS, power=1.0),
    _measure(spectrum.rank, launches=10, bad=_TOLERANCES, tolerance=1e-3),
    _measure(spectrum.condition_number, launches=17),
]
