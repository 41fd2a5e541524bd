"""Claims about the inverse question: which updates can be optimal, and what an estimate of H is good for."""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_X12a = claim(
    id="ICM-X12.a",
    statement="Five steps of Muon's tuned quintic iteration reverse the order of some singular values.  For a "
    "gradient that has two of them no curvature function makes its output optimal.",
    formula="N(x) > N(y) for some 0 < x < y <= 1,  N = p o p o p o p o p,  p(x) = 3.4445 x - 4.7750 x^3 + 2.0315 x^5",
    sense="exists",
    provenance="extension",
    rests_on=("ICM-T2.a",),
    proof="An exact pair.  Exchanging the two values leaves phi alone and raises <g, q> by (y - x)(N(x) - N(y)).",
)

ICM_X12b = claim(
    id="ICM-X12.b",
    statement="The optimal update is a monotone function of the gradient, being the gradient of a convex function.  "
    "A polynomial of the singular values that falls somewhere is not.",
    formula="<Q*(G_1) - Q*(G_2), G_1 - G_2> >= 0",
    sense=">=",
    provenance="extension",
    hypotheses=("optimal",),
    proof="Add F_1(Q_1) <= F_1(Q_2) and F_2(Q_2) <= F_2(Q_1), where F_i = Phi - <., G_i>: Phi drops out.",
)

ICM_X12c = claim(
    id="ICM-X12.c",
    statement="Under super-quadratic growth the gain q_i/g_i falls with the size of the singular value.",
    formula="q_i/g_i <= q_j/g_j  whenever g_i >= g_j > 0",
    sense="<=",
    provenance="extension",
    hypotheses=("A2",),
    rests_on=("ICM-T3.a",),
    proof="ICM-T3.a read for the gain 1/lambda_i.",
)

ICM_X12d = claim(
    id="ICM-X12.d",
    statement="An update is optimal for a gradient under some convex nondecreasing curvature function exactly when "
    "the gradient's spectrum lies in the cone of one curve; a vector that separates the two refutes it.",
    formula="q optimal for g under some H  <=>  g in cone {C(c) : 0 <= c < q_1},  C_i(c) = q_i E[1{rho > c} u_i/rho]",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "rho not constant"),
    rests_on=("ICM-K.a",),
    proof="H' = int 1{x > c} dmu(c) with mu >= 0, and rho has no atoms, so g_i = q_i E[H'(rho) u_i/rho] is the "
    "integral of C_i; a measure on a curve in R^k has the average of finitely many of its points.  Under "
    "super-quadratic growth the same for w and the curve q_i E[1{rho > c} u_i].",
)

ICM_X12e = claim(
    id="ICM-X12.e",
    statement="The five-step quintic falls on half of the unit interval, first from 0.0041 on; what it maps "
    "[0.01, 1] to is far from one value.",
    formula="|{x in [0, 1] : N' < 0}| = 0.518631,  N' > 0 up to 0.0041114,  N([0.01, 1]) = [0.681831, 1.134357]",
    sense="==",
    provenance="extension",
    rests_on=("ICM-X12.a",),
    proof="The 23 turning points of N, isolated lap by lap.",
)

ICM_X12f = claim(
    id="ICM-X12.f",
    statement="At its end the curve of the inverse problem points along the largest singular value; that direction "
    "is in the closure of the cone and not in the cone.",
    formula="C_i(c)/C_1(c) <= (q_i/q_1) (d/(q_1^2 - q_i^2)) / (1 - d/(q_1^2 - q_2^2)),  d = q_1^2 - c^2, q_1 > q_2",
    sense="<=",
    provenance="extension",
    hypotheses=("q_1 > q_i",),
    rests_on=("ICM-X12.d",),
    proof="On {rho > c} the sum of (q_1^2 - q_j^2) u_j is below d, so u_i < d/(q_1^2 - q_i^2) and "
    "u_1 > 1 - d/(q_1^2 - q_2^2).",
)

ICM_X12g = claim(
    id="ICM-X12.g",
    statement="On a graded spectrum strong power maps are optimal under no curvature function, super-quadratic or "
    "not; mild ones are under some, and so is the polar map, although it is the limit of strong ones.",
    formula="g = (1, .5, .2, .1), m = n = 4, q = g^theta: min over H of max_i |g_i - q_i lambda_i|/g_i = 0.11393, "
    "0.08785, 0.02135, 0, 0.06695 for theta = 1/3, 1/2, 0.8, 0.9, 1.3",
    sense="==",
    provenance="extension",
    kind="law",
    rests_on=("ICM-X12.d",),
)

ICM_X18 = claim(
    id="ICM-X18",
    statement="Solving with an estimate of the curvature function costs little: the estimate's optimum, shrunk, "
    "keeps nearly all of the best decrease.",
    formula="-F(e^(-eps) Qhat) >= e^(-2 eps) (-min F)  if |log(Hhat/H)| <= eps on the lengths used",
    sense=">=",
    provenance="extension",
    hypotheses=("A2-weak", "|log(Hhat/H)| <= eps"),
    rests_on=("ICM-T1.a",),
    proof="With V(c) = max <q, g> - c phihat(q): -min F <= V(e^-eps) <= e^eps V(1) and "
    "-F(e^-eps qhat) >= e^-eps V(1), because phihat(t q) <= t^2 phihat(q) for t <= 1 (A2-weak).",
)
