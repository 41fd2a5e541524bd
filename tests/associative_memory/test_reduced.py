"""The reduced memory at its edges: bad arguments, degenerate groups, late times, huge steps, batches."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.margins import item_excess, masses_of_power_law, optimal_margin
from labs.associative_memory.reduced import Reduced
from labs.core.polar import TUNED
from labs.core.streams import stream

RULES = ("gd", "ngd", "tra-signgd", "muon", "muon-ns5", "polar-express")
HALVES = np.array([0.5, 0.5])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("sizes", {"sizes": ()}),
        ("sizes", {"sizes": (2, 0)}),
        ("sizes", {"sizes": (2, 1.0)}),
        ("sizes", {"sizes": (2, True)}),
        ("sizes", {"sizes": 2}),
        ("sizes", {"sizes": None}),
        ("sizes", {"sizes": np.array(2)}),
        ("masses", {"masses": np.array([0.5, 0.4])}),
        ("masses", {"masses": np.array([0.5, 0.5 + 1e-11])}),
        ("masses", {"masses": np.array([1.5, -0.5])}),
        ("masses", {"masses": np.array([np.nan, 0.5])}),
        ("masses", {"masses": np.ones(3) / 3}),
        ("masses", {"masses": HALVES.astype(np.float32)}),
        ("alpha", {"alpha": -0.1}),
        ("alpha", {"alpha": 1.1}),
        ("alpha", {"alpha": math.nan}),
        ("alpha", {"alpha": np.array([0.1, 2.0])}),
        ("alpha", {"alpha": np.array([0.1], dtype=np.float32)}),
    ],
)
def test_bad_memories(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must"):
        Reduced(**{"sizes": (2, 3), "masses": HALVES, "alpha": 0.1, **change})


def test_batches_that_do_not_fit() -> None:
    memory = Reduced((2, 3), np.stack([HALVES] * 2), 0.1)
    good: dict[str, Any] = {"eta": 0.1, "steps": 4, "rule": "gd"}
    wrong = np.ones(3), np.ones((3, 4)), (np.zeros((3, 2)), np.zeros((2, 2)))
    for name, value in zip(("eta", "schedule", "start"), wrong, strict=True):
        with pytest.raises(ValueError, match=r"^eta must have batch axes.* masses \(2,\)"):
            memory.simulate(**(good | {name: value}))


def test_masses_may_be_rounded() -> None:
    assert Reduced((2, 3), HALVES + np.array([0.0, 5e-13]), 0.1).sizes == (2, 3)


@pytest.mark.parametrize("rule", RULES)
def test_pure_noise_teaches_nothing(rule: str) -> None:
    run = Reduced((3, 1, 4), np.array([0.5, 0.3, 0.2]), 1.0).simulate(0.7, 5, rule)
    assert np.all(run.contrasts == 0.0)
    assert np.all(run.blocks == 0.0)
    np.testing.assert_allclose(run.loss, np.log(8.0), rtol=1e-15)
    np.testing.assert_allclose(run.excess, 0.0, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_one_fact_has_no_loss(rule: str) -> None:
    run = Reduced((1,), np.array([1.0]), 0.0).simulate(0.5, 3, rule)
    assert np.all(run.loss == 0.0)


def test_two_facts_have_one_wrong_answer_each() -> None:
    memory = Reduced((1, 1), np.array([0.7, 0.3]), 0.1)
    run = memory.simulate(0.4, 5, "gd")
    logits = memory.logits(run.contrasts[-1], run.blocks)
    wrong = np.diag(logits[::-1])  # of either column: What_10, What_01
    np.testing.assert_allclose(run.margins[-1], np.diag(logits) - wrong, rtol=1e-14)


def test_one_group_is_one_margin() -> None:
    run = Reduced((50,), np.array([1.0]), 0.2).simulate(0.1, 60, "muon")
    margin, best = 0.0, float(optimal_margin(50.0, 0.2))
    for t in range(61):
        # The contrast is the margin: a group of 50 has other logits that agree.
        assert run.contrasts[t, 0] == pytest.approx(margin, abs=1e-13)
        assert run.margins[t, 0] == pytest.approx(margin, abs=1e-13)
        margin += 0.1 if margin < best else -0.1


@pytest.mark.parametrize("rule", RULES)
def test_what_is_never_asked_is_never_moved(rule: str) -> None:
    run = Reduced((3, 2, 1), np.array([0.6, 0.0, 0.4]), 0.1).simulate(0.3, 6, rule)
    assert np.all(run.contrasts[:, 1] == 0.0)
    assert np.all(run.blocks[:, 1] == 0.0)
    assert np.all(np.isfinite(run.loss))


def test_late_times_without_noise_keep_their_digits() -> None:
    """Margins far above 36, where 1 - Q rounds to 0."""
    M, C, eta, steps = 3, 4, 1.0, 500
    run = Reduced((C,) * M, masses_of_power_law(1.5, M), 0.0).simulate(eta, steps, "muon")
    np.testing.assert_allclose(run.contrasts[-1], eta * steps, rtol=1e-12)
    assert 300 < np.min(run.margins[-1]) < 600
    np.testing.assert_allclose(run.group_excess[-1], (C * M - 1) * np.exp(-run.margins[-1]), rtol=1e-13)
    assert np.all(np.diff(run.loss) < 0.0)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("alpha", [0.0, 1e-12, 0.3])
def test_huge_steps_do_not_overflow(rule: str, alpha: float) -> None:
    run = Reduced((3, 1, 4), np.array([0.5, 0.3, 0.2]), alpha).simulate(1e5, 6, rule)
    assert np.all(np.isfinite(run.loss))
    assert np.all(run.excess >= 0.0)


@pytest.mark.parametrize("distance", [3.0, 1e-2, 1e-6, 1e-9])
def test_excess_keeps_its_digits(distance: float) -> None:
    """A state at a distance from the optimum, against the definition with fifty digits."""
    sizes, alpha = (3, 1, 4), 0.2
    K, M = sum(sizes), 3
    memory = Reduced(sizes, np.array([0.5, 0.3, 0.2]), alpha)
    draw = stream("near the optimum", str(distance))
    c = np.sqrt(np.array(sizes) / K)
    best = float(optimal_margin(float(K), alpha))
    x = np.array([1.0, 0.0, 1.0]) * (best + distance * draw.standard_normal(M))
    S = best * (np.eye(M) - np.outer(c, c)) + distance * draw.standard_normal((M, M))
    found = memory.simulate(1.0, 0, "gd", start=(x, S)).group_excess[0]
    logits = memory.logits(x, S)
    for a, j in enumerate((0, 3, 4)):
        with mpmath.workdps(50):
            P = [mpmath.mpf(alpha) / K + (1 - mpmath.mpf(alpha)) * int(i == j) for i in range(K)]
            total = mpmath.fsum(mpmath.exp(mpmath.mpf(float(y))) for y in logits[:, j])
            log_q = [mpmath.mpf(float(y)) - mpmath.log(total) for y in logits[:, j]]
            exact = mpmath.fsum(w * (mpmath.log(w) - y) for w, y in zip(P, log_q, strict=True))
        # The logits are of size m* = 3.5 and rounded: an error of some 8 eps m* in `distance`.
        tolerance = 1e-13 + 1e-13 / distance
        assert found[a] == pytest.approx(float(exact), rel=tolerance)


def test_excess_of_one_margin_is_that_of_the_item() -> None:
    run = Reduced((40,), np.array([1.0]), 0.3).simulate(0.07, 100, "muon")
    error = run.margins[:, 0] - float(optimal_margin(40.0, 0.3))
    np.testing.assert_allclose(run.excess, item_excess(error, 40.0, 0.3), rtol=1e-11)


@pytest.mark.parametrize("rule", RULES)
def test_batches_broadcast(rule: str) -> None:
    """Step sizes (2, 1, 1), noise levels (3, 1), masses (2, M), a schedule of each, against single runs."""
    eta, alpha = np.array([0.1, 0.4])[:, None, None], np.array([0.0, 0.1, 0.3])[:, None]
    masses = masses_of_power_law(np.array([1.5, 3.0]), 3)
    schedule = np.array([[1.0, 0.5, 0.25], [1.0, 1.0, 0.0]])
    whole = Reduced((2, 1, 3), masses, alpha).simulate(eta, 3, rule, schedule=schedule, momentum=0.5)
    assert whole.loss.shape == (2, 3, 2, 4)
    assert whole.contrasts.shape == whole.margins.shape == (2, 3, 2, 4, 3)
    assert whole.blocks.shape == (2, 3, 2, 3, 3)
    for i, j, k in np.ndindex(2, 3, 2):
        one = Reduced((2, 1, 3), masses[k], float(alpha[j, 0])).simulate(
            float(eta[i, 0, 0]), 3, rule, schedule=schedule[k], momentum=0.5
        )
        np.testing.assert_allclose(whole.loss[i, j, k], one.loss, rtol=1e-12)
        np.testing.assert_allclose(whole.blocks[i, j, k], one.blocks, atol=1e-12)


def test_keeping_the_end_alone() -> None:
    memory = Reduced((2, 3), np.array([0.7, 0.3]), 0.1)
    whole, end = (memory.simulate(0.2, 7, "muon", last=last) for last in (False, True))
    assert end.loss.shape == (1,)
    for name in ("loss", "excess", "margins", "group_excess", "contrasts"):
        np.testing.assert_array_equal(getattr(end, name)[-1], getattr(whole, name)[-1])
    np.testing.assert_array_equal(end.blocks, whole.blocks)


def test_a_rule_may_be_a_schedule_of_polynomials() -> None:
    memory = Reduced((2, 3), np.array([0.7, 0.3]), 0.1)
    named, given = (memory.simulate(0.2, 4, rule) for rule in ("muon-ns5", [TUNED] * 5))
    np.testing.assert_array_equal(named.loss, given.loss)


def test_a_run_goes_on_from_where_it_stopped() -> None:
    memory = Reduced((2, 3), np.array([0.7, 0.3]), 0.1)
    whole = memory.simulate(0.2, 7, "muon")
    half = memory.simulate(0.2, 3, "muon")
    rest = memory.simulate(0.2, 4, "muon", start=(half.contrasts[-1], half.blocks))
    np.testing.assert_array_equal(rest.loss, whole.loss[3:])


def test_margins_and_losses_of_the_groups_are_those_of_their_items() -> None:
    sizes, masses = (3, 1, 4), np.array([0.6, 0.1, 0.3])
    p = np.repeat(masses / np.array(sizes), sizes)
    for alpha in (0.0, 0.2):
        run = Reduced(sizes, masses, alpha).simulate(0.3, 6, "muon")
        whole = simulate(p, alpha, 0.3, 6, "muon")
        item_losses = whole.item_loss - (whole.loss - whole.excess)[:, None]
        for a, j in enumerate((0, 3, 4)):
            np.testing.assert_allclose(run.margins[:, a], whole.margins[:, j], atol=1e-13)
            np.testing.assert_allclose(run.group_excess[:, a], item_losses[:, j], atol=1e-13)


def test_a_run_stands_for_its_end() -> None:
    """As a start, and for its logits; a batch of runs with its axes."""
    memory = Reduced((2, 3), np.array([0.7, 0.3]), 0.1)
    eta = np.array([0.1, 0.2, 0.4])
    whole, half = (memory.simulate(eta, steps, "muon") for steps in (7, 3))
    rest = memory.simulate(eta, 4, "muon", start=half)
    np.testing.assert_array_equal(rest.loss, whole.loss[:, 3:])
    found = memory.logits(rest)
    assert found.shape == (3, 5, 5)
    np.testing.assert_array_equal(found, memory.logits(*whole.end))
    np.testing.assert_array_equal(found[1], memory.logits(whole.contrasts[1, -1], whole.blocks[1]))
    p = np.repeat(np.array([0.7, 0.3]) / np.array([2, 3]), [2, 3])
    np.testing.assert_allclose(found, simulate(p, 0.1, eta, 7, "muon").logits, atol=1e-13)


@pytest.mark.parametrize("start", [None, 1.0, np.zeros(2), (np.zeros(2),), "xS"])
def test_what_is_no_state(start: Any) -> None:
    memory = Reduced((2, 3), HALVES, 0.1)
    with pytest.raises(ValueError, match=r"^(blocks|contrasts) must"):
        memory.logits(start)
    if start is not None:
        with pytest.raises(ValueError, match=r"^start must be a pair"):
            memory.simulate(0.1, 1, "gd", start=start)


def test_a_run_starts_without_a_history() -> None:
    memory = Reduced((2, 3), np.array([0.7, 0.3]), 0.1)
    state = np.array([1.0, -0.5]), np.array([[0.3, -0.1], [-0.2, 0.4]])
    plain, heavy = (memory.simulate(0.2, 1, "gd", momentum=mu, start=state) for mu in (0.0, 0.9))
    np.testing.assert_array_equal(plain.blocks, heavy.blocks)


def test_a_million_facts() -> None:
    """The mean block stays orthogonal to c, and contrasts are eta t until the first of them turns."""
    M = 100
    memory = Reduced((10**4,) * M, masses_of_power_law(2.0, M), 0.2)
    run = memory.simulate(0.5, 30, "muon")
    np.testing.assert_allclose(run.contrasts, 0.5 * np.arange(31.0)[:, None] * np.ones(M), rtol=1e-14)
    assert np.max(np.abs(np.full(M, 0.1) @ run.blocks)) < 1e-10
    assert run.loss[0] == pytest.approx(math.log(1e6), rel=1e-14)
    assert np.all(np.diff(run.loss) < 0.0)


def test_logits_have_the_entries_of_the_form() -> None:
    sizes = (2, 1, 3)
    memory = Reduced(sizes, np.array([0.5, 0.3, 0.2]), 0.0)
    x, S = np.array([2.0, 7.0, -1.0]), np.arange(9.0).reshape(3, 3)
    group = np.repeat(np.arange(3), sizes)
    C = np.array(sizes, dtype=float)
    x = np.where(C > 1, x, 0.0)  # a group of one item has no contrast: whatever is given is not used
    expected = np.diag(x[group]) - (x / C)[group] * (group[:, None] == group) + (S / np.sqrt(np.outer(C, C)))[
        np.ix_(group, group)
    ]  # fmt: skip
    np.testing.assert_allclose(memory.logits(np.array([2.0, 7.0, -1.0]), S), expected, rtol=1e-14)
