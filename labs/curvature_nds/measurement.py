"""What is made of the Taylor terms of many steps: errors of the prediction, step scales, runs at equal loss.

Source: Wang et al. 2026 as reported (predicted against realised decreases, comparison at equal validation loss); how
losses are matched is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from labs.core.arrays import Array, array_namespace, check_finite, check_shape, require_host
from labs.core.jets import Jet, constant
from labs.curvature_nds.one_step import Taylor


def prediction_error(of: Taylor, terms: int = 2) -> Array:
    """|realised + c_1 + ... + c_terms|/(|gain| + |penalty|), (...): how far the Taylor prediction is off.

    Not relative to the realised decrease, which changes sign where penalty and gain cancel.
    Cost O(order).  Raises ValueError unless 1 <= terms <= order.
    """
    order = of.terms.shape[-1] - 1
    if isinstance(terms, bool) or not isinstance(terms, int) or not 1 <= terms <= order:
        raise ValueError(f"terms must be from 1 to {order}, got {terms!r}")
    missing = of.realised + sum(of.terms[..., k] for k in range(1, terms + 1))
    return abs(missing) / (abs(of.gain) + abs(of.penalty))


def realised_at(
    loss: Callable[[dict[str, Any]], Any],
    parameters: Mapping[str, Array],
    update: Mapping[str, Array],
    scales: Sequence[float],
) -> Array:
    """Kernel: the decrease L(W) - L(W - tau Z) for each tau of `scales`: (..., scales).

    loss, parameters, update as for `taylor`.  Cost: a loss a scale, and one.  Raises ValueError for bad arguments.
    """
    if not update or not set(update) <= set(parameters):
        raise ValueError(f"update must have some of the names {sorted(parameters)}, got {sorted(update)}")
    check_finite(**{f"parameters[{name!r}]": x for name, x in parameters.items()})
    check_finite(**{f"update[{name!r}]": x for name, x in update.items()})
    _check_scales(scales)

    def value(scale: float) -> Array:
        moved = {name: x - scale * update[name] if name in update else x for name, x in parameters.items()}
        found = loss({name: constant(x) for name, x in moved.items()})
        return found.coefficients[0] if isinstance(found, Jet) else found

    start = value(0.0)
    return array_namespace(start).stack([start - value(scale) for scale in scales], axis=-1)


def predicted_at(terms: Array, scales: Sequence[float], last: int = 2) -> Array:
    """Kernel: -(c_1 tau + ... + c_last tau^last) for each tau of `scales`: terms (..., order + 1) -> (..., scales).

    Cost O(last) a scale.  Raises ValueError for bad arguments.
    """
    check_shape((None,), terms=terms)
    check_finite(terms=terms)
    _check_scales(scales)
    if isinstance(last, bool) or not isinstance(last, int) or not 1 <= last < terms.shape[-1]:
        raise ValueError(f"last must be from 1 to {terms.shape[-1] - 1}, got {last!r}")
    powers = [-sum(terms[..., k] * scale**k for k in range(1, last + 1)) for scale in scales]
    return array_namespace(terms).stack(powers, axis=-1)


def _check_scales(scales: Sequence[float]) -> None:
    if len(scales) == 0:
        raise ValueError("scales must hold at least one number, got none")
    check_finite(**{f"scales[{i}]": float(scale) for i, scale in enumerate(scales)})


def common_losses(runs: Sequence[np.ndarray], count: int = 20) -> np.ndarray:
    """Host routine: `count` losses, descending, that every one of the runs went through: (count,).

    runs  validation losses along each run, (points,) each; what counts is their running minimum.
    Cost O(all points).  Raises ValueError where the runs have no loss in common, and for a count below 1.
    """
    require_host(runs=runs)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be an integer >= 1, got {count!r}")
    given = [np.asarray(run, dtype=float) for run in runs]
    if not given or any(run.ndim != 1 or run.size == 0 or not np.all(np.isfinite(run)) for run in given):
        raise ValueError("runs must be at least one vector of finite losses, got others")
    lows = [np.minimum.accumulate(run) for run in given]
    first, last = min(low[0] for low in lows), max(low[-1] for low in lows)
    if not last < first:
        raise ValueError(f"runs must have losses in common, got none between {last} and {first}")
    return np.linspace(first, last, count)


def at_loss(validation: np.ndarray, values: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Host routine: values along a run, interpolated linearly in its validation loss.

    validation  (points,), of which the points that set a new minimum count
    values      (..., points)
    losses      (k,), within the range of the running minimum
    Returns (..., k).  Cost O(points + k) a row.  Raises ValueError for losses outside, or not finite.
    """
    require_host(validation=validation, values=values, losses=losses)
    loss, y, wanted = (np.asarray(x, dtype=float) for x in (validation, values, losses))
    check_finite(validation=loss, losses=wanted)
    if loss.ndim != 1 or loss.size < 2 or y.shape[-1:] != loss.shape:
        raise ValueError(f"values must be (..., {loss.size}), a number a point, got {y.shape}")
    lowest = np.minimum.accumulate(loss)
    new = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    x, y = lowest[new][::-1], y[..., new][..., ::-1]
    # The ends of a grid of losses carry the rounding of linspace.
    slack = 1e-12 * abs(x[-1])
    if np.any(wanted < x[0] - slack) or np.any(wanted > x[-1] + slack):
        raise ValueError(f"losses must be between {x[0]} and {x[-1]}, got {wanted.min()} to {wanted.max()}")
    rows = [np.interp(wanted, x, row) for row in y.reshape(-1, x.size)]
    return np.reshape(rows, (*y.shape[:-1], wanted.size))
