"""The models of "Spectral Flattening Is All Muon Needs": step sizes, conditioning, dynamics."""

from labs.spectral_flattening.aligned import descend_modes
from labs.spectral_flattening.conditioning import (
    EffectiveConditionNumbers,
    effective_condition_numbers,
    line_search_factor,
    preconditioned_condition_number,
)
from labs.spectral_flattening.dynamics import Trajectory, descend, ultimate_bound
from labs.spectral_flattening.models import factorise, regression
from labs.spectral_flattening.momentum import largest_wave
from labs.spectral_flattening.thresholds import StableStep, spectral_smoothness, stable_step, threshold_ratio
from labs.spectral_flattening.training import train_matrices
from labs.spectral_flattening.worst_spectra import ratio_multipliers, worst_two_levels

__all__ = [
    "EffectiveConditionNumbers",
    "StableStep",
    "Trajectory",
    "descend",
    "descend_modes",
    "effective_condition_numbers",
    "factorise",
    "largest_wave",
    "line_search_factor",
    "preconditioned_condition_number",
    "ratio_multipliers",
    "regression",
    "spectral_smoothness",
    "stable_step",
    "threshold_ratio",
    "train_matrices",
    "ultimate_bound",
    "worst_two_levels",
]
