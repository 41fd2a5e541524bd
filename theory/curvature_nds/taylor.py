"""Claims about one step and any loss: its Taylor terms, its split by layer, and bounds for softmax regression."""

from __future__ import annotations

from theory.curvature_nds.paper import claim

NDS_D1a = claim(
    id="NDS-D1.a",
    statement="The loss decreases by the first-order gain minus the curvature penalty minus the higher terms of its "
    "Taylor series along the step.",
    formula="L(W) - L(W - Z) = I1 - I2 - sum_{k>=3} c_k,  I1 = <G, Z> = -c_1,  I2 = <Z, H[Z]>/2 = c_2,  "
    "L(W - t Z) = sum c_k t^k",
    sense="==",
    provenance="secondary",
    proof="Taylor's theorem along the line W - t Z, whose first two derivatives at 0 are -<G, Z> and <Z, H[Z]>.",
)

NDS_D1b = claim(
    id="NDS-D1.b",
    statement="On a quadratic the predicted decrease is the realised one.",
    formula="L quadratic  =>  L(W) - L(W - Z) = I1 - I2",
    sense="==",
    provenance="secondary",
    hypotheses=("quadratic",),
    rests_on=("NDS-D1.a",),
    proof="All terms from the third on vanish.",
)

NDS_D1c = claim(
    id="NDS-D1.c",
    statement="What the prediction misses is of third order in the length of the step.",
    formula="(Delta(t Z) - t I1 + t^2 I2)/t^3 -> -c_3  as t -> 0",
    sense="==",
    provenance="secondary",
    rests_on=("NDS-D1.a",),
    proof="What is left is -c_3 t^3 - c_4 t^4 - ...",
)

NDS_D2a = claim(
    id="NDS-D2.a",
    statement="The part of the sharpness within layers is the mean of the layers' own, weighted by squared norms.",
    formula="S_within = sum_l (|Z_l|^2/|Z|^2) S_l",
    sense="==",
    provenance="extension",
    proof="Q_ll = |Z_l|^2 S_l.",
)

NDS_D2b = claim(
    id="NDS-D2.b",
    statement="If the matrix of layer-to-layer curvatures is positive semidefinite, the share within L layers is at "
    "least 1/L.",
    formula="rho_within = tr Q/sum_lm Q_lm >= 1/L,  Q_lm = <Z_l, H_lm[Z_m]>",
    sense=">=",
    provenance="extension",
    hypotheses=("PSD",),
    proof="L tr Q - sum_lm Q_lm = sum_{l<m} (Q_ll + Q_mm - 2 Q_lm), and each bracket is a value of the form Q.",
)

NDS_D2c = claim(
    id="NDS-D2.c",
    statement="It is exactly 1/L if and only if all entries of that matrix are equal.",
    formula="rho_within = 1/L  <=>  Q_lm = Q_11 for all l, m",
    sense="iff",
    provenance="extension",
    hypotheses=("PSD",),
    rests_on=("NDS-D2.b",),
    proof="Every bracket is then zero, so that Q (e_l - e_m) = 0: all columns, and by symmetry all rows, are equal.",
)

NDS_D2d = claim(
    id="NDS-D2.d",
    statement="The share within layers exceeds one exactly where the part across layers is negative.",
    formula="rho_within > 1  <=>  S_cross < 0",
    sense="iff",
    provenance="extension",
    hypotheses=("S > 0",),
    proof="rho_within = 1 - S_cross/S.",
)

# L(W_1, W_2) = |W_2 W_1 - T|^2/2, E = W_2 W_1 - T.

NDS_D3a = claim(
    id="NDS-D3.a",
    statement="The curvature of a two-layer linear network along an update: what the product's first-order change "
    "squared gives, and the residual on its second-order change.",
    formula="<Z, H[Z]> = |W_2 Z_1 + Z_2 W_1|^2 + 2 <E, Z_2 Z_1>",
    sense="==",
    provenance="extension",
    proof="(W_2 + t Z_2)(W_1 + t Z_1) - T = E + t (W_2 Z_1 + Z_2 W_1) + t^2 Z_2 Z_1.",
)

NDS_D3b = claim(
    id="NDS-D3.b",
    statement="Its split by layer: what is across has a Gauss-Newton part and one that is linear in the residual.",
    formula="within = |W_2 Z_1|^2 + |Z_2 W_1|^2,  cross = 2 <W_2 Z_1, Z_2 W_1> + 2 <E, Z_2 Z_1>",
    sense="==",
    provenance="extension",
    rests_on=("NDS-D3.a",),
    proof="Put Z_1 = 0 or Z_2 = 0 in NDS-D3.a.",
)

NDS_D3c = claim(
    id="NDS-D3.c",
    statement="Where the network fits its target the share within the two layers is at least one half.",
    formula="E = 0  =>  rho_within >= 1/2",
    sense=">=",
    provenance="extension",
    hypotheses=("E = 0",),
    rests_on=("NDS-D3.b",),
    proof="within - cross = |W_2 Z_1 - Z_2 W_1|^2 there.",
)

# Softmax regression, logits z - t u: phi(t) = E [log sum_k exp(z_k - t u_k) - z_y + t u_y], E over samples, p the
# softmax, kappa_3 the third cumulant of u under p, R = max_n R_n, R_n = max_k u_nk - min_k u_nk.

NDS_X13a = claim(
    id="NDS-X13.a",
    statement="Along a line the third derivative of softmax regression is at most its second one times the range of "
    "the change of the logits.",
    formula="|phi'''| <= R phi'',  that is |kappa_3(u)| <= R_n Var(u) for each sample",
    sense="<=",
    provenance="extension",
    proof="R Var - kappa_3 = sum p_k (u_k - mean)^2 (R - u_k + mean), and no term is negative; the same for -u.",
)

NDS_X13b = claim(
    id="NDS-X13.b",
    statement="So gain, penalty and that range bound the decrease from both sides.",
    formula="I1 - 2 I2 psi(R) <= Delta <= I1 - 2 I2 psi(-R),  psi(x) = (e^x - 1 - x)/x^2, psi(0) = 1/2",
    sense="<=",
    provenance="extension",
    hypotheses=("linear logits",),
    rests_on=("NDS-X13.a",),
    proof="phi'' e^(-R t) falls and phi'' e^(R t) rises by NDS-X13.a; integrate phi'' twice from 0, phi''(0) = 2 I2.",
)

NDS_X13c = claim(
    id="NDS-X13.c",
    statement="Sample by sample the bounds are tighter, and need the same numbers.",
    formula="I1 - E[Var_p(u) psi(R_n)] <= Delta <= I1 - E[Var_p(u) psi(-R_n)],  between those of NDS-X13.b",
    sense="<=",
    provenance="extension",
    hypotheses=("linear logits",),
    rests_on=("NDS-X13.b",),
    proof="NDS-X13.b for every sample alone; psi increases, so R_n <= R makes both bounds tighter.",
)

NDS_X13d = claim(
    id="NDS-X13.d",
    statement="The second and third Taylor coefficients are a variance and a third cumulant.",
    formula="c_2 = E Var_p(u)/2,  c_3 = -E kappa_3(u)/6",
    sense="==",
    provenance="extension",
    hypotheses=("linear logits",),
    proof="log sum_k exp(z_k - t u_k) is the cumulant generating function of u under p at -t, up to a constant.",
)
