"""Update rules of the dense memory: from a gradient (or its average over time) to the direction of a step.

    gd             X = G
    ngd            X = G/|G|_F
    signgd         X = sgn(G) in the coordinates of W; entries up to `dead_zone` of the largest are zeros
    tra-signgd     X = sgn(G) in the task basis: an oracle's choice of coordinates, where zeros are exact
    muon           X = msgn(G), the exact polar factor
    muon-ns5       Muon's quintic from G/|G|_F, five steps unless said otherwise
    polar-express  the deployed list of Amsel et al. 2025 from G/|G|_F, likewise

G = 0 gives X = 0 under every rule.
"""

from __future__ import annotations

from typing import Any

from labs.associative_memory.graded import graded_polar
from labs.core.arrays import Array, array_namespace, device, on_host
from labs.core.polar import POLAR_EXPRESS, TUNED, as_schedule, msign, newton_schulz

RULES = ("gd", "ngd", "signgd", "tra-signgd", "muon", "muon-ns5", "polar-express")
POLYNOMIALS: dict[str, Any] = {"muon-ns5": TUNED, "polar-express": POLAR_EXPRESS}

# Sums of squares above this have lost nothing to underflow.
TINY = 2.0**-900


def direction(
    rule: str, G: Array, null: Array | None, in_task_basis: bool, depth: int, dead_zone: float
) -> tuple[Array, Array | float]:
    """The direction of G (..., m, n) as a matrix and the factor (..., 1, 1) that it still lacks.

    null  (..., m): a unit vector with null^T G = 0, if one is known
    """
    xp = array_namespace(G)
    if rule == "gd":
        return G, 1.0
    if rule in POLYNOMIALS:
        return newton_schulz(G, as_schedule(POLYNOMIALS[rule], depth), normalise="fro"), 1.0
    if rule == "tra-signgd":
        return xp.sign(G), 1.0
    if rule == "muon":
        return _polar(G, null, in_task_basis), 1.0
    if rule == "signgd":
        top = xp.max(xp.abs(G), axis=(-2, -1), keepdims=True)
        return xp.where(xp.abs(G) > dead_zone * top, xp.sign(G), 0.0), 1.0
    squares = _squares(G)
    if not bool(xp.all((squares > TINY) & (squares < 1.0 / TINY))):
        top = xp.max(xp.abs(G), axis=(-2, -1), keepdims=True)
        G = G / xp.where(top > 0.0, top, 1.0)
        squares = _squares(G)
    return G, 1.0 / xp.sqrt(xp.where(squares > 0.0, squares, 1.0))


def _squares(G: Array) -> Array:
    """|G|_F^2 (..., 1, 1)."""
    xp = array_namespace(G)
    flat = xp.reshape(G, (*G.shape[:-2], G.shape[-2] * G.shape[-1]))
    return xp.vecdot(flat, flat)[..., None, None]


def _polar(G: Array, null: Array | None, in_task_basis: bool) -> Array:
    """msgn(G).  A null vector that is known is reflected away, so that its rounding is no direction.

    In the task basis the columns are graded by frequency and residual, and each counts: on the host the factor is
    accurate for every column.  On a device products are faster by far, and leave out what is below rounding.
    """
    xp = array_namespace(G)
    if null is None:
        return msign(G)
    if in_task_basis and on_host(xp):
        return graded_polar(G, null).q
    first = xp.astype(xp.arange(null.shape[-1], device=device(null)) == 0, null.dtype)
    v = null + xp.where(null[..., :1] < 0.0, -first, first)
    v = v / xp.sqrt(xp.sum(v * v, axis=-1, keepdims=True))
    Q = msign(_reflected(G, v)[..., 1:, :])
    return _reflected(xp.concat([xp.zeros_like(Q[..., :1, :]), Q], axis=-2), v)


def _reflected(G: Array, v: Array) -> Array:
    return G - 2.0 * v[..., :, None] * (v[..., None, :] @ G)
