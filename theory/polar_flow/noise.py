"""Claims about noise under the polar map: derivative, sensitivities, critical batch sizes, and where they fail.

G = U diag(mu) V^T is m x n of full rank r = min(m, n), mu_1 >= ... >= mu_r > 0; gradients are
Ghat_B = G + xi/sqrt(B), xi with independent entries of mean 0 and variance tau^2.
"""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_L5_a = claim(
    id="POL-L5.a",
    statement="The derivative of the polar factor at a matrix of full rank, in its singular frames.",
    formula="DP(G)[E] = U [(K_ij - K_ji)/(mu_i + mu_j)] V^T + (1 - U U^T) E V diag(1/mu) V^T "
    "+ U diag(1/mu) U^T E (1 - V V^T),  K = U^T E V",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    proof="Differentiate G = Q H, Q^T Q = 1: E = D H + Q S with Q^T D skew and S symmetric; the equations decouple "
    "in the frames of G.",
)

POL_L5_b = claim(
    id="POL-L5.b",
    statement="It is the Hessian of the nuclear norm: self-adjoint, positive semidefinite, zero along G itself.",
    formula="d|G + tE|_*/dt = <P(G), E>;  <E, DP[E]> = sum_{i<j} (K_ij - K_ji)^2/(mu_i + mu_j) + "
    "sum_{k>r, j} K_kj^2/mu_j >= 0;  DP(G)[G] = 0",
    sense=">=",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-L5.a",),
    proof="tr H is the nuclear norm, and H^2 = G^T G gives its slope.  P has degree 0 (Euler).",
)

POL_L5_c = claim(
    id="POL-L5.c",
    statement="Its eigenvalues.",
    formula="2/(mu_i + mu_j) for i < j;  1/mu_i, |m - n| times each;  0, r(r + 1)/2 times",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-L5.a",),
    proof="Skew pairs, entries outside the frames, and symmetric pairs are eigenvectors: m n of them.",
)

POL_L5_d = claim(
    id="POL-L5.d",
    statement="Its operator norm: for square matrices the two smallest singular values decide, not the smallest.",
    formula="|DP(G)| = 2/(mu_{r-1} + mu_r) if m = n >= 2,  1/mu_r if m != n,  0 for 1 x 1",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-L5.c",),
)

POL_D6_a = claim(
    id="POL-D6.a",
    statement="The variance sensitivity: the squared Hilbert-Schmidt norm of the derivative.",
    formula="S(mu) = |DP|_HS^2 = 4 sum_{i<j} (mu_i + mu_j)^-2 + |m - n| sum mu_i^-2",
    sense="==",
    provenance="secondary",
    hypotheses=("full rank",),
    rests_on=("POL-L5.c",),
)

POL_D6_b = claim(
    id="POL-D6.b",
    statement="The alignment sensitivity: the trace of the derivative.",
    formula="T(mu) = tr DP = 2 sum_{i<j} (mu_i + mu_j)^-1 + |m - n| sum mu_i^-1",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-L5.c",),
)

POL_T4_a = claim(
    id="POL-T4.a",
    statement="The error of the polar update falls like 1/B, with the variance sensitivity as its constant; noise "
    "equals signal at B_var = tau^2 S/r.",
    formula="E|P(Ghat_B) - P(G)|_F^2 = tau^2 S/B + o(1/B);  for noise of covariance Sigma, tr(DP Sigma DP)/B",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-D6.a", "POL-T4.e"),
    proof="P is differentiable at G, so B |P(Ghat_B) - P(G)|^2 -> |DP[xi]|^2, and POL-T4.e dominates it.",
)

POL_T4_b = claim(
    id="POL-T4.b",
    statement="The alignment with the gradient falls short of the nuclear norm by half the trace over B.",
    formula="E<G, P(Ghat_B)> = |G|_* - tau^2 T/(2B) + o(1/B)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-D6.b", "POL-L5.b"),
    proof="Differentiate DP(G)[G] = 0: <G, D^2P[E, E]> = -<E, DP[E]>, D^2P being a third derivative.",
)

