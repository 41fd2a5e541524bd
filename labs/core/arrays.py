"""Arrays of any library: which one is in use, where arrays are born, and what a bad argument is told.

No other file knows an array library by name.  A kernel begins with its checks and `xp = array_namespace(x)`
and then speaks the array API standard.  The switch is at the edge: `backend(name)`, called by the command
line and by the test fixture, makes the arrays; everything below follows the arrays that it is given.
Scalars stay Python floats: a NumPy scalar times an array of another library is an error there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from types import SimpleNamespace
from typing import Any

import array_api_compat
import array_api_compat.numpy as numpy_namespace
import numpy as np

Array = Any  # an array of any library (the standard has no common base class), or a Python scalar
Namespace = Any  # a module, or what stands for one

BACKENDS = ("numpy", "cupy", "strict")

# Kernels call these by the names of scipy.special.
SPECIAL = ("gammaln", "digamma", "erf", "erfc", "ndtri", "betainc", "gammainc")


@dataclass(frozen=True)
class Backend:
    """An array library on one device: what makes arrays at the edge and brings them back."""

    name: str
    xp: Namespace
    device: Any

    def asarray(self, x: Any, dtype: Any = None) -> Array:
        """`x` as an array on this backend's device, float64 unless `dtype` says otherwise."""
        return self.xp.asarray(x, dtype=self.xp.float64 if dtype is None else dtype, device=self.device)

    def to_numpy(self, x: Array) -> np.ndarray:
        """`x` as a NumPy array (copied to the host where it lives elsewhere)."""
        return to_numpy(x)


def backend(name: str = "numpy") -> Backend:
    """The backend of this name: "numpy", "cupy" (one GPU), or "strict" (the standard and nothing else).

    "strict" lives on array-api-strict's second device, so that whatever forgets `device=` fails.
    Raises ValueError for another name, RuntimeError where this machine lacks the package or the device.
    """
    if name == "numpy":
        return Backend("numpy", numpy_namespace, "cpu")
    if name == "cupy":
        return _cupy()
    if name == "strict":
        return _strict()
    raise ValueError(f"backend must be one of {BACKENDS}, got {name!r}")


def _cupy() -> Backend:
    try:
        import array_api_compat.cupy
        import cupy

        xp: Namespace = array_api_compat.cupy
        device = cupy.cuda.Device()
        # `import cupy` succeeds without a GPU; only an allocation, a launch and a copy back prove one.
        arrived = float((xp.ones(1, device=device) + 1.0).get()[0])
    except Exception as error:  # package, driver, device and memory fail with unrelated exceptions
        reason = f"{type(error).__name__}: {error}"
        raise RuntimeError(f"backend 'cupy' is not available here: {reason}") from error
    if arrived != 2.0:
        raise RuntimeError(f"backend 'cupy' is not available here: 1 + 1 came back as {arrived}")
    return Backend("cupy", xp, device)


def _strict() -> Backend:
    try:
        import array_api_strict as xp
    except ImportError as error:
        raise RuntimeError(f"backend 'strict' is not available here: {error}") from error
    return Backend("strict", xp, xp.Device("device1"))


def array_namespace(*arrays: Array) -> Namespace:
    """The namespace of `arrays`; Python scalars are passed over.

    Raises ValueError unless there is at least one array and all are of one library.
    """
    try:
        return array_api_compat.array_namespace(*arrays)
    except TypeError as error:
        got = ", ".join(type(a).__name__ for a in arrays) or "nothing"
        raise ValueError(f"expected arrays of one library (and Python scalars), got {got}") from error


def device(x: Array) -> Any:
    """The device of `x`; pass it to every function that makes an array."""
    return array_api_compat.device(x)


def on_host(xp: Namespace) -> bool:
    """Whether arrays of this namespace live in the host's memory and caches (NumPy's do)."""
    return array_api_compat.is_numpy_namespace(xp)


