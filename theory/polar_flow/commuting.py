"""The equation d sigma/dt = -(1 - kappa^2/sigma^2), derived from the k x k system and integrated; in balls."""

from __future__ import annotations

from typing import Any


def slope_from_system() -> tuple[Any, Any, Any]:
    """(sigma, kappa, d sigma/dt at eta = 1): from dB/dt = -2 B (C + B)^{-1/2} for commuting, so diagonal, C and B."""
    import sympy

    sigma, kappa = sympy.symbols("sigma kappa", positive=True)
    beta = sigma**2 - kappa**2  # the eigenvalue of B; C has kappa^2, constant
    beta_slope = -2 * beta / sigma
    return sigma, kappa, beta_slope / (2 * sigma)


def elapsed() -> tuple[Any, Any, Any]:
    """(sigma, kappa, T), T an antiderivative of -dt/d sigma: T(sigma_0) - T(sigma) is the time down to sigma."""
    import sympy

    sigma, kappa, slope = slope_from_system()
    whole = sympy.apart(sympy.cancel(-1 / slope), sigma)
    return sigma, kappa, sympy.integrate(whole, sigma)


def elapsed_ball(sigma: Any, kappa: Any, start: Any) -> Any:
    """The time from `start` down to sigma > kappa, for balls: T as `elapsed` finds it, with logarithms."""
    return (
        start
        - sigma
        + kappa / 2 * (((start - kappa) / (start + kappa)) / ((sigma - kappa) / (sigma + kappa))).log()
    )
