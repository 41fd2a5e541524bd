"""Power laws H = c x^p: the sharp constant, the Gaussian form of the weights, the scale along a ray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.isotropic_curvature.dirichlet import moment_of_sum, unit


def spike_ratio(p: Any) -> Any:
    """lambda_1/lambda_2 in the limit q_2, q_3, ... -> 0, that is E u_1^(p/2) / E u_1^(p/2-1) u_2.

    The moments are those of the Dirichlet distribution with real exponents; n cancels.
    """
    import sympy

    half = sympy.Rational(1, 2)

    def rise(exponent: Any) -> Any:
        return sympy.gamma(half + exponent) / sympy.gamma(half)

    return sympy.expand_func(rise(p / 2) / (rise(p / 2 - 1) * rise(sympy.Integer(1))))


def shares(power: int, x: Sequence[Any], n: Any) -> list[Any]:
    """a_i = E[rho^(p-4) q_i^2 z_i^2] / E rho^(p-2), z standard normal, p = `power` even and at least 4.

    Numerator and denominator have the same degree in z, so the radius cancels and the sphere serves.
    """
    order = power // 2 - 1
    whole = moment_of_sum(order, x, n)
    return [xi * moment_of_sum(order - 1, x, n, unit(i, len(x))) / whole for i, xi in enumerate(x)]


def ray_objective(p: Any, c: Any, t: Any, inner: Any, norm_power: Any) -> Any:
    """F(t s) = c t^p N_p(s)^p - t <s, g>, where inner = <s, g> and norm_power = N_p(s)^p."""
    return c * t**p * norm_power - t * inner


def ray_minimum(p: int) -> tuple[Any, Any, tuple[Any, ...]]:
    """Minimise F along a ray, for a natural p: (t^(p-1), F at the minimum, the symbols t, c, inner, N).

    The minimum value is written with t itself, by eliminating c from the stationarity equation.
    """
    import sympy

    t, c, inner, norm_power = sympy.symbols("t c A N", positive=True)
    value = ray_objective(p, c, t, inner, norm_power)
    slope = sympy.expand(value.diff(t))
    scale = sympy.solve(slope.subs(t ** (p - 1), sympy.Symbol("T")), sympy.Symbol("T"))[0]
    best = sympy.cancel(value.subs(c, sympy.solve(slope, c)[0]))
    return scale, best, (t, c, inner, norm_power)


def first_share_ball(g: Sequence[int | str], index: int) -> Any:
    """a_i(g) = int_0^inf g_i^2 (1 + 2 t g_i^2)^(-1) prod_j (1 + 2 t g_j^2)^(-1/2) dt, as a ball.

    With X = sum_j g_j^2 z_j^2 it is E[g_i^2 z_i^2 / X]: write 1/X = int exp(-t X) dt.  Put
    1 + 2 t g_i^2 = 1/v^2 and r_j = (g_j/g_i)^2: then g_i^2 dt = -dv/v^3 and 1 + 2 t g_j^2 =
    (v^2 + r_j (1 - v^2))/v^2, which leaves int_0^1 prod_{j != i} v (v^2 + r_j (1 - v^2))^(-1/2) dv.
    """
    from flint import acb, arb

    own = arb(g[index])
    ratios = [(arb(x) / own) ** 2 for j, x in enumerate(g) if j != index]

    def integrand(v: Any, analytic: Any) -> Any:
        product = acb(1)
        for r in ratios:
            # On its branch cut the square root is no analytic function: the flag says where that would matter.
            product *= v / (v * v + r * (1 - v * v)).sqrt(analytic=analytic)
        return product

    return acb.integral(integrand, 0, 1).real
