"""Closed forms of preconditioning and of the exact line search.

Field arithmetic alone: floats, arrays, fractions, sympy symbols and balls, so that the tests compare them with the
derivations in theory/spectral_flattening by algebra.  Sums run over the first axis of what is given as a sequence.
Source: derived here, for the model of Nguyen et al. 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Number = Any


def contraction(kappa: Number) -> Number:
    """(kappa - 1)/(kappa + 1): what the best fixed step leaves of the worst error (SF-K2)."""
    return (kappa - 1) / (kappa + 1)


def largest_frozen_step(lambda_a: Number, lambda_pencil: Number) -> Number:
    """The frozen method is stable below 2/(lambda_1(A) lambda_1(C^-1 B)) (SF-K2)."""
    return 2 / (lambda_a * lambda_pencil)


def best_frozen_step(largest: Number, smallest: Number) -> Number:
    """The fixed step that contracts best for curvatures between two: 2/(largest + smallest) (SF-K2)."""
    return 2 / (largest + smallest)


def kantorovich(kappa: Number) -> Number:
    """((kappa - 1)/(kappa + 1))^2: what a line search leaves of f at most (SF-K5, SF-K6)."""
    return contraction(kappa) * contraction(kappa)


def aligned_factor(h: Any, s: Any, phi: Any) -> Number:
    """f after over f before for aligned modes and the best step: 1 - (sum s phi)^2/(sum h phi^2 sum s^2/h) (SF-K6).

    h curvatures, s singular values of the gradient, phi those of the update: s itself for GD, ones for Muon.
    """
    along = sum(x * y for x, y in zip(s, phi, strict=True))
    curvature = sum(k * y * y for k, y in zip(h, phi, strict=True))
    energy = sum(x * x / k for k, x in zip(h, s, strict=True))
    return 1 - along * along / (curvature * energy)


def worst_aligned_factor(smallest: Number, total: Number) -> Number:
    """The supremum of Muon's factor over all spectra of aligned modes, never reached: 1 - min h/sum h (SF-K6)."""
    return 1 - smallest / total


def guaranteed_factor(nuclear_rank: Number, mu: Number, smoothness: Number) -> Number:
    """1 - nr mu/L_(r), or L_op for scaled Muon at the step 1/L_op; with nr = 1 and L it is GD's 1 - mu/L (SF-K6)."""
    return 1 - nuclear_rank * mu / smoothness


def signal_factors(b: Sequence[Number], a: Sequence[Number]) -> tuple[Number, Number]:
    """(Muon's, GD's) line-search factor where Delta^T B^k Delta = c tr(B^k) 1 for k = 1, 2, 3 (SF-K4).

    b, a  traces of the first, second and third powers of B and of A
    """
    long = b[1] * b[1] / (b[2] * b[0])
    return 1 - long, 1 - long * a[1] * a[1] / (a[2] * a[0])


def mean_residue(a: Sequence[Number]) -> Number:
    """m times the mean of Muon's line-search factor for B = 1 and Gaussian Delta (m x n), m -> infinity (SF-K4).

    [sum a/2 - sum a^2/(2 sum a) + sum_{i<j} a_i a_j/(a_i + a_j)] / sum a,  a the eigenvalues of A
    """
    total = sum(a)
    pairs = sum(a[i] * a[j] / (a[i] + a[j]) for j in range(len(a)) for i in range(j))
    return (total / 2 - sum(x * x for x in a) / (2 * total) + pairs) / total


def wishart_distance(m: Number, trace: Number, trace_of_square: Number) -> Number:
    """E |Z A Z^T/tr A - 1|_F^2 = m (m + 1) tr(A^2)/tr(A)^2, Z (m x n) standard normal (SF-K3, SF-K4)."""
    return m * (m + 1) * trace_of_square / (trace * trace)


def mixed_condition_number_squared(
    largest: Number, smallest: Number, signal: Number, noise: Number
) -> Number:
    """kappa(C^(-1/2) B C^(-1/2))^2 for C^2 = signal B^2 + noise B: 1 (noise = 0) to kappa(B) (signal = 0).

    (signal + noise/smallest)/(signal + noise/largest);  signal = s^2 tr(A^2), noise = sigma^2 tr(A) (SF-K4).
    """
    return (signal + noise / smallest) / (signal + noise / largest)
