"""The derivatives of a function along a direction, all up to some order, from one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite
from labs.core.jets._jet import Jet, lines


def series(
    function: Callable[[dict[str, Any]], Any],
    at: Mapping[str, Array],
    along: Mapping[str, Array],
    order: int = 4,
) -> tuple[Array, ...]:
    """Kernel: the Taylor coefficients c_0, ..., c_order of t -> function(at + t along).

        c_k = D^k function(at)[along, ..., along]/k!

    function  takes a dict of jets by name, returns a jet (or an array, if it does not depend on them); of what the
              jets' namespace has, see labs.core.jets
    at        arrays by name; batch axes in front broadcast as the function makes them
    along     arrays by some of these names; the other arguments do not move
    order     >= 0

    Exact up to rounding, which is that of the function's own evaluation: no step sizes.  Cost: a product of two
    moving factors (order + 1)(order + 2)/2 products, one of a moving factor and at + t along 2 order + 1; no
    backward pass.  Raises ValueError for bad arguments.
    Source: Griewank and Walther 2008, "Evaluating Derivatives", chapter 13.
    """
    if not at:
        raise ValueError("at must hold at least one array, got an empty dict")
    if not set(along) <= set(at):
        raise ValueError(f"along must have names among {sorted(at)}, got {sorted(along)}")
    check_finite(**{f"at[{name!r}]": x for name, x in at.items()})
    check_finite(**{f"along[{name!r}]": x for name, x in along.items()})
    for name, v in along.items():
        pairs = zip(reversed(at[name].shape), reversed(v.shape), strict=False)
        if any(m != n and 1 not in (m, n) for m, n in pairs):
            raise ValueError(
                f"along[{name!r}] must broadcast with at[{name!r}], got shape {tuple(v.shape)} for "
                f"{tuple(at[name].shape)}"
            )
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise ValueError(f"order must be an integer >= 0, got {order!r}")
    result = function(lines(at, along, order))
    found = result.coefficients if isinstance(result, Jet) else (result,)
    zero = array_namespace(found[0]).zeros_like(found[0])
    return (*found, *[zero] * (order + 1 - len(found)))
