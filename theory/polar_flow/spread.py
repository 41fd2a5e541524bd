"""Claims about pairwise spreads: what they are least at, and how they move along a regression's flow.

R_phi(sigma) = sum_{i<j} phi(sigma_i + sigma_j), phi twice differentiable on (0, inf) with phi'' > 0 > phi'.
"""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_T1iv_a = claim(
    id="POL-T1iv.a",
    statement="The Hessian of a pairwise spread is the signless Laplacian of a complete graph with weights phi''; it "
    "is positive definite from three singular values on.",
    formula="D^2 R_phi = sum_{i<j} phi''(sigma_i + sigma_j)(e_i + e_j)(e_i + e_j)^T > 0,  r >= 3; unit weights: "
    "eigenvalues 2(r-1) once and r-2",
    sense=">",
    provenance="secondary",
    hypotheses=("r >= 3",),
    proof="The complete graph of three or more vertices is not bipartite: x_i + x_j = 0 for all pairs forces x = 0.",
)

POL_T1iv_b = claim(
    id="POL-T1iv.b",
    statement="At a given nuclear norm the flat spectrum is the only minimiser, from three singular values on.",
    formula="sum sigma = s, r >= 3:  R_phi >= C(r,2) phi(2s/r), equality only for sigma flat",
    sense=">=",
    provenance="secondary",
    hypotheses=("r >= 3", "phi'' > 0"),
    rests_on=("POL-T1iv.a",),
    proof="phi lies above its tangent at 2s/r, strictly but there, and the deviations of the pair sums add up to 0.  "
    "All pair sums equal forces a flat spectrum, if there are three.",
)

POL_T1iv_c = claim(
    id="POL-T1iv.c",
    statement="At a given Frobenius norm the flat spectrum is the only minimiser, from two singular values on.",
    formula="|sigma| = f, r >= 2:  R_phi >= C(r,2) phi(2f/sqrt r), equality only for sigma flat",
    sense=">=",
    provenance="reconstructed",
    hypotheses=("phi' < 0",),
    rests_on=("POL-T1iv.b",),
    proof="sum sigma <= sqrt r f, strictly unless flat, and phi decreases.",
)

POL_T1iv_d = claim(
    id="POL-T1iv.d",
    statement="The minimum at a given nuclear norm is stable, with a sharp constant.",
    formula="phi = x^-k:  R - R_min >= (r-2) (k(k+1)/2) (sigma_(1) + sigma_(2))^(-k-2) |sigma - (s/r) 1|^2",
    sense=">=",
    provenance="reconstructed",
    rests_on=("POL-T1iv.b",),
    proof="phi'' decreases, so that it is at least its value at the largest pair sum; and "
    "sum_{i<j} (x_i + x_j)^2 = (r-2)|x|^2 for sum x = 0.",
)

POL_T1iv_e = claim(
    id="POL-T1iv.e",
    statement="False: that two singular values are enough at a given nuclear norm.",
    formula="sum sigma = s, r = 2:  R_phi has the flat spectrum as its only minimiser",
    sense=">",
    provenance="reconstructed",
    proof="R_phi = phi(s) on the whole segment: R_k(1, 3) = R_k(2, 2).",
)

POL_X4_a = claim(
    id="POL-X4.a",
    statement="The pairwise spread that is not normalised grows along every flow of a regression.",
    formula="dR_k/dt = eta k sum_{i<j} (alpha_i + alpha_j)(sigma_i + sigma_j)^(-k-1) >= 0",
    sense=">=",
    provenance="extension",
    hypotheses=("alpha >= 0",),
    rests_on=("POL-T1ii.b",),
    proof="The chain rule; for a regression alpha_i = |P_perp u_i|^2 >= 0.",
)

POL_X4_b = claim(
    id="POL-X4.b",
    statement="Where C and B commute and all limits are kappa, two close singular values approach each other, in "
    "ratio, iff they are below sqrt 3 kappa.",
    formula="d/dsigma (alpha/sigma) = (3 kappa^2 - sigma^2)/sigma^4,  alpha = 1 - kappa^2/sigma^2",
    sense="==",
    provenance="extension",
    rests_on=("POL-X2p.a",),
    proof="d/dt log(sigma_i/sigma_j) = -eta (alpha_i/sigma_i - alpha_j/sigma_j).",
)

POL_X4_c = claim(
    id="POL-X4.c",
    statement="A start below sqrt 3 kappa flattens all the way: no Schur-concave spread ever decreases.",
    formula="kappa <= sigma_i(0) <= sqrt 3 kappa, f = alpha/sigma:  (f_i - f_j)(sigma_i - sigma_j) >= 0 for all t",
    sense=">=",
    provenance="extension",
    hypotheses=("sigma <= sqrt 3 kappa",),
    rests_on=("POL-X4.b", "POL-T1iii.e"),
    proof="alpha/sigma increases up to sqrt 3 kappa, and sigma decreases.",
)

POL_X4_d = claim(
    id="POL-X4.d",
    statement="No normalised spread is a Lyapunov function: for sigma(0) = (10, 5, 3), kappa = 1 entropy falls until "
    "t = 4.4531, then rises to that of the flat limit.",
    formula="dH/dt < 0 on [0, 4.4531], > 0 on [4.4532, 12]:  H = 0.980990, ..., 0.80543, ..., 1.098610",
    sense="exists",
    provenance="extension",
    rests_on=("POL-X4.b", "POL-X2p.a"),
    proof="The closed form of POL-X2p.a, in balls.",
)