POL_T4_b2 = claim(
    id="POL-T4.b2",
    statement="With isotropic curvature the best step along the polar factor keeps the share (1 - B_align/B)^2 of "
    "its noiseless progress, to first order; a gradient step keeps 1/(1 + B_sgd/B), exactly.",
    formula="B_align = tau^2 T/(2 |G|_*),  B_sgd = tau^2 m n/|G|_F^2",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-T4.b",),
    proof="max_h (h <G, E D> - ell h^2 E|D|^2/2) = <G, E D>^2/(2 ell E|D|^2); |P|^2 = r.",
)

POL_T4_b3 = claim(
    id="POL-T4.b3",
    statement="The next term of the alignment has order B^(-3/2) and the third moments of the noise; it vanishes "
    "for symmetric noise.",
    formula="1 x n, entries of third moment kappa: E<G, P(Ghat_B)> = |G| - tau^2 T/(2B) + c kappa B^(-3/2) + O(1/B^2)"
    "; n = 2, G = |G| u: c = (u_1 u_2^2 + u_2 u_1^2)/|G|^2",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank", "symmetric noise"),
    rests_on=("POL-T4.b",),
    proof="x the noise along u, y across: |G| cos = |G| - y^2/(2 |G|) + x y^2/|G|^2 + ...",
)

POL_T4_c1 = claim(
    id="POL-T4.c1",
    statement="For 1 x n and Gaussian noise the expected factor is known for every noise level; it is the slope of "
    "the smoothed norm.",
    formula="a = mu/tau:  E<P(G), P(G + tau xi)> = a Gamma((n+1)/2)/(sqrt2 Gamma(n/2+1)) 1F1(1/2; n/2+1; -a^2/2) = "
    "d/da E|a e_1 + xi|;  n = 1: erf(a/sqrt2);  n = 3: (1 - 1/a^2) erf(a/sqrt2) + sqrt(2/pi) exp(-a^2/2)/a",
    sense="==",
    provenance="reconstructed",
    proof="1/|x| is a Gaussian integral; see the module noise_expectation.",
)

POL_T4_c2 = claim(
    id="POL-T4.c2",
    statement="For 2 x 2 the factor is a rotation or a reflection, decided by two independent normal numbers.",
    formula="z = ((a+d) + i(c-b))/2, w = ((a-d) + i(c+b))/2: sigma = |z| +- |w| (absolute); P = rotation by arg z if "
    "|z| > |w|, else reflection by arg w; z, w independent, variance tau^2/2 a component",
    sense="==",
    provenance="reconstructed",
    hypotheses=("|z| > |w|",),
    proof="The matrix is v -> z v + w conj(v); its product with the rotation back is |z| + |w| reflection.",
)

POL_T4_c3 = claim(
    id="POL-T4.c3",
    statement="So the 2 x 2 expectations are one-dimensional Rice integrals.",
    formula="G = diag(mu): E<G, P> = (mu_1 + mu_2) C(z, w) + (mu_1 - mu_2) C(w, z), E|P - 1|^2 = 4 - 4 C(z, w), "
    "C = E[cos arg Z 1{|Z| > |W|}];  E<G, P(s G + xi)> = d/ds E|s G + xi|_*",
    sense="==",
    provenance="reconstructed",
    rests_on=("POL-T4.c2",),
)

POL_T4_d1 = claim(
    id="POL-T4.d1",
    statement="At fixed Frobenius norm both sensitivities are least for the flat spectrum, where the critical batch "
    "sizes are fixed shares of that of a gradient step.",
    formula="B_var >= (((r-1)/2 + |m-n|)/max(m, n)) B_sgd,  B_align >= half of that;  "
    "square: (r-1)/(2r) and (r-1)/(4r)",
    sense=">=",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-D6.a", "POL-D6.b"),
    proof="(x + y)^2 <= 2(x^2 + y^2), and 1/s, 1/s^2 lie above their tangents in s^2: both sums are at least linear "
    "functions of |mu|^2.",
)

