"""Claims about homogenisation: by how much the singular values of the optimal update move together."""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_T3a = claim(
    id="ICM-T3.a",
    statement="Under super-quadratic growth the optimal update keeps the order of the singular values and is "
    "never more spread out than the gradient.",
    formula="1 <= q_i/q_j <= g_i/g_j  whenever g_i >= g_j > 0",
    sense="<=",
    provenance="secondary",
    hypotheses=("A2",),
    rests_on=("ICM-K.a", "ICM-T2.a"),
    proof="g_i/g_j = (q_i/q_j)(lambda_i/lambda_j).  On the half u_i > u_j of the sphere, swapping coordinates"
    " i and j shortens rho, so lambda_i - lambda_j = E[(w(rho) - w(rho swapped))(u_i - u_j) 1{u_i > u_j}] "
    ">= 0.",
)

ICM_T3b = claim(
    id="ICM-T3.b",
    statement="If w is strictly increasing, different singular values move strictly together.",
    formula="q_i/q_j < g_i/g_j  whenever g_i > g_j > 0",
    sense="<",
    provenance="secondary",
    hypotheses=("w strictly increasing",),
    rests_on=("ICM-T3.a",),
    proof="The expectation in the proof of ICM-T3.a is then positive.",
)

ICM_T3p = claim(
    id="ICM-T3p",
    statement="Under sub-quadratic growth the order is kept too, but the spectrum polarises.",
    formula="q_i/q_j >= g_i/g_j  whenever g_i >= g_j > 0",
    sense=">=",
    provenance="extension",
    hypotheses=("sub-quadratic",),
    rests_on=("ICM-K.a", "ICM-T2.a"),
    proof="The same swap with the opposite sign.",
)

ICM_I = claim(
    id="ICM-I",
    statement="The difference of two weights is the difference of the squared singular values times one "
    "expectation.",
    formula="lambda_i - lambda_j = (q_i^2 - q_j^2) E[(w'(rho)/rho) u_i u_j]",
    sense="==",
    provenance="extension",
    hypotheses=("w absolutely continuous",),
    proof="In polar coordinates of the (i, j) plane u_i - u_j = r^2 cos 2 theta; integrate it by parts in "
    "theta.",
)

ICM_X1a = claim(
    id="ICM-X1.a",
    statement="Homogenisation is limited on both sides by the growth elasticity of the weight.",
    formula="(g_i/g_j)/(1 + kappa_+) <= q_i/q_j <= (g_i/g_j)/(1 + kappa_-)  whenever g_i >= g_j > 0",
    sense="<=",
    provenance="extension",
    hypotheses=("kappa_- <= kappa <= kappa_+", "w absolutely continuous"),
    rests_on=("ICM-I", "ICM-K.a"),
    proof="(q_i^2 - q_j^2) u_i <= (1 - q_j^2/q_i^2) rho^2 <= rho^2 in ICM-I bounds lambda_i - lambda_j by "
    "kappa_- E[w u_j] and kappa_+ E[w u_j].  The bounds on kappa, with -1 < kappa_- <= 0 <= kappa_+, are needed "
    "where rho lives only: on [q_n, q_1] if k = n, on (0, q_1] else.",
)

ICM_X1b = claim(
    id="ICM-X1.b",
    statement="The bound improves at no cost where the two singular values of the update are close.",
    formula="g_i/g_j <= t + kappa_+ (t - 1/t),  g_i/g_j >= t + kappa_- (t - 1/t),  t = q_i/q_j >= 1",
    sense="<=",
    provenance="extension",
    hypotheses=("kappa_- <= kappa <= kappa_+", "w absolutely continuous"),
    rests_on=("ICM-I", "ICM-K.a"),
    proof="The proof of ICM-X1.a with the factor 1 - q_j^2/q_i^2 kept.",
)

ICM_X1c = claim(
    id="ICM-X1.c",
    statement="For power laws the factor p - 1 is attained in the limit of a single spike.",
    formula="H = c x^p:  lambda_1/lambda_2 -> p - 1  as q_2/q_1, q_3/q_1, ... -> 0",
    sense="==",
    provenance="extension",
    rests_on=("ICM-X1.a",),
    proof="The limit is E u_1^(p/2) / E u_1^(p/2-1) u_2, a ratio of Dirichlet moments.",
)

ICM_X1d = claim(
    id="ICM-X1.d",
    statement="The condition number shrinks at most by 1 + K, and no weak direction is amplified, relative to"
    " the strongest, by more than 1 + K.",
    formula="cond(Q*) >= cond(G)/(1 + K);  (q_j/g_j)/(q_1/g_1) <= 1 + K",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "kappa <= K"),
    rests_on=("ICM-X1.a",),
    proof="ICM-X1.a with i = 1.",
)

