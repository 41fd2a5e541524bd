"""Claims about where the self-polar flow goes: minimal nuclear norm; the 2 x 2 example; regression and its rates."""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_X1_a = claim(
    id="POL-X1.a",
    statement="The self-polar flow converges to an interpolant of least nuclear norm, from every start and for every "
    "kind of measurement.",
    formula="N(W(t)) -> min {N(V) : A(V) = A(W(0))}",
    sense="==",
    provenance="extension",
    rests_on=("POL-T1iip.e",),
    proof="It is the subgradient flow of N plus the indicator of M_y, a convex function that attains its minimum.",
)

POL_X1_b = claim(
    id="POL-X1.b",
    statement="Where the minimum is sharp the flow arrives in finite time.",
    formula="N(V) - N_* >= c dist(V, argmin) on M_y:  W(t) in argmin for t >= dist(W(0), argmin)/(eta c)",
    sense="<=",
    provenance="extension",
    hypotheses=("sharp",),
    rests_on=("POL-T1iip.a", "POL-T1iip.e"),
    proof="The speed is at least eta c, and the distance falls at least at the rate eta c.",
)

POL_X1_c = claim(
    id="POL-X1.c",
    statement="By times of 12 to 20 the gap is small for random measurements of random matrices: regression, "
    "Gaussian, entries, rank one.",
    formula="eta t = 12, ..., 20:  N(W(t))/N_* - 1 <= 5e-3",
    sense="<=",
    provenance="extension",
    hypotheses=("random measurements",),
    kind="law",
    rests_on=("POL-X1.a",),
)

POL_X1p_a = claim(
    id="POL-X1p.a",
    statement="A flow that becomes exactly flat and leaves flatness again.",
    formula="ker A = span diag(2, -1), W(0) = diag(2, 1), eta = 1:  W(t) = diag(2 - 2t/5, 1 + t/5), 0 <= t <= 5; "
    "flat, (4/3) I, at t = 5/3 alone",
    sense="==",
    provenance="extension",
    rests_on=("POL-T1ii.c",),
)

POL_X1p_b = claim(
    id="POL-X1p.b",
    statement="It ends at rank one, where the selected subgradient, not the polar factor, keeps it.",
    formula="t >= 5:  W = diag(0, 2), P_perp diag(1/2, 1) = 0, N = 3 -> 2;  |P_perp diag(0, 1)| = 1/sqrt(5)",
    sense="==",
    provenance="extension",
    rests_on=("POL-X7.a",),
)

POL_X1p_c = claim(
    id="POL-X1p.c",
    statement="The sign criterion holds up to the flat point and fails after it.",
    formula="sum alpha_i q_i < 0 for t < 5/3, > 0 for 5/3 < t < 5, for every strictly Schur-concave spread",
    sense="iff",
    provenance="extension",
    rests_on=("POL-X1p.a",),
    proof="alpha = (2/5, -1/5) and sum sigma_i q_i = 0: the sum is q_1 (2 sigma_2 + sigma_1)/(5 sigma_2), and "
    "q_1 < 0 while sigma_1 > sigma_2.",
)

POL_X2_a = claim(
    id="POL-X2.a",
    statement="In regression the flow is a closed system of k x k matrices.",
    formula="W = W_par + Z, C = W_par^T W_par, B = Z^T Z:  dZ/dt = -eta Z (C + B)^{-1/2},  dB/dt = -eta [B (C + "
    "B)^{-1/2} + (C + B)^{-1/2} B],  sigma_i^2 = eigenvalue_i(C + B)",
    sense="==",
    provenance="extension",
    hypotheses=("regression", "A3"),
    proof="W_par^T Z = 0, so W^T W = C + B, and P_perp W = Z.",
)

POL_X2_b = claim(
    id="POL-X2.b",
    statement="In regression the flow goes to pinv(X) Y from every start, which has the least singular values of all "
    "interpolants, one by one.",
    formula="W(t) -> pinv(X) Y;  sigma_i(W) >= sigma_i(pinv(X) Y) on M_y, and sigma_i(t) does not increase",
    sense="==",
    provenance="extension",
    hypotheses=("regression",),
    rests_on=("POL-X2.a", "POL-T1ii.b"),
    proof="W^T W = C + B >= C.  At rest Z (C + B)^{-1/2} = 0.",
)

POL_X2_c = claim(
    id="POL-X2.c",
    statement="In regression the distance to the limit falls at least exponentially.",
    formula="|Z(t)|_F <= |Z(0)|_F exp(-eta t/sigma_max(W(0)))",
    sense="<=",
    provenance="extension",
    hypotheses=("regression",),
    rests_on=("POL-X2.a", "POL-T1ii.b"),
    proof="d|Z|^2/dt = -2 eta <Z, Z (C + B)^{-1/2}>, and (C + B)^{-1/2} >= I/sigma_max(W(0)).",
)

POL_X2_d = claim(
    id="POL-X2.d",
    statement="The asymptotic rate in regression is set by the largest singular value of the limit.",
    formula="-d log|Z|/dt -> eta/sigma_max(pinv(X) Y)",
    sense="==",
    provenance="extension",
    hypotheses=("regression", "Z has a part along the leading right singular vector"),
    rests_on=("POL-X2.a",),
    proof="Near the end dZ/dt = -eta Z C^{-1/2}.",
)

POL_X2_e = claim(
    id="POL-X2.e",
    statement="In regression the limiting spectrum is that of the data alone: flat only where they are.",
    formula="W_*^T W_* = C = Y^T (X X^T)^{-1} Y",
    sense="==",
    provenance="extension",
    hypotheses=("regression",),
    rests_on=("POL-X2.b",),
)

POL_X2_f = claim(
    id="POL-X2.f",
    statement="In regression the column space of Z stays as it is while Z keeps its rank.",
    formula="Z(t) = Z(0) M(t), M(t) invertible",
    sense="==",
    provenance="extension",
    hypotheses=("regression", "A3"),
    rests_on=("POL-X2.a",),
    proof="dZ/dt = -eta Z (C + B)^{-1/2} is linear in Z from the right.",
)

POL_X2_g = claim(
    id="POL-X2.g",
    statement="In regression a singular value reaches zero only if C is singular.",
    formula="sigma_r(W(t)) >= sigma_r(pinv(X) Y)",
    sense=">=",
    provenance="extension",
    hypotheses=("regression", "C nonsingular"),
    rests_on=("POL-X2.b",),
)

POL_X2p_a = claim(
    id="POL-X2p.a",
    statement="Where C and B commute every singular value has its own equation, solved in closed form.",
    formula="d sigma/dt = -eta (1 - kappa^2/sigma^2):  sigma - kappa artanh(kappa/sigma) = sigma(0) - kappa "
    "artanh(kappa/sigma(0)) - eta t, with one root in (kappa, sigma(0)];  kappa = 0: sigma = (sigma(0) - eta t)_+",
    sense="==",
    provenance="extension",
    hypotheses=("CB = BC",),
    rests_on=("POL-X2.a",),
)

POL_X2p_b = claim(
    id="POL-X2p.b",
    statement="Where C and B do not commute the closed form is not the flow.",
    formula="C = diag(1, 0.04), B = R(0.7) diag(6, 1/2) R(0.7)^T, eta t = 1:  sigma = (1.74830, 0.53132); by sorted "
    "pairs (1.79576, 0.21831)",
    sense="==",
    provenance="extension",
    rests_on=("POL-X2.a",),
)
