"""The aligned model, in which a matrix run is r runs of numbers; and how far from it a rotation of A leads.

If Delta = U_B diag(d) U_A^T in eigenbases of B and A, then G = U_B diag(h d) U_A^T with h_i a product of one
eigenvalue of B and one of A, and every rule keeps this form: the whole run is a recursion of d.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape
from labs.spectral_flattening._descent import CEILING, Quadratic, Trajectory, run
from labs.spectral_flattening._rules import check_rule, mode_direction


def descend_modes(
    h: Array,
    d0: Array,
    rule: str,
    steps: int,
    schedule: str | Array = "constant",
    *,
    size: float | Array = 1.0,
    momentum: float = 0.0,
    ceiling: float = CEILING,
    checkpoints: Collection[int] = (),
) -> Trajectory:
    """Kernel: `dynamics.descend` for aligned modes: f = sum h_i d_i^2/2, g_i = h_i d_i, singular values |g_i|.

        muon: d_i <- d_i - eta_t sign(g_i), whatever h;   gd: d_i <- (1 - eta_t h_i) d_i

    h (..., r) curvatures of the modes (a negative one makes a saddle, and `values` no longer has 0 for its minimum);
    d0 (..., r); the other arguments as in `dynamics.descend`, with L the largest h.  O(r) a step.
    With dyadic sizes and starts Muon's run is exact in floating point.  Raises ValueError as `dynamics.descend`.
    """
    check_rule(rule)
    check_shape((None,), h=h)
    check_shape(tuple(h.shape[-1:]), d0=d0)
    check_double(h=h, d0=d0)
    check_finite(h=h, d0=d0)
    xp = array_namespace(h, d0)
    model = Quadratic(
        curvature=lambda d: h * d,
        direction=partial(mode_direction, rule),
        nuclear=_nuclear,
        smoothness=xp.max(h, axis=-1),
        axes=(-1,),
    )
    return run(model, d0, steps, schedule, size, momentum, ceiling, checkpoints)


def _nuclear(g: Array) -> tuple[Array, Array]:
    xp = array_namespace(g)
    return xp.sum(xp.abs(g), axis=-1), xp.sum(xp.abs(xp.sign(g)), axis=-1)


# --- two by two, out of alignment -----------------------------------------------------------------------------
#
# B = diag(b, 1/b), A = R diag(a, 1/a) R^T with R the rotation by phi, Delta_0 = 1.  Field arithmetic alone: floats,
# fractions, symbols and balls.

Matrix = tuple[tuple[Any, Any], tuple[Any, Any]]


def rotated_curvature(a: Any, b: Any, c: Any, s: Any) -> tuple[Matrix, Matrix]:
    """B = diag(b, 1/b) and A = R diag(a, 1/a) R^T, R the rotation with cosine c and sine s."""
    off = (a - 1 / a) * s * c
    return ((b, 0 * b), (0 * b, 1 / b)), ((a * c * c + s * s / a, off), (off, a * s * s + c * c / a))


def tangent_of_first_step(a: Any, b: Any, c: Any, s: Any) -> Any:
    """tan(theta), where polar(B A), the first direction from Delta_0 = 1, is the rotation by theta."""
    along = c * c * (a * b + 1 / (a * b)) + s * s * (a / b + b / a)
    return -(b - 1 / b) * (a - 1 / a) * s * c / along


def worst_tangents_squared(a: Any, b: Any) -> tuple[Any, Any]:
    """(tan^2 phi, tan^2 theta) where |theta| is largest."""
    along, across = a * b + 1 / (a * b), a / b + b / a
    return along / across, ((a - 1 / a) * (b - 1 / b)) ** 2 / (4 * along * across)


def polar_step(B: Matrix, A: Matrix, D: Matrix, eta: Any, sqrt: Any) -> Matrix:
    """Muon's step for two by two matrices: D - eta polar(B D A), for B D A that is not singular.

    The polar factor of M is M + sign(det M) adj(M)^T, scaled to determinant sign(det M); `sqrt` is the root of the
    field.  With Arb balls the result encloses the true step; then sign(det M) must be certain (RuntimeError).
    """
    M = _product(_product(B, D), A)
    det = M[0][0] * M[1][1] - M[0][1] * M[1][0]
    if not (det > 0 or det < 0):
        raise RuntimeError(f"polar_step needs a determinant of certain sign, got {det}")
    sign = 1 if det > 0 else -1
    x, y = M[0][0] + sign * M[1][1], M[1][0] - sign * M[0][1]
    size = sqrt(x * x + y * y)
    x, y = eta * x / size, eta * y / size
    return (D[0][0] - x, D[0][1] + sign * y), (D[1][0] - y, D[1][1] - sign * x)


def spectral_norm(D: Matrix, sqrt: Any) -> Any:
    """|D|_op of a two by two matrix: half the sum of the lengths of its two conformal parts."""
    (p, q), (u, v) = D
    return (sqrt((p + v) * (p + v) + (u - q) * (u - q)) + sqrt((p - v) * (p - v) + (u + q) * (u + q))) / 2


def _product(X: Matrix, Y: Matrix) -> Matrix:
    first, second = ((row[0] * Y[0][0] + row[1] * Y[1][0], row[0] * Y[0][1] + row[1] * Y[1][1]) for row in X)
    return first, second
