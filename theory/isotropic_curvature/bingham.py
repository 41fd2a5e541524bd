"""Claims about steep power laws: as p grows the optimal update tends to Muon's, with a Bingham correction."""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_X5a = claim(
    id="ICM-X5.a",
    statement="As p grows the optimal update of a power law becomes orthogonal, and how it does is the parameter of "
    "the Bingham distribution whose second moments are the gradient's shares.",
    formula="H = x^p:  q_i/q_1 = 1 - (b_i - b_1)/p + O(p^-2),  E[e^(-b.u) u_i]/E[e^(-b.u)] = g_i/sum g",
    sense="==",
    provenance="extension",
    hypotheses=("k = n", "rank G = n"),
    rests_on=("ICM-K.a",),
    proof="With q_i = 1 - b_i/p, rho^(p-2) -> e^(-b.u) uniformly on the sphere, so that g_i = q_i lambda_i tends to "
    "a multiple of E[e^(-b.u) u_i].  log E[e^(-b.u)] is strictly convex modulo constants: b is unique up to one.",
)

ICM_X5b = claim(
    id="ICM-X5.b",
    statement="In the plane the Bingham correction is a ratio of Bessel functions.",
    formula="n = 2:  I_1(x)/I_0(x) = (g_1 - g_2)/(g_1 + g_2),  b_2 - b_1 = 2 x",
    sense="==",
    provenance="extension",
    hypotheses=("k = n", "rank G = n"),
    rests_on=("ICM-X5.a",),
    proof="u_1 = (1 + cos 2 theta)/2 with theta uniform, and E e^(x cos 2 theta) = I_0(x).",
)

ICM_X5c = claim(
    id="ICM-X5.c",
    statement="Conversely, to bring the condition number of the update down a power law must be steep.",
    formula="H = x^p, p >= 2:  p - 1 >= cond(G)/cond(Q*)",
    sense=">=",
    provenance="extension",
    hypotheses=("power law, p >= 2",),
    rests_on=("ICM-X1.d",),
    proof="ICM-X1.d with 1 + K = p - 1.",
)
