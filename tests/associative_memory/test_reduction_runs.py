"""AML-T1.f, g: reduced steps and runs are those of the whole memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import sympy

from labs.associative_memory import dense
from labs.associative_memory._blocks import POLYNOMIALS, direction
from labs.associative_memory.reduced import Reduced
from labs.core.spectrum import zoo
from labs.core.streams import stream
from tests.associative_memory.grouped import (
    GROUPED,
    NOISE,
    RULES,
    Sizes,
    across,
    formal_groups,
    frequencies,
    same,
)
from tests.referee import check, control, restates, verifies
from theory.associative_memory import reduction
from theory.associative_memory.reduction import AML_T1f, AML_T1g
from theory.evidence import Evidence, measured

# --- (f) one step ------------------------------------------------------------------------------------------------


@check(AML_T1f)
def exact_direction(sizes: Sizes, rule: str, entries: Sequence[Sequence[int]]) -> Evidence:
    """labs' direction of a gradient of integers, lifted, against the rule on the whole matrix."""
    group = reduction.groups_of(sizes)
    K = sum(sizes)
    G = sympy.Matrix(K, K, lambda i, j: 0 if i == j else entries[group[i]][group[j]])
    for j in range(K):
        G[j, j] = -sum(G[:, j])
    of = reduction.memory(sizes)
    x, S = direction(formal_groups(sizes), rule, (), across(of, G))
    expected = G if rule == "gd" else G.applyfunc(sympy.sign)
    return same(reduction.lift(sizes, list(x), sympy.Matrix(S.tolist())), expected)


@check(AML_T1f)
def one_step(
    sizes: tuple[int, ...], masses: Sequence[float], alpha: Sequence[float], rule: str, eta: float, steps: int
) -> Evidence:
    """Phat after one whole step from each state of reduced runs, against Phat after the reduced step."""
    memory = Reduced(sizes, np.array(masses), np.array(alpha))
    M = len(sizes)
    states = [(np.zeros((len(alpha), M)), np.zeros((len(alpha), M, M)))]
    for _ in range(steps):
        run = memory.simulate(eta, 1, rule, start=states[-1], last=True)
        states.append((run.contrasts[:, -1], run.blocks))
    lifted = np.stack([memory.logits(*state) for state in states])
    whole = dense.simulate(frequencies(sizes, masses), memory.alpha, eta, 1, rule, start=lifted[:-1])
    return same_answers(whole.logits, lifted[1:], rule)


@check(AML_T1f)
def with_momentum(
    sizes: tuple[int, ...], masses: Sequence[float], rule: str, eta: float, stretched: float = 1.0
) -> Evidence:
    """Four steps with momentum 0.9 and noise 0.2 from W = 0, both ways."""
    memory = Reduced(sizes, np.array(masses), 0.2)
    run = memory.simulate(eta, 4, rule, momentum=0.9)
    whole = dense.simulate(frequencies(sizes, masses), 0.2, stretched * eta, 4, rule, momentum=0.9)
    return same_answers(whole.logits, memory.logits(run.contrasts[-1], run.blocks), rule)


