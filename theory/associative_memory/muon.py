"""Claims about Muon: margins that grow together (T4), the two phases (T6), the scaling law (T7)."""

from __future__ import annotations

from theory.associative_memory.paper import claim

AML_T4a = claim(
    id="AML-T4.a",
    statement="Without label noise the contrast of every group grows by the step size at every step: the margin "
    "inside a group is the same for all groups, whatever their frequencies.",
    formula="alpha = 0:  r_b = -(C_b + sum_{a != b} C_a w_a)/Z_b < 0 for ever, so x_b(t) = eta t for all b",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "A4", "alpha = 0"),
    proof="Divide a column by the weight of a wrong answer of its own group: own answer X = e^x, others of the "
    "group 1, answers of group a w_a > 0.  Then r_b = (X - 1)/Z_b - 1 and Z_b > X - 1; msgn has eigenvalue sgn r_b "
    "there.",
)

AML_T4b = claim(
    id="AML-T4.b",
    statement="The margin of a query of group b against a wrong answer of group a lies between two rays.",
    formula="|margin - eta t (1 - 1/C_b)| <= eta t sqrt(1/C_b^2 + 1/(C_a C_b))",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A4", "x_b = eta t, |S|_op <= eta t"),
    rests_on=("AML-T4.a",),
    proof="margin = x_b (1 - 1/C_b) + v^T S e_b/sqrt(C_b) with v = e_b/sqrt(C_b) - e_a/sqrt(C_a); S is a sum of t "
    "matrices of operator norm at most eta.",
)

AML_T4c = claim(
    id="AML-T4.c",
    statement="With groups of equal size every item's loss lies between two explicit exponentials.",
    formula="log(1 + (C-1) e^-s + (K-C) e^(-h+ s)) <= L_j <= log(1 + (C-1) e^-s + (K-C) e^(-h- s)),  s = eta t,"
    "  h- = 1 - (1 + sqrt 2)/C,  h+ = 1 + (sqrt 2 - 1)/C",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "A4", "alpha = 0", "equal C"),
    rests_on=("AML-T4.a", "AML-T4.b"),
    proof="L_j = log(1 + sum over wrong answers of e^-margin), with the margins of T4.a and T4.b.",
)

AML_T4d = claim(
    id="AML-T4.d",
    statement="If all frequencies are equal, the loss of Muon and the number of its steps are exact.",
    formula="M = 1, alpha = 0:  L(t) = log(1 + (K-1) e^(-eta t));  L <= eps first at t = ceil(log((K-1)/(e^eps - "
    "1))/eta)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "M = 1", "alpha = 0"),
    rests_on=("AML-T4.a",),
    proof="G is a negative multiple of I - J/K, so What = eta t (I - J/K).",
)

AML_T4e = claim(
    id="AML-T4.e",
    statement="The law K e^(-eta t) begins at eta t = log K; before, the loss is log K less at most eta t.",
    formula="L = log(1 + x), x = (K-1) e^-s:  x/(1 + x) <= L <= x  and  log K - s <= L <= log K",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("M = 1", "alpha = 0"),
    rests_on=("AML-T4.d",),
    proof="Both sides of the first agree at x = 0 and their derivatives are ordered; 1 + (K-1) e^-s >= K e^-s.",
)

AML_T4f = claim(
    id="AML-T4.f",
    statement="The smallest and the largest margin grow at the same rate in the end: margin - eta t stays bounded "
    "(numerically; not proved).",
    formula="C = 4, M = 5, beta = 1.5:  margin/(eta t) in [.955, 1.026], [.9950, 1.0031], [.9975, 1.0015] at "
    "eta t = 30, 300, 600,  eta = .1 and 1",
    sense="for all",
    provenance="reconstructed",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "alpha = 0"),
    rests_on=("AML-T4.b",),
)

AML_T4g = claim(
    id="AML-T4.g",
    statement="So from eta t = log K on every loss is K e^(-eta t), up to a factor of four and a share 1/C of the "
    "rate.",
    formula="s = eta t >= log K:  (K/4) e^(-h+ s) <= L_j <= K e^(-h- s),  h- = 1 - (1 + sqrt 2)/C,  h+ = 1 + (sqrt 2 "
    "- 1)/C",
    sense="<=",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3", "A4", "alpha = 0", "equal C", "eta t >= log K"),
    rests_on=("AML-T4.c",),
    proof="h- <= 1 <= h+, so the sum x of AML-T4.c is at most (K - 1) e^(-h- s), or at least (K - 1) e^(-h+ s) and "
    "below 1; x/2 <= log(1 + x) for x <= 1, log(1 + x) <= x, and K - 1 >= K/2.",
)