def to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array, copied to the host where it lives elsewhere (on a GPU: a host sync)."""
    if array_api_compat.is_cupy_array(x):
        return x.get()
    if array_api_compat.is_array_api_obj(x) and not array_api_compat.is_numpy_array(x):
        x = array_api_compat.to_device(x, array_namespace(x).__array_namespace_info__().default_device())
    return np.asarray(x)


def special(xp: Namespace) -> Any:
    """Special functions of arrays of the namespace `xp`, under scipy.special's names (see SPECIAL).

    NumPy: scipy.special.  CuPy: cupyx.scipy.special, whose `betainc` is wrong where a or b is 0 or infinite;
    keep both positive and finite.  A namespace with a `special` extension of its own (which the standard
    may get) keeps it.  Others: through NumPy and back, on the same device.
    At least one argument must be an array: for a Python float use `math`.
    """
    own = getattr(xp, "special", None)
    if own is not None and all(hasattr(own, name) for name in SPECIAL):
        return own
    if array_api_compat.is_cupy_namespace(xp):
        from cupyx.scipy import special as library

        return SimpleNamespace(**{name: getattr(library, name) for name in SPECIAL})

    from scipy import special as library

    functions = {name: getattr(library, name) for name in SPECIAL}
    if not array_api_compat.is_numpy_namespace(xp):
        functions = {name: _through_numpy(xp, function) for name, function in functions.items()}
    return SimpleNamespace(**functions)


def _through_numpy(xp: Namespace, function: Callable[..., np.ndarray]) -> Callable[..., Array]:
    def call(*arguments: Array) -> Array:
        array_namespace(*arguments)
        home = next(device(a) for a in arguments if not isinstance(a, int | float))
        host = [a if isinstance(a, int | float) else to_numpy(a) for a in arguments]
        return xp.asarray(np.asarray(function(*host)), device=home)

    return call


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within this context every BLAS loaded so far uses one thread.

    Two processes with default threads on two cores were measured 20 times slower than with one thread each.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


# What a bad argument is told: its name, what was expected, what came.  Every check takes the arguments by
# name, `check_finite(g=g, q=q)`, lets Python scalars through the same test, and looks at the values of all
# of them with one host sync.


def check_real(**named: Any) -> None:
    """Raise ValueError unless each argument is a real floating array or a Python number."""
    for name, x in named.items():
        if isinstance(x, int | float) and not isinstance(x, bool):
            continue
        if not array_api_compat.is_array_api_obj(x):
            raise ValueError(f"{name} must be an array of real floating dtype, got {_kind(x)}")
        if not array_namespace(x).isdtype(x.dtype, "real floating"):
            raise ValueError(f"{name} must be an array of real floating dtype, got dtype {x.dtype}")


def check_double(**named: Any) -> None:
    """Raise ValueError unless each argument is an array of float64: for functions whose accuracy is promised."""
    for name, x in named.items():
        if not array_api_compat.is_array_api_obj(x):
            raise ValueError(f"{name} must be an array of float64, got {_kind(x)}")
        if x.dtype != array_namespace(x).float64:
            raise ValueError(f"{name} must be an array of float64, got dtype {x.dtype}")


def check_shape(trailing: tuple[int | None, ...], **named: Any) -> None:
    """Raise ValueError unless the shape of each argument ends in `trailing`; None stands for any length >= 1.

    `check_shape((None,), s=s)`: vectors that are not empty.  Leading (batch) axes are free and may be empty.
    """
    expected = "(..., " + ", ".join("any" if n is None else str(n) for n in trailing) + ")"
    for name, x in named.items():
        if not array_api_compat.is_array_api_obj(x):
            raise ValueError(f"{name} must be an array of shape {expected}, got {_kind(x)}")
        end = x.shape[max(x.ndim - len(trailing), 0) :]
        fits = len(end) == len(trailing) and all(
            have >= 1 if want is None else have == want for have, want in zip(end, trailing, strict=True)
        )
        if not fits:
            raise ValueError(f"{name} must be an array of shape {expected}, got shape {tuple(x.shape)}")


def check_finite(**named: Array) -> None:
    """Raise ValueError unless each argument is real and finite."""
    _check_values("finite", lambda x: (x > -math.inf) & (x < math.inf), named)


def check_nonnegative(**named: Array) -> None:
    """Raise ValueError unless each argument is real, finite and at least 0."""
    _check_values("finite and nonnegative", lambda x: (x >= 0.0) & (x < math.inf), named)


def check_positive(**named: Array) -> None:
    """Raise ValueError unless each argument is real, finite and above 0."""
    _check_values("finite and positive", lambda x: (x > 0.0) & (x < math.inf), named)


def _check_values(expected: str, good: Callable[[Any], Any], named: dict[str, Any]) -> None:
    """Raise ValueError unless `good` is true of every entry (a NaN is never good: comparisons are false)."""
    check_real(**named)
    arrays = {name: x for name, x in named.items() if not isinstance(x, int | float)}
    for name, x in named.items():
        if name not in arrays and not good(x):
            raise ValueError(f"{name} must be {expected}, got {x}")
    if not arrays:
        return
    xp = array_namespace(*arrays.values())
    if bool(reduce(operator.and_, (xp.all(good(x)) for x in arrays.values()))):
        return
    name, x = next((name, x) for name, x in arrays.items() if not bool(xp.all(good(x))))
    host = to_numpy(x)
    index = tuple(int(i) for i in np.argwhere(~good(host))[0])
    where = f" at index {index} of shape {host.shape}" if host.ndim else ""
    raise ValueError(f"{name} must be {expected}, got {float(host[index])}{where}")


def require_host(**named: Any) -> None:
    """Raise ValueError unless each argument is a NumPy array, a list or tuple, or a Python number.

    Host routines call it: they work on the host and do not fetch an array from another library silently.
    """
    for name, x in named.items():
        if not (array_api_compat.is_numpy_array(x) or isinstance(x, list | tuple | int | float)):
            raise ValueError(f"{name} must be a NumPy array or a sequence of numbers, got {_kind(x)}")


def _kind(x: Any) -> str:
    return f"an object of type {type(x).__module__}.{type(x).__qualname__}".replace("builtins.", "")
