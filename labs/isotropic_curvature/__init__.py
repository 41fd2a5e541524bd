"""The isotropic curvature model (Su, "Isotropic Curvature Model for Understanding Deep Learning Optimization:
Is Gradient Orthogonalization Optimal?", arXiv:2511.00674).

One step changes a weight matrix by -Q.  To first order the loss falls by <Q, G>; everything of higher order is
replaced by a function H of the length of the perturbed output Q zeta, zeta uniform on the unit sphere.
"""

from labs.isotropic_curvature.curvature import Custom, Polynomial, Power
from labs.isotropic_curvature.duality import dual_norm, duality_gap
from labs.isotropic_curvature.solver import Solution, solve, solve_matrix

__all__ = ["Custom", "Polynomial", "Power", "Solution", "dual_norm", "duality_gap", "solve", "solve_matrix"]
