"""The models of "The Spectral Dynamics and Noise Geometry of Muon": flows on interpolants, spread, noise."""

from labs.polar_flow.alignment import alignment_defect
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.interpolants import certified_interpolant, interpolant
from labs.polar_flow.literal import descend
from labs.polar_flow.noise import critical_batch_sizes, noise_sensitivity, noisy_polar_expectation
from labs.polar_flow.operators import Operator, dense_sensing, diagonal, mask_sensing, regression
from labs.polar_flow.reduced import commuting_flow, reduced_flow
from labs.polar_flow.self_polar import FlowResult, self_polar_flow
from labs.polar_flow.sliding import nuclear_norm_bound, sliding_velocity
from labs.polar_flow.spreads import spread

__all__ = [
    "FlowResult",
    "Operator",
    "alignment_defect",
    "certified_interpolant",
    "commuting_flow",
    "critical_batch_sizes",
    "dense_sensing",
    "descend",
    "diagonal",
    "diagonal_flow",
    "interpolant",
    "mask_sensing",
    "noise_sensitivity",
    "noisy_polar_expectation",
    "nuclear_norm_bound",
    "reduced_flow",
    "regression",
    "self_polar_flow",
    "sliding_velocity",
    "spread",
]
