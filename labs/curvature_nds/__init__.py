"""The models of "Why Muon Outperforms Adam": directional sharpness, two-level quadratic, small language model."""

from labs.curvature_nds.hessian import block_hessian
from labs.curvature_nds.kronecker import joint_diagonalise
from labs.curvature_nds.levels import TwoLevel, two_level, win_region
from labs.curvature_nds.memory import long_tail_memory
from labs.curvature_nds.one_step import Layers, Taylor, taylor
from labs.curvature_nds.quadratic import Trajectory, descend, descend_dense, structured

__all__ = [
    "Layers",
    "Taylor",
    "Trajectory",
    "TwoLevel",
    "block_hessian",
    "descend",
    "descend_dense",
    "joint_diagonalise",
    "long_tail_memory",
    "structured",
    "taylor",
    "two_level",
    "win_region",
]