AML_T6a = claim(
    id="AML-T6.a",
    statement="With label noise and equal frequencies Muon descends with margin eta t until it passes the best "
    "margin.",
    formula="M = 1:  m_t = eta t for t <= ceil(m*/eta),  L_t = log(1 + (K-1) e^(-eta t)) + alpha (1 - 1/K) eta t",
    sense="==",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3", "M = 1", "alpha > 0"),
    proof="G = -(g(m)/K) (I - J/K), and g has the sign of m* - m.",
)

AML_T6b = claim(
    id="AML-T6.b",
    statement="Afterwards the margin alternates between the two multiples of eta around the best margin.",
    formula="M = 1, m*/eta not an integer, n = floor(m*/eta):  m_t in {n eta, (n+1) eta} for t >= n, in turn",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "M = 1", "alpha > 0", "m*/eta not an integer"),
    rests_on=("AML-T6.a",),
)

AML_T6c = claim(
    id="AML-T6.c",
    statement="From then on the excess loss is at most eta^2/8 (Hoeffding's lemma).",
    formula="log1p(pi expm1(e)) - pi e <= e^2/8,  |e_t| <= eta for t >= ceil(m*/eta)",
    sense="<=",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3", "M = 1", "alpha > 0"),
    rests_on=("AML-T6.b",),
    proof="The excess and its derivative vanish at 0; its second derivative is s (1 - s) <= 1/4, s a probability.",
)

AML_T6d = claim(
    id="AML-T6.d",
    statement="For small steps the excess is at most about pi (1 - pi) eta^2/2, in the mean over the phase and the "
    "two points of the cycle a third of that.",
    formula="mean over m*/eta mod 1 = (1/(2 eta)) Int_{-eta}^{eta} psi = pi (1-pi) eta^2/6 + O(eta^4);  sup = "
    "pi (1-pi) eta^2/2 + O(eta^3)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "M = 1", "alpha > 0", "m*/eta not an integer"),
    rests_on=("AML-T6.b",),
    proof="The points of phase theta are -theta eta and (1 - theta) eta: together they cover [-eta, eta] evenly.",
)

AML_T6e = claim(
    id="AML-T6.e",
    statement="A step that divides the best margin is resonant: the excess is 0 for ever (in exact arithmetic).",
    formula="M = 1, m*/eta = n an integer:  m_t = m* for all t >= n",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "M = 1", "alpha > 0", "m*/eta an integer"),
    rests_on=("AML-T6.a",),
)

AML_T6f = claim(
    id="AML-T6.f",
    statement="With several groups of equal size the contrast of each grows by eta until its first change of sign, "
    "which comes near the best margin.",
    formula="x_b = eta t until r_b >= 0, at x with  m* - (sqrt 2 - 1) x/C <= x < m* + eta + (1 + sqrt 2) x/C",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "A4", "alpha > 0", "equal C >= 3"),
    rests_on=("AML-T4.b",),
    proof="r_b = 0 at x = log(1 + (1-alpha) K_eff/alpha), K_eff = C (1 + sum_{a != b} e^(y_ab - y_bb)), and "
    "y_ab - y_bb = (x + S_ab - S_bb)/C is within (1 -+ sqrt 2) x/C; log(1 + k A) - log(1 + A) lies between 0 and "
    "log k.",
)

AML_T7a = claim(
    id="AML-T7.a",
    statement="A step that just reaches the best margin in time leaves an excess of order (log K/T)^2.",
    formula="M = 1, eta = c m*/T, c >= 1:  L(T) - L* <= c^2 m*^2/(8 T^2)",
    sense="<=",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3", "A6", "M = 1", "alpha > 0", "c >= 1"),
    rests_on=("AML-T6.c",),
)

AML_T7b = claim(
    id="AML-T7.b",
    statement="In the mean over the phase the law has the constant pi (1 - pi)/6.",
    formula="T^2 mean(L(T) - L*) -> (pi (1-pi)/6) c^2 m*^2  as T -> infinity",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "A6", "M = 1", "alpha > 0", "c > 1"),
    rests_on=("AML-T6.d",),
)

AML_T7c = claim(
    id="AML-T7.c",
    statement="At K = 1000 the mean over stratified phases has the coefficient 0.02665 and the exponent -2 over "
    "T = 10^2..10^4.",
    formula="mean (L(T) - L*)/(c m*/T)^2 = 0.02665 within 3 %, slope -2 +- 0.1",
    sense="==",
    provenance="reconstructed",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A6", "M = 1", "alpha = .2", "c > 1"),
    rests_on=("AML-T7.b",),
)
