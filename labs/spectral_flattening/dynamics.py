"""Many steps on a quadratic with Kronecker curvature: GD, normalised GD and Muon, at any schedule of step sizes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
)
from labs.spectral_flattening._descent import CEILING, SCHEDULES, Quadratic, Trajectory, run
from labs.spectral_flattening._rules import RULES, check_rule, direction, nuclear
from labs.spectral_flattening.thresholds import spectral_smoothness

__all__ = ["RULES", "SCHEDULES", "SIDES", "Constants", "Trajectory", "constants", "descend", "ultimate_bound"]

SIDES = ("none", "left", "right", "both")

# Eigenvalues below this share of the largest are zeros that rounding filled.
NEGLIGIBLE = 1e-12


def descend(
    B: Array,
    A: Array,
    delta0: Array,
    rule: str,
    steps: int,
    schedule: str | Array = "constant",
    *,
    size: float | Array = 1.0,
    momentum: float = 0.0,
    whiten: str = "none",
    ceiling: float = CEILING,
    checkpoints: Collection[int] = (),
) -> Trajectory:
    """Kernel: run a rule on f = <Delta, B Delta A>/2 from Delta = delta0, a batch of runs side by side.

        G = B Delta A,   M <- momentum M + G,   Delta <- Delta - eta_t X(M)

    B, A        (..., m, m), (..., n, n), symmetric, positive semidefinite, float64.
    delta0      (..., m, n): W - W* at the start.
    rule        what X is: "gd" (M), "ngd" (sqrt(min(m, n)) M/|M|_F), "muon" (polar factor), "scaled-muon" (|M|_*
                times it), "muon-ns5", "polar-express" (five steps of these polynomials from M/|M|_F).
    schedule    "constant": eta_t = size;  "halving": size 2^-(t+1);  "line-search": size <G, X>/<X, H[X]>, the best
                step at size = 1;  "average-singular-value": size |G|_*/(r L);  an array (..., steps): size times it.
    size        a number, or one a run (...).
    whiten      "left": B^(-1/2) X(B^(-1/2) M) in place of X(M);  "right": X(M A^(-1/2)) A^(-1/2);  "both", "none".
    ceiling     a run whose loss is above it stays where it is from then on.
    checkpoints the steps before which to keep Delta; the end is always kept.

    Linear regression is B = 1, A = X X^T/N (`models.regression`).  A step costs six products and the polar factor
    (and the singular values of G, if the schedule asks for |G|_*).  Rounding of B Delta A is about eps kappa(A)
    kappa(B) of its small entries: runs that start aligned in dense eigenbases do not stay so; for them there is
    `aligned.descend_modes`.
    Raises ValueError for bad shapes and values, matrices that are not symmetric positive semidefinite, an unknown
    rule or schedule.
    """
    check_rule(rule)
    check_shape((None, None), delta0=delta0)
    m, n = delta0.shape[-2:]
    check_shape((m, m), B=B)
    check_shape((n, n), A=A)
    check_double(B=B, A=A, delta0=delta0)
    check_finite(delta0=delta0)
    if whiten not in SIDES:
        raise ValueError(f"whiten must be one of {SIDES}, got {whiten!r}")
    smoothness = spectral_smoothness(B, A, 1)
    left = _inverse_root("B", B) if whiten in ("left", "both") else None
    right = _inverse_root("A", A) if whiten in ("right", "both") else None

    def whitened(M: Array) -> Array:
        return _between(left, direction(rule, _between(left, M, right)), right)

    model = Quadratic(lambda D: B @ D @ A, whitened, nuclear, smoothness, axes=(-2, -1))
    return run(model, delta0, steps, schedule, size, momentum, ceiling, checkpoints)


def _between(left: Array | None, M: Array, right: Array | None) -> Array:
    M = M if left is None else left @ M
    return M if right is None else M @ right


def _inverse_root(name: str, S: Array) -> Array:
    """S^(-1/2); ValueError unless S, symmetric, is positive definite beyond its rounding."""
    xp = array_namespace(S)
    values, vectors = xp.linalg.eigh(S)
    if not bool(xp.all(values > NEGLIGIBLE * values[..., -1:])):
        raise ValueError(f"{name} must be positive definite where it is whitened, got a singular matrix")
    return (vectors / xp.sqrt(values)[..., None, :]) @ vectors.mT


@dataclass(frozen=True)
class Constants:
    """What the bound of `ultimate_bound` needs of a quadratic, per item (...).

    smoothness  L = lambda_1(A) lambda_1(B).
    spectral    L_op = sum of lambda_i(A) lambda_i(B), i = 1 ... min(m, n).
    convexity   mu, the Polyak-Lojasiewicz constant: the product of the smallest eigenvalues that are not zero.
    rank        r = min(rank A, rank B): gradients have no more.
    """

    smoothness: Array
    spectral: Array
    convexity: Array
    rank: Array


def constants(B: Array, A: Array, rtol: float = NEGLIGIBLE) -> Constants:
    """Kernel: L, L_op, mu and r of f = <Delta, B Delta A>/2; eigenvalues up to rtol times the largest are zeros.

    mu jumps where an eigenvalue becomes zero: gradients stay in the range, so the zeros do not count; nor does any
    other reading of a small eigenvalue follow from the numbers alone.  B = 0 or A = 0: all constants are 0.
    Raises ValueError as `descend`, and for rtol outside [0, 1).
    """
    if not 0.0 <= rtol < 1.0:
        raise ValueError(f"rtol must be in [0, 1), got {rtol!r}")
    smoothness, spectral = spectral_smoothness(B, A, 1), spectral_smoothness(B, A)
    xp = array_namespace(B, A)
    least, rank = 1.0, []
    for S in (B, A):
        values = xp.linalg.eigvalsh(S)
        kept = values > rtol * values[..., -1:]
        rank.append(xp.sum(xp.astype(kept, xp.float64), axis=-1))
        least = least * xp.min(xp.where(kept, values, values[..., -1:]), axis=-1)
    r = xp.where(rank[0] < rank[1], rank[0], rank[1])
    return Constants(smoothness, spectral, xp.where(r > 0.0, least, 0.0), r)


def ultimate_bound(curvature: Array, mu: Array, eta: Array) -> Array:
    """Kernel: max(K eta^2/2, K^2 eta^2/(8 mu)): Muon at the fixed step eta ends no higher above the minimum.

    curvature  K = L r, or K = L_op (either is right; the smaller gives the better bound).
    mu         Polyak-Lojasiewicz constant; 0: infinite, unless eta or K is 0 too.
    Derived here (SF-T6): x' <= x - eta sqrt(2 mu x) + K eta^2/2 for x = f - f*.
    """
    check_nonnegative(curvature=curvature, mu=mu)
    check_positive(eta=eta)
    xp = array_namespace(curvature, mu, eta)
    first, rest = bounds(curvature, xp.where(mu > 0.0, mu, 1.0), eta)
    rest = xp.where((mu > 0.0) | (rest == 0.0), rest, float("inf"))
    return xp.where(first > rest, first, rest)


def bounds(curvature: Any, mu: Any, eta: Any) -> tuple[Any, Any]:
    """The two branches of `ultimate_bound`, in field arithmetic: after a step from the minimum; the fixed point."""
    return curvature * eta * eta / 2, curvature * curvature * eta * eta / (8 * mu)
