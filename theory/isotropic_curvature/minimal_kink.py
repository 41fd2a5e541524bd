"""Claims that say how sharp a kink has to be: closed forms, and how the general case is computed.

Notation and hypotheses are those of orthogonalisation.py.
"""

from __future__ import annotations

from theory.isotropic_curvature.orthogonalisation import KINK
from theory.isotropic_curvature.paper import claim

ICM_T4ca = claim(
    id="ICM-T4c.a",
    statement="For n = 2 the two singular values may differ by a sine of their sum.",
    formula="n = 2:  optimal  <=>  A <= g_1 + g_2 <= B and "
    "|g_1 - g_2| <= ((B - A)/pi) sin(pi (g_1 + g_2 - A)/(B - A))",
    sense="iff",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="zeta = (cos phi, sin phi) with phi uniform: among all h of a given mean the one that makes g_1 - g_2 = "
    "E[h cos 2 phi] largest is B on an arc around phi = 0 and A elsewhere.",
)

ICM_T4cb = claim(
    id="ICM-T4c.b",
    statement="For two levels the density jumps at one value of the sum of the squares in the upper block, and "
    "everything is an incomplete beta function.",
    formula="g = (g_a on k0, g_b < g_a on the rest):  h = A + (B - A) 1{t > tau}, t ~ Beta(k0/2, (n-k0)/2);  "
    "A + (B - A) P(t > tau) = sum g,  A k0/n + (B - A)(k0/n) P(t' > tau) = k0 g_a, t' ~ Beta(k0/2 + 1, (n-k0)/2);  "
    "one root, 0 < tau < k0 g'_a / sum g'",
    sense="==",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.1",),
    proof="Averaging over permutations inside the blocks leaves a normal with two levels, a = 1 - tau and -tau; t "
    "times the density of t is k0/n times that of t'.  P(t' > tau)/P(t > tau) = (n/k0) E[t | t > tau] rises.",
)

ICM_T4cc = claim(
    id="ICM-T4c.c",
    statement="For two singular values above n - 2 equal ones, or two doubled levels, the minimal kink is a power.",
    formula="k0 = 2:  B_min = A + (sum g') (gbar'/g'_b)^((n-2)/2);  n = 4, A = 0: (g_a + g_b)^2/g_b",
    sense="==",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4c.b",),
    proof="P(t > tau) = (1 - tau)^((n-2)/2) and E[1 - t | t > tau] = (1 - tau)(n - 2)/n.",
)

ICM_T4cd = claim(
    id="ICM-T4c.d",
    statement="Sufficient: the linear density that gives the spectrum stays between the two slopes.",
    formula="b_i = n ((n + 2) g_i - sum g)/2,  A <= b_n and b_1 <= B  =>  optimal",
    sense="for all",
    provenance="extension",
    hypotheses=(*KINK, "A <= b_n and b_1 <= B"),
    rests_on=("ICM-T4.1",),
    proof="h = b.u has E[h u_i] = (sum b + 2 b_i)/(n (n + 2)) = g_i, and lies between b_n and b_1.",
)

ICM_T4ce = claim(
    id="ICM-T4c.e",
    statement="In general the minimal kink is one over the least value of the support function on a plane, and "
    "the normal there is what makes the density jump.",
    formula="B_min(g, 0) = 1/min {S(a) : <a, g> = 1};  S convex, grad S = P;  a optimal <=> P(a) = g/B",
    sense="iff",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.2",),
    proof="The gauge of a convex set is the maximum over its support function; S is a mean of convex functions, "
    "differentiable because a.u = 0 has probability 0.  Where P(a) = g/B, h = B 1{a.u > 0} and <a, g> = B S(a).",
)

ICM_T4da = claim(
    id="ICM-T4d.a",
    statement="Every vector certifies a lower bound of the minimal kink, and the best of them is the minimal kink.",
    formula="B_min(g, A) >= A + <a, g'>/S(a) for all a with S(a) > 0",
    sense=">=",
    provenance="extension",
    hypotheses=KINK,
    rests_on=("ICM-T4.2",),
    proof="(Z) solved for B.",
)

ICM_T4db = claim(
    id="ICM-T4d.b",
    statement="One parameter comes near: the best bound among normals of one shape is at least 0.7 times the "
    "minimal kink, over spectra of 2 to 64 singular values and up to fifteen decades (mostly above 0.85; the worst "
    "found, near 0.74, has one singular value above and one far below a bulk).",
    formula="max over delta > 0 of <a, g>/S(a), a_i = 1 - gbar/g_i + delta,  is at least 0.7 B_min(g, 0)",
    sense=">=",
    provenance="extension",
    kind="law",
    hypotheses=KINK,
    rests_on=("ICM-T4d.a",),
)

ICM_T4dc = claim(
    id="ICM-T4d.c",
    statement="The exponential bound is too low by a factor that a saddle point predicts, over power laws i^-s, "
    "1/4 <= s <= 1, halves at 1 and 1/3, and geometric spectra, for n from 8 to 256.",
    formula="B_min(g, 0) = (1 + e) (sqrt(pi)/e_0) s (sum g)(AM/GM)^(n/2),  s^2 = sum_i (g_i/gbar - 1)^2,  "
    "0 <= e <= 2/s  (e_0 = 2.718...)",
    sense="<=",
    provenance="extension",
    kind="law",
    hypotheses=KINK,
    rests_on=("ICM-T4b.a",),
)
