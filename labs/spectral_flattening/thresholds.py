"""How long one step may be: every threshold of GD, normalised GD and Muon side by side.

The loss is the quadratic f = <Delta, H[Delta]>/2 with Kronecker curvature H[D] = B D A, or any loss whose Hessian is
that at W.  All thresholds are of the kind S1: below it a step is guaranteed to decrease the loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_shape,
    device,
)
from labs.core.polar import polar
from labs.core.spectrum import normalized
from labs.spectral_flattening._curvature import spectrum_of
from labs.spectral_flattening.one_step import inexact_ratio, largest_step

EPS = 2.0**-52


@dataclass(frozen=True)
class StableStep:
    """The largest steps of one gradient, per item (...).  With r, N, F, L, L_(k) as in `stable_step`:

    frobenius  2 N / (L r)             Muon, every loss with this L ("average singular value": 2 sbar / L)
    spectral   2 N / L_op              Muon, every loss with this L_op
    rank       2 N / L_(r)             Muon, every gradient of this rank and nuclear norm
    exact      2 N / <Q, H[Q]>         Muon, this gradient
    gd         2 / L                   GD, every loss with this L
    gd_exact   2 F^2 / <G, H[G]>       GD, this gradient
    ngd        2 F / (L sqrt r)        NGD, every loss with this L
    ngd_exact  2 F^3 / (sqrt r <G, H[G]>)   NGD, this gradient
    gradient_rank  r, as a float

    frobenius <= rank <= exact, spectral <= rank; gd <= gd_exact; ngd <= ngd_exact.
    """

    frobenius: Array
    spectral: Array
    rank: Array
    exact: Array
    gd: Array
    gd_exact: Array
    ngd: Array
    ngd_exact: Array
    gradient_rank: Array


def stable_step(G: Array, B: Array, A: Array, *, rtol: float | None = None) -> StableStep:
    """Kernel: the largest steps of GD, normalised GD (NGD) and Muon for the gradient G and the curvature D -> B D A.

        f(W - eta D) - f(W) = -eta <G, D> + eta^2 <D, H[D]> / 2,    so that the step may be 2 <G, D> / <D, H[D]>

    with D = G (GD), sqrt(r) G/F (NGD), Q = polar(G) (Muon); r = rank G, N = |G|_*, F = |G|_F,
    L = lambda_1(A) lambda_1(B), L_(k) = sum_{i <= k} lambda_i(A) lambda_i(B), L_op = L_(min(m, n)).

    G  (..., m, n) in loss/weight; B (..., m, m) and A (..., n, n), symmetric positive semidefinite, their product in
       loss/weight^2; all broadcast.  The answers are weights for Muon and NGD, weight^2/loss for GD.
    rtol  singular values of G up to rtol times the largest are zero (default max(m, n) eps).

    G = 0 (r = 0: there is no direction) and H = 0 make every threshold NaN; where a direction meets no curvature (up
    to the rounding of its eigenbasis) its exact threshold is infinite.  Unchanged, but for their scale, by scaling G,
    A and B.  Relative error about (m + n) eps times r F/N at most, as long as the products stay in range.

    Cost: one polar factor, two symmetric eigenvalue problems, four products.  Raises ValueError unless G, B, A are
    float64, finite and of these shapes, and B, A symmetric (to 1e-12) and positive semidefinite (to n eps).
    Source: Nguyen et al. 2026 as reported (`frobenius`, `gd`); the others are derived here (SF-T2, SF-T3).
    """
    check_shape((None, None), G=G)
    check_double(G=G)
    check_finite(G=G)
    m, n = G.shape[-2:]
    b, left, b_scale = spectrum_of("B", B, m)
    a, right, a_scale = spectrum_of("A", A, n)
    xp = array_namespace(G, b, a)
    scale = xp.max(xp.abs(G), axis=(-2, -1))
    unit = G / xp.where(scale > 0.0, scale, 1.0)[..., None, None]
    factor = polar(unit, "svd", rtol=rtol)
    r = xp.astype(factor.rank, xp.float64)
    nuclear = xp.sum(factor.q * unit, axis=(-2, -1))
    squares = xp.sum(unit * unit, axis=(-2, -1))
    frobenius, root = xp.sqrt(squares), xp.sqrt(r)
    smooth = b[..., 0] * a[..., 0]
    modes = b[..., : min(m, n)] * a[..., : min(m, n)]
    count = xp.arange(1, min(m, n) + 1, dtype=xp.float64, device=device(G))
    kept = xp.astype(count <= r[..., None], xp.float64)

    def curvature(D: Array) -> Array:
        """<D, H[D]> as a sum of terms none of which is negative."""
        turned = left.mT @ D @ right
        return xp.sum(b[..., :, None] * a[..., None, :] * turned * turned, axis=(-2, -1))

    def step(gain: Array, curved: Array, negligible: Array | float = 0.0) -> Array:
        flat = curved <= negligible
        return xp.where(flat, math.inf, largest_step(gain, xp.where(flat, 1.0, curved)))

    noise = (
        (m + n) * EPS
    ) ** 2 * smooth  # what rounding of the eigenvectors leaves of a curvature of 0, over |D|^2
    along_g, along_q = curvature(unit), curvature(factor.q)
    defined = (r > 0.0) & (smooth > 0.0)

    def in_units(threshold: Array, size: Array | float) -> Array:
        return xp.where(defined, xp.where(defined, threshold, 0.0) * size / b_scale / a_scale, math.nan)

    some = xp.where(defined, squares, 1.0)
    return StableStep(
        frobenius=in_units(step(nuclear, smooth * r), scale),
        spectral=in_units(step(nuclear, xp.sum(modes, axis=-1)), scale),
        rank=in_units(step(nuclear, xp.sum(modes * kept, axis=-1)), scale),
        exact=in_units(step(nuclear, along_q, noise * r), scale),
        gd=in_units(step(1.0 + 0.0 * r, smooth), 1.0),
        gd_exact=in_units(step(squares, along_g, noise * squares), 1.0),
        ngd=in_units(step(frobenius, smooth * root), scale),
        ngd_exact=in_units(step(root * frobenius, along_g * r / some, noise * r), scale),
        gradient_rank=r + 0.0 * smooth,
    )


def spectral_smoothness(B: Array, A: Array, rank: int | None = None) -> Array:
    """Kernel: L_(rank) = sum_{i <= rank} lambda_i(A) lambda_i(B), by default L_op, the smoothness in spectral norm.

        L_(k) = max {<D, B D A> : |D|_op <= 1, rank D <= k},   L_op = L_(min(m, n)),   L = L_(1)

    B (..., m, m) and A (..., n, n), symmetric positive semidefinite; (...) comes back.  For B = 1, m >= n it is the
    trace of A, so that L_op/L is the stable rank of the data.
    Cost: two symmetric eigenvalue problems.  Raises ValueError as `stable_step`, and unless 1 <= rank <= min(m, n).
    Source: derived here (SF-T2).
    """
    b, _, b_scale = spectrum_of("B", B, None)
    a, _, a_scale = spectrum_of("A", A, None)
    least = min(b.shape[-1], a.shape[-1])
    rank = least if rank is None else rank
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= least:
        raise ValueError(f"rank must be an integer from 1 to min(m, n) = {least}, got {rank!r}")
    xp = array_namespace(b, a)
    return xp.sum(b[..., :rank] * a[..., :rank], axis=-1) * b_scale * a_scale


def threshold_ratio(s: Array, phi: Array) -> Array:
    """Kernel: tau, Muon's stable step with an inexact polar factor over the one with the exact factor (SF-T5).

        tau = r sum s_i phi_i / (sum s_i sum phi_i^2),     eta(phi) = (2/L) sum s_i phi_i / sum phi_i^2 = tau eta_T1

    s    (..., r) singular values of the gradient; zeros are no modes and are left out, and r counts the others
    phi  (..., r) singular values of the update, from the same vectors; both nonnegative, in any order; broadcast

    NaN where s or phi vanishes altogether.  Raises ValueError for what is not real, finite and nonnegative.
    """
    check_shape((None,), s=s, phi=phi)
    check_nonnegative(s=s, phi=phi)
    xp = array_namespace(s, phi)
    s, phi = xp.broadcast_arrays(s, phi)
    mode = s > 0.0
    phi = xp.where(mode, phi, 0.0)
    size = xp.max(phi, axis=-1)
    defined = size > 0.0  # then s does not vanish either
    s, flattened = normalized(s), normalized(phi)
    r = xp.sum(xp.astype(mode, s.dtype), axis=-1)
    nuclear, squares = xp.sum(s, axis=-1), size * xp.sum(flattened * flattened, axis=-1)
    nuclear, squares = (xp.where(defined, x, 1.0) for x in (nuclear, squares))
    return xp.where(defined, inexact_ratio(r, nuclear, xp.sum(s * flattened, axis=-1), squares), math.nan)
