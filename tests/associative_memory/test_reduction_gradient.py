"""AML-T1.d, e: the gradient and the loss of the memory in groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy

from labs.associative_memory._blocks import spectral
from labs.associative_memory.reduced import Reduced
from tests.associative_memory.grouped import (
    GROUPED,
    NOISE,
    SMALL,
    Sizes,
    across,
    formal_groups,
    frequencies,
    same,
)
from tests.referee import check, control, verifies
from theory.associative_memory import reduction
from theory.associative_memory.reduction import AML_T1d, AML_T1e
from theory.evidence import Evidence, every, exact, measured

# --- (d) the gradient --------------------------------------------------------------------------------------------


@check(AML_T1d)
def gradient_parts(sizes: Sizes, inside: int = 0) -> Evidence:
    """The gradient written out and projected; the claim's r and R; labs' way from the wrong answers; c^T R = 0.

    `inside` is added to the factor C_b of q_bb.
    """
    of = reduction.memory(sizes)
    M, K, alpha = len(sizes), sympy.Integer(of.K), of.alpha
    w, p = reduction.whole(of)
    G = reduction.gradient(w, p, alpha)
    x, S = reduction.parts(sizes, G)
    g = formal_groups(sizes)
    by_labs = spectral(g, across(of, G))

    totals = [of.own[b] + sum((sizes[a] - int(a == b)) * of.other[a, b] for a in range(M)) for b in range(M)]
    q = sympy.Matrix(M, M, lambda a, b: of.other[a, b] / totals[b])
    elsewhere = [sum(sizes[a] * q[a, b] for a in range(M) if a != b) for b in range(M)]
    r = [alpha - (sizes[b] + inside) * q[b, b] - elsewhere[b] for b in range(M)]
    R = sympy.Matrix(
        M,
        M,
        lambda a, b: (
            alpha * (1 - sizes[b] / K) - elsewhere[b] if a == b else g.root[a, b] * (q[a, b] - alpha / K)
        ),
    )
    several = [b for b in range(M) if sizes[b] > 1]
    return every(
        same([x[b] for b in several], [of.p[b] * r[b] for b in several]),
        same(S, R * sympy.diag(*of.p)),
        same(list(by_labs[0]), x),
        same(by_labs[1].ravel().tolist(), S),
        *(exact(sum(g.null[a] * R[a, b] for a in range(M)), 0) for b in range(M)),
    )


@check(AML_T1d)
def residuals(sizes: tuple[int, ...], masses: Sequence[float], alpha: float, seed: int) -> Evidence:
    """labs' gradient in a state drawn at random, against the definition entry by entry."""
    draw = np.random.Generator(np.random.Philox(seed))
    M = len(sizes)
    memory = Reduced(sizes, np.array(masses), alpha)
    state = draw.standard_normal(M), draw.standard_normal((M, M))
    logits = memory.logits(*state)
    K, w = len(logits), np.exp(logits)
    p = frequencies(sizes, masses)
    G = (w / w.sum(axis=0) - (1 - alpha) * np.eye(K) - alpha / K) * p
    # Entries are at most 1 and their sums have K terms.
    return measured(memory.logits(*memory.gradient(*state)), G, 8 * K * 2.0**-52)


@verifies(AML_T1d)
def test_gradient_of_the_commutant() -> None:
    for small in SMALL:
        gradient_parts(small)
    for seed, (sizes, masses) in enumerate(GROUPED):
        for alpha in NOISE:
            residuals(sizes, masses, alpha, seed)


@control(AML_T1d, changes="C_b q_bb -> (C_b - 1) q_bb")
def test_the_own_answer_is_counted_too() -> None:
    gradient_parts((2, 2), inside=-1)


# --- (e) the loss ------------------------------------------------------------------------------------------------


@check(AML_T1e)
def loss_of_the_groups(sizes: Sizes, inside: int = -1) -> Evidence:
    """The loss written out, against the claim's; `inside` is added to the number of entries inside the group."""
    M, K = len(sizes), sympy.Integer(sum(sizes))
    group = reduction.groups_of(sizes)
    own, log_total, mass = (sympy.symbols(f"{name}0:{M}", real=True) for name in ("own", "Z", "mass"))
    y = sympy.Matrix(M, M, lambda a, b: sympy.Symbol(f"y{a}_{b}", real=True))
    alpha = sympy.Symbol("alpha", positive=True)
    logits = sympy.Matrix(int(K), int(K), lambda i, j: own[group[j]] if i == j else y[group[i], group[j]])
    p = [mass[a] / sizes[a] for a in group]
    whole = reduction.loss(logits, [log_total[a] for a in group], p, alpha)
    peak = 1 - alpha + alpha / K
    total = sum(
        mass[b]
        * (
            log_total[b]
            - peak * own[b]
            - (alpha / K) * sum((sizes[a] + (inside if a == b else 0)) * y[a, b] for a in range(M))
        )
        for b in range(M)
    )
    return exact(whole, total)


@check(AML_T1e)
def losses_of_labs(sizes: tuple[int, ...], masses: Sequence[float], alpha: float, seed: int) -> Evidence:
    """labs' loss in a state drawn at random, against the definition."""
    draw = np.random.Generator(np.random.Philox(seed))
    M = len(sizes)
    memory = Reduced(sizes, np.array(masses), alpha)
    state = draw.standard_normal(M), draw.standard_normal((M, M))
    logits = memory.logits(*state)
    K, w = len(logits), np.exp(logits)
    P = (1 - alpha) * np.eye(K) + alpha / K
    expected = -np.sum(P * np.log(w / w.sum(axis=0)), axis=0) @ frequencies(sizes, masses)
    # Logarithms of a few units, summed with weights of sum 1.
    return measured(memory.simulate(1.0, 0, "gd", start=state).loss[0], expected, 16 * K * 2.0**-52)


@verifies(AML_T1e)
def test_loss_of_the_commutant() -> None:
    for small in SMALL:
        loss_of_the_groups(small)
    for seed, (sizes, masses) in enumerate(GROUPED):
        for alpha in NOISE:
            losses_of_labs(sizes, masses, alpha, seed)


@control(AML_T1e, changes="C_b - 1 -> C_b")
def test_the_own_entry_is_not_inside() -> None:
    loss_of_the_groups((2, 2), inside=0)
