"""Every public kernel keeps the contract on every backend (see tests/kernels.py for how one is declared)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from labs.core.arrays import array_namespace, check_nonnegative, check_shape, device, to_numpy
from tests import kernels
from tests.kernels import Kernel, declared, leading, move, outputs, start, vectors

on_kernels = pytest.mark.parametrize("kernel", declared(), ids=lambda k: k.name.removeprefix("labs."))
on_backends = pytest.mark.parametrize("name", kernels.backends())


def agree(kernel: Kernel, got, expected, what: str) -> None:
    """Raise AssertionError unless `got` has the shape, the dtype and the values of NumPy's answer."""
    got, expected = to_numpy(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), what
    if expected.dtype.kind != "f":
        assert np.array_equal(got, expected), what
        return
    np.testing.assert_allclose(
        got, expected, rtol=kernel.tolerance, atol=kernel.absolute, equal_nan=False, err_msg=what
    )


@on_backends
@on_kernels
def test_the_answer_is_numpys_in_the_callers_library_and_the_input_is_untouched(kernel, name):
    expected = outputs(kernel.function(**kernel.arguments(start("numpy")[0])))
    backend, _ = start(name)
    arguments = kernel.arguments(backend)
    before = {key: to_numpy(arguments[key]).copy() for key in kernel.core}
    results = outputs(kernel.function(**arguments))

    assert results.keys() == expected.keys()
    for path, result in results.items():
        agree(kernel, result, expected[path], f"{kernel.name} on {name}: {path}")
        if kernels.is_numeric(result):
            assert array_namespace(result) is backend.xp, f"{path} left its library"
            assert device(result) == backend.device, f"{path} left its device"
    for key, value in before.items():
        np.testing.assert_array_equal(to_numpy(arguments[key]), value, err_msg=f"{key} was written to")


@on_kernels
def test_a_batch_is_a_loop_over_its_items(kernel):
    numpy, _ = start("numpy")
    arguments = kernel.arguments(numpy)
    batch = kernel.batch(arguments)
    assert batch, "the example must have a batch axis"
    whole = outputs(kernel.function(**arguments))
    for index in np.ndindex(batch):
        item = dict(arguments)
        for key, core in kernel.core.items():
            value = arguments[key]
            full = np.broadcast_to(value, batch + value.shape[value.ndim - core :])
            item[key] = move(full[index], numpy)
        for path, alone in outputs(kernel.function(**item)).items():
            if hasattr(whole[path], "shape"):
                agree(kernel, whole[path][index], alone, f"{kernel.name}: item {index} of {path}")


@on_backends
@on_kernels
def test_an_empty_batch_gives_an_empty_answer(kernel, name):
    backend, _ = start(name)
    arguments = kernel.arguments(backend)
    batch = kernel.batch(arguments)
    full = outputs(kernel.function(**arguments))
    for key, core in kernel.core.items():
        value = arguments[key]
        shape = (0,) * bool(leading(value, core)) + tuple(value.shape[value.ndim - core :])
        arguments[key] = backend.xp.zeros(shape, dtype=value.dtype, device=backend.device)
    for path, result in outputs(kernel.function(**arguments)).items():
        if hasattr(result, "shape"):
            assert tuple(result.shape) == (0, *full[path].shape[len(batch) :]), path


@on_backends
@pytest.mark.parametrize(
    ("kernel", "change", "argument"),
    [
        pytest.param(k, *bad, id=f"{k.name.removeprefix('labs.')}-{i}")
        for k in declared()
        for i, bad in enumerate(k.bad)
    ],
)
def test_bad_input_raises_an_error_that_names_the_argument(kernel, change, argument, name):
    backend, _ = start(name)
    arguments = kernel.arguments(backend) | {key: move(value, backend) for key, value in change.items()}
    with pytest.raises(ValueError, match=rf"^{argument}\b.* must .*got "):
        kernel.function(**arguments)


@on_kernels
def test_a_kernel_says_what_bad_input_is(kernel):
    assert set(kernel.core) <= {argument for _, argument in kernel.bad}


