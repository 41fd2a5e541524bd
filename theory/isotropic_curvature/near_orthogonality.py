"""A kink at r = 1 with d = n - m > 0 more inputs than outputs: the stationarity equations in polar coordinates.

Write (zeta_1, ..., zeta_m) = s omega: s^2 ~ Beta(m/2, d/2) is independent of omega, uniform on S^{m-1}.  At
q = 1 + eps the length is rho = s |q omega|, and H = A x + (B - A)(x - 1)_+ has

    q_i lambda_i = A E s E f_i + (B - A) E[f_i T(1 - 1/|q omega|^2)],   f_i = q_i omega_i^2 / |q omega|,

where T(x) = E[s; s^2 > 1 - x] for x > 0, and 0 else, is an incomplete Beta function.  As eps -> 0,
T(x) ~ 2 x^(d/2) / (d Beta(d/2, m/2)) and x ~ 2 sum_j eps_j omega_j^2: that is the leading order.

For d = 2 (zeta_1, ..., zeta_m) is uniform in the unit ball (Archimedes), and {rho < 1} is an ellipsoid inside it
if all q_i >= 1: then nothing is left to integrate but the gradient of N.  For m = 2 everything can be enclosed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.isotropic_curvature import plane
from theory.isotropic_curvature.dirichlet import moment, moment_of_sum


def beta(a: Any, b: Any) -> Any:
    """The Beta function."""
    import sympy

    return sympy.gamma(a) * sympy.gamma(b) / sympy.gamma(a + b)


def mean_length(m: Any, d: Any) -> Any:
    """E s: the density of s^2 is that of Beta(m/2, d/2), and the factor s moves it to Beta((m+1)/2, d/2)."""
    import sympy

    half = sympy.Rational(1, 2)
    return beta((m + 1) * half, d * half) / beta(m * half, d * half)


def shell_constant(m: Any, d: Any) -> Any:
    """lim T(x) x^(-d/2) as x -> 0, for positive symbols or numbers m, d.

    y = 1 - s^2 has the density y^(d/2-1) (1-y)^(m/2-1) / Beta(d/2, m/2), and s = (1-y)^(1/2).
    """
    import sympy

    x, y = sympy.symbols("x y", positive=True)
    half = sympy.Rational(1, 2)
    smooth = (1 - y) ** (m * half - 1) * sympy.sqrt(1 - y)
    singular = sympy.integrate(y ** (d * half - 1), (y, 0, x)) / x ** (d * half)
    return sympy.simplify(singular) * smooth.subs(y, 0) / beta(d * half, m * half)


def squared_excess(eps: Sequence[Any], squares: Sequence[Any]) -> Any:
    """The derivative of 1 - 1/|q omega|^2 along q = 1 + t eps at t = 0; `squares` omega_i^2 that sum to 1."""
    import sympy

    t = sympy.Symbol("t")
    length = sum((1 + t * e) ** 2 * w for e, w in zip(eps, squares, strict=True))
    return sympy.cancel((1 - 1 / length).diff(t).subs(t, 0))


def linear_response(own: Any, total: Any, m: Any) -> Any:
    """m E[omega_i^2 sum_j eps_j omega_j^2] from eps_i = `own` and sum_j eps_j = `total`: the limit for d = 2.

    m may be a symbol.  For d = 2 the constant 2^(d/2) shell_constant is m.
    """
    return m * (own * moment((2,), m) + (total - own) * moment((1, 1), m))


def gradient_of_mean_length(eps: Sequence[Any], t: Any) -> list[Any]:
    """The gradient of N at q = 1 + t eps for d = 2, with all terms up to order t, from moments on S^{m-1}.

    E s = m/(m+1), and |q omega| = (1 + Y)^(1/2) = 1 + Y/2 - Y^2/8 + ... with Y = sum_j (q_j^2 - 1) omega_j^2.
    """
    import sympy

    m = len(eps)
    x = sympy.symbols(f"x1:{m + 1}")  # q_j^2 - 1
    norm = sympy.Rational(m, m + 1) * (1 + moment_of_sum(1, x, m) / 2 - moment_of_sum(2, x, m) / 8)
    point = {xi: 2 * t * e + t**2 * e**2 for xi, e in zip(x, eps, strict=True)}
    full = [sympy.expand(2 * (1 + t * e) * norm.diff(xi).subs(point)) for xi, e in zip(x, eps, strict=True)]
    return [entry.coeff(t, 0) + t * entry.coeff(t, 1) for entry in full]


def ball_gradient(norm_gradient: Sequence[Any], q: Sequence[Any], A: Any, B: Any) -> list[Any]:
    """q_i lambda_i for d = 2, all q_i >= 1: B dN/dq_i, less (B - A) times the part of the ellipsoid {rho < 1}.

    With y = x/q that part is q_i E[y_i^2/|q y|; |q y| < 1] = E_ball[x_i^2/|x|] / (q_i prod q) = 1/((m+1) q_i prod q).
    """
    import sympy

    volume = sympy.prod(q)
    inside = [1 / ((len(q) + 1) * qi * volume) for qi in q]
    return [B * dn - (B - A) * cut for dn, cut in zip(norm_gradient, inside, strict=True)]


# --- m = 2: balls ------------------------------------------------------------------------------------------------


def gradient_balls(eps: Sequence[Any], d: int, A: Any, B: Any) -> list[Any]:
    """(q_1 lambda_1, q_2 lambda_2) at q = 1 + eps for m = 2, n = d + 2, balls eps > 0.

    omega = (cos theta, sin theta).  The integrand is analytic where |q omega|^2 - 1 has a positive real part.
    """
    from flint import acb, arb

    q = [1 + arb(e) for e in eps]
    x = [arb(e) * (2 + arb(e)) for e in eps]
    # E s, with Gamma(m/2) = 1
    mean = (arb(3) / 2).gamma() * (arb(d + 2) / 2).gamma() / (arb(d + 3) / 2).gamma()

    def average(i: int) -> Any:
        def integrand(theta: Any, analytic: bool) -> Any:
            squares = theta.cos() ** 2, theta.sin() ** 2
            beyond = x[0] * squares[0] + x[1] * squares[1]  # |q omega|^2 - 1
            if analytic and not beyond.real > 0:
                return acb("nan")
            length = (1 + beyond).sqrt(analytic=analytic)
            part = arb(A) + (arb(B) - arb(A)) * _outside(d, beyond, length, analytic)
            return q[i] * squares[i] / length * part

        quarter = arb.pi() / 2
        return acb.integral(integrand, 0, quarter).real / quarter

    return [mean * average(0), mean * average(1)]


def limit_balls(eps: Sequence[Any], d: int) -> list[Any]:
    """The leading order of q_i lambda_i / B for m = 2, A = 0, at balls eps_1 >= eps_2 > 0.

    The constant is 2^(d/2), as Beta(d/2, 1) = 2/d, and E[omega_i^2 (eps.omega^2)^(d/2)] is a hypergeometric function.
    """
    from flint import arb

    high, low = (arb(e) for e in eps)
    half = arb(d) / 2
    return [
        (2 * high) ** half * plane.ball(part, half, 1 - low / high) for part in (plane.FIRST, plane.SECOND)
    ]


def _outside(d: int, beyond: Any, length: Any, analytic: bool) -> Any:
    """T/E s for m = 2, which is the regularised incomplete Beta function I_x(d/2, 3/2), x = beyond/length^2.

    x^a/(a Beta(a, b)) 2F1(a, 1 - b; a + 1; x): no difference of near equals for small x.  It is cut at x >= 1 only.
    """
    from flint import acb, arb

    a, b = arb(d) / 2, arb(3) / 2
    x = beyond / length**2
    root = x ** (d // 2) if d % 2 == 0 else x ** (d // 2) * beyond.sqrt(analytic=analytic) / length
    return root / a * (a + b).gamma() / (a.gamma() * b.gamma()) * acb(x).hypgeom_2f1(a, 1 - b, a + 1)
