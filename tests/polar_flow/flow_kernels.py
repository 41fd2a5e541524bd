"""The kernels of the flows and their operators, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.core.arrays import Array, Backend
from labs.core.streams import stream
from labs.polar_flow import operators, reduced, regularised, self_polar, sliding
from labs.polar_flow.operators import Operator
from tests.kernels import Kernel

_DRAWN = stream("kernel contract: flows")
_W = _DRAWN.standard_normal((3, 4, 3))
_SQUARE = _DRAWN.standard_normal((3, 3, 3))
_X = _DRAWN.standard_normal((2, 4))
_ROWS = _DRAWN.standard_normal((5, 12))
_MASK = np.asarray([[True, False, True], [False, True, False], [True, True, False], [False, False, True]])
_B = np.asarray([[1.0, 2.0, -1.0]])

_OPERATORS: dict[str, Callable[[Backend], Operator]] = {
    "regression": lambda on: operators.regression(on.asarray(_X)),
    "mask": lambda on: operators.mask_sensing(on.asarray(_MASK, dtype=on.xp.bool)),
    "dense": lambda on: operators.dense_sensing(on.asarray(_ROWS), (4, 3)),
    "diagonal": lambda on: operators.diagonal(on.asarray(_B)),
}
# Sums of a dozen products of order one, in another order.
_ROUNDED: dict[str, Any] = {"tolerance": 1e-12, "absolute": 1e-13}


def _matrices(name: str, good: np.ndarray) -> tuple[tuple[dict[str, Any], str], ...]:
    wrong = (np.full_like(good, np.nan), good[..., 0, 0], np.ones(good.shape, np.float32))
    return tuple(({name: bad}, name) for bad in wrong)


def _method(method: Callable[..., Any], kind: str, launches: float, syncs: float = 1) -> Kernel:
    """A method of an operator of this kind."""
    W = _SQUARE if kind == "diagonal" else _W
    numpy = _OPERATORS[kind](_NUMPY)
    data = {"W": W, "y": numpy.apply(W) + 0.1, "dual": numpy.apply(W)}
    names = {"apply": "W", "parallel": "W", "perp": "W", "adjoint": "dual", "least": "y", "corrected": "Wy"}
    used = ("W", "y") if method.__name__ == "corrected" else (names[method.__name__],)
    bad = [pair for name in used if name == "W" for pair in _matrices("W", W)]
    bad += [({name: np.full_like(data[name], np.inf)}, name) for name in used if name != "W"]
    bad += [({name: data[name][..., :1]}, name) for name in used if name != "W"]
    return Kernel(
        method,
        example=lambda on: {"self": _OPERATORS[kind](on), **{name: data[name] for name in used}},
        core={name: 2 if name == "W" else 1 for name in used},
        bad=tuple(bad),
        launches=launches,
        syncs=syncs,
        **_ROUNDED,
    )


class _NumPy:
    """Just enough of a backend to make the data."""

    xp = np

    @staticmethod
    def asarray(x: Any, dtype: Any = None) -> np.ndarray:
        return np.asarray(x, dtype=dtype)


_NUMPY: Any = _NumPy()


def _by_projection(make: Callable[..., Operator]) -> Callable[..., Any]:
    """A function that makes an operator as one that returns what no basis can change: P_perp of a matrix."""

    @functools.wraps(make)
    def call(*, W: Array, **arguments: Any) -> Array:
        return make(**arguments).perp(W)

    return call


def _maker(
    make: Callable[..., Operator],
    name: str,
    made_from: np.ndarray,
    launches: float,
    syncs: float = 3,
    **static: Any,
) -> Kernel:
    bad: list[tuple[dict[str, Any], str]] = [({name: made_from[..., 0, 0]}, name)]
    if made_from.dtype == bool:
        bad += [({name: np.ones((4, 3))}, name)]
        bad += [({name: np.stack([_MASK, _MASK, np.ones_like(_MASK)])}, name)]
    else:
        bad += [({name: np.full_like(made_from, np.nan)}, name), ({name: 0.0 * made_from}, name)]
    return Kernel(
        _by_projection(make),
        example=lambda _: {name: made_from, "W": _SQUARE if name == "B" else _W, **static},
        core={name: 2, "W": 2},
        bad=(*bad, *_matrices("W", _SQUARE if name == "B" else _W)),
        launches=launches,
        syncs=syncs,
        tolerance=1e-10,  # condition numbers of the small matrices are below 100
        absolute=1e-12,
    )


def _without_events(flow: Callable[..., self_polar.FlowResult]) -> Callable[..., Any]:
    """States and spectra: events are a list, as long as there are."""

    @functools.wraps(flow)
    def call(**arguments: Any) -> Any:
        result = flow(**arguments)
        return result.states, result.spectra, *result.invariants.values()

    return call


_STARTS = np.stack([np.diag([2.0, 1.0, 0.3]), np.diag([1.0, 0.6, 0.5]), np.diag([0.0, 3.0, 0.0])])


# From full rank, on smooth pieces: how many iterations a rank-deficient start takes depends on rounding.
_FLOW = Kernel(
    _without_events(self_polar.self_polar_flow),
    example=lambda on: {
        "operator": _OPERATORS["diagonal"](on),
        "W0": _STARTS[:2],
        "times": on.asarray([0.0, 0.1, 0.2]),
    },
    core={"W0": 2},
    bad=(
        *_matrices("W0", _STARTS[:2]),
        ({"times": np.asarray([1.0, 0.5])}, "times"),
        ({"times": np.asarray([-1.0, 0.5])}, "times"),
        ({"method": "muon"}, "method"),
        ({"eta": 0.0}, "eta"),
        ({"step": -1.0}, "step"),
    ),
    launches=2500,
    syncs=60,
    tolerance=1e-9,  # ten times that of the steps
    absolute=1e-9,
)

_SYMMETRIC = _SQUARE @ _SQUARE.mT

FLOWS = (
    _method(Operator.apply, "dense", 8),
    _method(Operator.adjoint, "diagonal", 20),
    _method(Operator.parallel, "dense", 12),
    _method(Operator.perp, "regression", 12),
    _method(Operator.least, "dense", 12),
    _method(Operator.corrected, "mask", 20, 2),
    _maker(operators.regression, "X", np.stack([_X, _X[::-1] + 1.0, 2.0 * _X]), 30),
    _maker(operators.mask_sensing, "mask", np.stack([_MASK, _MASK[::-1], _MASK]), 20),
    _maker(operators.dense_sensing, "A", _ROWS * np.ones((3, 1, 1)), 30, shape=(4, 3)),
    _maker(operators.diagonal, "B", _B * np.ones((3, 1, 1)), 40, 5),
    Kernel(
        sliding.sliding_velocity,
        example=lambda on: {"operator": _OPERATORS["diagonal"](on), "W": _STARTS},
        core={"W": 2},
        bad=(*_matrices("W", _STARTS), ({"rtol": 0.0}, "rtol")),
        launches=200,
        syncs=10,
        tolerance=1e-6,
        absolute=1e-6,
    ),
    Kernel(
        sliding.nuclear_norm_bound,
        example=lambda on: {"operator": _OPERATORS["diagonal"](on), "W": _STARTS},
        core={"W": 2},
        bad=_matrices("W", _STARTS),
        launches=200,
        syncs=10,
        tolerance=1e-6,
        absolute=1e-6,
    ),
    _FLOW,
    Kernel(
        regularised.regularised_polar,
        example=lambda _: {"W": _W, "eps": 0.3},
        core={"W": 2},
        bad=(*_matrices("W", _W), ({"eps": 0.0}, "eps"), ({"kind": "soft"}, "kind")),
        launches=20,
        syncs=1,
        **_ROUNDED,
    ),
    Kernel(
        regularised.regularised_nuclear_norm,
        example=lambda _: {"W": _W, "eps": 0.3, "kind": "smooth"},
        core={"W": 2},
        bad=(*_matrices("W", _W), ({"eps": -1.0}, "eps"), ({"kind": "soft"}, "kind")),
        launches=15,
        syncs=1,
        **_ROUNDED,
    ),
    Kernel(
        reduced.reduced_flow,
        example=lambda on: {"C": _SYMMETRIC, "B0": _SYMMETRIC[::-1], "times": on.asarray([0.0, 0.2])},
        core={"C": 2, "B0": 2},
        bad=(
            *_matrices("C", _SYMMETRIC),
            *_matrices("B0", _SYMMETRIC),
            ({"times": np.asarray([-1.0])}, "times"),
            ({"eta": -1.0}, "eta"),
        ),
        launches=3500,
        syncs=40,
        tolerance=1e-9,
        absolute=1e-9,
    ),
    Kernel(
        reduced.commuting_flow,
        example=lambda _: {
            "sigma0": np.asarray([[10.0], [5.0], [1.0]]),
            "kappa": np.asarray([1.0, 0.0]),
            "t": np.asarray([3.0, 20.0]),
        },
        core={"sigma0": 0, "kappa": 0, "t": 0},
        bad=(
            ({"sigma0": np.asarray([np.nan])}, "sigma0"),
            ({"sigma0": np.asarray([0.5])}, "sigma0"),
            ({"kappa": np.asarray([-1.0])}, "kappa"),
            ({"t": np.asarray([np.inf])}, "t"),
        ),
        launches=250,
        syncs=12,
        tolerance=1e-12,
    ),
)