def same_answers(logits: np.ndarray, others: np.ndarray, rule: str) -> Evidence:
    """The difference of two probabilities, at most that of the logits."""
    # Rounding of a logit: eta times that of the direction, K eps for a polar factor of graded columns; five quintics
    # multiply rounding by their slopes.
    tolerance = 1e-12 if rule in POLYNOMIALS else 1e-13
    return measured(probabilities(logits) - probabilities(others), 0.0, tolerance)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Phat."""
    w = np.exp(logits - logits.max(axis=-2, keepdims=True))
    return w / w.sum(axis=-2, keepdims=True)


ENTRIES = ((3, -1, 2), (-2, 1, 0), (1, 2, -1))


@verifies(AML_T1f)
@pytest.mark.parametrize("rule", RULES)
def test_one_step(rule: str) -> None:
    if rule in ("gd", "tra-signgd"):
        exact_direction((2, 3, 1), rule, ENTRIES)
        exact_direction((4, 4, 1), rule, ENTRIES)
    for sizes, masses in GROUPED:
        one_step(sizes, masses, NOISE, rule, 4.0 if rule == "gd" else 0.3, 12)
    with_momentum(*GROUPED[1], rule, 0.1)


@verifies(AML_T1f)
@pytest.mark.parametrize("rule", RULES)
def test_one_step_of_every_spectrum(rule: str) -> None:
    for spectrum in zoo(4, stream("reduction, zoo")).values():
        one_step((3, 1, 4, 2), spectrum / spectrum.sum(), (0.0, 0.3), rule, 4.0 if rule == "gd" else 0.3, 6)


@control(AML_T1f, changes="eta -> 1.0001 eta in the whole memory")
def test_another_step_is_seen() -> None:
    with_momentum(*GROUPED[1], "muon", 0.1, stretched=1.0001)


# --- (g) whole runs ----------------------------------------------------------------------------------------------


@check(AML_T1g)
def losses_agree(
    sizes: tuple[int, ...],
    masses: Sequence[float],
    alpha: Sequence[float],
    rule: str,
    eta: float,
    stretched: float = 1.0,
) -> Evidence:
    """Losses from W = 0 up to the first step that lowers a margin, 40 steps at most (12 of polynomials)."""
    steps = 12 if rule in POLYNOMIALS else 40
    run = Reduced(sizes, np.array(masses), np.array(alpha)).simulate(eta, steps, rule)
    whole = dense.simulate(frequencies(sizes, masses), np.array(alpha), stretched * eta, steps, rule)
    rises = np.all(np.diff(run.margins, axis=-2) > 0.0, axis=-1)
    before = np.concatenate([rises[:, :1], np.logical_and.accumulate(rises, axis=-1)], axis=-1)
    # 40 steps of the rounding of one, 16 K eps.
    return measured(run.loss[before], whole.loss[before], 1e-12)


@check(AML_T1g)
def worked_instance(rule: str, eta: float, printed: Sequence[str]) -> Evidence:
    """K = 4, groups (2, 2), masses (3/4, 1/4), alpha = 1/10: the losses after 0, 1, 3 and 8 updates, both ways."""
    run = Reduced((2, 2), np.array([0.75, 0.25]), 0.1).simulate(eta, 8, rule)
    whole = dense.simulate(np.array([0.375, 0.375, 0.125, 0.125]), 0.1, eta, 8, rule)
    at = [0, 1, 3, 8]
    values = np.stack([run.loss[at], whole.loss[at]])
    return measured(values, [float(text) for text in printed], 0.5e-9)  # half a unit of the last digit


WORKED = {
    "gd": (4.0, ("1.386294361", "0.783160016", "0.495370505", "0.380908326")),
    "muon": (0.3, ("1.386294361", "1.185846230", "0.851653499", "0.417199613")),
    "ngd": (0.3, ("1.386294361", "1.259664888", "1.033090796", "0.635906922")),
    "tra-signgd": (0.15, ("1.386294361", "1.192643387", "0.864876097", "0.420711417")),
}


@check(AML_T1g)
def finer_groups(
    sizes: tuple[int, ...], masses: Sequence[float], alpha: float, rule: str, eta: float, steps: int
) -> Evidence:
    """The run with every group of an even size halved: more numbers for the same memory."""
    whole = Reduced(sizes, np.array(masses), alpha).simulate(eta, steps, rule)
    parts = [
        (size // 2, mass / 2) for size, mass in zip(sizes, masses, strict=True) if size % 2 == 0 for _ in "ab"
    ]
    parts += [(size, mass) for size, mass in zip(sizes, masses, strict=True) if size % 2]
    fine = Reduced(tuple(size for size, _ in parts), np.array([mass for _, mass in parts]), alpha)
    return measured(fine.simulate(eta, steps, rule).loss, whole.loss, 1e-12)


@restates(AML_T1g)
def test_groups_may_be_halved() -> None:
    for rule in RULES:
        for alpha in NOISE:
            finer_groups((4, 3, 2, 6), (0.5, 0.25, 0.15, 0.1), alpha, rule, 1.0 if rule == "gd" else 0.1, 10)


@verifies(AML_T1g)
def test_runs_agree() -> None:
    for rule, (eta, printed) in WORKED.items():
        worked_instance(rule, eta, printed)
    for sizes, masses in GROUPED:
        for rule in RULES:
            losses_agree(sizes, masses, NOISE, rule, 4.0 if rule == "gd" else 0.2)


@control(AML_T1g, changes="eta -> 1.0001 eta in the whole memory")
def test_another_run_is_seen() -> None:
    worked_instance("muon", 0.3 * 1.0001, WORKED["muon"][1])
    losses_agree(*GROUPED[1], [0.2], "muon", 0.2, stretched=1.0001)


def test_how_far_rounding_grows() -> None:
    """Reduced and whole losses over 60 steps: quintics amplify rounding to 1e-3 and more, gradients do not."""
    sizes, masses = GROUPED[1]
    far = {}
    for rule, eta in (("muon-ns5", 0.3), ("gd", 4.0), ("tra-signgd", 0.15)):
        run = Reduced(sizes, np.array(masses), 0.2).simulate(eta, 60, rule)
        whole = dense.simulate(frequencies(sizes, masses), 0.2, eta, 60, rule)
        far[rule] = np.abs(run.loss - whole.loss)
    assert np.max(far["muon-ns5"][:11]) < 1e-13
    assert 1e-5 < np.max(far["muon-ns5"]) < 0.1
    assert max(np.max(far["gd"]), np.max(far["tra-signgd"])) < 1e-13


def test_state_and_least_loss_of_the_worked_instance() -> None:
    run = Reduced((2, 2), np.array([0.75, 0.25]), 0.1).simulate(0.3, 3, "muon")
    np.testing.assert_allclose(run.contrasts[-1], [0.9, 0.9], rtol=1e-15)
    printed = np.array([[0.598003833, -0.217224094], [-0.598003833, 0.217224094]])
    np.testing.assert_allclose(run.blocks, printed, atol=0.5e-9)
    assert f"{run.loss[-1] - run.excess[-1]:.9f}" == "0.348780385"
