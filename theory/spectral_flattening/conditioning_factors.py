"""Claims about one update and its many condition numbers, and about what one step of the best length leaves of f.

The factor of an exact line search along D is rho(D) = min over eta of f(W - eta D)/f(W); rho_M is Muon's (D = Q).
P_L = (G G^T)^{1/2}, P_R = (G^T G)^{1/2}.  Three readings of Q as a preconditioned gradient have the condition numbers

    left        kappa(A) kappa(P_L^{-1/2} B P_L^{-1/2})
    right       kappa(B) kappa(P_R^{-1/2} A P_R^{-1/2})
    two-sided   kappa(P_L^{-1/4} B P_L^{-1/4}) kappa(P_R^{-1/4} A P_R^{-1/4}).
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_K5a = claim(
    id="SF-K5.a",
    statement="One update, three verdicts: the effective condition number is not a property of the update.",
    formula="A = 1, Delta = 1 (Q = 1):  left 1, right kappa(B)^2, two-sided kappa(B), plain GD kappa(B)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "A = 1", "Delta = 1"),
    rests_on=("SF-K1.c", "SF-K2.a"),
    proof="G = P_L = P_R = B.",
)

SF_K5b = claim(
    id="SF-K5.b",
    statement="The same with expected covariances in the isotropic signal regime, where the three are different "
    "updates.",
    formula="P_L ~ B, P_R ~ A:  left kappa(A), right kappa(B), two-sided (kappa(A) kappa(B))^{1/2}",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "Delta isotropic"),
    rests_on=("SF-K4.a",),
    proof="SF-K4.a for G and for G^T.",
)

SF_K5c = claim(
    id="SF-K5.c",
    statement="The three agree where the curvature is a multiple of the identity: they are the gradient's "
    "condition number, where plain GD has one.",
    formula="A, B scalar:  left = right = two-sided = kappa(G),  GD: 1",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "A, B scalar"),
    rests_on=("SF-K2.a",),
    proof="kappa(P_L^{-1}) = kappa(P_R^{-1}) = kappa(G).",
)

SF_K5d = claim(
    id="SF-K5.d",
    statement="In the aligned model, where G = diag(b a d), the left number does not see B, nor the right one A.",
    formula="left kappa(a) kappa(a d),  right kappa(b) kappa(b d),  two-sided (kappa(b/(a d)) kappa(a/(b "
    "d)))^{1/2},  d > 0",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "aligned"),
    rests_on=("SF-K2.a",),
    proof="P_L^{-1} B = diag(1/(a d)); P_L^{-1/2} B = diag(b/(a d))^{1/2}.",
)

SF_K5e = claim(
    id="SF-K5.e",
    statement="Yet each of the three bounds the factor of the one update, so that the smallest counts.",
    formula="rho_M <= ((kappa - 1)/(kappa + 1))^2  for kappa = left, right and two-sided, where finite",
    sense="<=",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-K1.c", "SF-K6.a", "SF-K6.c"),
    proof="Q = P^{-1} G for a positive definite P, so that Q is the gradient in the coordinates P^{1/2} W; there "
    "the Hessian has the condition number that the reading says, and Kantorovich's inequality holds.",
)

SF_K6a = claim(
    id="SF-K6.a",
    statement="What a step of the best length leaves of f is one number of the direction, in no representation.",
    formula="min over eta of f(W - eta D)/f(W) = 1 - <G, D>^2/(<D, H[D]> <G, H^{-1}[G]>)",
    sense="==",
    provenance="extension",
    hypotheses=("A4",),
    proof="f(W - eta D) = f - eta <G, D> + eta^2 <D, H[D]>/2 and f = <G, H^{-1}[G]>/2.",
)

SF_K6b = claim(
    id="SF-K6.b",
    statement="Muon's factor is bounded through the nuclear rank of the gradient.",
    formula="rho_M <= 1 - nr(G) mu/L_(r)",
    sense="<=",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-K6.a", "SF-T2.b"),
    proof="<Q, H[Q]> <= L_(r) and <G, H^{-1}[G]> <= F^2/mu.",
)

SF_K6c = claim(
    id="SF-K6.c",
    statement="Gradient descent's factor is bounded by Kantorovich's inequality.",
    formula="rho(G) <= ((kappa - 1)/(kappa + 1))^2,  kappa = L/mu",
    sense="<=",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-K6.a",),
    proof="x + kappa/x <= 1 + kappa for 1 <= x <= kappa, averaged over the modes; then 4 X Y <= (X + Y)^2.",
)

SF_K6d = claim(
    id="SF-K6.d",
    statement="Scaled Muon at the fixed step 1/L_op contracts f by a guaranteed factor.",
    formula="W - (N/L_op) Q:  f_+ <= (1 - nr(G) mu/L_op) f",
    sense="<=",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-T2.e",),
    proof="f_+ <= f - N^2/(2 L_op) and f <= F^2/(2 mu).",
)

SF_K6e = claim(
    id="SF-K6.e",
    statement="This guarantee beats GD's if and only if the nuclear rank of the gradient exceeds the quotient of "
    "the two smoothness constants.",
    formula="1 - nr(G) mu/L_op < 1 - mu/L  <=>  nr(G) > L_op/L",
    sense="iff",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-K6.d",),
    proof="mu > 0 cancels.",
)

SF_K6f = claim(
    id="SF-K6.f",
    statement="For aligned modes the exact worst case of Muon's factor is known, and not reached.",
    formula="aligned, r >= 2 active modes:  sup over d of rho_M = 1 - h_min/sum h, never attained",
    sense="<",
    provenance="extension",
    hypotheses=("A4", "aligned", "r >= 2"),
    rests_on=("SF-K6.a",),
    proof="(sum s)^2 > sum s^2 >= h_min sum s^2/h; all s but that of h_min tending to 0 makes both sharp.",
)

SF_K6g = claim(
    id="SF-K6.g",
    statement="So Muon's worst case is always worse than GD's: no bound over all spectra can be an improvement.",
    formula="aligned, r >= 2:  1 - h_min/sum h > ((kappa - 1)/(kappa + 1))^2,  kappa = h_max/h_min",
    sense=">",
    provenance="extension",
    hypotheses=("A4", "aligned", "r >= 2"),
    rests_on=("SF-K6.c", "SF-K6.f"),
    proof="h_min/sum h <= 1/(kappa + 1) < 4 kappa/(kappa + 1)^2.",
)

SF_K6h = claim(
    id="SF-K6.h",
    statement="With two aligned modes one step of Muon makes the gradient flat; from then on Muon is GD, in GD's "
    "worst case.",
    formula="h = (kappa, 1), best steps:  |s_1| = |s_2| after one step, and then f falls by ((kappa - 1)/(kappa + "
    "1))^2 per step;  0.669421 for kappa = 10, 0.960788 for 100",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "aligned", "two modes", "|d_1| != |d_2|"),
    rests_on=("SF-K6.a",),
    proof="After the best step the gradient is orthogonal to Q = (+-1, +-1).",
)

SF_K6i = claim(
    id="SF-K6.i",
    statement="With more modes the slowest orbits of line-search Muon lose about 4/sum h of f per step, far less "
    "than GD loses in its own worst case.",
    formula="h = geomspace(100, 1, 10), 300 starts:  least asymptotic 1 - f_+/f = 3.99/sum h = 0.0161;  GD: "
    "0.0392 = 4 kappa/(kappa + 1)^2",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("aligned",),
    rests_on=("SF-K6.h",),
)

SF_K6j = claim(
    id="SF-K6.j",
    statement="For aligned modes the condition number of the error alone bounds Muon's factor, whatever the "
    "curvature.",
    formula="aligned:  rho_M <= ((kappa - 1)/(kappa + 1))^2,  kappa = max |d|/min |d| over the active modes",
    sense="<=",
    provenance="extension",
    hypotheses=("A4", "aligned"),
    rests_on=("SF-K6.a",),
    proof="On the active modes the preconditioned Hessian is diag(1/|d|) in every reading; then as for SF-K6.c.",
)

SF_K6k = claim(
    id="SF-K6.k",
    statement="One step of Muon leaves less than one of GD exactly where the nuclear rank exceeds the quotient of "
    "the curvatures that the two directions meet; SF-K6.e with these in place of their bounds.",
    formula="rho_M < rho(G)  <=>  nr(G) > <Q, H[Q]>/c(G),  c(G) = <G, H[G]>/F^2 <= L",
    sense="iff",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-K6.a",),
    proof="Compare N^2/<Q, H[Q]> with F^4/<G, H[G]>; <G, H^{-1}[G]> cancels.",
)
