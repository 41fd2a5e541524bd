"""From signal to noise: the exponent of Muon's preconditioner falls from one to one half as the noise grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, reference
from figures.gallery.tables import table, where
from figures.spectral_flattening._preconditioned import curvature, inputs, left_over
from labs.core.arrays import Backend
from labs.spectral_flattening.conditioning_forms import mixed_condition_number_squared
from theory.spectral_flattening import SF_K3b, SF_K4b, SF_K4j, SF_K9b

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "As noise drowns the signal, the preconditioner turns from the curvature into its square root"
CAPTION = """
G = B Delta A + sigma B^(1/2) Z A^(1/2): the gradient of an isotropic error plus the noise of a batch with Fisher
curvature.  Its expected covariance is p B^2 + q B, q/p proportional to sigma^2, so that theory knows the condition
number that C = (E G G^T)^(1/2) leaves (lines).  Left: the exponent theta in kappa(C^(-1/2) B C^(-1/2)) =
kappa(B)^(1 - theta) against the noise level, q/p over the largest curvature: from 1, Newton's method, to 1/2.  Noise
drowns the weak directions first: with kappa(B) = 10^6 a millionth is felt.  Right: below kappa(B) = p/q, in units of
the largest curvature, the preconditioner is as good as Newton's, beyond it a square root is left (dotted: exponents
0 and 1/2).  Markers: medians of single gradients (1024 columns, 4096 at full scale); one gradient is a little worse
than the expectation where next to nothing is left.
"""
CLAIMS = (SF_K3b, SF_K4b, SF_K4j, SF_K9b)

COLUMNS = {"smoke": 64, "quick": 1024, "full": 4096}
POINTS = {"smoke": 4, "quick": 15, "full": 25}
DRAWS = {"smoke": 9, "quick": 30, "full": 100}
SPREADS = (1e2, 1e4, 1e6)
LEVELS = (1e-5, 1e-3, 1e-1, 1e1)


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "level" (a row per kappa(B) and noise level) and "spread" (per noise level and kappa(B))."""
    n, draws = COLUMNS[scale], DRAWS[scale]

    def row(spread: float, level: float) -> dict[str, float]:
        a, Delta, Z = inputs(n, draws, spread, level)
        b = curvature(spread)
        p, q = np.sum(a**2, axis=-1, keepdims=True), np.sum(a, axis=-1, keepdims=True)
        sigma = np.sqrt(level * p / q)  # b has the largest entry 1
        G = b[:, None] * Delta * a + sigma * np.sqrt(b[:, None]) * Z * np.sqrt(a)
        expected = float(mixed_condition_number_squared(1.0, 1.0 / spread, 1.0, level)) ** 0.5
        return {
            "kappa": spread,
            "level": level,
            "left": float(np.median(left_over(G, b, backend))),
            "limit": expected,
        }

    levels, spreads = np.logspace(-8, 3, POINTS[scale]), np.logspace(0.5, 6, POINTS[scale])
    return {
        "level": table(row(spread, float(level)) for spread in SPREADS for level in levels),
        "spread": table(row(float(spread), level) for level in LEVELS for spread in spreads),
    }


def theta(kappa: Any, left: Any) -> Any:
    """The exponent of the preconditioner: left = kappa^(1 - theta)."""
    return 1 - np.log(left) / np.log(kappa)


def draw(tables: Any) -> Figure:
    """The exponent against the noise; what is left against the curvature's condition number."""
    from figures.gallery import style

    figure, (axes, right) = style.panels(1, 2, width=13.6, height=4.6)
    fine = np.logspace(-8, 3, 300)
    for value in (0.5, 1.0):
        reference(axes, fine, 0 * fine + value)
    for number, spread in enumerate(SPREADS):
        rows = where(tables["level"], kappa=spread)
        limit = mixed_condition_number_squared(1.0, 1.0 / spread, 1.0, fine) ** 0.5
        label = f"$10^{round(np.log10(spread))}$"
        style.predicted(axes, fine, theta(spread, limit), number, linestyle="-", label=label)
        style.computed(axes, rows["level"], theta(spread, rows["left"]), number, markersize=4.5)
    axes.set(
        xscale="log",
        xlabel=r"noise level $q/(p\,\lambda_1(B))$",
        ylabel=r"exponent $\theta$",
        ylim=(0.4, 1.05),
    )
    axes.set_title("the switch")
    style.legend_outside(axes, r"$\kappa(B)$")
    kappa = np.logspace(0.5, 6, 300)
    for power in (0.0, 0.5):
        reference(right, kappa, kappa**power, linestyle=":")
    for number, level in enumerate(LEVELS):
        rows = where(tables["spread"], level=level)
        limit = mixed_condition_number_squared(1.0, 1.0 / kappa, 1.0, level) ** 0.5
        label = f"$10^{{{round(np.log10(level))}}}$"
        style.predicted(right, kappa, limit, number, linestyle="-", label=label)
        style.computed(right, rows["kappa"], rows["left"], number, markersize=4.5)
    right.set(xscale="log", yscale="log", xlabel=r"$\kappa(B)$", ylabel=r"$\kappa(C^{-1/2} B\, C^{-1/2})$")
    right.set_title("what is left")
    style.legend_outside(right, "noise level")
    key(right, single_gradients=COMPUTED | {"markersize": 4.5}, expected_covariance={"linestyle": "-"})
    return figure
