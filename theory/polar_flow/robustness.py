"""Claims about polarising another matrix than W: what misalignment costs, and what exact alignment would cost.

dV/dt = -eta P_perp P(M(t)), Delta = P(M) - P(V), delta_P = |Delta|_F; sigma, E_i, alpha, q are those of V.
"""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_T2_a = claim(
    id="POL-T2.a",
    statement="Misalignment changes the rate of a singular value by at most its own size.",
    formula="|d sigma_i/dt + eta alpha_i| <= eta |P_perp E_i|_F |P_perp Delta|_F <= eta delta_P",
    sense="<=",
    provenance="secondary",
    hypotheses=("A3",),
    rests_on=("POL-T1ii.a",),
    proof="d sigma_i/dt = -eta <E_i, P_perp P(M)>; Cauchy and Schwarz.",
)

POL_T2_ar = claim(
    id="POL-T2.ar",
    statement="In a regression a singular value that hardly decays is hardly disturbed.",
    formula="|d sigma_i/dt + eta alpha_i| <= eta sqrt(alpha_i) |Delta|_op",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A3", "regression"),
    rests_on=("POL-T2.a",),
    proof="<E_i, P_perp Delta> = (P_perp u_i)^T Delta v_i, and alpha_i = |P_perp u_i|^2.",
)

POL_T2_b = claim(
    id="POL-T2.b",
    statement="A spread still grows where the criterion holds with room for the misalignment.",
    formula="sum alpha_i q_i <= -|q|_2 |P_perp Delta|_F  =>  dF/dt >= 0",
    sense=">=",
    provenance="secondary",
    hypotheses=("room",),
    rests_on=("POL-T2.a", "POL-T1iii.a"),
    proof="dF/dt = -eta (sum alpha_i q_i + <Q, P_perp Delta>), |Q|_F = |q|_2.",
)

POL_T2_c = claim(
    id="POL-T2.c",
    statement="Errors do not grow: a misaligned flow stays as near to the exact one as the misalignment adds up to.",
    formula="V(0) = W(0):  |V(t) - W(t)|_F <= eta int_0^t |P_perp Delta|_F, and so do the sorted spectra in l2",
    sense="<=",
    provenance="extension",
    hypotheses=("V(0) = W(0)",),
    rests_on=("POL-T2.d",),
    proof="d|V-W|^2/dt = -2 eta <P(V) - P(W), V - W> - 2 eta <P_perp Delta, V - W>, and the first term is not "
    "positive (POL-T2.d); Mirsky for the spectra.",
)

POL_T2_d = claim(
    id="POL-T2.d",
    statement="The polar factor is strongly monotone, as far as it moves.",
    formula="<P(A) - P(B), A - B> >= ((sigma_r(A) + sigma_r(B))/2) |P(A) - P(B)|_F^2,  r = min(m, n)",
    sense=">=",
    provenance="extension",
    hypotheses=("sigma_r",),
    proof="A = Q H, B = Q' H': the left side is tr[(1 - sym(Q^T Q'))(H + H')], 1 - sym(Q^T Q') >= 0, and "
    "|Q - Q'|^2 = 2 tr(1 - Q^T Q').  At deficient rank average over the completions P +- U0 V0^T.",
)

POL_T2_delta = claim(
    id="POL-T2.delta",
    statement="So delta_P is bounded by a distance of matrices, in any relative scale.",
    formula="delta_P <= 2 |M - c V|_F/(sigma_r(M) + c sigma_r(V))  for every c > 0",
    sense="<=",
    provenance="extension",
    hypotheses=("sigma_r",),
    rests_on=("POL-T2.d",),
    proof="POL-T2.d for M and c V, with Cauchy and Schwarz on the left.",
)

POL_T2_angles = claim(
    id="POL-T2.angles",
    statement="False: that matrices with the same singular subspaces are aligned.",
    formula="u_i(M) = +-u_s(i)(W), v_i(M) = +-v_t(i)(W)  =>  delta_P = 0",
    sense="==",
    provenance="reconstructed",
    proof="M = -W has delta_P = 2 sqrt r; M = u_1 v_2^T + u_2 v_1^T against 2 u_1 v_1^T + u_2 v_2^T has 2.",
)

POL_T2_gauge = claim(
    id="POL-T2.gauge",
    statement="delta_P does not depend on the choice of singular vectors.",
    formula="P(W) = W (W^T W)^(-1/2): U V^T is the same for every singular value decomposition",
    sense="==",
    provenance="reconstructed",
    proof="U V^T = Q is fixed by W = Q H, H >= 0 with the kernel of W.",
)

POL_X9_a = claim(
    id="POL-X9.a",
    statement="Decay rates in the frames of a buffer of gradients add up to zero, weighted by the buffer.",
    formula="M = sum mu_i u_i v_i^T in range(A*):  sum_i mu_i alpha^M_i = <M, P_perp P(M)> = 0",
    sense="==",
    provenance="extension",
    hypotheses=("M in range(A*)",),
    proof="P_perp M = 0.",
)

POL_X9_b = claim(
    id="POL-X9.b",
    statement="If W has exactly the frames of such a buffer, K has mu in its kernel: not all alpha_i are positive, "
    "and the weighted singular values do not move.",
    formula="SF, M in range(A*):  K mu = 0, so det K = 0,  sum_i mu_i d sigma_i/dt = 0,  min alpha_i <= 0",
    sense="==",
    provenance="extension",
    hypotheses=("M in range(A*)", "SF"),
    rests_on=("POL-X9.a",),
    proof="sum_j K_ij mu_j = <E_i, P_perp M>.",
)

POL_X9_r = claim(
    id="POL-X9.r",
    statement="In a regression exact alignment with a buffer of gradients means that nothing moves.",
    formula="regression, SF, M in range(A*) of full rank:  alpha = 0",
    sense="==",
    provenance="extension",
    hypotheses=("M in range(A*)", "SF"),
    rests_on=("POL-X9.b",),
    proof="K is diagonal with entries alpha_i >= 0, and mu > 0.",
)
