"""Claims about exact line search on any spectrum: GD's zigzag, Muon's map, and what both should be compared with.

GD and Muon use exact line search in every claim of this module but NDS-X15.
"""

from __future__ import annotations

from theory.curvature_nds.paper import claim

ACTIVE = "all r_i != 0"
EXTREMES = "gradient on both extreme curvatures"
AHEAD = "no other mode starts nearly as far"

# --- X4: any spectrum, the sharpness ------------------------------------------------------------------------

NDS_X4a = claim(
    id="NDS-X4.a",
    statement="On any spectrum the sharpness of Muon is the mean curvature of the modes that are not yet "
    "exact.",
    formula="S(Z_t) = mean(w_i : r_i != 0), whatever the residuals are",
    sense="==",
    provenance="extension",
    hypotheses=(ACTIVE,),
    rests_on=("NDS-P1.b",),
    proof="z_i^2 = 1 where r_i != 0.",
)

NDS_X4b = claim(
    id="NDS-X4.b",
    statement="Along GD the variance of the curvature under the residual's energy never decreases, and it "
    "grows while the energy is on three curvatures or more.",
    formula="V_t = sum p_i (w_i - S_t)^2, p_i = r_i^2/|R|^2:  V_{t+1} - V_t = det(Gram of 1, w, w^2 under "
    "p)/V_t^2 >= 0,  = 0 <=> at most two curvatures have energy",
    sense=">=",
    provenance="extension",
    hypotheses=("A6",),
    proof="A step changes p_i to p_i (w_i - S)^2/V.  The Gram determinant is a sum over triples of "
    "curvatures of products of energies and squared Vandermonde determinants (Cauchy and Binet).",
)

NDS_X4c = claim(
    id="NDS-X4.c",
    statement="Where the energy is on two curvatures, two consecutive sharpnesses of GD have the middle of "
    "the two as their mean, whatever the energies are.",
    formula="(S_t + S_{t+1})/2 = (w_1 + w_2)/2",
    sense="==",
    provenance="extension",
    hypotheses=("A6",),
    rests_on=("NDS-P2.a",),
    proof="The shares are exchanged.",
)

NDS_X4d = claim(
    id="NDS-X4.d",
    statement="On any spectrum the energy of GD ends on the two extreme curvatures, so that its mean "
    "sharpness tends to the middle of the spectrum, whatever the gradient is.",
    formula="Sbar_T(GD) -> (w_max + w_min)/2; late means within 0.1 % after 12 000 steps",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A6", EXTREMES),
    rests_on=("NDS-X4.b", "NDS-X4.c"),
    proof="A classical theorem (Akaike 1959, Forsythe 1968); here observed, for 6 to 88 modes over 6 "
    "decades.",
)

NDS_X4e = claim(
    id="NDS-X4.e",
    statement="So in the long run Muon's sharpness is the lower one if and only if the mean of the "
    "curvatures is below their middle; alignment plays no part.",
    formula="lim Sbar_T(Muon) < lim Sbar_T(GD) <=> mean(w) < (w_max + w_min)/2",
    sense="iff",
    provenance="extension",
    kind="law",
    hypotheses=("A6", EXTREMES),
    rests_on=("NDS-X4.a", "NDS-X4.d"),
    proof="NDS-X4.a and NDS-X4.d.  On two levels: alpha < 1/2.",
)

NDS_X4f = claim(
    id="NDS-X4.f",
    statement="Muon with an inexact polar factor, a few steps of an odd polynomial, which act on each singular "
    "value by a function phi: its sharpness is the mean of the curvatures with the weights phi^2.",
    formula="Z = sum phi(r_i) M_i:  S(Z) = sum w_i phi_i^2/sum phi_i^2 = mean(w) + Cov(w, phi^2)/mean(phi^2)",
    sense="==",
    provenance="extension",
    hypotheses=("every mode counts",),
    rests_on=("NDS-P1.b",),
    proof="NDS-P1.b with z_i = phi(r_i).",
)

NDS_X4g = claim(
    id="NDS-X4.g",
    statement="So it is the mean curvature up to the squared ratio of the largest and the smallest phi.",
    formula="0 < l <= phi_i <= h:  (l/h)^2 <= S(Z)/mean(w) <= (h/l)^2",
    sense="<=",
    provenance="extension",
    hypotheses=("l <= phi <= h",),
    rests_on=("NDS-X4.f",),
    proof="l^2 <= phi_i^2 <= h^2 in both sums.  Nearly attained by one heavy mode at h and many light ones at l.",
)

