"""Claims about the sign criterion: when the self-polar flow flattens a spectrum, and how often that happens.

q = grad F is the gradient of a spread F, S = sum sigma, p = sigma/S, f_i = alpha_i/sigma_i.
"""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_T1iii_a = claim(
    id="POL-T1iii.a",
    statement="Along the self-polar flow every smooth spread changes at the rate -eta sum alpha_i q_i, at repeated "
    "singular values too; so it grows exactly where that sum is negative.",
    formula="dF/dt = -eta sum_i alpha_i q_i",
    sense="==",
    provenance="secondary",
    hypotheses=("A3",),
    rests_on=("POL-T1ii.a",),
    proof="F is a smooth function of the traces tr (W^T W)^k, whose derivatives are 2 k <W (W^T W)^(k-1), dW/dt> = "
    "-2 k eta sum_i sigma_i^(2k-1) alpha_i.",
)

POL_T1iii_b = claim(
    id="POL-T1iii.b",
    statement="The criterion does not see a common rate of decay: alpha may be changed by a multiple of sigma.",
    formula="sum_i sigma_i q_i = 0",
    sense="==",
    provenance="reconstructed",
    proof="Euler's identity for a function of degree 0.",
)

POL_T1iii_c = claim(
    id="POL-T1iii.c",
    statement="Entropy grows iff the decay is more top-heavy than the spectrum itself.",
    formula="S sum_i alpha_i q_i = sum(alpha) (sum_i p_i log p_i - sum_i (alpha_i/sum alpha) log p_i)",
    sense="==",
    provenance="reconstructed",
    rests_on=("POL-T1iii.a",),
    proof="q_i = -(log p_i + H)/S.",
)

POL_T1iii_d = claim(
    id="POL-T1iii.d",
    statement="The shares of the spectrum follow a replicator equation, and entropy grows by a covariance.",
    formula="dp_i/dt = -eta p_i (f_i - sum_j p_j f_j),  dH/dt = eta Cov_p(f, log sigma)",
    sense="==",
    provenance="reconstructed",
    rests_on=("POL-T1iii.a",),
    proof="The chain rule with d sigma_i/dt = -eta alpha_i.",
)

POL_T1iii_e = claim(
    id="POL-T1iii.e",
    statement="If alpha_i/sigma_i is nondecreasing in sigma_i, no spread decreases that is Schur-concave in some "
    "power of the singular values.",
    formula="w = sigma^a, y_i = q_i sigma_i/w_i:  "
    "sum(w) sum_i alpha_i q_i = sum_{i<j} w_i w_j (f_i - f_j)(y_i - y_j) <= 0",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("alpha/sigma nondecreasing", "Schur-concave"),
    rests_on=("POL-T1iii.b",),
    proof="The identity is Chebyshev's, with sum w_i y_i = 0; and y_i - y_j has the sign of sigma_j - sigma_i.",
)

POL_T1iii_f = claim(
    id="POL-T1iii.f",
    statement="Constant alpha, that of measurements which know no direction, concentrates the spectrum.",
    formula="w = sigma^a:  sum(w) sum_i q_i = sum_{i<j} w_i w_j (1/sigma_i - 1/sigma_j)(y_i - y_j) >= 0",
    sense=">=",
    provenance="reconstructed",
    hypotheses=("Schur-concave",),
    rests_on=("POL-T1iii.e",),
    proof="POL-T1iii.e with f = 1/sigma.",
)

POL_X3_a = claim(
    id="POL-X3.a",
    statement="Measurements that on average know no direction concentrate the spectrum on average.",
    formula="E P_perp = rho 1  =>  E sum_i alpha_i q_i = rho sum_i q_i >= 0",
    sense="==",
    provenance="extension",
    hypotheses=("isotropic",),
    rests_on=("POL-T1iii.f",),
    proof="E K_ij = rho <E_i, E_j> = rho delta_ij.  Isotropic: uniformly random masks, and every distribution that "
    "an irreducible group of rotations leaves alone, such as the Gaussian one.",
)

POL_X3_b = claim(
    id="POL-X3.b",
    statement="For Gaussian regression alpha_i has a beta distribution, and the criterion's sum a known variance.",
    formula="alpha_i ~ Beta((d-N)/2, N/2);  Var sum alpha_i q_i = v (d |q|^2 - (sum q)^2)/(d-1),  "
    "v = rho (1-rho)/(d/2+1)",
    sense="==",
    provenance="extension",
    proof="The second moments of a Haar projection are a d_ij d_kl + b (d_ik d_jl + d_il d_jk), with a and b from "
    "the traces of P and P^2.  |P u|^2 for a random u is a share of a sum of chi-squares.",
)

