"""Backends make arrays where they should, checks name the argument, special functions follow their array."""

from __future__ import annotations

import math
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import array_api_strict
import numpy as np
import pytest
from scipy import special as reference

from labs.core import arrays
from labs.core.sources import ROOT
from tests.kernels import start

on_backends = pytest.mark.parametrize("name", ["numpy", "strict", "counting"])


@on_backends
def test_a_backend_makes_float64_arrays_on_its_device_and_brings_them_back(name):
    backend, _ = start(name)
    x = backend.asarray([[1, 2], [3, 4]])
    assert x.dtype == backend.xp.float64
    assert arrays.device(x) == backend.device
    assert arrays.array_namespace(x, 1.0, 2) is backend.xp
    back = backend.to_numpy(x)
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, [[1.0, 2.0], [3.0, 4.0]])
    assert backend.asarray([1], dtype=backend.xp.int64).dtype == backend.xp.int64


def test_the_strict_backend_is_not_on_the_default_device():
    x = arrays.backend("strict").xp.ones(2)
    assert arrays.device(x) != arrays.backend("strict").device


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"backend must be one of .*'cupy'.*, got 'jax'"):
        arrays.backend("jax")


class _FakeDevice:
    pass


class _FakeArray:
    """An allocation of ones: it adds, and its one entry comes back from the device as `arrives`."""

    def __init__(self, arrives):
        self.arrives = arrives

    def __add__(self, other):
        return self

    def get(self):
        if isinstance(self.arrives, Exception):
            raise self.arrives
        return [self.arrives]


def _install_fake_cupy(monkeypatch, arrives):
    """Put modules in place of `cupy` and of its wrapper; return the wrapper."""
    import array_api_compat

    wrapper = SimpleNamespace(ones=lambda n, device: _FakeArray(arrives))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(Device=_FakeDevice)))
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", wrapper)
    monkeypatch.setattr(array_api_compat, "cupy", wrapper, raising=False)
    return wrapper


@pytest.mark.parametrize("arrives", [MemoryError("no memory"), RuntimeError("no device"), 0.0])
def test_cupy_is_refused_where_no_device_computes(monkeypatch, arrives):
    _install_fake_cupy(monkeypatch, arrives)
    with pytest.raises(
        RuntimeError, match=r"backend 'cupy' is not available here: .*(no memory|no device|0\.0)"
    ):
        arrays.backend("cupy")


def test_cupy_is_used_where_one_plus_one_comes_back(monkeypatch):
    wrapper = _install_fake_cupy(monkeypatch, 2.0)
    backend = arrays.backend("cupy")
    assert backend.xp is wrapper
    assert isinstance(backend.device, _FakeDevice)


def test_importing_arrays_imports_no_heavy_package():
    heavy = "{'scipy', 'cupy', 'array_api_strict', 'threadpoolctl', 'sympy', 'matplotlib'}"
    code = f"import sys, labs.core.arrays; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("wrong", [(), (1.0, 2), ([1.0],), ("a",)])
def test_no_array_has_no_namespace(wrong):
    with pytest.raises(ValueError, match="expected arrays of one library"):
        arrays.array_namespace(*wrong)


def test_arrays_of_two_libraries_have_no_namespace():
    with pytest.raises(ValueError, match=r"expected arrays of one library .*, got ndarray, Array"):
        arrays.array_namespace(np.ones(2), array_api_strict.ones(2))


# --- special functions -----------------------------------------------------

ARGUMENTS = {
    "gammaln": ([0.5, 3.0, 170.0],),
    "digamma": ([0.5, 3.0, 170.0],),
    "erf": ([-1.0, 0.0, 2.0],),
    "erfc": ([-1.0, 0.0, 20.0],),
    "ndtri": ([1e-9, 0.5, 0.9],),
    "betainc": ([0.5, 2.0, 8.0], [0.5, 1.0, 3.0], [0.1, 0.5, 0.9]),
    "gammainc": ([0.5, 2.0, 8.0], [0.1, 2.0, 20.0]),
}


@on_backends
@pytest.mark.parametrize("function", arrays.SPECIAL)
def test_special_functions_are_scipys_on_the_callers_device(function, name):
    backend, _ = start(name)
    inputs = [backend.asarray(a) for a in ARGUMENTS[function]]
    got = getattr(arrays.special(backend.xp), function)(*inputs)
    assert arrays.array_namespace(got) is backend.xp
    assert arrays.device(got) == backend.device
    np.testing.assert_array_equal(
        backend.to_numpy(got), getattr(reference, function)(*map(np.array, ARGUMENTS[function]))
    )


@on_backends
def test_special_functions_take_python_scalars_beside_arrays(name):
    backend, _ = start(name)
    got = arrays.special(backend.xp).betainc(2.0, backend.asarray([1.0, 3.0]), 0.5)
    np.testing.assert_array_equal(backend.to_numpy(got), reference.betainc(2.0, np.array([1.0, 3.0]), 0.5))


@pytest.mark.parametrize("names", [arrays.SPECIAL, arrays.SPECIAL[:-1]])
def test_a_special_extension_of_the_library_itself_is_used_if_it_is_complete(names):
    library = ModuleType("library")
    vars(library)["special"] = SimpleNamespace(**dict.fromkeys(names, abs))
    assert (arrays.special(library).erf is abs) == (names == arrays.SPECIAL)


def test_special_functions_without_an_array_are_refused():
    with pytest.raises(ValueError, match="expected arrays"):
        arrays.special(array_api_strict).gammaln(2.0)