NDS_X4h = claim(
    id="NDS-X4.h",
    statement="Five steps of Muon's default polynomial keep it near the mean curvature while the residuals range "
    "over two decades, and lose the smallest of six: then it is above the mean where these are on the small "
    "curvatures, and below it where they are on the large ones.",
    formula="w_i = i^(-1.3), q = 16, ln r_i evenly spaced:  |S/mean(w) - 1| < 0.25 over 0, 1 and 2 decades;  "
    "S/mean(w) = 1.58 and 0.255 over 6, within 0.5 %",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("five steps", "residuals over Frobenius norm"),
    rests_on=("NDS-X4.f",),
    proof="Observed.  The slope of five steps at 0 is 3.4445^5 = 485: what is below 1/500 of the norm is not "
    "brought near one.",
)

# --- X5: Muon's map -----------------------------------------------------------------------------------------

NDS_X5a = claim(
    id="NDS-X5.a",
    statement="Muon with exact line search moves the distance of every mode by their mean, whatever the "
    "signs.",
    formula="u_i <- |u_i - E u|,  E u = sum pi_i u_i",
    sense="==",
    provenance="extension",
    hypotheses=("A6", ACTIVE),
    rests_on=("NDS-P1.a",),
    proof="eta = sum w_i |d_i|/sum w_i.",
)

NDS_X5b = claim(
    id="NDS-X5.b",
    statement="Its loss is a second moment, and a step takes away the squared mean.",
    formula="Phi = (sum w) E[u^2]/2,  Phi_{t+1}/Phi_t = Var(u)/E[u^2]",
    sense="==",
    provenance="extension",
    hypotheses=("A6", ACTIVE),
    rests_on=("NDS-X5.a",),
    proof="E[(u - E u)^2] = Var(u).",
)

NDS_X5c = claim(
    id="NDS-X5.c",
    statement="The next step is twice what stands out above this one.",
    formula="E u_{t+1} = 2 sum pi_i (u_i - E u_t)_+",
    sense="==",
    provenance="extension",
    hypotheses=("A6", ACTIVE),
    rests_on=("NDS-X5.a",),
    proof="Deviations above and below the mean have the same sum.",
)

NDS_X5d = claim(
    id="NDS-X5.d",
    statement="One step takes away more than the lightest mode's share of the trace; nothing better can be "
    "said.",
    formula="Phi_{t+1} < (1 - pi_min) Phi_t;  approached as the error concentrates on the lightest mode",
    sense="<",
    provenance="extension",
    hypotheses=("A6", ACTIVE),
    rests_on=("NDS-X5.b",),
    proof="(sum w u)^2 - w_min sum w u^2 has the terms w_i (w_i - w_min) u_i^2 and 2 w_i w_j u_i u_j.",
)

NDS_X5e = claim(
    id="NDS-X5.e",
    statement="A mode that is not beyond the mean bounds the next step from below; alone there, it makes it.",
    formula="u_j >= E u_t  =>  E u_{t+1} >= 2 pi_j u_{j,t+1},  == if no other u_i > E u_t",
    sense=">=",
    provenance="extension",
    hypotheses=("A6", ACTIVE),
    rests_on=("NDS-X5.c",),
    proof="One term of a sum of nonnegative terms.",
)

NDS_X5f = claim(
    id="NDS-X5.f",
    statement="A mode that keeps its sign shrinks at least by a fixed factor, from the second step on.",
    formula="u_j >= E u at t - 1 and at t, t >= 1:  u_{j,t+1} <= (1 - 2 pi_j) u_{j,t}",
    sense="<=",
    provenance="extension",
    hypotheses=("A6", ACTIVE),
    rests_on=("NDS-X5.e",),
    proof="u_{j,t+1} = u_{j,t} - E u_t.",
)

NDS_X5g = claim(
    id="NDS-X5.g",
    statement="Modes that start equally far act as one: K modes of one curvature as one with K times the "
    "share.",
    formula="u_i = u_j at t = 0  =>  at every t;  the other distances are those with one mode of curvature "
    "w_i + w_j",
    sense="==",
    provenance="extension",
    hypotheses=("A6",),
    rests_on=("NDS-X5.a",),
    proof="The mean sees w_i + w_j.",
)

NDS_X5h = claim(
    id="NDS-X5.h",
    statement="Every spectrum has, for each of its modes, a ray on which that mode lags for ever, and on "
    "which the loss is exactly geometric.",
    formula="u_j = 1 - pi_j, u_i = pi_j (i != j):  u <- (1 - 2 pi_j) u,  Phi_T = (1 - 2 pi_j)^(2T) Phi_0,  "
    "pi_j < 1/2",
    sense="==",
    provenance="extension",
    hypotheses=("A6",),
    rests_on=("NDS-X5.a",),
    proof="E u = 2 pi_j (1 - pi_j).",
)

