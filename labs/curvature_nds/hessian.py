"""The exact Hessian of a loss in one of its parameters: small networks only.

Source: Griewank and Walther 2008, "Evaluating Derivatives", chapter 5 (derivatives of back-propagation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite, device
from labs.core.jets import series


def block_hessian(
    gradient: Callable[[dict[str, Any]], Any],
    parameters: Mapping[str, Array],
    name: str,
    axes: int = 2,
) -> Array:
    """Kernel: the second derivatives of a loss in the parameter `name`, (..., size, size), row by row of it.

        H[:, j] = d/dt gradient(x + t e_j) at t = 0, for all entries j at once

    gradient    of a dict of jets by name, the gradient of the loss in this parameter:
                `lambda p: network.loss_and_gradient(p, tokens)[1][name]`
    parameters  arrays (..., shape) by name
    axes        how many of the parameter's last axes are not batch axes

    Jets of order 1 through back-propagation: exact up to rounding, which is all that it lacks of symmetry.  Cost:
    size times that of the gradient in time and memory.  Raises ValueError for bad arguments.
    """
    if name not in parameters:
        raise ValueError(f"name must be one of {sorted(parameters)}, got {name!r}")
    x = parameters[name]
    if isinstance(axes, bool) or not isinstance(axes, int) or not 0 < axes <= x.ndim:
        raise ValueError(f"axes must be from 1 to {x.ndim}, the parameter's own, got {axes!r}")
    check_finite(**{f"parameters[{key!r}]": value for key, value in parameters.items()})
    xp = array_namespace(x)
    shape, batch = tuple(x.shape[-axes:]), x.ndim - axes
    size = math.prod(shape)
    unit = xp.reshape(xp.eye(size, dtype=x.dtype, device=device(x)), (size, *(1,) * batch, *shape))
    _, columns = series(gradient, parameters, {name: unit}, 1)
    flat = xp.reshape(columns, (*columns.shape[: columns.ndim - axes], size))
    return xp.moveaxis(flat, 0, -1)
