"""The self-polar flow dW/dt = -eta P_perp P(W) on the matrices that interpolate: four ways to follow it.

Where W is rank-deficient the flow is the differential inclusion in -eta P_perp (subdifferential of the nuclear norm):
the gradient flow of the nuclear norm N on the affine space {V : A(V) = A(W0)}.  It is not Muon, whose steps take the
polar factors of gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labs.core.arrays import Array, array_namespace, check_finite, check_positive, check_shape, to_numpy
from labs.core.flow import FINISHED, integrate
from labs.polar_flow._explicit import FlowEvent, Monitor, explicit_flow
from labs.polar_flow._invariants import monitored
from labs.polar_flow._linear import check_matrix, perpendicular
from labs.polar_flow._proximal import proximal_flow
from labs.polar_flow.operators import Operator
from labs.polar_flow.regularised import regularised_nuclear_norm, regularised_polar

__all__ = ["METHODS", "FlowEvent", "FlowResult", "Monitor", "self_polar_flow"]

METHODS = ("explicit", "proximal", "huber", "smooth")

# Of the nuclear norm at the start: an increase that no method's error explains.
WRONG = 1e-3


@dataclass(frozen=True)
class FlowResult:
    """States (..., T, m, n) at the times (T,), their spectra (..., T, r), the events, and what was monitored."""

    times: Array
    states: Array
    spectra: Array
    events: tuple[FlowEvent, ...]
    invariants: Mapping[str, Array]


def self_polar_flow(
    operator: Operator,
    W0: Array,
    times: Array,
    method: str = "explicit",
    *,
    eta: float = 1.0,
    tolerance: float = 1e-9,
    step: float = 1e-2,
    eps: float = 1e-3,
    monitors: Mapping[str, Monitor] | None = None,
) -> FlowResult:
    """Kernel: the self-polar flow from W0 (..., m, n) at time 0, at the ascending `times` (T,) >= 0.

    method     "explicit"  Runge-Kutta steps between events, at which the subgradient of least projected norm decides
                           (_explicit.py): errors of about `tolerance` on smooth pieces, of 1e-7 |W0| by an event
               "proximal"  implicit Euler steps, eta h <= `step`: first order, whatever happens to the rank
               "huber", "smooth"  Runge-Kutta steps for the polar factor regularised at `eps`: within
                           sqrt(eta r eps t), or sqrt(2 eta r eps t), of the flow
    monitors   functions of W (..., m, n) -> (...), by name: "explicit" notes their sign changes as events

    Invariants, per item, each 0 for the exact flow:

        affine residual            max |P_par (W(t) - W0)|_F
        nuclear norm increase      of N (or the regularised one), from one time to the next, at most
        energy defect              max |N(W0) - N(W(t)) - (1/eta) integral of |W'|_F^2|: O(step) for "proximal"
        speed increase             of the root mean square speed over an interval, from one to the next, at most

    and for a regression, where W = P_par W + Z,

        singular value increase    of any sigma_i, from one time to the next
        singular value deficit     by how much any sigma_i falls below that of P_par W0
        column space defect        max |Z(t) - its part in the column space of Z(0)|_F
        distance excess            by how much |Z(t)|_F exceeds |Z(0)|_F exp(-eta t/sigma_1(W0))

    Cost: a singular value decomposition and a projection a stage (six a step), or an iteration ("proximal").
    Raises ValueError for bad arguments; RuntimeError where a method did not come to the end, or N grew.
    Source: Beneventano et al. 2026 for the flow; its inclusion, events and methods are derived here.
    """
    check_matrix(operator, W0=W0)
    check_shape((None,), times=times)
    check_finite(times=times)
    check_positive(eta=eta, tolerance=tolerance, step=step, eps=eps)
    moments = to_numpy(times)
    if moments.ndim != 1 or moments[0] < 0.0 or np.any(np.diff(moments) < 0.0):
        raise ValueError(f"times must be one ascending list of numbers >= 0, got {moments}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    xp, scaled = array_namespace(W0, times), eta * times
    events: list[FlowEvent] = []
    if method == "explicit":
        states, energy, events = explicit_flow(operator, W0, scaled, tolerance, monitors or {})
    elif method == "proximal":
        states, energy = proximal_flow(operator, W0, eta * moments, step, tolerance)
    else:
        states, energy = _regularised(operator, W0, scaled, eps, method, tolerance)

    path = xp.concat([W0[None, ...], xp.moveaxis(states, -3, 0)])
    if method in ("huber", "smooth"):
        values = regularised_nuclear_norm(path, eps, method)
    else:
        values = xp.sum(xp.linalg.svdvals(path), axis=-1)
    invariants = monitored(operator, path, values, xp.moveaxis(energy, -1, 0), eta * moments)
    if bool(xp.any(invariants["nuclear norm increase"] > WRONG * values[0, ...])):
        raise RuntimeError(f"the nuclear norm grew along the flow by the method {method!r}")
    found = tuple(replace(event, time=event.time / eta) for event in events)
    return FlowResult(times, states, xp.linalg.svdvals(states), found, invariants)


def _regularised(
    operator: Operator, W0: Array, times: Array, eps: float, kind: str, tolerance: float
) -> tuple[Array, Array]:
    """States and integrals of |W'|^2 for the regularised polar factor, eta = 1."""
    xp, (m, n) = array_namespace(W0), W0.shape[-2:]

    def field(t: Array, y: Array) -> Array:
        W = xp.reshape(y[..., :-1], (*y.shape[:-1], m, n))
        flat = -perpendicular(operator, regularised_polar(W, eps, kind))
        flat = xp.reshape(flat, (*flat.shape[:-2], m * n))
        return xp.concat([flat, xp.sum(flat * flat, axis=-1)[..., None]], axis=-1)

    flat = xp.reshape(W0, (*W0.shape[:-2], m * n))
    start = xp.concat([flat, 0.0 * flat[..., :1]], axis=-1)
    top = xp.linalg.svdvals(W0)[..., 0]
    run = integrate(field, start, times, begin=0.0 * top, rtol=tolerance, atol=tolerance * (top + eps))
    if bool(xp.any(run.status != FINISHED)):
        raise RuntimeError(f"the regularised flow did not get beyond t = {float(xp.min(run.reached)):.6g}")
    states = xp.reshape(run.states[..., :-1], (*run.states.shape[:-1], m, n))
    return states, run.states[..., -1]
