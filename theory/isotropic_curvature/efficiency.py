"""Claims about simple updates: what share of the optimal decrease gradient descent and Muon reach.

eff(D) = max_t (-F(t D)) / (-min F), with the step t tuned: 1 is optimal.  D = G is gradient descent,
D = U V^T is Muon.  For H = c x^p it is (<D, g>/(N_p(D) N_p*(g)))^(p/(p-1)), N_p(q) = (E rho^p)^(1/p),
N_p* its dual norm: c cancels.  Z is a standard normal variable.
"""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_X13a = claim(
    id="ICM-X13.a",
    statement="For power laws gradient descent reaches a share of the optimal decrease that depends on p alone.",
    formula="H = c x^p, p >= 2:  eff(G) >= (E|Z|^p)^(-1/(p-1))  for all m, n, G != 0",
    sense=">=",
    provenance="extension",
    hypotheses=("power law, p >= 2", "D = G"),
    rests_on=("ICM-X3.b", "ICM-X15.a", "ICM-T1.a"),
    proof="For a normal vector in place of zeta, N_p(q) >= |q| by Jensen's inequality, so that N_p*(g) <= |g|; and "
    "N_p(g) <= |g| (E|Z|^p)^(1/p), because a single spike is the worst spectrum of its length (ICM-X15.a).",
)

ICM_X13b = claim(
    id="ICM-X13.b",
    statement="If the log-log slope of H lies between 2 and 2 + alpha, gradient descent reaches a share that "
    "depends on alpha alone.",
    formula="A2, 2 <= x H'/H <= 2 + alpha:  eff(G) >= 1/C_alpha,  C_alpha = E max(Z^2, |Z|^(2+alpha))",
    sense=">=",
    provenance="extension",
    hypotheses=("A2", "2 <= x H'/H <= 2 + alpha"),
    rests_on=("ICM-X15.a", "ICM-T1.a"),
    proof="Jensen: phi(q) >= H(|q|/sqrt n).  Schur: phi(t g/|g|) <= E H(t |zeta_1|) <= C H(t/sqrt n) with C = E "
    "max(y, y^(1+alpha/2)), y = n zeta_1^2, at most C_alpha.  The step t/C costs at most 1/C^2 of that, because "
    "H(x)/x^2 is nondecreasing, and earns 1/C.",
)

ICM_X13c = claim(
    id="ICM-X13.c",
    statement="For power laws the guarantee is better in few dimensions; by ICM-X3 the rank of G may stand for n.",
    formula="H = c x^p, p >= 2:  eff(G) >= (n^(p/2) E|zeta_1|^p)^(-1/(p-1)),  zeta uniform on S^(n-1), n >= rank G",
    sense=">=",
    provenance="extension",
    hypotheses=("power law, p >= 2",),
    rests_on=("ICM-X13.a", "ICM-X3.a"),
    proof="The proof of ICM-X13.a with zeta itself: N_p(q) >= |q|/sqrt n and N_p(g) <= |g| (E|zeta_1|^p)^(1/p).",
)

ICM_X13d = claim(
    id="ICM-X13.d",
    statement="The worst spectra found are one spike over a flat bulk, and far better than the guarantee.  That "
    "nothing is worse is an open conjecture, but for p = 4 (ICM-X13.e).",
    formula="n = 64, min over G of eff(G):  p = 2.2: 0.998; 2.5: 0.991; 3: 0.974; 4: 0.932; 8: 0.79",
    sense=">=",
    provenance="extension",
    kind="law",
    rests_on=("ICM-X13.c",),
)

ICM_X13e = claim(
    id="ICM-X13.e",
    statement="For the quartic the best constant in all dimensions is that of one spike over an ever flatter bulk.",
    formula="H = c x^4:  inf over m, n, G of eff(G) = min over a of (T^4/((T^2 + 2 a^2 (1+2a)^4)(1 + 2a^2)^3))^(1/3)"
    " = 0.930351,  T = 1 + 4a^2 + 4a^3, at a = q_1^2/S = 0.436368",
    sense=">=",
    provenance="extension",
    rests_on=("ICM-E4.a", "ICM-X3.b"),
    proof="With S = 1 and s_l = sum_i q_i^(2l) every quantity is a polynomial in s_2, ..., s_6, increasing in s_4, "
    "s_5, s_6 only in the denominator; s_l <= s_3^(l/3) and s_3^(1/3) <= s_2^(1/2), and in the two numbers that "
    "are left eff is least where those are equal: one spike, whose bulk adds nothing to s_2, s_3, ...",
)

