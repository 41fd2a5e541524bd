"""Claims about what the sharpness does and does not decide: line search, matched norms, constant steps.

Each claim says which step rule it is about.
"""

from __future__ import annotations

from theory.curvature_nds.paper import claim

NDS_X1a = claim(
    id="NDS-X1.a",
    statement="The exchange rate of the line search: the decrease is the squared cosine of the update and the "
    "gradient over the sharpness.",
    formula="max_eta (L(W) - L(W - eta Z)) = |G|_F^2 cos^2(G, Z)/(2 S(Z)),  <G, Z> > 0",
    sense="==",
    provenance="extension",
    hypotheses=("PSD", "A6"),
    proof="The decrease is eta <G, Z> - eta^2 <Z, H[Z]>/2.",
)

NDS_X1b = claim(
    id="NDS-X1.b",
    statement="Whatever beats GD in one line-searched step has a lower sharpness than the gradient.",
    formula="decrease(Z) > decrease(G)  =>  S(Z) < S(G)",
    sense="<",
    provenance="extension",
    hypotheses=("PSD", "A6"),
    rests_on=("NDS-X1.a",),
    proof="cos(G, G) = 1 and cos^2 <= 1.",
)

NDS_X1c = claim(
    id="NDS-X1.c",
    statement="The converse is false: a lower sharpness does not make the step the better one.",
    formula="S(Z) < S(G) and decrease(Z) < decrease(G) for some PSD H, G, Z",
    sense="exists",
    provenance="extension",
    hypotheses=("PSD", "A6"),
    rests_on=("NDS-X1.a",),
    proof="w = (2, 1), G = (1, 1/10), Z = (0, 1).",
)

NDS_X1d = claim(
    id="NDS-X1.d",
    statement="When Muon's line-searched step beats GD's: the nuclear rank over the rank must exceed the ratio of "
    "the sharpnesses.",
    formula="decrease(polar G) > decrease(G)  <=>  nr(G)/rank(G) > S(polar G)/S(G),  cos^2(G, polar G) = "
    "nr(G)/rank(G)",
    sense="iff",
    provenance="extension",
    hypotheses=("PSD", "A6"),
    rests_on=("NDS-X1.a",),
    proof="<G, polar G> = |G|_*, |polar G|_F^2 = rank G, nr(G) = |G|_*^2/|G|_F^2.",
)

NDS_X2a = claim(
    id="NDS-X2.a",
    statement="If the gradient's coefficients are a power of the curvatures, one power of them is Newton's "
    "direction: exact in one line-searched step.",
    formula="sigma_i = c w_i^beta, z_i = sgn(sigma_i)|sigma_i|^p:  Phi_1 = 0 at p* = 1 - 1/beta",
    sense="==",
    provenance="extension",
    hypotheses=("A6", "sigma is a power of w"),
    rests_on=("NDS-P1.a",),
    proof="z_i is then proportional to sigma_i/w_i.",
)

NDS_X2b = claim(
    id="NDS-X2.b",
    statement="No other power is exact, unless all curvatures are equal.",
    formula="p != p*, w not constant:  Phi_1 > 0",
    sense=">",
    provenance="extension",
    hypotheses=("A6", "sigma is a power of w", "w not constant"),
    rests_on=("NDS-X2.a",),
    proof="Lagrange's identity: Phi_1/Phi_0 is a sum of squares, each of which vanishes at p* only.",
)

NDS_X2c = claim(
    id="NDS-X2.c",
    statement="Where the best power lies: at Muon for beta = 1, beyond Muon for less, between Muon and GD for "
    "more.",
    formula="p*(1) = 0;  0 < beta < 1: p* < 0;  beta > 1: 0 < p* < 1",
    sense="iff",
    provenance="extension",
    rests_on=("NDS-X2.a",),
    proof="p* = 1 - 1/beta.",
)

NDS_X3a = claim(
    id="NDS-X3.a",
    statement="At the same Frobenius norm Muon's first-order gain is never the larger one.",
    formula="|Z|_F = eta sqrt(q):  eta |G|_* <= eta sqrt(q) |G|_F",
    sense="<=",
    provenance="extension",
    hypotheses=("matched norm",),
    proof="Cauchy and Schwarz: q sum sigma^2 - (sum sigma)^2 is the sum of all (sigma_i - sigma_j)^2.",
)

NDS_X3b = claim(
    id="NDS-X3.b",
    statement="At the same Frobenius norm a lower sharpness pays only beyond a certain step.",
    formula="S(G) > S(polar G):  decrease(Muon) > decrease(GD)  <=>  eta > eta_c = 2 (sqrt(q)|G|_F - |G|_*)/(q "
    "(S(G) - S(polar G)))",
    sense="iff",
    provenance="extension",
    hypotheses=("matched norm", "S(G) > S(polar G)"),
    rests_on=("NDS-X3.a",),
    proof="The difference of the decreases is eta^2 q (S(G) - S(polar G))/2 - eta (sqrt(q)|G|_F - |G|_*).",
)

