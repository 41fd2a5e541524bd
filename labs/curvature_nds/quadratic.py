"""Descent on the quadratic of one matrix: mode by mode, and with the plain matrices that the modes stand for.

The state is the displacement D = Y* - Y from the minimum, so that the residual is R = H[D] and the loss above the
minimum <D, H[D]>/2, both without cancellation.  It is rescaled by a power of two at every step: however small the
loss becomes, signs and rates are those of exact arithmetic up to relative rounding.
Source: Wang et al. 2026 as reported (the model; GD and Muon with exact line search); the other rules and steps, and
the arithmetic, are ours.
"""

from __future__ import annotations

from collections.abc import Callable

from labs.core.arrays import Array, array_namespace, check_finite, check_positive, check_shape
from labs.core.optimisers import adam_step
from labs.core.polar import msign
from labs.curvature_nds._checks import check_orthonormal, check_symmetric
from labs.curvature_nds._descent import Lengths, Number, Problem, Rule, Trajectory, over, power_of_two, run

__all__ = ["Trajectory", "descend", "descend_dense", "structured"]

# A displacement that one step brings down to this many units of rounding is 0: so much is the error of a step
# length, a quotient of two sums of positive terms.  Else noise would pass for a mode once the others are smaller.
LANDED = 16.0


def descend(
    w: Array,
    sigma: Array,
    rule: str,
    steps: int,
    step: str | Number = "line-search",
    *,
    norm: Number | None = None,
) -> Trajectory:
    """Kernel: descent on q paired modes, d_i <- d_i - eta z_i, r_i = w_i d_i, loss = sum w_i d_i^2/2.

    w      (..., q), curvatures > 0
    sigma  (..., q), the gradient at the start, d_i = sigma_i/w_i, of any sign; the batches of both broadcast
    rule   "gd": z = r; "muon": z = sgn r; "ngd": z = sqrt(k) r/|r|, k the number of modes with r_i != 0
    step   "line-search": eta = <r, z>/<z, w z>; "halving": eta = max |d_i(0)|/2^(t+1) (not for "gd");
           "matched-norm": so that |eta z| is `norm`, by default that of GD's line-searched step from the same point;
           a number; or an array (..., steps) or (..., 1), a length for each step
    norm   for "matched-norm": a number, or an array (..., steps) or (..., 1)

    A mode that a step brings to 0 up to rounding (16 eps) stays there; at the minimum the update is 0.
    The loss has a relative error of about steps * eps * max |d_i(t)/d_i(t+1)| over modes and steps; for line-searched
    GD, whose shares of energy nothing restores, steps^2 in place of steps.
    Cost O(q) a step.  Raises ValueError for bad arguments.
    """
    check_shape((None,), w=w)
    check_shape((w.shape[-1],), sigma=sigma)
    check_positive(w=w)
    check_finite(sigma=sigma)
    xp = array_namespace(w, sigma)
    rules: dict[str, Rule] = {
        "gd": lambda r, scale: r,
        "muon": lambda r, scale: xp.sign(r),
        "ngd": lambda r, scale: _normalised(r, xp.sum(xp.astype(r != 0.0, r.dtype), axis=-1), (-1,)),
    }
    if not isinstance(rule, str) or rule not in rules:
        raise ValueError(f"rule must be one of {tuple(rules)}, got {rule!r}")
    eps = xp.finfo(w.dtype).eps

    def landed(new: Array, old: Array) -> Array:
        return xp.abs(new) <= LANDED * eps * xp.abs(old)

    start = sigma / w
    unit = power_of_two(xp.max(w, axis=-1))
    curvature = w / unit[..., None]
    problem = Problem(lambda d: curvature * d, unit, rules[rule], rule == "gd", (-1,), landed)
    return run(start, problem, Lengths(step, norm, xp.max(xp.abs(start), axis=-1)), steps)


