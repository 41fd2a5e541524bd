"""Preconditioning under Kronecker curvature: effective condition numbers, and the factor of an exact line search.

The loss is f = <Delta, B Delta A>/2 with gradient G = B Delta A.  Muon's update is one matrix, the polar factor of G,
and a preconditioned gradient in many ways; each way has a condition number of its own.  What one step gains, the
line-search factor, is a property of the update alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape, device
from labs.core.polar.newton_schulz import newton_schulz
from labs.spectral_flattening._curvature import spectrum_of
from labs.spectral_flattening._rules import check_rule, direction

EPS = 2.0**-52


@dataclass(frozen=True)
class EffectiveConditionNumbers:
    """Condition numbers of one update (...), with P_L = (G G^T)^(1/2) and P_R = (G^T G)^(1/2).

    left       kappa(A) kappa(P_L^(-1/2) B P_L^(-1/2))                       Q = P_L^(-1) G
    right      kappa(B) kappa(P_R^(-1/2) A P_R^(-1/2))                       Q = G P_R^(-1)
    two_sided  kappa(P_L^(-1/4) B P_L^(-1/4)) kappa(P_R^(-1/4) A P_R^(-1/4))   Q = P_L^(-1/2) G P_R^(-1/2)
    gd         kappa(A) kappa(B)                                             the gradient itself
    """

    left: Array
    right: Array
    two_sided: Array
    gd: Array


def effective_condition_numbers(
    B: Array, A: Array, delta: Array, *, rtol: float | None = None
) -> EffectiveConditionNumbers:
    """Kernel: the condition numbers that three readings of Muon's update as a preconditioned gradient assign to it.

    See `EffectiveConditionNumbers` for the formulas; G = B Delta A.  No one of them is a property of the update, but
    each bounds what one step leaves: line_search_factor <= ((kappa - 1)/(kappa + 1))^2.

    B  (..., m, m) and A (..., n, n), symmetric positive semidefinite;  delta (..., m, n);  all broadcast
    rtol  singular values of G up to rtol times the largest are zero (default max(m, n) eps)

    Eigenvalues that are zero are left out: gradients stay in the ranges of B and A.  Where P_L is singular on the
    range of B (G has fewer rows in its range than B) `left` is infinite; `right` likewise; `two_sided` where either
    is.  So for m < n at most `left` is finite, and none is for G = 0.  B = 0 or A = 0: all NaN, there is no loss.
    Unchanged by scaling B, A and delta.  Relative error about (m + n) eps kappa(G) from rounding in delta and in the
    eigenbases, besides sqrt(kappa) eps.

    Cost: two symmetric eigenvalue problems, five singular value decompositions.  Raises ValueError as
    `line_search_factor`.  Source: derived here (SF-K5), from the identities of Nguyen et al. 2026 as reported.
    """
    b, a, turned = _in_eigenbases(B, A, delta)
    xp = array_namespace(b, a, turned)
    gradient = b[..., :, None] * a[..., None, :] * turned
    size = xp.max(xp.abs(gradient), axis=(-2, -1), keepdims=True)
    left, s, right = xp.linalg.svd(gradient / xp.where(size > 0.0, size, 1.0), full_matrices=False)
    tolerance = max(delta.shape[-2:]) * EPS if rtol is None else rtol
    s = xp.where(s > tolerance * s[..., :1], s, 0.0)
    root, frame = xp.sqrt(s), xp.matrix_transpose(right)
    kappa_b, kappa_a = _ratio(b), _ratio(a)
    return EffectiveConditionNumbers(
        left=kappa_a * _pencil(b, left, s),
        right=kappa_b * _pencil(a, frame, s),
        two_sided=_pencil(b, left, root) * _pencil(a, frame, root),
        gd=kappa_b * kappa_a + 0.0 * s[..., 0],
    )


def preconditioned_condition_number(B: Array, C: Array) -> Array:
    """Kernel: kappa(C^(-1/2) B C^(-1/2)), the largest over the smallest nonzero eigenvalue of C^(-1) B: (...).

    B, C  (..., m, m), symmetric positive semidefinite; they broadcast

    Plain gradient descent: C = 1.  Infinite where C is singular on the range of B (where v^T B v > 0 for a v with
    C v = 0; zero means up to m eps), NaN for B = 0.  Relative error about m eps (kappa(C) + sqrt(kappa)).
    Cost: two symmetric eigenvalue problems, one singular value decomposition.  Raises ValueError unless B and C are
    float64, finite, square, symmetric (to 1e-12) and positive semidefinite (to m eps).  Source: derived here (SF-K2).
    """
    b, bases, _ = spectrum_of("B", B, None)
    c, frame, _ = spectrum_of("C", C, b.shape[-1])
    return _pencil(b, array_namespace(b, c).matrix_transpose(bases) @ frame, c)


def line_search_factor(B: Array, A: Array, delta: Array, rule: str, *, schedule: Any = None) -> Array:
    """Kernel: f after over f before one step of the best length, f = <Delta, B Delta A>/2: (...), in [0, 1].

        min over eta of f(Delta - eta D)/f(Delta) = 1 - <G, D>^2 / (<D, B D A> <Delta, G>),   G = B Delta A

    rule      "gd", "ngd": D = G;  "muon", "scaled-muon": D = polar(G);  "muon-ns5", "polar-express": five steps of
              these polynomials.  A line search forgets the length of D, so the pairs agree.
    schedule  triples (a, b, c), for the rule "muon" alone: D = newton_schulz(G, schedule) in place of polar(G)

    B  (..., m, m) and A (..., n, n), symmetric positive semidefinite;  delta (..., m, n), G != 0;  all broadcast.
    Computed as the quotient of the two losses in the eigenbases of B and A, where no term is negative: a step that
    solves the problem gives a factor of the order eps^2, not a difference of ones.

    Cost: two symmetric eigenvalue problems, one polar factor, two products.  Raises ValueError unless B, A, delta are
    float64, finite and of these shapes, B and A symmetric (to 1e-12) and positive semidefinite (to n eps), the
    gradient not zero, the rule known, and the loss curved along D.
    Source: derived here (SF-K6).
    """
    check_rule(rule)
    if schedule is not None and rule != "muon":
        raise ValueError(f"schedule must be None for the rule {rule!r}, got {schedule!r}")
    b, a, turned = _in_eigenbases(B, A, delta)
    xp = array_namespace(b, a, turned)
    modes = b[..., :, None] * a[..., None, :]
    gradient = modes * turned
    size = xp.max(xp.abs(gradient), axis=(-2, -1), keepdims=True)
    if not bool(xp.all(size > 0.0)):
        raise ValueError(
            "delta must have a gradient B delta A that is not 0 (at a minimum nothing is left), got 0"
        )
    gradient = gradient / size
    along = direction(rule, gradient) if schedule is None else newton_schulz(gradient, schedule)

    def total(x: Array) -> Array:
        return xp.sum(x, axis=(-2, -1), keepdims=True)

    curvature = total(modes * along * along)
    if not bool(xp.all(curvature > 0.0)):
        raise ValueError(
            "schedule must give a direction along which the loss is curved, got a curvature of 0"
        )
    after = turned - size * total(gradient * along) / curvature * along
    return (total(modes * after * after) / total(modes * turned * turned))[..., 0, 0]


def _in_eigenbases(B: Array, A: Array, delta: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues of B and of A over the largest entry, and delta over its own, in the eigenbases of B and A."""
    check_shape((None, None), delta=delta)
    check_double(delta=delta)
    check_finite(delta=delta)
    b, left, _ = spectrum_of("B", B, delta.shape[-2])
    a, right, _ = spectrum_of("A", A, delta.shape[-1])
    xp = array_namespace(b, a, delta)
    scale = xp.max(xp.abs(delta), axis=(-2, -1), keepdims=True)
    return b, a, xp.matrix_transpose(left) @ (delta / xp.where(scale > 0.0, scale, 1.0)) @ right


