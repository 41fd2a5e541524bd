"""The array API's namespace of jets: what code that was written for arrays finds when it is given jets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labs.core.jets import _functions as series
from labs.core.jets._jet import Jet, constant

LINEAR = (
    *(
        "astype",
        "broadcast_to",
        "expand_dims",
        "matrix_transpose",
        "mean",
        "moveaxis",
        "permute_dims",
        "reshape",
    ),
    *("squeeze", "sum", "take"),
)
SMOOTH: dict[str, Callable[..., Any]] = {
    "abs": series.absolute,
    "cos": series.cos,
    "exp": series.exp,
    "expm1": series.expm1,
    "log": series.log,
    "log1p": series.log1p,
    "max": series.maximum,
    "sin": series.sin,
    "sqrt": series.sqrt,
    "tanh": series.tanh,
    "where": series.where,
    **{name: series.linear(name) for name in LINEAR},
}
# They look at dtypes and shapes alone.
PLAIN = ("isdtype", "ones_like", "zeros_like")


class Namespace:
    """The functions in SMOOTH, for jets; whatever else the library of the coefficients has, for its own arrays.

    An array of floats that is made here is a constant jet: not every library leaves `array * jet` to us.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self.__name__ = f"jets over {library.__name__}"

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._library, name)
        if not callable(own) or isinstance(own, type):
            return own

        def call(*args: Any, **kwargs: Any) -> Any:
            if not any(isinstance(x, Jet) for x in args):
                return _lifted(self._library, own(*args, **kwargs))
            if name in PLAIN:
                return own(*(x.coefficients[0] if isinstance(x, Jet) else x for x in args), **kwargs)
            if name not in SMOOTH:
                raise TypeError(f"{name} is not a function of jets; there are {', '.join(sorted(SMOOTH))}")
            return SMOOTH[name](*args, **kwargs)

        return call


def _lifted(library: Any, result: Any) -> Any:
    is_floats = hasattr(result, "dtype") and library.isdtype(result.dtype, "real floating")
    return constant(result) if is_floats else result
