"""Claims about full orthogonalisation (k = n, that is m >= n): when Q = r U V^T is exactly optimal.

At Q = r U V^T every direction has |Q zeta| = r, so all of them meet a kink of H at r at once.  Notation:

    A = H'_-(r) and B = H'_+(r), the slopes on the two sides of the kink;
    S(a) = E(a.u)_+ and P_i(a) = E[u_i 1{a.u > 0}], its gradient;
    Z(A, B) = {(E[h u_1], ..., E[h u_n]) : A <= h(zeta) <= B} = (A/n) 1 + (B - A) Z_0, a zonoid: the support
    function of Z_0 is S;
    B_min(g, A) = the least B with g in Z(A, B), inf where there is none;
    g' = g - A/n;  gbar = (1/n) sum_i g_i, gbar' = gbar - A/n.

Hypotheses, by the names that claims and checks use:

    A3               A1, and H has the one-sided slopes A < B at r > 0.
    k = n            G has as many singular values as columns (m >= n).
"""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

KINK = ("A3", "k = n")

ICM_T4_1 = claim(
    id="ICM-T4.1",
    statement="Full orthogonalisation is optimal exactly when the gradient's spectrum lies in the zonoid of the "
    "kink; of the curvature function only the kink's place and its two slopes matter.",
    formula="r U V^T in argmin F  <=>  g in Z(A, B)  <=>  <a, g> <= (A/n) sum a + (B - A) S(a) for all a  (Z)",
    sense="iff",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-C1.a", "ICM-T1.a"),
    proof="Subdifferential and expectation commute, so that of Phi at r U V^T is {U V^T E[h zeta zeta^T] : "
    "A <= h <= B}; averaging over sign flips makes the matrices diagonal.  A point lies in a closed convex set "
    "if and only if it obeys the support function.",
)

ICM_T4_2 = claim(
    id="ICM-T4.2",
    statement="The sharpness that a kink needs is a gauge: a left slope A acts as if A/n were taken from every "
    "singular value.  It is finite only if that leaves all of them positive, or nothing at all.",
    formula="B_min(g, A) = A + max_a <a, g'>/S(a) = A + B_min(g', 0);  finite <=> A < n g_n or g = (A/n) 1",
    sense="==",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="(Z) divided by S(a).  E[h u_i] > 0 for all i unless h = 0, and every positive vector is a multiple of "
    "some point of Z_0, since the u fill the simplex.",
)

ICM_T4_3 = claim(
    id="ICM-T4.3",
    statement="A steeper beginning never allows a weaker kink: the slope needed beyond it does not fall.",
    formula="A <= A'  =>  B_min(g, A) <= B_min(g, A')",
    sense="<=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="A' <= h <= B implies A <= h <= B, so that Z(A', B) is a part of Z(A, B).",
)

ICM_T4_4 = claim(
    id="ICM-T4.4",
    statement="Where orthogonalisation is optimal it is the only optimum, unless the spectrum is constant and at "
    "an end of its range.",
    formula="r U V^T in argmin F, g != (A/n) 1, g != (B/n) 1  =>  F(Q) > F(r U V^T) for all other Q",
    sense=">",
    provenance="extension",
    hypotheses=(*KINK, "g is not constant at an end"),
    rests_on=("ICM-T4.1",),
    proof="With the h of the optimum, F(r U V^T + D) - F(r U V^T) >= E[h (|r U V^T zeta + D zeta| - r - x)] >= 0, "
    "x = <U V^T zeta, D zeta>.  Equality makes D zeta parallel to U V^T zeta where h > 0, hence D = c U V^T, and "
    "then h = B (c > 0) or h = A (c < 0) almost surely.  For D = c U V^T nothing else can happen; g = 0 = A is "
    "excluded too.",
)

ICM_T4aa = claim(
    id="ICM-T4a.a",
    statement="Necessary: the slope before the kink is at most n times the smallest singular value.",
    formula="A <= n g_n",
    sense="<=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="(Z) at a = -e_n: S(-e_n) = 0.",
)

ICM_T4ab = claim(
    id="ICM-T4a.b",
    statement="Necessary: the slope beyond the kink is at least n times the largest singular value.",
    formula="B >= n g_1",
    sense=">=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="(Z) at a = e_1: S(e_1) = E u_1 = 1/n.",
)

ICM_T4ac = claim(
    id="ICM-T4a.c",
    statement="Necessary: the sum of the singular values lies between the two slopes.",
    formula="A <= sum g <= B",
    sense="<=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="(Z) at a = -1 and a = 1: sum u = 1.",
)

ICM_T4ad = claim(
    id="ICM-T4a.d",
    statement="Necessary: the jump of the slope pays for the spread of the spectrum, n pi/2 times.",
    formula="B - A >= (pi n/2) (g_1 - g_n)",
    sense=">=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="(Z) at a = e_1 - e_n: S = E(u_1 - u_n)_+ = 2/(pi n).  An equality where h jumps across u_1 = u_n.",
)

ICM_T4ba = claim(
    id="ICM-T4b.a",
    statement="The slope beyond the kink must be exponentially large in the dimension, at the rate of the "
    "logarithm of the arithmetic over the geometric mean.",
    formula="B >= (sum g) prod_i (gbar/g_i)^(1/2) = (sum g) (AM/GM)^(n/2)",
    sense=">=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="nu = h P/tau, tau = sum g, has KL(nu | P) <= log(B/tau).  Multiplied by an independent chi_n radius, "
    "nu has second moments v_i = g_i/gbar with sum v = n, and among such laws the relative entropy to N(0, I) is "
    "least for the Gaussian: (1/2) sum (v_i - 1 - log v_i).",
)

ICM_T4bb = claim(
    id="ICM-T4b.b",
    statement="A positive slope before the kink sharpens that bound: the density can take two values only.",
    formula="theta L log L + (1 - theta) l log l >= (1/2) sum_i log(gbar/g_i),  l = A/sum g, L = B/sum g, "
    "theta = (1 - l)/(L - l)",
    sense=">=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4b.a",),
    proof="h/tau lies in [l, L] and has mean 1, so the mean of the convex function x log x of it is at most that "
    "of the law on the two ends.",
)

ICM_T4bc = claim(
    id="ICM-T4b.c",
    statement="The same bound for the problem without a slope before the kink.",
    formula="B - A >= (sum g') (AM(g')/GM(g'))^(n/2)",
    sense=">=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.2", "ICM-T4b.a"),
    proof="(g', B - A) is a problem with A = 0.",
)

ICM_T4bd = claim(
    id="ICM-T4b.d",
    statement="Two singular values above the others and A = 0: the bound is too low by exactly the factor that "
    "those two are above the mean.",
    formula="g = (g_a, g_a, g_b, ..., g_b), A = 0:  B_min / ((sum g)(AM/GM)^(n/2)) = g_a/gbar",
    sense="==",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4c.c",),
    proof="ICM-T4c.c divided by the bound.",
)

ICM_T4be = claim(
    id="ICM-T4b.e",
    statement="For A > 0 neither of the two bounds contains the other.",
    formula="some (g, A) has the B of ICM-T4b.b above that of ICM-T4b.c, and some other has it below",
    sense="exists",
    provenance="extension",
    rests_on=("ICM-T4b.b", "ICM-T4b.c"),
    proof="Where the smallest g_i tends to A/n, ICM-T4b.c tends to infinity and ICM-T4b.b does not; for the mild "
    "spectrum (1, 1, 1/2, 1/2) with A = 1 it is the other way round.",
)
