"""What a step is worth under each step rule: line search, matched norms, constant steps.

Everything here is field arithmetic: floats, arrays, fractions, sympy symbols and balls; roots are arguments.
Source: derived here, for the model of Wang et al. 2026.
"""

from __future__ import annotations

from typing import Any

Number = Any


def searched_decrease(energy: Number, cosine_squared: Number, sharpness: Number) -> Number:
    """The decrease of a line-searched step: |G|^2 cos^2(G, Z)/(2 S(Z)) (NDS-X1)."""
    return energy * cosine_squared / (2 * sharpness)


def newton_power(beta: Number) -> Number:
    """p*, the power of the spectrum that is exact where sigma = w^beta: 1 - 1/beta (NDS-X2)."""
    return 1 - 1 / beta


def matched_decrease(length: Number, gain: Number, sharpness: Number) -> Number:
    """The decrease of an update of norm `length`, `gain` being <G, Z>/|Z|: length gain - length^2 S(Z)/2."""
    return length * gain - length * length * sharpness / 2


def paying_step(
    q: Number, root_q: Number, frobenius: Number, nuclear: Number, gd: Number, muon: Number
) -> Number:
    """eta_c, beyond which Muon's update, of norm eta sqrt(q), decreases more than GD's of that norm (NDS-X3).

    2 (sqrt(q)|G|_F - |G|_*)/(q (S(G) - S(polar G))),   where S(G) = gd > S(polar G) = muon
    """
    return 2 * (root_q * frobenius - nuclear) / (q * (gd - muon))


def paying_step_on_two_levels(alpha: Number, rho: Number, s: Number, root: Number) -> Number:
    """The same on two levels, s > 1, in units of sigma_L/w_L; root = sqrt(alpha s^2 + 1 - alpha)."""
    p = alpha * s * s / (alpha * s * s + 1 - alpha)
    return 2 * (root - (alpha * s + 1 - alpha)) / ((p - alpha) * (rho - 1))


def odds_factor(eta: Number, rho: Number) -> Number:
    """nu, by which a step of GD of constant length eta multiplies the odds of the high level's energy (NDS-X8).

    ((1 - eta rho)/(1 - eta))^2, in units of the low curvature; 1 at eta = 2/(rho + 1).
    """
    return ((1 - eta * rho) / (1 - eta)) ** 2


def constant_step_sharpness(x: Number, rho: Number, eta: Number, t: int) -> Number:
    """S(Z_t) of GD with a constant step: 1 + (rho - 1) P_t with the odds P_t/(1 - P_t) = x nu^t (NDS-X8)."""
    odds = x * odds_factor(eta, rho) ** t
    return 1 + (rho - 1) * odds / (1 + odds)


def last_distance(distance: Number, eta: Number) -> Number:
    """h, what is left of |d_0| after the whole steps of length eta that fit in it (NDS-X9)."""
    return distance - distance // eta * eta


def floor_of_mode(w: Number, h: Number, eta: Number) -> Number:
    """A mode's share of Muon's late loss with a constant step, mean of two steps: w (h^2 + (eta - h)^2)/4, h > 0."""
    return w * (h * h + (eta - h) ** 2) / 4
