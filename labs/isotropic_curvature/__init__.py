"""The isotropic curvature model (Su, "Isotropic Curvature Model for Understanding Deep Learning Optimization:
Is Gradient Orthogonalization Optimal?", arXiv:2511.00674).

One step changes a weight matrix by -Q.  To first order the loss falls by <Q, G>; everything of higher order is
replaced by a function H of the length of the perturbed output Q zeta, zeta uniform on the unit sphere.
"""

from labs.isotropic_curvature.anisotropic import solve_anisotropic
from labs.isotropic_curvature.bingham import bingham_parameters
from labs.isotropic_curvature.curvature import Custom, Polynomial, Power
from labs.isotropic_curvature.duality import dual_norm, duality_gap
from labs.isotropic_curvature.efficiency import best_step, crossover_exponent, efficiency
from labs.isotropic_curvature.fit import CurvatureFit, fit_curvature, slope_intervals
from labs.isotropic_curvature.inverse import Rationalisation, rationalise
from labs.isotropic_curvature.kinked import Kink, PiecewiseSlope, PiecewiseWeight
from labs.isotropic_curvature.measure import even_part, local_slopes, unit_direction
from labs.isotropic_curvature.smoothed import SmoothedKink
from labs.isotropic_curvature.solver import Solution, solve, solve_matrix
from labs.isotropic_curvature.wide import leading_order, near_orthogonal
from labs.isotropic_curvature.zonoid import entropy_bound, kink_window, minimal_kink

__all__ = [
    "CurvatureFit",
    "Custom",
    "Kink",
    "PiecewiseSlope",
    "PiecewiseWeight",
    "Polynomial",
    "Power",
    "Rationalisation",
    "SmoothedKink",
    "Solution",
    "best_step",
    "bingham_parameters",
    "crossover_exponent",
    "dual_norm",
    "duality_gap",
    "efficiency",
    "entropy_bound",
    "even_part",
    "fit_curvature",
    "kink_window",
    "leading_order",
    "local_slopes",
    "minimal_kink",
    "near_orthogonal",
    "rationalise",
    "slope_intervals",
    "solve",
    "solve_anisotropic",
    "solve_matrix",
    "unit_direction",
]
