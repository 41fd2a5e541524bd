"""Expectations of the polar factor of a Gaussian matrix as integrals over one or two real variables.

Gauss-Legendre rules on finite pieces: a Gaussian factor leaves less than exp(-WIDTH^2/2) = 3e-18 outside.
"""

from __future__ import annotations

from functools import cache

import numpy as np

WIDTH = 9.0
NODES = 96


@cache
def _rule(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(count)
    return (x + 1.0) / 2.0, w / 2.0


def direction_loss(a: np.ndarray, n: int) -> np.ndarray:
    """1 - E[x_1/|x|] for x normal in R^n with mean (a, 0, ..., 0), a >= 0, and unit covariance: (...) -> (...).

        erfc(a/sqrt 2) + sqrt(2/pi) int_0^{pi/2} a cos t exp(-a^2 sin^2(t)/2) (1 - cos^(n-1) t) dt

    No term is negative, so that nothing cancels where the loss is small.
    """
    from scipy.special import erfc

    x, w = _rule(NODES)
    end = np.arcsin(np.minimum(1.0, WIDTH / np.maximum(a, WIDTH)))[..., None]
    t = end * x
    lost = -np.expm1((n - 1) * np.log(np.cos(t)))
    weight = a[..., None] * np.cos(t) * np.exp(-((a[..., None] * np.sin(t)) ** 2) / 2)
    return erfc(a / np.sqrt(2)) + np.sqrt(2 / np.pi) * np.sum(end * w * weight * lost, axis=-1)


def larger_direction(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E[cos arg Z 1{|Z| > |W|}], E[(1 - cos arg Z) 1{|Z| > |W|}]), Z, W independent complex normal: (...) each.

    Means a, b >= 0, unit variance of every real component.  With the density of |Z| = R, r = |W|:

        int_0^inf R exp(-(R^2 + a^2)/2) I_1(a R) Pr(|W| < R) dR,   Pr = int_0^R r exp(-(r^2 + b^2)/2) I_0(b r) dr;

    for the second, I_0 - I_1 in the place of I_1.  Absolute error about 1e-14.
    """
    from scipy.special import i0e, i1e

    x, w = _rule(NODES)
    low, high = np.maximum(a - WIDTH, 0.0)[..., None], (a + WIDTH)[..., None]
    R = low + (high - low) * x
    start = np.maximum(b - WIDTH, 0.0)[..., None]
    length = np.maximum(np.minimum(R, b[..., None] + WIDTH) - start, 0.0)[..., None]
    r = start[..., None] + length * x
    b_, a_ = b[..., None, None], a[..., None]
    below = np.sum(w * length * r * np.exp(-((r - b_) ** 2) / 2) * i0e(b_ * r), axis=-1)
    mass = (high - low) * w * R * np.exp(-((R - a_) ** 2) / 2) * below
    one = i1e(a_ * R)
    return np.sum(mass * one, axis=-1), np.sum(mass * (i0e(a_ * R) - one), axis=-1)