ICM_X1e = claim(
    id="ICM-X1.e",
    statement="For power laws the weights are linear in shares that add up to one.",
    formula="H = c x^p:  lambda_i proportional to 1 + (p-2) a_i,  a_i = E[rho^(p-4) q_i^2 z_i^2]/E rho^(p-2) "
    ">= 0, sum a_i = 1, z standard normal",
    sense="==",
    provenance="extension",
    rests_on=("ICM-X3.a",),
    proof="Gaussian integration by parts: E[rho^(p-2) z_i^2] = E rho^(p-2) + (p-2) E[rho^(p-4) q_i^2 z_i^2].",
)

ICM_X2a = claim(
    id="ICM-X2.a",
    statement="Super-quadratic growth is necessary: wherever w falls, some gradient's spectrum is spread out "
    "further by its optimal update.  So for m >= n >= 2 homogenisation of every gradient is the same as A2.",
    formula="w(s_1) > w(s_2), s_1 < s_2  =>  q_i/q_j > g_i/g_j for some G",
    sense="exists",
    provenance="extension",
    hypotheses=("A1", "m >= n >= 2", "w falls"),
    rests_on=("ICM-X2.b", "ICM-K.a"),
    corrects="ICM-X2w",
    proof="ICM-X2.b is negative, so some q = s 1 + eps (e_1 - e_2) with s between s_1 and s_2 has lambda_1 < "
    "lambda_2, and every positive q is optimal for g = grad phi(q).  ICM-T3.a is the other direction.",
)

ICM_X2b = claim(
    id="ICM-X2.b",
    statement="Around isotropic spectra the mean difference of two weights is the increment of w.",
    formula="lim_{eps -> 0} (1/(s_2-s_1)) int_{s_1}^{s_2} (lambda_1 - lambda_2)/eps ds = 4 (w(s_2) - "
    "w(s_1))/(n (n+2)(s_2-s_1)),  q = (s+eps, s-eps, s, ..., s)",
    sense="==",
    provenance="extension",
    hypotheses=("k = n",),
    proof="rho - s = eps (u_1 - u_2) + O(eps^2), so the integral tends to (w(s_2)-w(s_1)) E (u_1-u_2)^2 and E"
    " (u_1-u_2)^2 = 4/(n(n+2)).",
)

ICM_X2w = claim(
    id="ICM-X2w",
    statement="False: that H(x)/x^2 nondecreasing (weaker than A2) is enough for homogenisation.",
    formula="H convex and H(x)/x^2 nondecreasing  =>  q_i/q_j <= g_i/g_j",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2-weak"),
    proof="Fails at n = 2, q = (2.45, 2.05) for the piecewise weight of theory's module necessity.",
)

ICM_E4a = claim(
    id="ICM-E4.a",
    statement="For the quartic the stationarity equations are depressed cubics that share one number, half "
    "the squared Frobenius norm.",
    formula="H = c x^4:  q_i^3 + D q_i = n(n+2) g_i/(8c),  D = S/2",
    sense="==",
    provenance="secondary",
    rests_on=("ICM-K.a",),
    proof="lambda_i = 4c E[rho^2 u_i] = 4c (S + 2 q_i^2)/(n(n+2)).",
)

ICM_E4b = claim(
    id="ICM-E4.b",
    statement="The cubic has one positive root, in closed form, and S solves a monotone scalar equation.",
    formula="q_i = 2 sqrt(h) sinh(asinh(K_i/(2 h^(3/2)))/3),  h = S/6, K_i = n(n+2) g_i/(8c);  S - sum "
    "q_i(S)^2 strictly increasing",
    sense="==",
    provenance="secondary",
    rests_on=("ICM-E4.a",),
    proof="4 sinh^3 + 3 sinh = sinh of three times the argument; implicit differentiation gives d(q^2)/dS = "
    "-2 q^2/(6 q^2 + S) < 0.",
)

ICM_E4c = claim(
    id="ICM-E4.c",
    statement="For the quartic the best decrease is three quarters of the linear gain.",
    formula="H = c x^4:  F* = -(3/4) <g, q>",
    sense="==",
    provenance="secondary",
    rests_on=("ICM-E4.a",),
    proof="phi is homogeneous of degree four, so <g, q> = <grad phi, q> = 4 phi.",
)

ICM_E4d = claim(
    id="ICM-E4.d",
    statement="The optimal matrix of the quartic solves a polynomial equation that needs no singular values.",
    formula="H = c x^4:  Q (|Q|_F^2 1 + 2 Q^T Q) = n(n+2) G/(4c)",
    sense="==",
    provenance="secondary",
    rests_on=("ICM-K.a",),
    proof="Phi(Q) = c (T_1^2 + 2 T_2)/(n(n+2)) with T_j = tr (Q^T Q)^j; differentiate.",
)

