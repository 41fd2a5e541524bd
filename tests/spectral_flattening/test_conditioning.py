"""SF-K2, SF-C4: what a frozen preconditioner does to the conditioning, and that it need not improve it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.streams import stream
from labs.spectral_flattening.conditioning import effective_condition_numbers, preconditioned_condition_number
from labs.spectral_flattening.conditioning_forms import best_frozen_step, contraction, largest_frozen_step
from tests.referee import check, control, refutes, verifies
from tests.spectral_flattening.curvatures import EPS, increments, kappa, turned
from tests.spectral_flattening.rationals import fractions
from theory.evidence import Evidence, every, exact, measured
from theory.spectral_flattening import pencils
from theory.spectral_flattening.conditioning import SF_C4, SF_K2a, SF_K2b, SF_K2c, SF_K2d

ONE = Fraction(1)


# --- the frozen iteration ----------------------------------------------------------------------------------------


@check(SF_K2a)
def step_in_preconditioned_coordinates(power: int = 1) -> Evidence:
    """Y = C^{1/2} Delta becomes Y - eta K^{-power} B K^{-power} Y A, K = C^{1/2}; all B, K (2 x 2), A (1 x 1)."""
    import sympy

    B, K = pencils.symmetric("b"), sympy.diag(*sympy.symbols("k1 k2"))  # in the eigenbasis of C
    delta, A = sympy.Matrix(sympy.symbols("x y")), sympy.Matrix([[sympy.Symbol("a")]])
    eta = sympy.Symbol("eta")
    inverse = K.inv() ** power
    Y = K * delta
    claimed = Y - eta * inverse * B * inverse * Y * A
    apart = dict.fromkeys(claimed.free_symbols, 1) | {B[0, 1]: 0, K[0, 0]: 2, K[1, 1]: 3}
    stepped = pencils.frozen_step(B, A, K, delta, eta)
    return every(*(exact(p, q, witness=apart) for p, q in zip(stepped, claimed, strict=True)))


@check(SF_K2a)
def spectrum_of_products() -> Evidence:
    """Y -> M Y A has the eigenvalues lambda_i(A) lambda_j(M): all M (2 x 2), and A diagonal without loss."""
    import sympy

    a = sympy.symbols("alpha1:4")
    return exact(*pencils.kronecker_spectrum(a, pencils.symmetric("m"), sympy.Symbol("x")))


@check(SF_K2a, SF_K2b, SF_K2c)
def dense_iteration(B: np.ndarray, C: np.ndarray, A: np.ndarray, share: float = 1.0) -> Evidence:
    """The spectral radius of Delta -> Delta - eta C^{-1} B Delta A, entry by entry, at the steps that are claimed.

    At the best step it is the contraction of kappa_eff; 1 % below the largest step it is below 1, there it is 1, 1 %
    above it above 1.  `share` scales the kappa_eff that is claimed.
    """
    whole = np.kron(np.linalg.solve(C, B), A)
    values = np.linalg.eigvals(whole).real
    effective = share * kappa(np.linalg.eigvalsh(A)) * float(preconditioned_condition_number(B, C))
    # The eigenvalues of a product of two symmetric matrices: perturbed by eps times the condition of the eigenbasis.
    error = 64 * len(values) * EPS * np.linalg.cond(C) * np.linalg.cond(B) * np.linalg.cond(A)
    top = largest_frozen_step(
        np.linalg.eigvalsh(A)[-1], np.max(np.linalg.eigvals(np.linalg.solve(C, B)).real)
    )

    def radius(eta: float) -> float:
        return float(np.max(np.abs(1 - eta * values)))

    return every(
        measured(kappa(values), effective, error * effective),
        measured(radius(best_frozen_step(values.max(), values.min())), contraction(effective), error),
        measured(radius(0.99 * top), 1.0, error, "<"),
        measured(radius(top), 1.0, error),
        measured(radius(1.01 * top), 1.0, error, ">"),
    )


@verifies(SF_K2a)
def test_frozen_iteration() -> None:
    step_in_preconditioned_coordinates()
    spectrum_of_products()


@control(SF_K2a, changes="M = C^{-1/2} B C^{-1/2} -> C^{-1} B C^{-1}")
def test_the_exponent_of_the_preconditioned_curvature() -> None:
    step_in_preconditioned_coordinates(power=2)


@verifies(SF_K2a, SF_K2b, SF_K2c)
@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (4, 3), (5, 5)], ids=str)
def test_dense_iterations(sizes: tuple[int, int]) -> None:
    rng = stream("frozen iteration", *sizes)
    m, n = sizes
    for _ in range(4):
        B, C = turned(np.exp(rng.uniform(-2, 2, (2, m))), rng)
        dense_iteration(B, C, turned(np.exp(rng.uniform(-2, 2, n)), rng))


# --- stability and contraction -----------------------------------------------------------------------------------


@check(SF_K2b)
def threshold(factor: Fraction = ONE) -> Evidence:
    """Below factor times the largest step every mode shrinks, above it the steepest grows: every spectrum."""
    import sympy

    a, m, w = sympy.symbols(
        "a m w", positive=True
    )  # lambda_1(A), lambda_1(C^-1 B), how far from the largest step
    v = increments("v")
    flatter = a * m / (1 + v)
    top = factor * largest_frozen_step(a, m)
    close = {a: 1, m: 1, w: Fraction(1, 1000)}
    return every(
        exact((1 - top / (1 + w) * flatter) ** 2, 1, "<", witness=close | {v: 0}),
        exact((1 - top * (1 + w) * a * m) ** 2, 1, ">"),
    )


@check(SF_K2c)
def best_step(factor: Fraction = ONE) -> Evidence:
    """At the best step every mode shrinks by factor * contraction(kappa); no step does better for both extremes."""
    import sympy

    low, eta = sympy.symbols("low eta", positive=True)
    v, w = increments("v w")
    middle, high = low * (1 + v), low * (1 + v + w)
    rate = factor * contraction(high / low)
    left = 1 - best_frozen_step(high, low) * middle
    # high (1 - eta low) - low (1 - eta high) <= (high + low) max(|1 - eta low|, |1 - eta high|)
    return every(
        exact(left**2, rate**2, "<=", witness={low: 1, v: 0, w: 1}),
        exact(high * (1 - eta * low) - low * (1 - eta * high), rate * (high + low)),
    )


@verifies(SF_K2b, SF_K2c)
def test_threshold_and_contraction() -> None:
    threshold()
    best_step()


@control(SF_K2b, sharpens="2 -> 2.02")
def test_the_threshold_has_no_room() -> None:
    threshold(Fraction(101, 100))


@control(SF_K2c, sharpens="contraction times 0.99")
def test_the_contraction_is_the_best() -> None:
    best_step(Fraction(99, 100))


# --- improvement -------------------------------------------------------------------------------------------------


@check(SF_K2d)
def better_if_and_only_if(factor: Fraction = ONE) -> Evidence:
    """The contraction improves, stays, worsens as kappa(M) is below, at, above factor * kappa(B); all kappa(A)."""
    import sympy

    u, w = increments("u w")
    v = sympy.Symbol("v", positive=True)
    a, b = 1 + u, 1 + w
    plain, close = contraction(a * b), {u: 0, w: 1, v: Fraction(1, 100)}
    return every(
        exact(contraction(a * factor * b / (1 + v)), plain, "<", witness=close),
        exact(contraction(a * factor * b), plain, "==", witness={u: 0, w: 1}),
        exact(contraction(a * factor * b * (1 + v)), plain, ">"),
    )


@check(SF_K2d)
def not_better(B: Sequence[Fraction], C: Any, printed: Any) -> Evidence:
    """kappa(M) is the number printed, at least kappa(B), and the contraction no better: B diagonal, C any (2 x 2)."""
    import sympy

    found = pencils.pencil_condition_number(sympy.diag(*map(sympy.Rational, B)), C)
    plain = sympy.Rational(pencils.condition_number(B))
    return every(
        exact(sympy.radsimp(found), printed),
        exact(found, plain, ">="),
        exact(contraction(found), contraction(plain), ">="),
    )


@verifies(SF_K2d)
def test_when_preconditioning_helps() -> None:
    import sympy

    better_if_and_only_if()
    b = [Fraction(4), ONE]
    turned_by_45 = sympy.Matrix([[5, 3], [3, 5]]) / 2
    root = sympy.sqrt(sympy.Rational("5.765625"))
    quotient = (sympy.Rational("3.125") + root) / (sympy.Rational("3.125") - root)
    assert f"{float(quotient):.4f}" == "7.6346"
    not_better([ONE, ONE], sympy.diag(3, 1), 3)  # B = 1: kappa(C)
    not_better(b, sympy.diag(sympy.Rational(1, 4), 1), 16)  # C = B^-1: kappa(B)^2
    not_better(b, sympy.diag(1, 4), 16)  # reversed order
    not_better(b, turned_by_45, quotient)


@control(SF_K2d, sharpens="kappa(M) < kappa(B) -> kappa(M) < 1.05 kappa(B)")
def test_the_condition_is_necessary() -> None:
    better_if_and_only_if(Fraction(105, 100))


# --- it need not improve -----------------------------------------------------------------------------------------


@check(SF_C4)
def improves(b: Sequence[Fraction], s: Sequence[Fraction], side: str) -> Evidence:
    """kappa_eff <= kappa(A) kappa(B) for A = 1, B = diag(b) and the gradient diag(s), Delta = diag(s/b)."""
    quotient = [x / y for x, y in zip(b, s, strict=True)]
    inverse = [1 / y for y in s]
    parts = {"left": (quotient, [ONE]), "right": (b, inverse)}[side]
    found = pencils.condition_number(parts[0]) * pencils.condition_number(parts[1])
    return exact(found, pencils.condition_number(b), "<=")


@check(SF_C4)
def improves_in_floats(b: Sequence[float], s: Sequence[float], side: str) -> Evidence:
    """The same by `effective_condition_numbers`."""
    numbers = effective_condition_numbers(np.diag(b), np.eye(len(b)), np.diag(np.divide(s, b)))
    # Diagonal matrices: only the last digits of square roots and quotients are lost.
    return measured(float(getattr(numbers, side)), float(numbers.gd), 1e-12, "<=")


@refutes(SF_C4, corrected=SF_K2d)
def test_preconditioning_need_not_improve_the_conditioning() -> None:
    cases = [("1", "1", "3", "1", "left"), ("4", "1", "1", "4", "left"), ("4", "1", "4", "1", "right")]
    for b1, b2, s1, s2, side in cases:
        b, s = fractions(b1, b2), fractions(s1, s2)
        improves(b, s, side)
        improves_in_floats([float(x) for x in b], [float(x) for x in s], side)
