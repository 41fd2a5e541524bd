"""Claims about what "more stable" means: it depends on the yardstick, and on how curvature meets the gradient."""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_T3_1 = claim(
    id="SF-T3.1",
    statement="Measured by the step size itself Muon's guaranteed threshold is sbar times that of gradient descent: "
    "larger if and only if the average singular value exceeds one, a condition on units.",
    formula="A1:  GD 2/L,  Muon 2 sbar/L,  NGD 2 F/(L sqrt r);  Muon > GD  <=>  sbar > 1",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T1.d",),
    corrects="SF-C3",
    proof="The bound of A1 along each direction; sharp for the isotropic quadratic.",
)

SF_T3_2 = claim(
    id="SF-T3.2",
    statement="Measured by the spectral norm of the update Muon may never move further than gradient descent.",
    formula="A1:  GD 2 s_1/L,  Muon 2 sbar/L,  NGD 2 s_1/L;  sbar/s_1 <= 1",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T3.1",),
    proof="An average is at most the maximum.",
)

SF_T3_3 = claim(
    id="SF-T3.3",
    statement="Measured by the Frobenius norm of the update neither.",
    formula="A1:  GD 2 F/L,  Muon 2 N/(L sqrt r),  NGD 2 F/L;  sqrt(nr/r) <= 1",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T3.1",),
    proof="r F^2 - N^2 = sum_{i < j} (s_i - s_j)^2.",
)

SF_T3_4 = claim(
    id="SF-T3.4",
    statement="Nor is it guaranteed a larger decrease at its best step.",
    formula="A1:  GD F^2/(2L),  Muon N^2/(2 L r),  NGD F^2/(2L);  nr/r <= 1",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T1.b", "SF-T3.3"),
    proof="As SF-T3.3.",
)

SF_T3_5 = claim(
    id="SF-T3.5",
    statement="If smoothness is known in spectral norm, Muon may move further in that norm than gradient descent, by "
    "the factor rho.",
    formula="A1':  GD 2 F^2/(L_op s_1),  Muon 2 N/L_op,  NGD as GD;  rho = s_1 N/F^2",
    sense="==",
    provenance="extension",
    hypotheses=("A1'", "A2", "A3"),
    proof="The bound of A1' along each direction.  Sharp: f(W + D) = <G, D> + L_op <P, D>^2/(2 |P|_*^2) satisfies "
    "A1' and is as curved as A1' allows along Q for P = Q, along G for P = u_1 v_1^T.",
)

SF_T3_5a = claim(
    id="SF-T3.5a",
    statement="The factor is at least one, and one only for flat spectra.",
    formula="rho >= 1;  rho = 1  <=>  s_1 = ... = s_r",
    sense=">=",
    provenance="extension",
    proof="s_1 N - F^2 = sum s_i (s_1 - s_i).",
)

SF_T3_5b = claim(
    id="SF-T3.5b",
    statement="It is at most (1 + sqrt r)/2, attained by one large singular value over a bulk of equal ones.",
    formula="rho <= (1 + sqrt r)/2, with equality at s = (1, t, ..., t), t = 1/(1 + sqrt r)",
    sense="<=",
    provenance="extension",
    proof="(1 + q) F^2/2 - s_1 N = ((1 + q)/2) sum_{i >= 2} (s_i - s_1/(1 + q))^2 with q = sqrt r.",
)

SF_T3_6 = claim(
    id="SF-T3.6",
    statement="Then Muon is also guaranteed at least the decrease of gradient descent at the best step.",
    formula="A1':  GD F^4/(2 L_op s_1^2),  Muon N^2/(2 L_op),  NGD as GD;  rho^2 >= 1",
    sense=">=",
    provenance="extension",
    hypotheses=("A1'", "A2", "A3"),
    rests_on=("SF-T3.5", "SF-T3.5a"),
    proof="The least value of each bound.",
)

SF_T3_7 = claim(
    id="SF-T3.7",
    statement="With each optimiser under its own smoothness Muon is guaranteed more if and only if the nuclear rank "
    "of the gradient exceeds the ratio of the two constants.",
    formula="GD F^2/(2L) under A1, Muon N^2/(2 L_op) under A1':  Muon > GD  <=>  nr(G) > L_op/L",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A1'", "A2", "A3"),
    rests_on=("SF-T3.4", "SF-T3.6"),
    proof="The ratio is nr(G) L/L_op.",
)

SF_T3a = claim(
    id="SF-T3.a",
    statement="The unit of the loss decides: multiplying the loss by c divides the threshold of gradient descent by "
    "c and leaves Muon's as it is.",
    formula="f -> c f:  2/L -> 2/(c L),  2 sbar/L -> 2 sbar/L",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T3.1",),
    proof="G and L are multiplied by c, Q is unchanged.",
)