ICM_E4e = claim(
    id="ICM-E4.e",
    statement="For the quartic no ratio of singular values shrinks by more than three.",
    formula="H = c x^4:  lambda_i/lambda_j = (S + 2 q_i^2)/(S + 2 q_j^2) <= 3",
    sense="<=",
    provenance="secondary",
    rests_on=("ICM-E4.a",),
    corrects="ICM-E4r",
    proof="q_i^2 <= S, so the cubic term is at most twice the linear one.",
)

ICM_E4r = claim(
    id="ICM-E4r",
    statement="False, a reading found in a summary and not known to be the paper's: under the quartic large "
    "singular values shrink like the cube root while small ones stay proportional, so that a wide spectrum "
    "becomes as narrow as its cube root.",
    formula="H = c x^4, g_1/g_k >= 10^6:  q_1/q_k <= (g_1/g_k)^(1/3)",
    sense="<=",
    provenance="secondary",
    hypotheses=("g_1/g_k >= 10^6",),
    proof="Contradicts ICM-E4.e.",
)

ICM_X3a = claim(
    id="ICM-X3.a",
    statement="For power laws the shape of the optimal spectrum depends on the nonzero singular values of the"
    " gradient only: not on c, m, n, nor on zeros.",
    formula="H = c x^p:  q/q_1 is a function of p and of the nonzero g_i/g_1",
    sense="==",
    provenance="extension",
    hypotheses=("power law",),
    rests_on=("ICM-K.a",),
    proof="A Gaussian vector is zeta times an independent radius; homogeneity pulls the radius out of every "
    "lambda_i as one factor.",
)

ICM_X3b = claim(
    id="ICM-X3.b",
    statement="For power laws scale and value follow from the shape s alone.",
    formula="H = c x^p, q = t s:  t^(p-1) = <s, g>/(p c N_p(s)^p),  F* = -((p-1)/p) t <s, g>",
    sense="==",
    provenance="extension",
    hypotheses=("power law",),
    rests_on=("ICM-X3.a",),
    proof="F(t s) = c t^p N_p(s)^p - t <s, g> is a function of one variable.",
)

ICM_X3c = claim(
    id="ICM-X3.c",
    statement="For power laws a gradient and its transpose have updates that are transposes up to a factor.",
    formula="H = c x^p:  Q*(G^T) = const Q*(G)^T",
    sense="==",
    provenance="extension",
    hypotheses=("power law",),
    rests_on=("ICM-X3.a", "ICM-T1.a"),
    proof="G and G^T have the same nonzero singular values; ICM-X3.a with n replaced by m.",
)

ICM_X4a = claim(
    id="ICM-X4.a",
    statement="Near an isotropic spectrum homogenisation is weak: its exponent tends to one as n grows.",
    formula="d log(q_i/q_j) / d log(g_i/g_j) = 1/(1 + 2 kappa(s)/(n+2));  q_i - q_j ~ n(n+2)(g_i - g_j)/(n "
    "H'(s)/s + 2 H''(s)),  at q = s 1, k = n",
    sense="==",
    provenance="extension",
    hypotheses=("k = n", "w absolutely continuous"),
    rests_on=("ICM-K.b",),
    proof="The Hessian at s 1, on vectors of sum zero, is w/n + s w' (E u_1^2 - E u_1 u_2), and the "
    "difference of moments is 2/(n(n+2)).",
)

ICM_X4b = claim(
    id="ICM-X4.b",
    statement="Where no singular value dominates, every smooth curvature function acts like one universal "
    "cubic.",
    formula="lambda_i/lambda_j = 1 + kappa(s)(q_i^2 - q_j^2)/S + O(d^2),  d = max q_i^2/S, s = sqrt(S/n)",
    sense="==",
    provenance="extension",
    hypotheses=("w absolutely continuous",),
    rests_on=("ICM-I",),
    proof="rho^2 concentrates at S/n, so in ICM-I the expectation is close to w'(s)/(s n^2) and lambda_j to "
    "w(s)/n.",
)

ICM_X4c = claim(
    id="ICM-X4.c",
    statement="Close to the quadratic the departure from gradient descent is given by one integral per "
    "direction.",
    formula="H = x^p, p -> 2:  log q_i = log g_i - (p-2) a_i(g) + const + O((p-2)^2),  a_i = int_0^inf g_i^2 "
    "(1 + 2 t g_i^2)^(-1) prod_j (1 + 2 t g_j^2)^(-1/2) dt,  sum a_i = 1",
    sense="==",
    provenance="extension",
    hypotheses=("power law",),
    rests_on=("ICM-X1.e",),
    proof="ICM-X1.e to first order, where a_i = E[q_i^2 z_i^2/sum q_j^2 z_j^2] at q = g; write the "
    "denominator as an exponential integral.",
)