NDS_X3c = claim(
    id="NDS-X3.c",
    statement="That step on two levels.",
    formula="eta_c = 2 sigma_L (sqrt(alpha s^2 + 1 - alpha) - (alpha s + 1 - alpha))/((p - alpha)(w_H - w_L)),  s "
    "> 1",
    sense="==",
    provenance="extension",
    hypotheses=("matched norm", "A3", "s > 1"),
    rests_on=("NDS-X3.b", "NDS-P2.a", "NDS-P3.e"),
    proof="|G|_F^2 = q sigma_L^2 (alpha s^2 + 1 - alpha), |G|_* = q sigma_L (alpha s + 1 - alpha).",
)

NDS_X8a = claim(
    id="NDS-X8.a",
    statement="With a constant step the odds of GD's energy in the high group are geometric.",
    formula="P_t/(1 - P_t) = x nu^t,  nu = ((1 - eta w_H)/(1 - eta w_L))^2",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "constant step"),
    rests_on=("NDS-P1.a",),
    proof="Every mode shrinks by |1 - eta w_i|.",
)

NDS_X8b = claim(
    id="NDS-X8.b",
    statement="Below a threshold constant steps reverse the theorem: GD's sharpness tends to the low curvature, "
    "below Muon's from a known step on, and so do the averages.",
    formula="eta < 2/(w_H + w_L):  S(Z_t) -> w_L;  S(GD) < S(Muon) <=> s^2 nu^t < 1;  Sbar_T(GD) - w_L <= (w_H - "
    "w_L) x/((1 - nu) T)",
    sense="<",
    provenance="extension",
    hypotheses=("A3", "constant step", "eta < 2/(w_H + w_L)"),
    rests_on=("NDS-X8.a",),
    proof="nu < 1.  P_t < alpha <=> x nu^t < a; P_t <= x nu^t, a geometric series.",
)

NDS_X8c = claim(
    id="NDS-X8.c",
    statement="Above the threshold GD's sharpness tends to the high curvature.",
    formula="2/(w_H + w_L) < eta < 2/w_H:  S(Z_t) -> w_H",
    sense=">",
    provenance="extension",
    hypotheses=("A3", "constant step", "eta > 2/(w_H + w_L)"),
    rests_on=("NDS-X8.a",),
    proof="nu > 1.",
)

NDS_X8d = claim(
    id="NDS-X8.d",
    statement="At the threshold GD's sharpness is constant.",
    formula="eta = 2/(w_H + w_L):  S(Z_t) = p w_H + (1 - p) w_L",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "constant step"),
    rests_on=("NDS-X8.a",),
    proof="nu = 1.",
)

NDS_X9a = claim(
    id="NDS-X9.a",
    statement="Muon with a constant step: each mode walks to its minimum, and then hops across it for ever, "
    "unless a step ends there.",
    formula="n = floor(|d_0|/eta), h = |d_0| - n eta:  |d_t| = |d_0| - t eta for t <= n;  then eta - h, h, eta - "
    "h, ... (0 if h = 0)",
    sense="==",
    provenance="extension",
    hypotheses=("constant step",),
    rests_on=("NDS-P1.a",),
    proof="d <- d - eta sgn d.",
)

NDS_X9b = claim(
    id="NDS-X9.b",
    statement="The loss ends at a floor, known within a factor of two.",
    formula="mean of Phi over two late steps = sum w_i (h_i^2 + (eta - h_i)^2)/4, between eta^2 sum w/8 and eta^2 "
    "sum w/4,  0 < h_i < eta",
    sense="<=",
    provenance="extension",
    hypotheses=("constant step", "h_i > 0"),
    rests_on=("NDS-X9.a",),
    proof="h^2 + (eta - h)^2 lies between eta^2/2 and eta^2.",
)

NDS_X9c = claim(
    id="NDS-X9.c",
    statement="The mean floor, where a mode's last distance is spread evenly.",
    formula="h_i uniform on (0, eta):  E = eta^2 sum w/6",
    sense="==",
    provenance="extension",
    hypotheses=("constant step",),
    rests_on=("NDS-X9.b",),
    proof="The mean of h^2 + (eta - h)^2 is 2 eta^2/3.",
)

NDS_X9d = claim(
    id="NDS-X9.d",
    statement="So with constant steps GD, where it is stable, has the lower loss from some step on, although "
    "Muon's sharpness stays the mean curvature, unless every h_i is zero.",
    formula="0 < eta_GD < 2/w_max, some h_i > 0:  Phi_T(GD) < Phi_T(Muon) as soon as max (1 - eta_GD w_i)^(2T) "
    "Phi_0 < sum w_i min(h_i, eta - h_i)^2/2",
    sense="<",
    provenance="extension",
    hypotheses=("constant step", "eta_GD < 2/w_max", "h_i > 0"),
    rests_on=("NDS-X9.b",),
    proof="GD's loss tends to zero geometrically; Muon's is never below sum w_i min(h_i, eta - h_i)^2/2.",
)