SF_T3b = claim(
    id="SF-T3.b",
    statement="Near a minimum Muon's threshold vanishes in proportion to the distance; that of gradient descent does "
    "not change.",
    formula="f = <Delta, H[Delta]>/2, Delta = t Delta_0:  eta_T1(t) = t eta_T1(1),  2/L constant",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3"),
    rests_on=("SF-T3.1",),
    proof="G is linear in Delta, and polar(t G) = polar(G) for t > 0.",
)

SF_T3c = claim(
    id="SF-T3.c",
    statement="Smoothness in Frobenius norm alone never rewards flattening: no direction is guaranteed a larger "
    "decrease than the gradient.",
    formula="A1:  max over eta of the guaranteed decrease along phi = (sum s phi)^2/(2 L sum phi^2) <= F^2/(2L)",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A3"),
    rests_on=("SF-T1.c",),
    proof="sum s^2 sum phi^2 - (sum s phi)^2 = sum_{i < j} (s_i phi_j - s_j phi_i)^2.",
)

SF_T3d = claim(
    id="SF-T3.d",
    statement="Normalised gradient descent, with updates as long as Muon's in Frobenius norm, has at least Muon's "
    "threshold.",
    formula="A1:  2 N/(L r) <= 2 F/(L sqrt r)",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T3.3",),
    proof="As SF-T3.3.",
)

SF_T3e = claim(
    id="SF-T3.e",
    statement="The largest singular value limits gradient descent in two ways only: in the spectral size of its "
    "update, and under A1' in its step size.  Under A1 the threshold of the step size contains no singular value.",
    formula="A1: spectral size 2 s_1/L, step 2/L;  A1': step 2 F^2/(L_op s_1^2) = 2 srank(G)/L_op",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "A1'", "A3"),
    rests_on=("SF-T3.2", "SF-T3.5"),
    proof="The bounds of A1 and A1' along G.",
)

SF_T4a = claim(
    id="SF-T4.a",
    statement="Flattening lowers the curvature that the update meets if and only if curvature and squared singular "
    "values are positively correlated over the modes.",
    formula="c(D) = <D, H[D]>/|D|_F^2:  c(Q) = sum h/r <= c(G) = sum h s^2/sum s^2  <=>  Cov(h, s^2) >= 0",
    sense="iff",
    provenance="extension",
    hypotheses=("A4", "aligned", "A2"),
    proof="c(G) - c(Q) = r Cov(h, s^2)/sum s^2, Cov the covariance over the r modes.",
)

SF_T4b = claim(
    id="SF-T4.b",
    statement="In particular if the modes of larger curvature have the larger singular values.",
    formula="(h_i - h_j)(s_i - s_j) >= 0 for all i, j  =>  c(Q) <= c(G)",
    sense="<=",
    provenance="extension",
    hypotheses=("A4", "aligned", "A2", "similarly ordered"),
    rests_on=("SF-T4.a",),
    proof="Chebyshev: r sum h s^2 - sum h sum s^2 = sum_{i < j} (h_i - h_j)(s_i^2 - s_j^2).",
)

SF_T4c = claim(
    id="SF-T4.c",
    statement="The exact thresholds of Muon and of normalised gradient descent in the aligned model.",
    formula="NGD 2 |s| sum s^2/(sqrt r sum h s^2),  Muon 2 sum s/sum h",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "aligned", "A2", "A3"),
    rests_on=("SF-T2.a",),
    proof="<G, Q> = sum s, <Q, H[Q]> = sum h, <G, H[G]> = sum h s^2.",
)

SF_T4d = claim(
    id="SF-T4.d",
    statement="For an isotropic error Muon's threshold exceeds that of normalised gradient descent by at most sqrt "
    "r, approached where one mode is curved.",
    formula="d_i = 1:  Muon 2, NGD >= 2/sqrt r;  h = (1, eps, ..., eps), eps -> 0:  NGD -> 2/sqrt r",
    sense=">=",
    provenance="extension",
    hypotheses=("A4", "aligned", "A2", "A3"),
    rests_on=("SF-T4.c",),
    proof="s = h: Muon's threshold is 2 and NGD's 2 (sum h^2)^(3/2)/(sqrt r sum h^3), at least 2/sqrt r as "
    "(sum h^3)^2 <= (sum h^2)^3.",
)

SF_T4e = claim(
    id="SF-T4.e",
    statement="Where curvature and singular values are oppositely ordered the loss can be extreme: gradient descent "
    "removes more than 99 % of the loss in one best step, Muon just over 1 %.",
    formula="h = (100, 1), d = (10^-4, 1):  f after/f before at the best step: GD 0.009704, Muon 0.989900",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "aligned", "A2", "A3"),
    rests_on=("SF-T4.a",),
    proof="1 - <G, D>^2/(<D, H[D]> <G, H^{-1}[G]>) with s = (0.01, 1).",
)

SF_C3 = claim(
    id="SF-C3",
    statement="False, a literal reading of the abstract: that Muon's stable step exceeds that of gradient descent.",
    formula="2 sbar/L > 2/L",
    sense=">",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3"),
    proof="s = (1, 0.1), L = 1: Muon 1.1, GD 2.  Or multiply the loss by 0.1.",
)
