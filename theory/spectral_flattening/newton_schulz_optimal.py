"""Claims about ranges and best compositions: exact images, optimal schedules, entry thresholds, averages.

E_T(ell) is the least max |1 - p_T(... p_1(x))| over [ell, 1] that odd polynomials of one degree can reach.
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_N4 = claim(
    id="SF-N4",
    statement="The exact range of a composition follows step by step from ends and critical points; nothing "
    "is overestimated.",
    formula="R[x, y] of p_K(... p_1) = R_K(... R_1[x, y]),  R_p[x, y] = [min, max of p over x, y and critical "
    "points between]",
    sense="==",
    provenance="reconstructed",
    proof="The image of an interval under a continuous function is an interval, of a composition the image of "
    "the image.",
)

SF_N5a = claim(
    id="SF-N5.a",
    statement="The best odd cubic for one on [ell, u] in closed form.",
    formula="alpha = (3/(u^2 + u ell + ell^2))^(1/2), beta = 4/(2 + ell u (ell + u) alpha^3): p = beta ((3/2) "
    "alpha x - (alpha x)^3/2), E = beta - 1",
    sense="==",
    provenance="secondary",
    hypotheses=("0 < ell < u",),
    proof="It has the values 1 - E, 1 + E, 1 - E at ell < 1/alpha < u.",
)

SF_N5b = claim(
    id="SF-N5.b",
    statement="The best odd quintic for one on [ell, u] equioscillates at four points, and is found.",
    formula="p = 1 - E, 1 + E, 1 - E, 1 + E at ell < q < r < u; max |1 - p| = E over [ell, u]",
    sense="==",
    provenance="secondary",
    hypotheses=("0 < ell < u",),
    proof="x, x^3, x^5 are a Chebyshev system on (0, inf): an odd quintic has at most two positive zeros.  "
    "The levels are a lower bound (de la Vallee Poussin), the exact range an upper one.",
)

SF_N5c = claim(
    id="SF-N5.c",
    statement="The greedy composition of best polynomials is the best composition: no other has a smaller "
    "worst error.",
    formula="max over [ell, u] of |1 - p_T(... p_1(x))| >= E_T for odd p_t of the degree, with equality for "
    "p_t best on [1 - E_(t-1), 1 + E_(t-1)]",
    sense=">=",
    provenance="secondary",
    rests_on=("SF-N5.b",),
    proof="Up to a factor only the ratio of the ends of an image matters.  E grows with that ratio, and a "
    "ratio below (1 + E)/(1 - E) would give, by scaling, an error below E.  An image that holds 0 always will.",
)

SF_N5d = claim(
    id="SF-N5.d",
    statement="The best composition is never worse than the classical map.",
    formula="u = 1: E_T <= (1 - ell^2)^((q+1)^T) for degree 2 q + 1",
    sense="<=",
    provenance="secondary",
    rests_on=("SF-N1.d", "SF-N5.c"),
    proof="The classical map is one of the candidates.",
)

SF_N5e = claim(
    id="SF-N5.e",
    statement="A best cubic raises a small ratio of singular values by 2.598 a step.",
    formula="(ell'/u')/(ell/u) -> 3 sqrt 3/2 as ell/u -> 0",
    sense="==",
    provenance="extension",
    rests_on=("SF-N5.a",),
    proof="alpha -> sqrt 3/u, beta -> 2.",
)

SF_N5f = claim(
    id="SF-N5.f",
    statement="A best quintic raises a small ratio of singular values by 4.257 a step.",
    formula="(ell'/u')/(ell/u) -> 25/(16 y^2) = 4.257151136925, 4 y^3 - 3 y^2 + 2 y - 1 = 0",
    sense="==",
    provenance="extension",
    rests_on=("SF-N5.b",),
    proof="E -> 1, levels 0, 2, 0, 2: p = c x (x^2 - r^2)^2 with r^2 = 5 q^2 and (1 - 5 q^2)^2 = 16 q^5, q = "
    "y^2.",
)

SF_N5g = claim(
    id="SF-N5.g",
    statement="The greedy composition with a cushion is the list that Polar Express deploys.",
    formula="ell = 1e-3, cushion 0.02407327424182761: relative difference < 1e-14 (steps 1-6, 8), < 2.5e-11 "
    "(step 7)",
    sense="<=",
    provenance="extension",
    rests_on=("SF-N5.b",),
    proof="Step t is best on [max(ell_t, cushion u_t), u_t], then scaled by 2/(p(ell_t) + p(u_t)).",
)

SF_N6a = claim(
    id="SF-N6.a",
    statement="K tuned steps bring every singular value above the local minimum value m exactly if the "
    "smallest one is above a threshold.",
    formula="p^K([ell, 1]) >= m  <=>  ell >= ell_K = 0.210663, 0.0614810, 0.0178569, 0.00518438, 0.00150512, "
    "...;  K = 5: kappa sqrt(srank) <= 664",
    sense="iff",
    provenance="extension",
    hypotheses=("ell <= x_1",),
    rests_on=("SF-N1.e", "SF-N2.c", "SF-N4"),
    proof="ell_K is the K-fold preimage of m on the branch that rises from 0; above it p^k is at least "
    "ell_(K-k).",
)

SF_N6b = claim(
    id="SF-N6.b",
    statement="The thresholds fall by the slope at zero a step.",
    formula="ell_K 3.4445^K -> 0.7298",
    sense="==",
    provenance="extension",
    rests_on=("SF-N6.a",),
    proof="p(x) = a x (1 + O(x^2)) on the branch: a^K ell_K rises, with increments of order ell_K^2.",
)

SF_N6c = claim(
    id="SF-N6.c",
    statement="The exact polar factor, and with it the stable step, jumps where the rank drops.",
    formula="G = diag(1, eps, ..., eps), n x n: eta_T1 L/2 = sbar = (1 + (n-1) eps)/n for eps > 0, 1 for eps "
    "= 0",
    sense="==",
    provenance="extension",
    proof="Count the nonzero singular values.",
)

SF_N6d = claim(
    id="SF-N6.d",
    statement="With K tuned steps in place of the polar factor the stable step is continuous there.",
    formula="sum s phi/sum phi^2, K = 5, n = 50: 1.43588 (eps = 0, 1e-12), 1.16082 (1e-4), 0.06348 (1e-3), "
    "0.01412 (3e-3), 0.04275 (1e-2)",
    sense="==",
    provenance="extension",
    proof="phi = p^5(s/F) is continuous in s, and phi_1 is not 0 at eps = 0.",
)

SF_N7 = claim(
    id="SF-N7",
    statement="For singular values spread evenly over [0, 1] five tuned steps make an update a little smaller "
    "than the polar factor, with a stable step that is 6 % longer.",
    formula="x uniform on [0, 1], phi = p^5(x): E phi^2 = 0.859939, E phi = 0.910529, E[x phi]/E x = "
    "0.911406, their tau = E[x phi]/(E x E phi^2) = 1.0598",
    sense="==",
    provenance="extension",
    proof="Integrals of polynomials.",
)