ICM_X14a = claim(
    id="ICM-X14.a",
    statement="Muon can be arbitrarily bad: on a single strong direction over a faint full-rank rest its share of "
    "the decrease tends to zero with the dimension.",
    formula="H = x^4, g = (1, eps, ..., eps), eps -> 0:  eff(U V^T) -> (3/(n (n+2)))^(1/3);  H = x^p: "
    "(E|zeta_1|^p)^(1/(p-1))",
    sense="==",
    provenance="extension",
    hypotheses=("k = n",),
    rests_on=("ICM-X3.b",),
    proof="N_p(1) = 1 and <1, g> -> 1, while N_p*(g) -> 1/N_p(e_1) = (E|zeta_1|^p)^(-1/p).",
)

ICM_X14b = claim(
    id="ICM-X14.b",
    statement="Muon beats gradient descent exactly above a crossover exponent, which no optimisation is needed to "
    "find.",
    formula="H = x^p, p >= 2:  eff(U V^T) > eff(G)  <=>  p > p_c(g),  N_p(g) = sum g^2/sum g at p = p_c",
    sense="iff",
    provenance="extension",
    hypotheses=("k = n", "g not constant"),
    rests_on=("ICM-X3.b",),
    proof="N_p*(g) cancels in the comparison, and N_p(1) = 1.  N_p(g) increases with p, strictly, from |g|/sqrt n < "
    "sum g^2/sum g at p = 2 to g_1 > sum g^2/sum g.",
)

ICM_X14c = claim(
    id="ICM-X14.c",
    statement="For nearly constant gradients the crossover exponent depends on the dimension alone.",
    formula="g = 1 + eps h, h not constant, eps -> 0:  p_c(g) -> (n + 6)/2",
    sense="==",
    provenance="extension",
    hypotheses=("k = n", "g not constant"),
    rests_on=("ICM-X14.b", "ICM-X15.b"),
    proof="To second order in eps, with v the relative variance of g: log N_p = v (1/2 + (p-2)/(n+2)), by the "
    "variance of rho^2, and log(sum g^2/(n gbar^2)) = v.",
)

ICM_X15a = claim(
    id="ICM-X15.a",
    statement="Under super-quadratic growth the curvature cost is Schur-convex in the squared singular values: at "
    "fixed Frobenius norm a flatter spectrum costs less.",
    formula="q_i >= q_j  =>  d phi/d x_i >= d phi/d x_j,  x = q^2",
    sense=">=",
    provenance="extension",
    hypotheses=("A2",),
    proof="H(sqrt s) is convex in s and s = sum x_i u_i is linear in x, so phi is convex in x; it is symmetric.",
)

ICM_X15b = claim(
    id="ICM-X15.b",
    statement="The first two moments of rho^2 depend on the second and fourth moments of the spectrum only.",
    formula="E rho^2 = S/n,  Var rho^2 = (2/(n (n+2))) (sum q_i^4 - S^2/n)",
    sense="==",
    provenance="extension",
    proof="E u_i^2 = 3/(n(n+2)), E u_i u_j = 1/(n(n+2)).",
)

ICM_X15c = claim(
    id="ICM-X15.c",
    statement="Under sub-quadratic growth the curvature cost is Schur-concave: a flatter spectrum costs more.",
    formula="q_i >= q_j  =>  d phi/d x_i <= d phi/d x_j,  x = q^2",
    sense="<=",
    provenance="extension",
    hypotheses=("sub-quadratic",),
    rests_on=("ICM-X15.a",),
    proof="The same with H(sqrt s) concave.",
)
