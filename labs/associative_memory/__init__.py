"""The models of "Muon in Associative Memory Learning": a softmax memory, its exact reduction, its scalar forms."""

from labs.associative_memory.bounds import critical_step, gd_constant, gd_excess, steps_to
from labs.associative_memory.dense import Trajectory, simulate
from labs.associative_memory.descent import gd_errors, gd_margins, ngd_errors, ngd_margins
from labs.associative_memory.embeddings import best_memory
from labs.associative_memory.flow_time import flow_margin, flow_time
from labs.associative_memory.graded import GradedPolar, graded_polar
from labs.associative_memory.margins import item_excess, item_loss, masses_of_power_law, optimal_margin
from labs.associative_memory.reduced import Reduced, ReducedTrajectory
from labs.associative_memory.signs import operator_norm_bound, phase_averaged_excess, sign_errors

__all__ = [
    "GradedPolar",
    "Reduced",
    "ReducedTrajectory",
    "Trajectory",
    "best_memory",
    "critical_step",
    "flow_margin",
    "flow_time",
    "gd_constant",
    "gd_errors",
    "gd_excess",
    "gd_margins",
    "graded_polar",
    "item_excess",
    "item_loss",
    "masses_of_power_law",
    "ngd_errors",
    "ngd_margins",
    "operator_norm_bound",
    "optimal_margin",
    "phase_averaged_excess",
    "sign_errors",
    "simulate",
    "steps_to",
]