POL_T4_d2 = claim(
    id="POL-T4.d2",
    statement="The variance sensitivity of a square matrix does not see its smallest singular value vanish; the "
    "rectangular one grows like mu_r^-2.",
    formula="m = n: 4/(mu_{r-1} + mu_r)^2 <= S <= 2 r (r-1)/(mu_{r-1} + mu_r)^2;  "
    "m != n: |m-n|/mu_r^2 <= S <= r(r-1)/(2 mu_r^2) + |m-n| r/mu_r^2",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-D6.a",),
)

POL_T4_d3 = claim(
    id="POL-T4.d3",
    statement="Over geometric spectra of condition number kappa, B_var/B_sgd grows like kappa^2 for rectangular "
    "matrices and like kappa^(2(r-2)/(r-1)) for square ones; 2 x 2 it stays below 1/2.",
    formula="log(B_var/B_sgd)/log(kappa) -> 2,  2 (r-2)/(r-1);  r = 2: B_var/B_sgd = (1 + kappa^2)/(2 (1 + kappa)^2)",
    sense="==",
    provenance="reconstructed",
    rests_on=("POL-T4.d2",),
)

POL_T4_e = claim(
    id="POL-T4.e",
    statement="A bound for every batch size, however large the noise.",
    formula="E|P(Ghat_B) - P(G)|_F^2 <= 4 tau^2 m n/(B mu_r^2)",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-T2.d",),
    proof="|P(A) - P(B)| <= 2 |A - B|/(sigma_r(A) + sigma_r(B)) at once, then its mean square.",
)

POL_T4_f = claim(
    id="POL-T4.f",
    statement="Where c singular values of G are zero, larger batches do not help: the error tends to c.",
    formula="corank c:  E|P(Ghat_B) - P(G)|_F^2 -> c  as B -> inf",
    sense="==",
    provenance="reconstructed",
    hypotheses=("noise of full rank",),
    proof="|P(Ghat)|^2 = r, |P(G)|^2 = r - c, and <P(Ghat), P(G)> -> r - c.",
)

POL_T4_g = claim(
    id="POL-T4.g",
    statement="Where noise dominates, the error saturates at 2r instead of growing like tau^2 S/B.",
    formula="xi symmetric, almost surely of full rank:  E|P(G + t xi) - P(G)|_F^2 -> 2 r  as t -> inf",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank", "symmetric noise"),
    proof="P(G + t xi) -> P(xi), whose mean is 0.",
)

POL_T4_h = claim(
    id="POL-T4.h",
    statement="For 1 x 1 both sensitivities vanish, and the error is exponentially small in the batch size.",
    formula="E|P(g + tau xi) - P(g)|^2 = 2 erfc(g/(sqrt2 tau)) <= 2 exp(-g^2/(2 tau^2)),  xi normal",
    sense="<=",
    provenance="reconstructed",
    rests_on=("POL-T4.c1",),
)

POL_T4_i = claim(
    id="POL-T4.i",
    statement="Nearly singular square matrices: the first-order law gives no warning, as the sign of the last "
    "direction is a coin.",
    formula="G = diag(3, 2, 1e-3), tau = 0.01, B = 1, normal noise: tau^2 S = 1.6e-4, "
    "E|P(Ghat) - P(G)|^2 = 4 Pr(det Ghat < 0) + O(tau^2 S) = 1.841",
    sense="==",
    provenance="reconstructed",
    hypotheses=("full rank",),
    rests_on=("POL-T4.d2",),
    proof="det < 0 where xi_33 is below minus the rest of a Schur complement: its mean over the other entries.",
)

POL_R6 = claim(
    id="POL-R6",
    statement="A layer whose inputs have a rank below their width is locally underdetermined: the statements about "
    "regression apply, if the rank is measured and the error of linearisation bounded.",
    formula="free = 1 - rank(X)/width, X the inputs of the layer",
    sense=">=",
    provenance="secondary",
    kind="report",
)

POL_R7 = claim(
    id="POL-R7",
    statement="How Muon and Adam compare on a network of two layers depends on the effective rank of the "
    "teacher that it learns from, at the best step size of each.",
    formula="loss on new samples, Muon against Adam, teachers with singular values 2^-i and all equal",
    sense="<=",
    provenance="secondary",
    kind="report",
)