def descend_dense(
    A: Array,
    B: Array,
    D: Array,
    rule: str | Callable[[Array], Array],
    steps: int,
    step: str | Number = "line-search",
    *,
    norm: Number | None = None,
    momentum: float = 0.9,
    memory: float = 0.95,
) -> Trajectory:
    """Kernel: descent with plain matrices: H[Z] = sum_k A_k Z B_k, D <- D - eta Z, loss = <D, H[D]>/2.

    A, B   (..., K, m, m) and (..., K, n, n), symmetric: the factors of the curvature
    D      (..., m, n), the minimum minus the start; the gradient at the start is R = H[D]
    rule   "gd": Z = R; "muon": the polar factor of R on its nonzero singular values; "ngd": sqrt(min(m, n)) R/|R|_F;
           "sign": sgn R; "adam": Adam's direction, bias-corrected, with `momentum` and `memory`;
           or a function from R to Z
    step, norm  as for `descend`; "halving" begins with half the largest singular value of D

    Cost: 2 K products of matrices a step, and a polar factor for "muon".  Raises ValueError for bad arguments, and
    where the line search meets an update without positive curvature.
    """
    check_shape((None, None), D=D)
    m, n = D.shape[-2:]
    check_shape((None, m, m), A=A)
    check_shape((A.shape[-3], n, n), B=B)
    check_finite(A=A, B=B, D=D)
    check_symmetric(A=A, B=B)
    xp = array_namespace(A, B, D)
    rules: dict[str, Rule] = {
        "gd": lambda R, scale: R,
        "muon": lambda R, scale: msign(R),
        "ngd": lambda R, scale: _normalised(R, float(min(m, n)), (-2, -1)),
        "sign": lambda R, scale: xp.sign(R),
        "adam": _Adam(momentum, memory),
    }

    def given(R: Array, scale: Array) -> Array:
        Z = rule(R * scale[..., None, None])  # type: ignore[operator]
        check_shape((m, n), **{"rule's update": Z})
        check_finite(**{"rule's update": Z})
        return Z

    if callable(rule):
        rules["a function"] = given
    name = "a function" if callable(rule) else rule
    if not isinstance(name, str) or name not in rules:
        raise ValueError(f"rule must be a function or one of {tuple(rules)}, got {rule!r}")
    eps = max(m, n) * xp.finfo(D.dtype).eps

    units = [power_of_two(xp.max(xp.abs(X), axis=(-3, -2, -1))) for X in (A, B)]
    left, right = (X / unit[..., None, None, None] for X, unit in zip((A, B), units, strict=True))

    def curve(D: Array) -> Array:
        return xp.sum(left @ D[..., None, :, :] @ right, axis=-3)

    def landed(new: Array, old: Array) -> Array:
        """All entries together, because rounding mixes the modes."""
        after, before = (xp.max(xp.abs(x), axis=(-2, -1), keepdims=True) for x in (new, old))
        return after <= LANDED * eps * before

    D = D + xp.zeros_like(curve(D))  # over the batch of all three
    longest = xp.max(xp.linalg.svdvals(D), axis=-1) if isinstance(step, str) and step == "halving" else 0.0
    problem = Problem(curve, units[0] * units[1], rules[name], name == "gd", (-2, -1), landed)
    return run(D, problem, Lengths(step, norm, longest), steps)


def structured(w: Array, sigma: Array, left: Array, right: Array) -> tuple[Array, Array, Array]:
    """Kernel: the paired model in matrices: (A, B, D) for `descend_dense`.

        A = sum_i sqrt(w_i) u_i u_i^T,  B = sum_i sqrt(w_i) v_i v_i^T,  D = sum_i (sigma_i/w_i) u_i v_i^T,

    so that H[u_i v_j^T] = sqrt(w_i w_j) u_i v_j^T, and 0 beyond the modes: one Kronecker product.

    w, sigma  (..., q), w > 0
    left, right  (..., m, q), (..., n, q): orthonormal columns u_i, v_i
    Returns (..., 1, m, m), (..., 1, n, n), (..., m, n).  Cost O((m + n)^2 q).  Raises ValueError for bad arguments.
    """
    check_shape((None,), w=w)
    check_shape((w.shape[-1],), sigma=sigma)
    check_shape((None, w.shape[-1]), left=left, right=right)
    check_positive(w=w)
    check_finite(sigma=sigma, left=left, right=right)
    check_orthonormal(left=left, right=right)
    xp = array_namespace(w, sigma, left, right)
    root = xp.sqrt(w)[..., None, :]

    def factor(frame: Array) -> Array:
        return ((frame * root) @ xp.matrix_transpose(frame))[..., None, :, :]

    return factor(left), factor(right), (left * (sigma / w)[..., None, :]) @ xp.matrix_transpose(right)


def _normalised(R: Array, rank: Array | float, axes: tuple[int, ...]) -> Array:
    """sqrt(rank) R/|R|, and 0 for R = 0."""
    xp = array_namespace(R)
    length = over((rank + xp.zeros_like(xp.max(R, axis=axes))) ** 0.5, xp.sqrt(xp.sum(R * R, axis=axes)))
    return length[(..., *[None] * len(axes))] * R


class _Adam:
    """Adam's direction: what one step of rate 1 from the weights 0 adds."""

    def __init__(self, momentum: float, memory: float) -> None:
        self.options = {"momentum": momentum, "memory": memory}
        self.moments: tuple[Array, Array] | None = None
        self.step = 0

    def __call__(self, R: Array, scale: Array) -> Array:
        R = R * scale[..., None, None]
        zero = 0.0 * R
        self.step += 1
        first, second = self.moments or (zero, zero)
        new, first, second = adam_step(zero, -R, first, second, self.step, 1.0, **self.options)
        self.moments = first, second
        return new