@on_kernels
def test_a_call_keeps_within_its_budget_on_a_device(kernel):
    backend, counts = start("counting")
    arguments = kernel.arguments(backend)
    counts.reset()
    result = kernel.function(**arguments)
    spent = str(counts)
    totals = {title: getattr(counts, title).total() for title in ("launches", "syncs", "looped")}
    iterations = kernel.iterations(result)
    for title, total in totals.items():
        used, budget = total / iterations, getattr(kernel, title)
        assert used <= budget, f"{kernel.name}: {used:g} {title}, budget {budget:g}.  {spent}"
        assert budget <= 2 * used, (
            f"{kernel.name}: a budget of {budget:g} {title} for {used:g} forbids nothing"
        )


@on_kernels
def test_launches_do_not_grow_with_the_batch(kernel):
    def cost(times: int) -> int:
        backend, counts = start("counting")
        arguments = kernel.arguments(backend)
        for key, core in kernel.core.items():
            if leading(arguments[key], core):
                arguments[key] = backend.xp.concat([arguments[key]] * times, axis=0)
        counts.reset()
        kernel.function(**arguments)
        return counts.launches.total() - counts.looped.total()

    assert cost(3) == cost(1), "launches grow with the batch: some loop runs over its items"


def test_every_kernel_is_declared_once_and_every_entry_is_a_kernel():
    marked = {name for name, function in kernels.public_functions() if kernels.kind(function) == kernels.MARK}
    names = [kernel.name for kernel in declared()]
    assert len(set(names)) == len(names)
    assert set(names) == marked


def test_every_function_that_names_an_array_library_says_which_kind_it_is():
    unmarked = [
        name
        for name, function in kernels.public_functions()
        if kernels.names_an_array_library(function) and not kernels.kind(function)
    ]
    assert not unmarked, f'begin the docstring with "{kernels.MARK}" or "{kernels.HOST_MARK}": {unmarked}'


def test_the_contract_runs_on_cupy_where_a_device_allocates():
    missing = kernels.cupy_missing()
    if missing:
        pytest.skip(missing)
    assert "cupy" in kernels.backends()


# --- the contract catches what breaks it ---------------------------------------------------------------


def good(s):
    check_shape((None,), s=s)
    check_nonnegative(s=s)
    return array_namespace(s).sum(s * s, axis=-1)


def writes_to_its_input(s):
    s *= 2.0
    return good(s) / 4.0


def writes_where_arrays_are_not_read_only(s):
    return good(s) if isinstance(s, np.ndarray) else writes_to_its_input(s)


def answers_in_numpy(s):
    return np.asarray(good(s)) if isinstance(s, np.ndarray) else to_numpy(good(s))


def forgets_the_device(s):
    return array_namespace(s).zeros(s.shape[:-1]) + good(s)


def depends_on_the_library(s):
    return good(s) if isinstance(s, np.ndarray) else good(s) * (1.0 + 1e-12)


def mixes_the_batch(s):
    return good(s) / array_namespace(s).max(s)


def fails_on_an_empty_batch(s):
    return good(s) + 0.0 * array_namespace(s).max(s)


def checks_nothing(s):
    return array_namespace(s).sum(s * s, axis=-1)


def loops_over_the_batch(s):
    xp = array_namespace(s)
    return xp.stack([good(s[i, :]) for i in range(s.shape[0])])


def waits_twice(s):
    check_nonnegative(s=s)
    return good(s)


def declare(function, launches=6.0, syncs=1.0):
    s = np.arange(12.0).reshape(4, 3)
    return Kernel(
        function,
        lambda _: {"s": s},
        {"s": 1},
        vectors("s", s, nonnegative=True),
        launches=launches,
        syncs=syncs,
    )


def run_bad(kernel, name):
    for change, argument in kernel.bad:
        test_bad_input_raises_an_error_that_names_the_argument(kernel, change, argument, name)


same = test_the_answer_is_numpys_in_the_callers_library_and_the_input_is_untouched
budget = test_a_call_keeps_within_its_budget_on_a_device


@pytest.mark.parametrize(
    ("function", "check", "arguments", "complaint"),
    [
        (writes_to_its_input, same, ["numpy"], "read-only"),
        (writes_where_arrays_are_not_read_only, same, ["strict"], "written to"),
        (answers_in_numpy, same, ["strict"], "left its library"),
        (forgets_the_device, same, ["strict"], "different devices"),
        (depends_on_the_library, same, ["counting"], "on counting: result"),
        (mixes_the_batch, test_a_batch_is_a_loop_over_its_items, [], "item"),
        (fails_on_an_empty_batch, test_an_empty_batch_gives_an_empty_answer, ["numpy"], "zero-size"),
        (checks_nothing, run_bad, ["numpy"], "DID NOT RAISE"),
        (loops_over_the_batch, test_launches_do_not_grow_with_the_batch, [], "grow"),
        (waits_twice, budget, [], "budget"),
    ],
)
def test_a_kernel_that_breaks_the_contract_is_caught(function, check, arguments, complaint):
    check(declare(good), *arguments)
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception), match=complaint):
        check(declare(function), *arguments)