POL_X3_c = claim(
    id="POL-X3.c",
    statement="For Gaussian sensing the criterion's sum has a known variance.",
    formula="n = m n entries:  Var sum alpha_i q_i = v ((sum q)^2 + (r/2)(n/(n-1)) (|q|^2 - (sum q)^2/r)),  "
    "v = rho (1-rho)/(n/2+1)",
    sense="==",
    provenance="extension",
    rests_on=("POL-X3.b",),
    proof="sum alpha_i q_i = <Q, P_perp P> with Q = sum q_i E_i, and the same moments.",
)

POL_X3_d = claim(
    id="POL-X3.d",
    statement="The criterion holds with a probability that mean and variance bound.",
    formula="Prob(sum alpha_i q_i <= 0) <= Var/(Var + (rho sum q)^2)",
    sense="<=",
    provenance="extension",
    hypotheses=("positive mean",),
    rests_on=("POL-X3.a",),
    proof="Cantelli: with a = Var/mean, 1{x <= 0} <= (mean + a - x)^2/(mean + a)^2.",
)

POL_X3_e = claim(
    id="POL-X3.e",
    statement="With one direction left unmeasured the criterion holds with the probability that two correlated "
    "Gaussians differ in sign.",
    formula="mn - p = 1:  Prob = phi/pi,  cos phi = sum q/(sqrt r |q|)",
    sense="==",
    provenance="extension",
    proof="sum alpha_i q_i = <Q, k><P, k>, k uniform on the sphere; in the plane of P and Q its angle is uniform.",
)

POL_X3_f = claim(
    id="POL-X3.f",
    statement="For Gaussian sensing the probability of the criterion is one integral, for every number of "
    "measurements.",
    formula="k = mn - p:  Prob = E I_x(k/2, p/2)/2,  x = z^2/(z^2 + cot^2 phi),  z a coordinate of a random unit "
    "vector of R^(mn-1)",
    sense="==",
    provenance="extension",
    rests_on=("POL-X3.e",),
    proof="In units of |P|, P_perp P = b e + sqrt(b (1-b)) u with e along P, b ~ Beta(k/2, p/2), and u uniform on "
    "the unit sphere orthogonal to e, independent of b.  The sum has the sign of cot phi sqrt(b/(1-b)) + z, z the "
    "coordinate of u along the rest of Q.",
)

POL_X3_g = claim(
    id="POL-X3.g",
    statement="Near flat spectra the criterion holds half of the time, whatever the number of measurements: sum q is "
    "of second order in the deviation, |q| of first.",
    formula="sigma = 1 + eps x, sum x = 0:  sum q/|q| = O(eps), so phi -> pi/2 and Prob -> 1/2",
    sense="==",
    provenance="extension",
    rests_on=("POL-X3.f",),
    proof="Expand q, which vanishes at flat spectra, and use sum sigma_i q_i = 0.",
)

POL_X3_h = claim(
    id="POL-X3.h",
    statement="Up to nine tenths of all measurements the normal approximation of the probability errs by at most "
    "0.03 (10 x 10, entropy); relatively it may be far off.",
    formula="p <= 0.9 mn:  |Prob - Phi(-rho sum q/sqrt Var)| <= 0.03",
    sense="<=",
    provenance="extension",
    kind="law",
)

POL_X3_i = claim(
    id="POL-X3.i",
    statement="For spectra that are clearly not flat the criterion rarely holds: with a probability of at most 2 % "
    "up to half of all measurements, of at most 15 % at nine tenths (0.9^i: 25 %); for every ensemble and spread.",
    formula="Prob(sum alpha_i q_i <= 0) <= 0.02 for p <= mn/2 (Gaussian sensing: <= 0.003),  <= 0.15 or 0.25 for p = "
    "0.9 mn;  sigma = 0.9^i, 0.5^i, 1/i, or of a Gaussian matrix, r = 10",
    sense="<=",
    provenance="extension",
    hypotheses=("not flat",),
    kind="law",
)

POL_X3_j = claim(
    id="POL-X3.j",
    statement="Along trajectories of Gaussian sensing entropy falls: at first always, later with small rises.",
    formula="8 x 8, p = 16, 32, 48, Gaussian starts:  H falls up to t = 1, and up to t = 8 its rises add up to at "
    "most 15 % of what it has lost",
    sense="<=",
    provenance="extension",
    kind="law",
)
