"""The polar factor (matrix sign) Q of A = Q H: exact, by polynomial iterations, with certificates.

    polar, msign      the factor to rounding, of whole batches, in any array library (factor.py)
    certify           five errors of a factor, found from A and Q alone (certificate.py)
    polar_distance    how far Q is from the true factor, proved in ball arithmetic, for small matrices (balls.py)
    polar_derivative  the Frechet derivative (derivative.py)

    CUBIC, PADE5, SOFT5, TUNED, POLAR_EXPRESS, iterate    odd polynomials as data (schedules.py)
    minimax_quintic, polar_express, ...                   the best ones (minimax.py)
    newton_schulz                                         their iteration, as far as it goes (newton_schulz.py)
    polynomial_range, ...                                 what they make of an interval, proved (ranges.py)

"Muon" is at least three maps; `polar` is the exact one.
"""

from __future__ import annotations

from labs.core.polar.balls import polar_distance
from labs.core.polar.certificate import Certificate, certify
from labs.core.polar.derivative import polar_derivative
from labs.core.polar.factor import PolarResult, msign, polar
from labs.core.polar.minimax import (
    Minimax,
    chebyshev_newton_schulz,
    minimax_cubic,
    minimax_quintic,
    polar_express,
)
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.ranges import escape_radius, float_range, polynomial_range, smallest_preimage
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, SOFT5, TUNED, as_schedule, iterate

__all__ = [
    "CUBIC",
    "PADE5",
    "POLAR_EXPRESS",
    "SOFT5",
    "TUNED",
    "Certificate",
    "Minimax",
    "PolarResult",
    "as_schedule",
    "certify",
    "chebyshev_newton_schulz",
    "escape_radius",
    "float_range",
    "iterate",
    "minimax_cubic",
    "minimax_quintic",
    "msign",
    "newton_schulz",
    "polar",
    "polar_derivative",
    "polar_distance",
    "polar_express",
    "polynomial_range",
    "smallest_preimage",
]