NDS_X5i = claim(
    id="NDS-X5.i",
    statement="From most starts the loss falls in the long run at a rate that one mode decides: the one "
    "that started farthest, if its share of the trace is small.",
    formula="mean of -ln(Phi_{t+1}/Phi_t) -> -ln(1 - 4 pi_j), j = argmax sigma_i/w_i, within 0.4 % for "
    "pi_j <= 0.03 and 0.7 % for pi_j <= 0.05, if u_j >= 1.2 u_i and pi_i <= 0.14 for the others, u_j >= "
    "1.7 E u",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A6", AHEAD),
    rests_on=("NDS-X5.f",),
    proof="Observed.  The unstable ray of NDS-X5.h has the lower rate -2 ln(1 - 2 pi_j).",
)

# --- X15: baselines -----------------------------------------------------------------------------------------

NDS_X15a = claim(
    id="NDS-X15.a",
    statement="GD with two steps, the inverses of the two curvatures in any order, is exact after two "
    "steps: line search is not the best choice of steps.",
    formula="eta_0, eta_1 = 1/w_H, 1/w_L:  Phi_2 = 0",
    sense="==",
    provenance="extension",
    hypotheses=("A3",),
    rests_on=("NDS-P1.a",),
    proof="r_i <- (1 - eta w_i) r_i.",
)

NDS_X15b = claim(
    id="NDS-X15.b",
    statement="On k curvatures k steps do, in any order.",
    formula="prod_j (1 - w_i/w_j) = 0 for all i",
    sense="==",
    provenance="extension",
    hypotheses=("k curvatures",),
    rests_on=("NDS-X15.a",),
    proof="One factor vanishes for each i.",
)

NDS_X15c = claim(
    id="NDS-X15.c",
    statement="Conjugate gradients need not know the curvatures and are exact after as many steps as there "
    "are different ones.",
    formula="min { Phi of p(H) D_0 : p of degree k, p(0) = 1 } = 0",
    sense="==",
    provenance="extension",
    hypotheses=("k curvatures",),
    rests_on=("NDS-X15.b",),
    proof="That minimum is what conjugate gradients reach.",
)

# --- X16: GD on any spectrum, the loss ----------------------------------------------------------------------

NDS_X16a = claim(
    id="NDS-X16.a",
    statement="The residuals of GD two steps apart have the loss between them as their product.",
    formula="<R_t, H^{-1} R_{t+2}> = 2 Phi_{t+1}",
    sense="==",
    provenance="extension",
    hypotheses=("H positive definite", "A6"),
    proof="R_t is orthogonal to R_{t+1}.",
)

NDS_X16b = claim(
    id="NDS-X16.b",
    statement="The loss of GD is log-convex: its factor per step never falls.",
    formula="Phi_{t+1}^2 <= Phi_t Phi_{t+2}",
    sense="<=",
    provenance="extension",
    hypotheses=("H positive definite", "A6"),
    rests_on=("NDS-X16.a",),
    proof="Cauchy and Schwarz, in the form of Lagrange: the difference is a sum of squares.",
)

NDS_X16c = claim(
    id="NDS-X16.c",
    statement="It is geometric if and only if the residual returns to its direction after two steps: on "
    "two curvatures.",
    formula="Phi_{t+1}^2 = Phi_t Phi_{t+2} <=> R_{t+2} || R_t <=> at most two curvatures have energy",
    sense="iff",
    provenance="extension",
    hypotheses=("H positive definite", "A6"),
    rests_on=("NDS-X16.b",),
    proof="The squares all vanish.  R_{t+2} || R_t makes a quadratic polynomial of w constant where r_i != "
    "0.",
)

NDS_X16d = claim(
    id="NDS-X16.d",
    statement="So the first two losses of GD bound all later ones from below.",
    formula="Phi_T >= Phi_0 (Phi_1/Phi_0)^T",
    sense=">=",
    provenance="extension",
    hypotheses=("H positive definite", "A6"),
    rests_on=("NDS-X16.b",),
    proof="Multiply the factors.",
)

NDS_X16e = claim(
    id="NDS-X16.e",
    statement="And the spectrum bounds them from above.",
    formula="Phi_{t+1} <= ((rho - 1)/(rho + 1))^2 Phi_t,  rho = w_max/w_min",
    sense="<=",
    provenance="extension",
    hypotheses=("H positive definite", "A6"),
    proof="Kantorovich: w + w_max w_min/w <= w_max + w_min for every mode, and the arithmetic mean is "
    "above the geometric one.",
)