# --- checks ----------------------------------------------------------------


def _message(check, **named):
    with pytest.raises(ValueError) as caught:
        check(**named)
    return str(caught.value)


@on_backends
def test_checks_let_good_arguments_through(name):
    backend, _ = start(name)
    x, empty = backend.asarray([0.5, 1.0]), backend.asarray(np.zeros((0, 3)))
    arrays.check_real(x=x, step=1, rate=0.5)
    arrays.check_finite(x=-x, empty=empty, step=-1)
    arrays.check_nonnegative(x=x - 0.5, step=0.0)
    arrays.check_positive(x=x, step=5e-324)
    arrays.check_shape((None,), x=x, empty=empty)
    arrays.check_shape((0, None), empty=empty)
    arrays.check_shape((), x=x)


@on_backends
def test_values_are_blamed_by_argument_and_place(name):
    backend, _ = start(name)
    good, bad = backend.asarray([1.0, 2.0]), backend.asarray([[1.0, 2.0], [-3.0, math.nan]])
    finite, nonnegative, positive = arrays.check_finite, arrays.check_nonnegative, arrays.check_positive
    assert _message(finite, g=good, q=bad) == "q must be finite, got nan at index (1, 1) of shape (2, 2)"
    assert (
        _message(nonnegative, g=good, q=bad)
        == "q must be finite and nonnegative, got -3.0 at index (1, 0) of shape (2, 2)"
    )
    assert (
        _message(positive, q=good - 1.0)
        == "q must be finite and positive, got 0.0 at index (0,) of shape (2,)"
    )
    assert _message(finite, q=backend.asarray(math.inf)) == "q must be finite, got inf"
    assert _message(finite, q=backend.asarray(-math.inf)) == "q must be finite, got -inf"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scalars_are_checked_like_arrays(value):
    for check in (arrays.check_finite, arrays.check_nonnegative, arrays.check_positive):
        assert _message(check, x=np.ones(2), step=value).startswith("step must be finite")
    assert _message(arrays.check_positive, step=0) == "step must be finite and positive, got 0"
    assert _message(arrays.check_nonnegative, step=-1e-300).endswith("nonnegative, got -1e-300")


def test_all_arguments_are_looked_at_with_one_host_sync():
    backend, counts = start("counting")
    x = backend.asarray([1.0, 2.0])
    counts.reset()
    arrays.check_nonnegative(a=x, b=x, c=x, d=2.0)
    assert counts.syncs.total() == 1
    counts.reset()
    arrays.check_real(a=x, b=x)
    arrays.check_shape((2,), a=x, b=x)
    arrays.check_finite(a=1.0)
    assert counts.syncs.total() == counts.launches.total() == 0


@on_backends
def test_other_types_are_refused_by_name(name):
    backend, _ = start(name)
    whole = backend.asarray([1, 2], dtype=backend.xp.int64)
    assert _message(arrays.check_real, n=whole).startswith(
        "n must be an array of real floating dtype, got dtype "
    )
    flag = backend.asarray([True], dtype=backend.xp.bool)
    assert _message(arrays.check_finite, flag=flag).startswith("flag must be an array of real floating dtype")
    wave = backend.asarray([1j], dtype=backend.xp.complex128)
    assert _message(arrays.check_finite, wave=wave).startswith("wave must be an array of real floating dtype")


@pytest.mark.parametrize(
    ("value", "kind"), [([1.0], "list"), (None, "NoneType"), (True, "bool"), ("1", "str")]
)
def test_other_objects_are_refused_by_name(value, kind):
    expected = f"x must be an array of real floating dtype, got an object of type {kind}"
    assert _message(arrays.check_positive, y=1.0, x=value) == expected


@on_backends
@pytest.mark.parametrize(
    ("trailing", "shape", "words"),
    [
        ((None,), (), "(..., any)"),
        ((None,), (4, 0), "(..., any)"),
        ((None, None), (3,), "(..., any, any)"),
        ((3,), (3, 2), "(..., 3)"),
        ((2, None), (2, 0), "(..., 2, any)"),
        ((2, 3), (3, 2), "(..., 2, 3)"),
    ],
)
def test_shapes_are_compared_from_the_end(trailing, shape, words, name):
    backend, _ = start(name)
    fits = backend.asarray(np.zeros((5, *(n or 1 for n in trailing))))
    expected = f"x must be an array of shape {words}, got shape {shape}"
    assert (
        _message(lambda x: arrays.check_shape(trailing, fits=fits, x=x), x=backend.asarray(np.zeros(shape)))
        == expected
    )


def test_a_shape_of_something_without_one_is_refused():
    with pytest.raises(
        ValueError, match=r"x must be an array of shape \(\.\.\., any\), got an object of type list"
    ):
        arrays.check_shape((None,), x=[1.0])


def test_host_routines_refuse_arrays_of_other_libraries():
    arrays.require_host(a=np.ones(2), b=[1.0], c=(1, 2), d=3.0, e=np.float64(1.0))
    foreign = array_api_strict.ones(2)
    expected = "b must be a NumPy array or a sequence of numbers, got an object of type array_api_strict"
    assert _message(arrays.require_host, a=1.0, b=foreign).startswith(expected)
    assert _message(arrays.require_host, a=None).endswith("got an object of type NoneType")


def test_one_blas_thread_holds_inside_and_is_undone_outside():
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads():
        return {p["filepath"]: p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        assert 2 in before.values()  # a BLAS that some package brings may know one thread only
        with arrays.one_blas_thread():
            assert set(threads().values()) == {1}
        assert threads() == before