@pytest.mark.parametrize(("launches", "syncs"), [(5.0, 1.0), (13.0, 1.0), (6.0, 0.0), (6.0, 3.0)])
def test_a_budget_that_is_too_tight_or_forbids_nothing_is_caught(launches, syncs):
    with pytest.raises(AssertionError, match=r"upper bounds|forbids nothing"):
        budget(declare(good, launches, syncs))


@dataclass(frozen=True)
class Answer:
    q: Any
    status: Any
    steps: int


def iterative(s, H):
    """A result with a status in words, and a count that belongs to the call and not to an item."""
    total = good(s)
    return Answer(total**H, np.where(to_numpy(total) > 60.0, "large", "small"), steps=4), total


def test_a_result_may_be_a_dataclass_with_words_and_a_budget_per_iteration():
    s = np.arange(12.0).reshape(4, 3)
    kernel = Kernel(
        iterative,
        lambda _: {"s": s, "H": 2.0},
        {"s": 1},
        vectors("s", s),
        launches=2.0,
        syncs=0.5,
        iterations=lambda result: result[0].steps,
    )
    assert list(outputs(iterative(s, 2.0))) == ["result.0.q", "result.0.status", "result.0.steps", "result.1"]
    for name in kernels.ALWAYS:
        same(kernel, name)
    test_a_batch_is_a_loop_over_its_items(kernel)
    test_an_empty_batch_gives_an_empty_answer(kernel, "strict")
    budget(kernel)


def test_no_public_function_of_a_module_is_overlooked():
    class Curve:
        def __init__(self): ...
        def __call__(self): ...
        def slope(self): ...
        def _helper(self): ...
        @staticmethod
        def flat(): ...
        @property
        def height(self): ...

    class _Private:
        def method(self): ...

    def plain(): ...

    module = ModuleType(__name__)
    vars(module).update(
        Curve=Curve,
        _Private=_Private,
        plain=plain,
        cached=cache(lambda: None),
        _plain=plain,
        ndim=np.ndim,
        two=2,
    )
    found = [name.rpartition("<locals>.")[2] for name, _ in kernels.public_in(module)]
    assert found == ["Curve.__call__", "Curve.slope", "Curve.flat", "plain", "<lambda>"]


def test_the_public_modules_of_labs_are_looked_at_and_the_machinery_is_not():
    modules = {function.__module__ for _, function in kernels.public_functions()}
    assert {"labs.core.spectrum", "labs.core.streams", "labs.core.sources"} <= modules
    assert not modules & {"labs.core.arrays", "labs.__main__"}


def test_bad_vectors_are_bad_in_every_way_that_is_promised():
    s = np.ones((2, 3))
    wrong = [change["s"] for change, _ in vectors("s", s)]
    arrays = [w for w in wrong if isinstance(w, np.ndarray)]
    assert sorted(w.shape for w in arrays) == [(), (2, 0), (2, 3), (2, 3), (2, 3)]
    assert [w[-1, -1] for w in arrays[:2]] == pytest.approx([np.nan, np.inf], nan_ok=True)
    assert all((w.ravel()[:-1] == 1.0).all() for w in arrays[:2])
    assert {w.dtype.kind for w in arrays} == {"f", "i"}
    assert [w for w in wrong if not isinstance(w, np.ndarray)] == [s.tolist(), None]
    (negative,) = [change["s"] for change, _ in vectors("s", s, nonnegative=True)][len(wrong) :]
    assert (negative < 0.0).sum() == 1


def test_what_names_an_array_library_is_told_from_a_closed_form():
    def closed_form(x):
        return x / (1 + x**2)

    def kernel(x):
        """Kernel: a square."""
        return array_namespace(x).square(x)

    def host(x):
        """Host routine: a square."""
        return np.square(x)

    assert [kernels.kind(f) for f in (closed_form, kernel, host)] == ["", kernels.MARK, kernels.HOST_MARK]
    assert [kernels.names_an_array_library(f) for f in (closed_form, kernel, host)] == [False, True, True]
