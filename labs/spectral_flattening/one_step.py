"""One step: what it is guaranteed to gain, how long it may be, and what the yardstick changes.

A step of size eta along -D changes the loss by at most

    -eta gain + eta^2 curvature / 2,      gain = <G, D>,

where curvature is L |D|_F^2 under A1, L_op |D|_op^2 under A1', and <D, H[D]>, with equality, for a quadratic.

Everything here is field arithmetic: floats, arrays, fractions, sympy symbols and balls, so that the tests compare
it symbolically with the derivations in theory/spectral_flattening.  Roots are arguments: `root_r` is sqrt(r).
Source: Nguyen et al. 2026 as reported for Muon's threshold under A1; the rest is derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Number = Any


def change(eta: Number, gain: Number, curvature: Number) -> Number:
    """The bound of f(W - eta D) - f(W): eta (eta curvature / 2 - gain)."""
    return eta * (eta * curvature / 2 - gain)


def largest_step(gain: Number, curvature: Number) -> Number:
    """Every smaller step is guaranteed to decrease the loss, this one is not: 2 gain / curvature."""
    return 2 * gain / curvature


def best_decrease(gain: Number, curvature: Number) -> Number:
    """The largest guaranteed decrease, reached at half the largest step: gain^2 / (2 curvature)."""
    return gain * gain / (2 * curvature)


@dataclass(frozen=True)
class Yardstick:
    """The same quantity for three optimisers: GD (D = G), Muon (D = Q), NGD (D = sqrt(r) G/|G|_F)."""

    gd: Number
    muon: Number
    ngd: Number


def yardsticks(N: Number, F: Number, s1: Number, root_r: Number, L: Number, L_op: Number) -> list[Yardstick]:
    """SF-T3: seven ways to ask which optimiser is the more stable one; the answer depends on the way.

    N, F, s1  nuclear, Frobenius and spectral norm of the gradient, of rank r = root_r^2
    L, L_op   smoothness in Frobenius norm (A1) and in spectral norm (A1')

    In order: 1. the step size itself, A1; 2. the spectral norm of the update, A1; 3. its Frobenius norm, A1; 4. the
    guaranteed decrease at the best step, A1; 5. the spectral norm of the update, A1'; 6. the guaranteed decrease at
    the best step, A1'; 7. that decrease, GD and NGD under A1, Muon under A1'.  1, 2, 3, 5: suprema of what is
    guaranteed to decrease the loss.
    """
    r = root_r * root_r
    descent = F * F / (2 * L)
    along = F * F / s1
    flat_descent = along * along / (2 * L_op)
    return [
        Yardstick(2 / L, 2 * N / (L * r), 2 * F / (L * root_r)),
        Yardstick(2 * s1 / L, 2 * N / (L * r), 2 * s1 / L),
        Yardstick(2 * F / L, 2 * N / (L * root_r), 2 * F / L),
        Yardstick(descent, N * N / (2 * L * r), descent),
        Yardstick(2 * along / L_op, 2 * N / L_op, 2 * along / L_op),
        Yardstick(flat_descent, N * N / (2 * L_op), flat_descent),
        Yardstick(descent, N * N / (2 * L_op), descent),
    ]


def spectral_advantage(N: Number, F: Number, s1: Number) -> Number:
    """rho = s1 N / F^2: by how much Muon's update may exceed GD's in spectral norm, under A1' (SF-T3.5).

    Between 1 (flat spectra) and (1 + sqrt r)/2 (s = (1, t, ..., t), t = 1/(1 + sqrt r)).
    """
    return s1 * N / (F * F)


def inexact_ratio(r: Number, N: Number, gain: Number, squares: Number) -> Number:
    """tau: the threshold of an inexact polar factor over that of the exact one, r gain/(N squares) (SF-T5).

    gain = sum s_i phi_i, squares = sum phi_i^2, N = sum s_i over the r modes.
    """
    return r * gain / (N * squares)


def window_ratio(a: Number, b: Number, r: Number) -> Number:
    """The least threshold ratio of a flattened spectrum with a <= phi_i <= b and rank r: r a / (a^2 + (r - 1) b^2).

    For every order of phi against s (SF-T5.ii); if phi is nondecreasing in s the ratio is at least 1/b (SF-T5.i).
    """
    return r * a / (a * a + (r - 1) * b * b)


def isotropic_factor(c: Number, share: Number) -> Number:
    """f after / f before on the isotropic quadratic, Muon with eta = c sbar/L: 1 + c (c - 2) share (SF-T8.i).

    share = nr(G)/r, the nuclear rank over the rank.
    """
    return 1 + c * (c - 2) * share