def _ratio(values: Array) -> Array:
    """The largest of nonnegative numbers (..., n) over the smallest that is not zero; NaN where all are zero."""
    xp = array_namespace(values)
    top = xp.max(values, axis=-1)
    bottom = xp.min(xp.where(values > 0.0, values, top[..., None]), axis=-1)
    return xp.where(top > 0.0, top / xp.where(top > 0.0, bottom, 1.0), math.nan)


def _pencil(b: Array, frame: Array, c: Array) -> Array:
    """kappa(C^(-1/2) B C^(-1/2)) for B = diag(b), C = frame diag(c) frame^T; see `preconditioned_condition_number`.

    Its square root is the condition number of diag(b)^(1/2) frame diag(c)^(-1/2) over as many singular values as B
    has nonzero eigenvalues: half as many digits are lost as with the eigenvalues.
    """
    xp = array_namespace(b, frame, c)
    root = xp.sqrt(b)[..., :, None] * frame
    inverse = xp.where(c > 0.0, 1.0 / xp.sqrt(xp.where(c > 0.0, c, 1.0)), 0.0)
    sigma = xp.linalg.svdvals(root * inverse[..., None, :])
    rank_b, rank_c = (xp.sum(xp.astype(x > 0.0, xp.float64), axis=-1) for x in (b, c))
    place = xp.arange(1, sigma.shape[-1] + 1, dtype=xp.float64, device=device(b))
    last = xp.sum(xp.where(place == rank_b[..., None], sigma, 0.0), axis=-1)
    unseen = xp.max(xp.where(c > 0.0, 0.0, xp.sum(root * root, axis=-2)), axis=-1)  # v^T B v where C v = 0
    singular = (rank_c < rank_b) | (last <= 0.0) | (unseen > b.shape[-1] * EPS * xp.max(b, axis=-1))
    ratio = sigma[..., 0] / xp.where(singular, 1.0, last)
    return xp.where(rank_b > 0.0, xp.where(singular, math.inf, ratio * ratio), math.nan)
