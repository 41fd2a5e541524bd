"""Claims about the self-polar flow itself: that it exists, how the singular values move, what it spends."""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_T1i_a = claim(
    id="POL-T1i.a",
    statement="On matrices of full rank the polar factor, and so the field of the flow, is real-analytic: at equal "
    "singular values too.",
    formula="P(W) = W (W^T W)^{-1/2} or (W W^T)^{-1/2} W: holomorphic in z along W + z E, |z| small",
    sense="for all",
    provenance="reconstructed",
    hypotheses=("A3",),
    proof="W^T W is positive definite, and the inverse square root is analytic there.",
)

POL_T1i_b = claim(
    id="POL-T1i.b",
    statement="The flow keeps the measurements.",
    formula="A(W(t)) = A(W(0))",
    sense="==",
    provenance="reconstructed",
    proof="A P_perp = 0.",
)

POL_T1i_c = claim(
    id="POL-T1i.c",
    statement="From every start the inclusion dW/dt in -eta P_perp (subdifferential of N) has one solution, for all "
    "times; where W is rank-deficient it is not the flow of the polar factor.",
    formula="-W'(t) = eta P_perp S(t), S(t) in subdiff N(W(t)) for all t;  W(0) = V(0)  =>  W = V",
    sense="exists",
    provenance="reconstructed",
    rests_on=("POL-T1iip.d",),
    proof="N plus the indicator of M_y is convex and closed: its subdifferential is maximal monotone (Brezis 1973).",
)

POL_T1ii_a = claim(
    id="POL-T1ii.a",
    statement="A simple singular value moves at minus eta times its entry of the decay vector.",
    formula="d sigma_i/dt = <E_i, dW/dt> = -eta alpha_i, alpha_i = sum_j K_ij",
    sense="==",
    provenance="secondary",
    hypotheses=("A3", "sigma_i simple"),
    rests_on=("POL-T1i.a",),
    proof="Differentiate det(W^T W - sigma^2 I) = 0.",
)

POL_T1ii_b = claim(
    id="POL-T1ii.b",
    statement="In regression the decay vector is what P_perp leaves of the left singular vectors, so that no "
    "singular value grows.",
    formula="P_perp on the left:  K_ij = (u_i^T P_perp u_j)(v_j^T v_i),  alpha_i = |P_perp u_i|^2 in [0, 1]",
    sense="==",
    provenance="secondary",
    hypotheses=("regression",),
    rests_on=("POL-T1ii.a",),
    proof="The right singular vectors are orthonormal.",
)

POL_T1ii_c = claim(
    id="POL-T1ii.c",
    statement="For general measurements the decay vector is the row sums of K, not its diagonal: a singular value "
    "may grow although |P_perp E_i|^2 >= 0.",
    formula="alpha_i = |P_perp E_i|_F^2 + sum_{j != i} K_ij;  ker A = span diag(2, -1), W = diag(2, 1): "
    "alpha = (2/5, -1/5), |P_perp E_2|^2 = 1/5",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A3",),
    rests_on=("POL-T1ii.a",),
    proof="P(W) = sum_j E_j.",
)

POL_T1ii_d = claim(
    id="POL-T1ii.d",
    statement="For uniformly random kernels the diagonal of K misses the decay vector by a factor that grows with "
    "the number of measurements.",
    formula="6 x 6, mean over draws of max_i |alpha_i - K_ii|/mean_i K_ii:  about 0.3, 0.6, 1.2 at p/36 = 0.2, "
    "0.5, 0.8",
    sense="==",
    provenance="reconstructed",
    kind="law",
    rests_on=("POL-T1ii.c",),
)

POL_T1ii_e = claim(
    id="POL-T1ii.e",
    statement="Equal singular values part at minus eta times the eigenvalues of a small symmetric matrix.",
    formula="sigma_i = s for i in c:  d sigma_c/dt = -eta eigenvalues(sym(U_c^T P_perp[P(W)] V_c));  regression: of "
    "U_c^T P_perp U_c",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A3",),
    rests_on=("POL-T1ii.a",),
    proof="To first order (s I + t X)^T (s I + t X) = s^2 I + t s (X + X^T).",
)

POL_T1iip_a = claim(
    id="POL-T1iip.a",
    statement="The nuclear norm falls at the squared speed.",
    formula="dN/dt = -eta |P_perp P(W)|_F^2 = -eta sum alpha_i <= 0",
    sense="==",
    provenance="reconstructed",
    rests_on=("POL-T1ii.a",),
    proof="P(W) is the gradient of N, P_perp an orthogonal projection; for the inclusion, the chain rule of convex "
    "functions.",
)

POL_T1iip_b = claim(
    id="POL-T1iip.b",
    statement="How the Frobenius norm changes.",
    formula="d|W|_F^2/dt = -2 eta sum alpha_i sigma_i",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A3",),
    rests_on=("POL-T1ii.a",),
)

POL_T1iip_c = claim(
    id="POL-T1iip.c",
    statement="The flow slows down.",
    formula="|dW/dt|_F does not increase; nor does sum alpha_i",
    sense="<=",
    provenance="reconstructed",
    rests_on=("POL-T1iip.d",),
    proof="W(t) and W(t + h) are two solutions, which do not move apart.",
)

POL_T1iip_d = claim(
    id="POL-T1iip.d",
    statement="Two solutions with the same measurements do not move apart.",
    formula="A(W_1) = A(W_2):  |W_1(t) - W_2(t)|_F does not increase",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A2",),
    proof="Subgradients of a convex function are monotone, and W_1 - W_2 lies in ker A.",
)

POL_T1iip_e = claim(
    id="POL-T1iip.e",
    statement="The flow gets no further from any minimiser of the nuclear norm on M_y; value and speed go to their "
    "limits at a rate.",
    formula="D = dist(W(0), argmin):  N(W(t)) - N_* <= D^2/(2 eta t),  |dW/dt|_F <= D/t,  |W(t) - W_*|_F does not "
    "increase",
    sense="<=",
    provenance="reconstructed",
    rests_on=("POL-T1iip.a", "POL-T1iip.d"),
    proof="eta = 1: t^2 |W'|^2/2 + t (N - N_*) + |W - W_*|^2/2 does not increase.",
)
