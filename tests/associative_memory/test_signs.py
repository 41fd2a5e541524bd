"""Schedules, and what the scalar recursion promises besides its claims."""

from __future__ import annotations

import numpy as np
import pytest

from labs.associative_memory.margins import item_excess, optimal_margin
from labs.associative_memory.reduced import Reduced
from labs.associative_memory.schedules import constant, cosine, halving, polynomial
from labs.associative_memory.signs import (
    operator_norm_bound,
    phase_averaged_excess,
    sign_errors,
    stratified_steps,
    two_cycle,
)


def test_schedules_begin_at_one_and_never_reach_zero() -> None:
    for shape in (constant(7), polynomial(7, 1.0), polynomial(7, 2.5), cosine(7), halving(3, 2)):
        assert shape[0] == 1.0
        assert np.all(shape > 0.0)
        assert np.all(np.diff(shape) <= 0.0)


def test_the_shapes_of_schedules() -> None:
    t = np.arange(8) / 8
    np.testing.assert_array_equal(constant(8), np.ones(8))
    np.testing.assert_allclose(polynomial(8, 3.0), (1 - t) ** 3, rtol=1e-15)
    np.testing.assert_allclose(cosine(8), (1 + np.cos(np.pi * t)) / 2, rtol=1e-14)
    np.testing.assert_array_equal(halving(3, 2), [1, 1, 0.5, 0.5, 0.25, 0.25])
    np.testing.assert_array_equal(halving(3), [1, 0.5, 0.25])
    np.testing.assert_array_equal(constant(1), [1])
    # The last entry to its own accuracy: (pi/(2 T))^2 less a relative (pi/(2 T))^2/3.
    small = (np.pi / 2e6) ** 2
    assert cosine(10**6)[-1] == pytest.approx(small * (1 - small / 3), rel=1e-14)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: constant(0), "steps"),
        (lambda: polynomial(True, 1.0), "steps"),
        (lambda: polynomial(3, -1.0), "power"),
        (lambda: polynomial(3, np.inf), "power"),
        (lambda: cosine(-2), "steps"),
        (lambda: halving(0), "stages"),
        (lambda: halving(2, 0), "each"),
        (lambda: stratified_steps(-1.0, 0.1, 4), "target"),
        (lambda: stratified_steps(1.0, 0.0, 4), "near"),
        (lambda: stratified_steps(1.0, 0.1, 0), "count"),
        (lambda: polynomial(3, np.ones(3)), "power"),  # type: ignore[arg-type]
        (lambda: stratified_steps(np.ones(2), 0.1, 4), "target"),  # type: ignore[arg-type]
        (lambda: stratified_steps(1.0, np.nan, 4), "near"),
        (lambda: operator_norm_bound(0.5, np.array(1.0)), "K"),
        (lambda: operator_norm_bound(10, -1.0), "R"),
        (lambda: phase_averaged_excess(1.0, 1000.0, 0.2), "eta"),
    ],
)
def test_bad_input_is_named(make, name) -> None:
    with pytest.raises(ValueError, match=f"^{name}"):
        make()


def test_the_recursion_is_that_of_a_memory_of_one_group() -> None:
    target = optimal_margin(50.0, 0.3)
    eta, shape = 2.5 * target / 40, polynomial(40, 1.0)
    run = Reduced((50,), np.ones(1), 0.3).simulate(eta, 40, "muon", schedule=shape)
    errors = sign_errors(np.array(-target), eta * shape)
    np.testing.assert_allclose(run.contrasts[:, 0] - target, errors, atol=1e-13)
    np.testing.assert_allclose(run.excess, item_excess(errors, 50.0, 0.3), rtol=1e-9, atol=1e-28)


def test_an_error_of_zero_stays_and_a_two_cycle_of_a_divisor_is_zero() -> None:
    np.testing.assert_array_equal(sign_errors(np.array(-1.0), np.full(6, 0.25))[4:], np.zeros(3))
    below, above = two_cycle(np.array([1.0, 1.1]), np.array(0.25))
    np.testing.assert_array_equal([below[0], above[0]], [0.0, 0.0])
    np.testing.assert_allclose([below[1], above[1]], [-0.1, 0.15], rtol=1e-14)


def test_the_smallest_instances() -> None:
    np.testing.assert_array_equal(sign_errors(np.array(-1.0), np.array([0.25])), [-1.0, -0.75])
    np.testing.assert_array_equal(operator_norm_bound(np.array([1.0, 2.0]), 0.0), [0.0, np.log(2.0)])
    assert operator_norm_bound(2, 0.0) == np.log(2.0)
    assert isinstance(operator_norm_bound(2, 0.0), float)


def test_steps_near_a_wish_have_evenly_spread_phases() -> None:
    eta = stratified_steps(8.0, 0.3, 4)
    np.testing.assert_allclose(8.0 / eta, 26 + np.array([0.125, 0.375, 0.625, 0.875]), rtol=1e-15)
    np.testing.assert_allclose(8.0 / stratified_steps(8.0, 100.0, 1), [1.5], rtol=1e-15)


def test_the_phase_average_to_its_promised_accuracy() -> None:
    from scipy.integrate import quad

    for eta, rtol in ((0.5, 1e-13), (2.0, 1e-13), (20.0, 1e-6)):
        expected = quad(lambda e: item_excess(e, 1000.0, 0.2), -eta, eta, epsabs=0, epsrel=1e-13, limit=200)[
            0
        ]
        found = float(phase_averaged_excess(np.array(eta), 1000.0, 0.2))
        assert found == pytest.approx(expected / (2 * eta), rel=rtol)
