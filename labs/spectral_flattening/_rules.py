"""Update rules: from a gradient, or from its average over time, to the direction in which a step is taken.

    gd             X = G
    ngd            X = sqrt(r) G/|G|_F          as long as Muon's step, in Frobenius norm; r = min(m, n)
    muon           X = Q = polar(G)             the exact factor
    scaled-muon    X = |G|_* Q
    muon-ns5       five steps of Muon's quintic from G/|G|_F
    polar-express  five steps of the deployed list of Amsel et al. 2025 from G/|G|_F

NGD's r is not counted from the numbers: NGD ends with a gradient whose singular values are spread over more than
sixteen decades, and a count that falls with them would shorten its steps.  G = 0 gives X = 0 under every rule.
"""

from __future__ import annotations

from typing import Any

from labs.core.arrays import Array, array_namespace
from labs.core.polar import msign
from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import POLAR_EXPRESS, TUNED, iterate

RULES = ("gd", "ngd", "muon", "scaled-muon", "muon-ns5", "polar-express")
STEPS = 5
POLYNOMIALS: dict[str, Any] = {"muon-ns5": (TUNED,) * STEPS, "polar-express": POLAR_EXPRESS[:STEPS]}


def check_rule(rule: str) -> None:
    """Raise ValueError unless `rule` is one of RULES."""
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}, got {rule!r}")


def direction(rule: str, G: Array) -> Array:
    """The direction of a matrix (..., m, n)."""
    if rule == "gd":
        return G
    if rule == "ngd":
        return min(G.shape[-2:]) ** 0.5 * _unit(G, (-2, -1))
    if rule in POLYNOMIALS:
        return newton_schulz(G, POLYNOMIALS[rule], normalise="fro")
    Q = msign(G)
    if rule == "muon":
        return Q
    return array_namespace(G).sum(Q * G, axis=(-2, -1), keepdims=True) * Q


def mode_direction(rule: str, g: Array) -> Array:
    """The same for a diagonal matrix, from its diagonal (..., r): what the rule does to aligned modes."""
    if rule == "gd":
        return g
    if rule == "ngd":
        return g.shape[-1] ** 0.5 * _unit(g, -1)
    if rule in POLYNOMIALS:
        return iterate(POLYNOMIALS[rule], _unit(g, -1))
    xp = array_namespace(g)
    if rule == "muon":
        return xp.sign(g)
    return xp.sum(xp.abs(g), axis=-1, keepdims=True) * xp.sign(g)


def nuclear(G: Array) -> tuple[Array, Array]:
    """|G|_* and the rank of G, from its singular values; those up to max(m, n) eps of the largest are zeros."""
    xp = array_namespace(G)
    s = xp.linalg.svdvals(G)
    kept = s > max(G.shape[-2:]) * xp.finfo(s.dtype).eps * s[..., :1]
    return xp.sum(s, axis=-1), xp.sum(xp.astype(kept, s.dtype), axis=-1)


def _unit(x: Array, axes: Any) -> Array:
    """x over its Euclidean norm, first over its largest entry, so that no square overflows; 0 stays 0."""
    xp = array_namespace(x)
    top = xp.max(xp.abs(x), axis=axes, keepdims=True)
    y = x / xp.where(top > 0.0, top, 1.0)
    size = xp.sqrt(xp.sum(y * y, axis=axes, keepdims=True))
    return y / xp.where(size > 0.0, size, 1.0)
