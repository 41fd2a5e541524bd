"""Spectra with two levels: g_a on k0 coordinates, g_b on the n - k0 others.

t, the sum of u over the upper block, has the law Beta(k0/2, (n - k0)/2).  A normal with two levels is, up to its
length, a = (1 - tau on the block, -tau on the rest), so that a.u = t - tau: all of Z(A, B) that two levels can
see is made of P(t > tau) and E[t 1{t > tau}].  Three derivations: with n a symbol for k0 = 2 (powers), in rational
numbers for even k0 and n - k0 (polynomials), in balls for any k0 and n (incomplete beta functions).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb, factorial
from typing import Any, NamedTuple


class Tails(NamedTuple):
    """P(t > tau), E[t 1{t > tau}] and S(1 - tau on the block, -tau on the rest) = E(t - tau)_+."""

    mass: Any
    first: Any
    support: Any


def pair_tails(p: Any, y: Any, power: Any) -> Tails:
    """k0 = 2 and n = 2p + 2, p a symbol, at tau = 1 - y; `power` stands for y^p.

    1 - t has the density p s^(p - 1) on (0, 1), so that E[(1 - t)^j 1{1 - t < y}] is the integral of p s^(p - 1 + j).
    """

    def below(j: int) -> Any:
        return p / (p + j) * y**j * power

    return Tails(below(0), below(0) - below(1), y * below(0) - below(1))


def even_tails(k0: int, n: int, tau: Any) -> Tails:
    """k0 and n - k0 even: integrals of polynomials.  tau may be a Fraction or a symbol."""
    if k0 % 2 or n % 2 or not 0 < k0 < n:
        raise ValueError(f"k0 and n - k0 must be even and positive, got {k0} and {n - k0}")
    a, b = k0 // 2, (n - k0) // 2
    norm = Fraction(factorial(a + b - 1), factorial(a - 1) * factorial(b - 1))
    coefficients = [(-1) ** j * comb(b - 1, j) * norm for j in range(b)]

    def beyond(power: int) -> Any:
        """E[t^power 1{t > tau}]."""
        orders = [a + j + power for j in range(b)]
        return sum(c / m * (1 - tau**m) for c, m in zip(coefficients, orders, strict=True))

    mass, first = beyond(0), beyond(1)
    return Tails(mass, first, first - tau * mass)


def ball_tails(k0: int, n: int, tau: Any) -> Tails:
    """Any k0 and n, in balls: 1 - t ~ Beta((n - k0)/2, k0/2), and (t times its density) is k0/n of another."""
    from flint import arb

    a, b = arb(k0) / 2, arb(n - k0) / 2
    rest = 1 - arb(tau)
    mass = rest.beta_lower(b, a, True)
    first = arb(k0) / n * rest.beta_lower(b, a + 1, True)
    return Tails(mass, first, first - tau * mass)


def spectrum(tails: Tails, k0: int, n: Any, A: Any, B: Any) -> tuple[Any, Any]:
    """(g_a, g_b) = E[h u_i] on the two blocks for h = A + (B - A) 1{t > tau}."""
    upper = A * k0 / n + (B - A) * tails.first
    lower = A * (n - k0) / n + (B - A) * (tails.mass - tails.first)
    return upper / k0, lower / (n - k0)


def slack(tails: Tails, tau: Any, k0: int, n: Any, g: Sequence[Any], A: Any, B: Any) -> Any:
    """(A/n) sum a + (B - A) S(a) - <a, g> at the normal a = (1 - tau on the block, -tau on the rest)."""
    total = k0 * (1 - tau) - (n - k0) * tau
    inner = k0 * (1 - tau) * g[0] - (n - k0) * tau * g[1]
    return A / n * total + (B - A) * tails.support - inner


# --- n = 4 with two doubled levels: the whole objective in closed form -----------------------------------------


def excess_of_doubled_levels(
    x: Any, pieces: Sequence[tuple[Any, Any, Any]], at_one: Any, q: Sequence[Any], g: Sequence[Any]
) -> Any:
    """F(q_a, q_a, q_b, q_b) - F(1, 1, 1, 1) at n = 4.

    t = u_1 + u_2 is uniform on (0, 1) and rho^2 = q_b^2 + (q_a^2 - q_b^2) t, so that rho has the density
    2 rho/(q_a^2 - q_b^2) between q_b and q_a, whichever is larger.
    pieces   (H as a polynomial in the symbol x, from, to), one after the other from q_b to q_a
    at_one   H(1)
    """
    import sympy

    integrals = (sympy.integrate(sympy.expand(h * x), (x, start, stop)) for h, start, stop in pieces)
    mean = 2 * sum(integrals) / (q[0] ** 2 - q[1] ** 2)
    return mean - at_one - 2 * (g[0] * (q[0] - 1) + g[1] * (q[1] - 1))


def name_power(expression: Any, y: Any, p: Any, power: Any) -> Any:
    """`expression` with `power` written for y^p where the base of a p-th power is y or 1/y, once it is cancelled."""
    import sympy

    def rewritten(found: Any) -> Any:
        base = sympy.cancel(found.base)
        return {y: power, 1 / y: 1 / power}.get(base, base**found.exp)

    return expression.replace(lambda e: e.is_Pow and sympy.cancel(e.exp - p) == 0, rewritten)
