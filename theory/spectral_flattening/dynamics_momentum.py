"""Claims about momentum and noise: what they do to the guarantee of one step, and to sign descent on a parabola.

Sign descent with momentum on w^2/2, in units of the step size: m <- beta m + w, w <- w - sign m.  A wave goes N steps
down from w = N/2 and N steps up again.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from theory.spectral_flattening.paper import claim

SF_T7a = claim(
    id="SF-T7.a",
    statement="A polar factor of another matrix M is a direction of descent as far as G is near a multiple of "
    "M.",
    formula="<G, polar(M)> >= |G|_* - 2 |G - c M|_*  for every c > 0",
    sense=">=",
    provenance="extension",
    hypotheses=("c > 0",),
    proof="<G, Q> = c |M|_* + <G - c M, Q> >= c |M|_* - |G - c M|_*, and c |M|_* >= |G|_* - |G - c M|_*.",
)

SF_T7b = claim(
    id="SF-T7.b",
    statement="So a step of Muon with momentum is guaranteed to decrease the loss only below a threshold that "
    "falls with the staleness of the buffer.",
    formula="0 < eta < 2 (|G|_* - 2 min_c |G - c M|_*)/(L r), r = rank M:  f(W - eta polar(M)) < f(W)",
    sense="<",
    provenance="extension",
    hypotheses=("A1", "A2"),
    rests_on=("SF-T7.a", "SF-T1.a"),
    proof="A1 with D = -eta polar(M), |D|_F^2 = eta^2 r.",
)

SF_T7c = claim(
    id="SF-T7.c",
    statement="Nothing less will do: a buffer that points the other way makes every step ascend on a convex "
    "loss.",
    formula="M = -G, f convex:  f(W - eta polar(M)) >= f(W) + eta |G|_*  for every eta > 0",
    sense=">=",
    provenance="extension",
    hypotheses=("A2", "M = -G", "convex"),
    proof="polar(-G) = -Q, and f lies above its tangent.",
)

SF_T7d = claim(
    id="SF-T7.d",
    statement="A triangle wave of sign descent with momentum is a cycle if and only if its buffer at the top "
    "lies between zero and the amplitude.",
    formula="the wave of N steps each way is a cycle  <=>  0 < m_0 < N/2,  m_0 = -sum_{i=1}^N beta^(N-i) (N/2 "
    "- i)/(1 + beta^N)",
    sense="iff",
    provenance="extension",
    hypotheses=("0 < beta < 1",),
    proof="Down the wave m_k = beta^k m_0 + sum_{i <= k} beta^(k-i) (N/2 - i), and m_N = -m_0 by symmetry.  "
    "The increments obey delta' = beta delta - 1: once negative, always; so m_k > 0 for k < N if its ends m_0 "
    "and m_{N-1} = (N/2 - m_0)/beta are.",
)

SF_T7e = claim(
    id="SF-T7.e",
    statement="Every length up to a largest one is a cycle, and none beyond; the first condition always holds.",
    formula="m_0 > 0;  m_0 < N/2  <=>  N (1-beta)/2 < (1 - beta^N)/(1 + beta^N)  <=>  N <= N_max;  N_max = 7, "
    "24, 34, 54, 77 for beta = .9, .99, .995, .998, .999",
    sense="iff",
    provenance="extension",
    hypotheses=("0 < beta < 1",),
    rests_on=("SF-T7.d",),
    proof="m_0 = N/(2(1-beta)) - beta T/(1-beta)^2, T = (1 - beta^N)/(1 + beta^N) = tanh(N log(1/beta)/2).  "
    "With u = N(1-beta)/2 the condition is artanh(u)/u < log(1/beta)/(1-beta), and artanh(u)/u increases.",
)

SF_T7f = claim(
    id="SF-T7.f",
    statement="The largest wave has about sqrt(6/(1-beta)) steps: an amplitude of sqrt(3/2) eta/sqrt(1-beta), "
    "far below eta/(1-beta).",
    formula="6/(a (1 + 3a/2)) <= N*^2 <= 6/(a (1-a)),  a = 1 - beta, N_max the largest integer below N*",
    sense="<=",
    provenance="extension",
    hypotheses=("0 < beta < 1",),
    rests_on=("SF-T7.e",),
    proof="artanh(u)/u - 1 lies between u^2/3 and u^2/(3(1-u^2)), log(1/beta)/a - 1 between a/2 and "
    "a/(2(1-a)): term by term in their series.",
)

SF_T7g = claim(
    id="SF-T7.g",
    statement="The cycles coexist and are stable: a disturbance of the buffer is forgotten, a shift of the "
    "weight stays, up to a limit.",
    formula="w shifted by e, m disturbed by q: after 2N steps w returns, m is off by beta^(2N) q, as long as "
    "no sign changes;  the shifted wave is a cycle  <=>  |e| < (1-beta) min(m_0, (N/2 - m_0)/beta)",
    sense="iff",
    provenance="extension",
    hypotheses=("0 < beta < 1", "N <= N_max"),
    rests_on=("SF-T7.e",),
    proof="While the signs are those of the wave, the recursion is affine: the shift adds e/(1-beta) to every "
    "m_k, the disturbance is multiplied by beta.",
)

SF_T7h = claim(
    id="SF-T7.h",
    statement="Gradient descent with the same buffer is stable if and only if its step is below 2(1+beta)/L.",
    formula="m <- beta m + L w, w <- w - eta m:  spectral radius < 1  <=>  0 < eta L < 2(1+beta)",
    sense="iff",
    provenance="extension",
    hypotheses=("0 < beta < 1",),
    proof="The characteristic polynomial is x^2 - (1 + beta - eta L) x + beta: the criterion of Schur and "
    "Cohn.",
)

SF_T7i = claim(
    id="SF-T7.i",
    statement="The guarantee of one step does not survive noise without a condition on it: signs of a skew "
    "noise point the wrong way on average.",
    formula="g = 4 w.p. 1/4, -1 w.p. 3/4: E g = 1/4, E sign g = -1/2;  f convex, f' = E g:  E f(w - eta sign "
    "g) >= f(w) + eta/8",
    sense=">=",
    provenance="extension",
    hypotheses=("convex",),
    proof="f lies above its tangent: E f(w - eta sign g) >= f(w) - eta (E g)(E sign g).",
)


# --- derivations -------------------------------------------------------------------------------------------------


def buffers_down(N: int, beta: Fraction) -> list[Fraction]:
    """m_0, ..., m_{N-1} down a wave: the affine recursion solved for the m_0 that makes m_N = -m_0.

    m_k = slope m_0 + rest with slope = beta^k; m_N + m_0 = 0 is one linear equation.
    """
    slope, rest = Fraction(1), Fraction(0)
    for i in range(1, N + 1):
        slope, rest = beta * slope, beta * rest + Fraction(N, 2) - i
    buffers = [-rest / (1 + slope)]
    for i in range(1, N):
        buffers.append(beta * buffers[-1] + Fraction(N, 2) - i)
    return buffers


def buffer_by_summation() -> tuple[Any, Any, Any]:
    """(m_0, N, beta) with m_0 as a symbolic sum: sum_{j=0}^{N-1} beta^j (N/2 - j)/(1 + beta^N), beta != 1."""
    import sympy

    N = sympy.Symbol("N", positive=True, integer=True)
    beta = sympy.Symbol("beta", positive=True)
    j = sympy.Symbol("j", integer=True)
    sums = []
    for power in (0, 1):
        found = sympy.summation(j**power * beta**j, (j, 0, N - 1))
        sums.append(
            found.subs(sympy.Eq(beta, 1), sympy.false).doit() if found.has(sympy.Piecewise) else found
        )
    total = sympy.piecewise_fold(N / 2 * sums[0] - sums[1])
    return total / (1 + beta**N), N, beta


def orbit(w: Fraction, m: Fraction, beta: Fraction, steps: int) -> list[tuple[Fraction, Fraction]]:
    """(w, m) before each step and at the end: m <- beta m + w, w <- w - sign m; m is the buffer after its update."""
    points = []
    for _ in range(steps):
        points.append((w, m))
        w = w - ((m > 0) - (m < 0))
        m = beta * m + w
    return [*points, (w, m)]


def companion(beta: Any, curvature: Any) -> Any:
    """The matrix of m <- beta m + L w, w <- w - eta m on (m, w), with `curvature` = eta L (and L = 1)."""
    import sympy

    return sympy.Matrix([[beta, 1], [-curvature * beta, 1 - curvature]])
