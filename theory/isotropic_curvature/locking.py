"""Claims about kinks and equal singular values: when they are forced, how they come and go.

Z(A, B) = {(E[h u_1], ..., E[h u_n]) : A <= h <= B} is the set of gradients for which r (1, ..., 1) is optimal when
H' jumps from A to B at r and k = n (ICM-T4.1).
"""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_P5a = claim(
    id="ICM-P5.a",
    statement="Where full orthogonalisation is optimal for a gradient that is not orthogonal itself, the "
    "curvature function has a kink there, of at least a certain size.",
    formula="q = c (1, ..., 1) optimal, c > 0, g_1 > g_n  =>  H'_+(c) - H'_-(c) >= (pi n/2)(g_1 - g_n)",
    sense=">=",
    provenance="secondary",
    hypotheses=("A1", "k = n", "g_1 > g_n"),
    rests_on=("ICM-C1.a", "ICM-T1.a"),
    proof="The derivative of F at c (1, ..., 1) along e_1 - e_n is (H'_+ - H'_-) E(u_1 - u_n)_+ - (g_1 - g_n), and "
    "E(u_1 - u_n)_+ = 2/(pi n).  Equality for the density h that jumps where u_1 = u_n.",
)

ICM_P5b = claim(
    id="ICM-P5.b",
    statement="For an orthogonal gradient orthogonalisation needs no kink: only the right slope.",
    formula="g = gamma (1, ..., 1):  q = c (1, ..., 1) optimal  <=>  H'_-(c) <= n gamma <= H'_+(c)",
    sense="iff",
    provenance="secondary",
    hypotheses=("A1", "k = n", "H'_- <= n gamma <= H'_+"),
    rests_on=("ICM-C1.a", "ICM-T1.a"),
    proof="The constant density h = n gamma has E[h u_i] = gamma.  Else F falls along (1, ..., 1) or against it.",
)

ICM_X6a = claim(
    id="ICM-X6.a",
    statement="The length of a spectrum that is not constant has no atoms, so that kinks of the curvature function "
    "cost its penalty no derivative there.",
    formula="k = n, q_1 > q_n:  P(c^2 <= rho^2 <= c^2 + eps) <= sqrt(pi) Gamma(n/2)/Gamma((n-1)/2) (eps/(q_1^2 - "
    "q_n^2))^(1/2) for all c;  phi is differentiable at q",
    sense="<=",
    provenance="extension",
    hypotheses=("isotropic", "q_1 > q_n"),
    proof="Given all but the angle in the plane of the coordinates 1 and n, rho^2 has an arcsine law.  A convex "
    "function of q whose one-sided derivatives differ only on an event of probability 0 is differentiable.",
)

ICM_X6b = claim(
    id="ICM-X6.b",
    statement="All or nothing: either all singular values of the update are equal, or no more of them than of the "
    "gradient.  No kink makes only some of them equal.",
    formula="k = n >= 2, q optimal and not constant:  q_i = q_j  <=>  g_i = g_j",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "strictly increasing", "q_1 > q_n"),
    rests_on=("ICM-X6.a", "ICM-K.a", "ICM-T2.c"),
    proof="phi is differentiable at q, g_i = q_i lambda_i, and q_i = q_j makes lambda_i = lambda_j.",
)

ICM_X6c = claim(
    id="ICM-X6.c",
    statement="An infinite wall, which A1 excludes, does make some singular values equal and not others.",
    formula="H = x^2/2 on [0, r], infinite beyond, k = n:  q_i = min(n g_i, r)",
    sense="==",
    provenance="extension",
    rests_on=("ICM-T1.a", "ICM-Q"),
    proof="E H is finite exactly for q_1 <= r; there F is a separable quadratic.",
)

ICM_X7a = claim(
    id="ICM-X7.a",
    statement="One kink holds all singular values at its length for gradients t G with t in a compact interval: "
    "there the update does not depend on the size of the gradient.",
    formula="{t : r (1, ..., 1) optimal for t g} = [t_-, t_+] or empty;  n = 2: t (g_1 - g_2) <= ((B-A)/pi) sin(pi "
    "(t (g_1 + g_2) - A)/(B - A))",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "k = n"),
    rests_on=("ICM-T4.1",),
    proof="Z(A, B) is convex and compact.",
)

ICM_X7b = claim(
    id="ICM-X7.b",
    statement="Outside its interval the singular values of the update differ, unless the update is zero or another "
    "kink holds it.",
    formula="t outside [t_-, t_+], g_1 > g_n, q optimal for t g, q != 0  =>  q_1 > q_n",
    sense=">",
    provenance="extension",
    hypotheses=("A1", "k = n", "one kink", "q != 0"),
    rests_on=("ICM-X7.a", "ICM-P5.a"),
    proof="At c (1, ..., 1) with c other than the kink F falls along e_1 - e_n; at the kink along a normal of "
    "Z(A, B).",
)

ICM_X8 = claim(
    id="ICM-X8",
    statement="A kink smoothed over a short ramp spreads the singular values over the ramp, linearly in the "
    "gradient.",
    formula="H' linear from A to B on [r - delta/2, r + delta/2]:  q_i = r + delta ((b_i - A)/(B - A) - 1/2) + "
    "O(delta^2),  b_i = n ((n+2) g_i - sum g)/2",
    sense="==",
    provenance="extension",
    hypotheses=("k = n", "A <= b_i <= B"),
    rests_on=("ICM-K.a",),
    proof="To order 0 the stationarity equations are g_i = E[(b.u) u_i], linear in b; the inverse function theorem "
    "does the rest.",
)

ICM_X11 = claim(
    id="ICM-X11",
    statement="A gradient without full rank is never orthogonalised exactly, however sharp the kink.",
    formula="g_n = 0, g != 0  =>  g not in Z(A, B) for all 0 <= A <= B < inf",
    sense="for all",
    provenance="extension",
    hypotheses=("A1", "k = n", "g_n = 0"),
    rests_on=("ICM-T4.1",),
    proof="E[h u_n] = 0 with h >= 0 makes h vanish almost everywhere.  A vector that shows it: a = (1, ..., 1, "
    "1 - s^2) with s large has <a, g> = sum g, while E(a.u)_+ = O(1/s).",
)

ICM_X17 = claim(
    id="ICM-X17",
    statement="Along curvature functions that tend to a wall at r every minimiser tends to the orthogonalised "
    "gradient, whatever the shape of the matrix.",
    formula="H_j -> 0 on [0, r), H_j -> inf on (r, inf), rank G = min(m, n):  q -> r (1, ..., 1)",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "H_j -> 0 below r", "H_j -> inf beyond r", "rank G = min(m, n)"),
    rests_on=("ICM-T1.a",),
    proof="Compare with (r - eta) U V^T, whose F tends to -(r - eta) sum g.  The penalty keeps q_1 near or below r, "
    "and then <g, q> cannot come near r sum g unless every q_i with g_i > 0 is near r.",
)
