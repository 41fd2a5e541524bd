"""Claims about the model's structure: the pairing, the null space, and a memory with a long tail."""

from __future__ import annotations

from theory.curvature_nds.paper import claim

# --- X10: the pairing ---------------------------------------------------------------------------------------

UNPAIRED = "0 < eps < 1"

NDS_X10a = claim(
    id="NDS-X10.a",
    statement="A gradient with a little of everything beside a permutation has that permutation as its "
    "polar factor.",
    formula="G = P + eps (J - P), 0 < eps < 1:  polar(G) = P",
    sense="==",
    provenance="extension",
    hypotheses=(UNPAIRED,),
    proof="P^T G = (1 - eps) I + eps J is symmetric with the eigenvalues 1 - eps and 1 - eps + n eps.",
)

NDS_X10b = claim(
    id="NDS-X10.b",
    statement="If the curvature is the larger one, h, on the permutation and l elsewhere, then Muon's "
    "sharpness is above GD's, although the larger gradients are on the larger curvatures and alpha = 1/n: "
    "A4 needs the pairing.",
    formula="S(Muon) = h > S(GD) = (h + k l)/(1 + k),  k = (n - 1) eps^2",
    sense=">",
    provenance="extension",
    hypotheses=("A1", "A2", UNPAIRED),
    rests_on=("NDS-X10.a",),
    proof="GD's update also has entries on the low curvature, Muon's has none.",
)

NDS_X10c = claim(
    id="NDS-X10.c",
    statement="And Muon's line-searched first step is the worse one.",
    formula="decrease(Muon) = n/(2 h) < decrease(GD) = n (1 + k)^2/(2 (h + k l))",
    sense="<",
    provenance="extension",
    hypotheses=("A1", "A2", "A6", UNPAIRED),
    rests_on=("NDS-X10.a", "NDS-X1.a"),
    proof="h (1 + k)^2 > h + k l as h > l.",
)

# --- X11: a memory with a long tail -------------------------------------------------------------------------

NDS_X11a = claim(
    id="NDS-X11.a",
    statement="In a linear memory curvatures and gradients are both the frequencies of the facts.",
    formula="L(W) = sum f_i|W u_i - v_i|^2/2 at W = 0:  G = -sum f_i v_i u_i^T, H[v_i u_i^T] = f_i v_i "
    "u_i^T, so w = sigma = f",
    sense="==",
    provenance="extension",
    proof="Differentiate.",
)

NDS_X11b = claim(
    id="NDS-X11.b",
    statement="Muon's sharpness does not depend on the frequencies, GD's does.",
    formula="S(Muon) = 1/N,  S(GD) = sum f^3/sum f^2,  sum f = 1",
    sense="==",
    provenance="extension",
    rests_on=("NDS-X11.a", "NDS-P1.b"),
    proof="Means of f with the weights 1 and f^2.",
)

NDS_X11c = claim(
    id="NDS-X11.c",
    statement="The ratio of the two grows with the imbalance.",
    formula="f_i proportional to i^(-z):  d/dz [N sum f^3/sum f^2] > 0 for z >= 0;  N = 64: 1, 2.184, "
    "9.952, 23.763 at z = 0, 1/2, 1, 3/2",
    sense=">",
    provenance="extension",
    rests_on=("NDS-X11.b",),
    proof="Its logarithmic derivative is 2 (E_2 - E_3) + (E_1 - E_3), E_k the mean of ln i with the "
    "weights i^(-k z), which falls with k.",
)

NDS_X11d = claim(
    id="NDS-X11.d",
    statement="Muon's line-searched step learns all facts at once.",
    formula="Phi_1(Muon) = 0",
    sense="==",
    provenance="extension",
    hypotheses=("A6",),
    rests_on=("NDS-X11.a", "NDS-X2.a"),
    proof="sigma_i/w_i = 1 for every fact.",
)

NDS_X11e = claim(
    id="NDS-X11.e",
    statement="So does the sharpness of sign descent not depend on them where the inputs are coordinates: "
    "imbalance of the inputs alone makes no gap between sign descent and Muon.",
    formula="u_i = e_i, no entry of v_i zero:  S(sign) = 1/N",
    sense="==",
    provenance="extension",
    hypotheses=("u_i = e_i",),
    rests_on=("NDS-X11.a",),
    proof="All columns of the update have the same norm.",
)

NDS_X11f = claim(
    id="NDS-X11.f",
    statement="Rotated inputs make one: the mean sharpness of sign descent over random outputs, by the "
    "arcsine law.",
    formula="E_v S(sign) = (2/pi) sum_kl M_kl arcsin(C_kl/sqrt(C_kk C_ll))/N,  M = sum f_i u_i u_i^T, C = "
    "sum f_i^2 u_i u_i^T, v Haar",
    sense="==",
    provenance="extension",
    rests_on=("NDS-X11.a",),
    proof="Entries of a row of the update are the signs of <a, g>, <b, g>, g spherical: they agree but for "
    "an angle of 2 times that between a and b (Sheppard).",
)

NDS_X11g = claim(
    id="NDS-X11.g",
    statement="Its first order, for random inputs, in terms of GD's sharpness, is too high, the more so the "
    "greater the imbalance.",
    formula="S(sign) ~ (2/pi) S(GD) + (1 - 2/pi)/N;  N = 64: too high by 6 % (z = 1/2), 20 % (1), 21 % "
    "(3/2), within 2 %",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("Haar inputs",),
    rests_on=("NDS-X11.f",),
    proof="arcsin x = x off the diagonal, C_kk = sum f^2/N.",
)

NDS_X11h = claim(
    id="NDS-X11.h",
    statement="The gap in the loss of the first step is not monotone: GD's gain falls and rises again with "
    "the imbalance.",
    formula="(sum f^2)^2/sum f^3, N = 64: 1, .652, .466, .580, .707 at z = 0, 1/2, 1, 3/2, 2;  falls for z "
    "<= 0.91, rises for 0.93 <= z <= 3",
    sense="for all",
    provenance="extension",
    hypotheses=("A6",),
    rests_on=("NDS-X11.a",),
    proof="Its derivative in balls.",
)

# --- X12: the null space ------------------------------------------------------------------------------------

FLAT = "c_ij = 0 for i, j > q"

NDS_X12a = claim(
    id="NDS-X12.a",
    statement="A polar factor that is completed on the null space has a lower sharpness, by the share of "
    "the modes.",
    formula="Z' = Z + sum_{i > q} u_i v_i^T:  S(Z') = S(Z) q/min(d_1, d_2)",
    sense="==",
    provenance="extension",
    hypotheses=("A2", FLAT),
    rests_on=("NDS-P1.b",),
    proof="|Z'|_F^2 = min(d_1, d_2), H[Z'] = H[Z].",
)

NDS_X12b = claim(
    id="NDS-X12.b",
    statement="And the same loss after every line-searched step: that sharpness is an artefact.",
    formula="Phi_t(Z') = Phi_t(Z) for all t",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A6", FLAT),
    rests_on=("NDS-X12.a",),
    proof="<R, Z'> = <R, Z> and H[Z'] = H[Z].",
)
