"""The search for the worst instance of an inequality."""

import numpy as np
import pytest

from tests.tightness import worst_case
from theory.evidence import exact, measured


def stream():
    return np.random.Generator(np.random.Philox(7))


def means(x):
    """Harmonic mean <= arithmetic mean, sharp where all are equal."""
    return measured(len(x) / np.sum(1 / x), np.mean(x), 1e-12, "<=")


def test_it_finds_the_sharp_instance():
    best = worst_case(means, lambda p: (p,), dimension=3, lower=1e-3, upper=1e3, stream=stream(), starts=2)
    assert 1 - 1e-9 < best <= 1 + 1e-12


def test_it_finds_a_maximum_at_the_edge_of_the_box():
    def check(x, y):
        return measured(x, y, 0, "<=")  # worst where x is largest and y smallest

    best = worst_case(
        check, lambda p: (p[0], p[1] + 8), dimension=2, lower=1, upper=2, stream=stream(), starts=1, steps=200
    )
    assert best == pytest.approx(2 / 9, rel=1e-6)


def test_it_is_the_same_on_every_run_and_stays_in_the_box():
    seen = []

    def check(x):
        seen.append(x)
        return means(x)

    def search():
        return worst_case(
            check, lambda p: (p,), dimension=2, lower=0.5, upper=2, stream=stream(), starts=3, steps=20
        )

    assert search() == search()
    assert np.min(seen) >= 0.5 * (1 - 1e-12)
    assert np.max(seen) <= 2 * (1 + 1e-12)
    assert len(seen) <= 2 * 3 * (20 + 3)  # the simplex may be finished after the last step


def test_a_violated_instance_ends_the_search():
    def check(x):
        if x[0] > 1:
            raise AssertionError("violated")
        return measured(x[0], 1.0, 0, "<=")

    with pytest.raises(AssertionError, match="violated"):
        worst_case(check, lambda p: (p,), dimension=1, lower=0.1, upper=10, stream=stream())


def test_it_needs_a_ratio():
    with pytest.raises(ValueError, match="reports no ratio"):
        worst_case(lambda x: exact(1, 1), lambda p: (p,), dimension=1, lower=1, upper=2, stream=stream())


@pytest.mark.parametrize(
    "change", [{"lower": 0.0}, {"lower": 3.0}, {"dimension": 0}, {"starts": 0}, {"steps": 0}]
)
def test_it_refuses_a_bad_box_and_bad_counts(change):
    arguments = {"dimension": 1, "lower": 1.0, "upper": 2.0, "stream": stream()} | change
    with pytest.raises(ValueError, match="worst_case needs"):
        worst_case(means, lambda p: (p,), **arguments)
