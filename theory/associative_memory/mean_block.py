"""Claims about the polar factor of the gradient: how near it is to minus the identity (P8), and its limit when the
frequencies are far apart (X7).

With G of contrasts p_a r_a and mean block Gbar (AML-T1), msgn(G) has the contrasts sgn r_a and the mean block
msgn(Gbar), a partial isometry with the left null vector c, c_a = sqrt(C_a/K).  s_a = sqrt(1 - C_a/K).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.associative_memory.paper import claim

NEGATIVE = "r < 0"  # every contrast residual: no group has overshot
EQUAL = "equal sizes"
GRADED = "p_1 >> ... >> p_M"

AML_P8a = claim(
    id="AML-P8.a",
    statement="In the task basis the polar factor of the residual is the identity up to (M + 1)/C.",
    formula="|msgn(P - Phat) - I|_max <= 1/C + M/C",
    sense="<=",
    provenance="secondary",
    hypotheses=("A1", "A2", "A4", EQUAL, NEGATIVE),
    rests_on=("AML-P8.d",),
    proof="1 + sqrt(1 - 1/M) <= 1 + M.",
)

AML_P8b = claim(
    id="AML-P8.b",
    statement="Inside a group the entries of -msgn(G) - I are negative and of order 1/C_a, whatever the frequencies.",
    formula="-(1 + s_a)/C_a <= (-msgn(G) - I)_ij <= -(1 - s_a)/C_a  for i, j in group a",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A4", NEGATIVE),
    rests_on=("AML-T1.c",),
    proof="The contrasts of -msgn(G) are those of I, so the entries are (Q_aa - 1)/C_a with Q = -msgn(Gbar).  Q is a "
    "contraction with c^T Q = 0: its row a is (e_a - c_a c)^T Q, of length at most |e_a - c_a c| = s_a.",
)

AML_P8c = claim(
    id="AML-P8.c",
    statement="Across groups the entries are smaller still.",
    formula="|msgn(G)_ij| <= s_a/sqrt(C_a C_b)  for i in group a, j in group b != a",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A4"),
    rests_on=("AML-T1.c",),
    proof="The entry is Q_ab/sqrt(C_a C_b), and row a of Q has at most the length s_a.",
)

AML_P8d = claim(
    id="AML-P8.d",
    statement="For groups of one size the number of groups does not enter: the identity is reached up to 2/C.",
    formula="|-msgn(G) - I|_max <= (1 + sqrt(1 - 1/M))/C < 2/C",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A4", EQUAL, NEGATIVE),
    rests_on=("AML-P8.b", "AML-P8.c"),
    proof="C_a/K = 1/M.",
)

AML_P8e = claim(
    id="AML-P8.e",
    statement="This is the best constant: with noise, two groups, the first one's mean overshot and the second one "
    "rare, it is approached.",
    formula="M = 2, x = 0, S_11 large, p_2/p_1 -> 0:  C |-msgn(G) - I|_max -> 1 + 1/sqrt(2)",
    sense="==",
    provenance="extension",
    hypotheses=("alpha > 0",),
    rests_on=("AML-P8.d",),
    proof="Gbar = w g^T with w = (1, -1)/sqrt(2) and g_2/g_1 -> 0, so Q = -w g^T/|g| -> -w (1, 0), and Q_11 = "
    "-1/sqrt 2.  R_11 = alpha (1 - C/K) - C q_21 > 0 only for alpha > 0.",
)

AML_P8f = claim(
    id="AML-P8.f",
    statement="Without noise runs of Muon stay below 1/C: the diagonal of Q stays positive.",
    formula="|-msgn(G_t) - I|_max < 1/C  on runs with M = 2..10, C = 2, 5, beta = 1.5..8, eta = 0.1..1, t < 30",
    sense="<",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "A4", EQUAL, "alpha = 0"),
    kind="law",
    rests_on=("AML-P8.b",),
)

AML_X7a = claim(
    id="AML-X7.a",
    statement="The Gram-Schmidt factor of I - c c^T, column after column, in closed form; its last column is zero.",
    formula="t_b = sum_{a >= b} c_a^2:  Q_bb = sqrt(t_{b+1}/t_b),  Q_ab = -c_a c_b/sqrt(t_b t_{b+1}) for a > b, 0 "
    "for a < b and for b = M;  c_a = 1/sqrt(M), n = M - b:  sqrt(n/(n+1)), -1/sqrt(n (n+1))",
    sense="==",
    provenance="extension",
    proof="u_b = t_{b+1} e_b - c_b sum_{a > b} c_a e_a are orthogonal to each other and to c, of squared length "
    "t_b t_{b+1}, and u_b is orthogonal to (I - c c^T) e_b' for b' < b, with product t_{b+1} > 0 for b' = b.",
)

AML_X7b = claim(
    id="AML-X7.b",
    statement="When the frequencies are far apart the polar factor of the mean block tends to the Gram-Schmidt "
    "factor: with groups of one item the rarest item is not moved at first.",
    formula="msgn((I - c c^T) diag(p)) -> Q of AML-X7.a;  for equal c and p_b = rho^b, rho <= 1/2, within rho of it",
    sense="==",
    provenance="extension",
    hypotheses=(GRADED,),
    rests_on=("AML-X7.a",),
    proof="(I - c c^T) diag(p) = Q R diag(p), R upper triangular with a positive diagonal; R diag(p) = diag(p) "
    "(diag R + O(rho)), whose polar factor is I + O(rho).",
)

AML_X7c = claim(
    id="AML-X7.c",
    statement="Already moderate powers of the frequency slow the rarest of eight items down.",
    formula="c_a = 1/sqrt(8), p_j ~ j^-beta:  last diagonal entry 0.759, 0.648, 0.475, 0.262 for beta = 1, 2, 4, 8",
    sense="==",
    provenance="extension",
    hypotheses=("p_j ~ j^-beta",),
    kind="law",
    rests_on=("AML-X7.b",),
)


def length_of_a_row(c: Sequence[Any]) -> Any:
    """|e_1 - c_1 c|^2, for any c."""
    first = (1 - c[0] * c[0]) ** 2
    return first + sum((c[0] * x) ** 2 for x in c[1:])


def unit_vector(M: int) -> tuple[tuple[Any, ...], Any]:
    """(c_1..c_M) in symbols, and |c|^2, which is 1."""
    import sympy

    c = sympy.symbols(f"c1:{M + 1}", positive=True)
    return c, sum(x**2 for x in c)


def two_groups(ratio: Any) -> Any:
    """Q = -msgn(w g^T), w = (1, -1)/sqrt 2, g = (1, ratio): the mean block of two groups, the first one overshot."""
    import sympy

    w, g = sympy.Matrix([1, -1]) / sympy.sqrt(2), sympy.Matrix([1, ratio])
    A = w * g.T
    return -A / sympy.sqrt(sum(entry**2 for entry in A))  # of rank one: over its only singular value


def tails(c: Sequence[Any]) -> list[Any]:
    """t_b = sum_{a >= b} c_a^2, b = 1..M, and t_{M+1} = 0."""
    return [sum(x * x for x in c[b:]) for b in range(len(c))] + [0]


def gram_schmidt(c: Sequence[Any]) -> Any:
    """The columns e_b - c_b c, b < M, made orthogonal in turn, not normalised: by the process, step by step.

    c is any vector; with |c| = 1 not used, e_b |c|^2 - c_b c stands for e_b - c_b c.
    """
    import sympy

    M, square = len(c), sum(x * x for x in c)
    done: list[Any] = []
    for b in range(M - 1):
        v = sympy.Matrix(M, 1, lambda a, _, b=b: square * int(a == b) - c[b] * c[a])
        for u in done:
            v = (v - u * (u.dot(v) / u.dot(u))).applyfunc(sympy.cancel)
        done.append(v)
    return done


def closed_form(c: Sequence[Any]) -> Any:
    """Q of AML-X7.a."""
    import sympy

    M, t = len(c), tails(c)

    def entry(a: int, b: int) -> Any:
        if b == M - 1 or a < b:
            return sympy.Integer(0)
        return sympy.sqrt(t[b + 1] / t[b]) if a == b else -c[a] * c[b] / sympy.sqrt(t[b] * t[b + 1])

    return sympy.Matrix(M, M, entry)


def two_columns(c: Sequence[Any], ratio: Any) -> Any:
    """msgn((I - c c^T) diag(1, ratio)) for M = 2: I - c c^T = w w^T with w = (c_2, -c_1)."""
    import sympy

    w = sympy.Matrix([c[1], -c[0]])
    right = sympy.Matrix([c[1], -c[0] * ratio])
    return w * right.T / sympy.sqrt(w.dot(w) * right.dot(right))
