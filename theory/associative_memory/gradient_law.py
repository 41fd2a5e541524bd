"""Claims about the pace of gradient descent: against Muon (T5), over a power law (T8), with a halving step (X3)."""

from __future__ import annotations

from theory.associative_memory.paper import claim

AML_T5a = claim(
    id="AML-T5.a",
    statement="Gradient descent needs a number of steps inverse to the frequency to reach a margin.",
    formula="m_j(t) <= (1 - alpha) eta p_j t:   at least m/(eta p_j (1 - alpha)) steps to the margin m",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A2", "A3"),
    rests_on=("AML-T2.a",),
    proof="g <= g(0) = 1 - alpha for m >= 0, and a margin below 0 is behind anyway.",
)

AML_T5b = claim(
    id="AML-T5.b",
    statement="Muon reaches an in-group margin in a number of steps that does not depend on the frequency.",
    formula="T = ceil(m/eta)  as long as  m (1 + (sqrt 2 - 1)/C) <= m*  (one group: m <= m*)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "A4", "equal C", "m below the first sign change"),
    rests_on=("AML-T4.a", "AML-T6.f"),
    proof="x = eta t until the first sign change, which comes no earlier.",
)

AML_T5c = claim(
    id="AML-T5.c",
    statement="At the same step size Muon is faster by a factor of the group size over the group's mass.",
    formula="T_GD/T_Muon >= (C/((1 - alpha) ptilde_a))/(1 + eta/m)",
    sense=">=",
    provenance="secondary",
    hypotheses=("A2", "A3", "A4", "equal C", "the same eta"),
    rests_on=("AML-T5.a", "AML-T5.b"),
    proof="p_j = ptilde_a/C, and ceil(m/eta) <= m/eta + 1.",
)

AML_T5d = claim(
    id="AML-T5.d",
    statement="With the step 1/p_1 that gradient descent can take, the group size drops out of the comparison.",
    formula="eta_GD = 1/p_1:   T_GD/T_Muon >= (eta p_1/((1 - alpha) p_j))/(1 + eta/m)",
    sense=">=",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "A4", "equal C", "eta_GD = 1/p_1"),
    rests_on=("AML-T5.a", "AML-T5.b"),
    proof="As before with p_1 in the place of 1/eta.",
)

AML_T8a = claim(
    id="AML-T8.a",
    statement="Over a power law of frequencies the excess of gradient descent has an explicit lower bound that "
    "knows only the sum of the steps.",
    formula="L(T) - L* >= (l(m*/2) - l(m*)) (i0^(1-beta) - (M+1)^(1-beta))/(Z (beta - 1)),  i0 = ceil((2 (1-alpha) "
    "kappa T/m*)^(1/beta)),  kappa T = p_1 sum_t eta_t,  l(m) = log(e^m + K - 1) - pi m",
    sense=">=",
    provenance="secondary",
    hypotheses=("A2", "A3", "equal C", "power law"),
    rests_on=("AML-T2.a",),
    proof="A margin grows by at most (1 - alpha) eta_t p_i a step, so from i0 on it is still in [0, m*/2] at T, "
    "where l decreases; and a sum of a decreasing function is at least its integral.",
)

AML_T8b = claim(
    id="AML-T8.b",
    statement="The law of gradient descent has a sharp constant, the same for every fixed stable step.",
    formula="L(T) - L* ~ (kappa T)^-(1-1/beta)/(beta Z) int u^(-1/beta) phi(u) du,  u/(kappa T) from "
    "(M+1/2)^-beta to (1/2)^-beta,  phi(u) = l(m(u)) - l(m*) along gradient flow",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "equal C", "power law", "a constant step"),
    rests_on=("AML-T2.d",),
    proof="Items whose time has come have eta p_i small, so that steps are flow; the sum over i is an integral "
    "by the midpoint rule, with u = kappa T i^-beta.",
)

AML_T8c = claim(
    id="AML-T8.c",
    statement="As K grows the constant is a power of log K times an explicit number.",
    formula="constant ~ (1 - alpha) log K (log K/(1 - alpha))^(1-1/beta)/(beta zeta(beta) (1 - 1/beta) (2 - "
    "1/beta))",
    sense="==",
    provenance="extension",
    hypotheses=("M infinite",),
    rests_on=("AML-T8.b",),
    proof="On the scale log K the margin grows at the speed 1 - alpha up to log K, and phi is (1 - alpha) (log K "
    "- m): a ramp, whose integral is elementary.",
)

AML_T8d = claim(
    id="AML-T8.d",
    statement="Beyond the range of the law the last group decides, and the excess falls at twice the rate of the "
    "error.",
    formula="excess(T + 1)/excess(T) -> (1 - kappa M^-beta alpha pi)^2",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "equal C", "power law", "a constant step", "alpha > 0"),
    rests_on=("AML-T2.b",),
    proof="e <- e - h gamma(e) with gamma'(0) = alpha pi, and the excess is pi (1 - pi) e^2/2 + O(e^3).",
)

AML_T8e = claim(
    id="AML-T8.e",
    statement="The bare power is seen for log K << kappa T << M^beta only: the local slope drifts, and an interval "
    "that allows for the drift contains -(1 - 1/beta) where that range is wide.",
    formula="M = 2000, C = 50, kappa = 1, alpha = 0.2: beta = 2: -0.55 at 10^2, -0.50..-0.54 for 10^3..10^5; "
    "beta = 1.5: -0.36, -0.40, -0.75 at 10^2, 10^3.4, 10^5; fitted a decade from both ends: -(1 - 1/beta) for beta = "
    "1.5, 2, 3; beta = 1.2: no plateau",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A2", "A3", "equal C", "power law", "a constant step"),
    rests_on=("AML-T8.b",),
)

AML_X3a = claim(
    id="AML-X3.a",
    statement="Gradient descent whose step starts large and is halved every n steps learns all items exponentially "
    "well in n.",
    formula="eta_0 p_min Gam = m*, Gam = max(alpha, pi K/(K-1)), stages until 1/(2 Gam) <= eta p_1 < 1/Gam, "
    "n >= Gam/gam_1:   |e| <= 2 exp(-gam_2 n/(2 Gam)),  excess <= exp(-gam_2 n/Gam)/2,   gam_1 = min(gamma(1), "
    "-gamma(-1)), gam_2 = min(gamma(2), -gamma(-2))/2",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "A3", "alpha > 0", "m* >= 1/2", "n >= Gam/gam_1"),
    rests_on=("AML-T2.b", "AML-P9.b", "AML-P9.d"),
    proof="|e| <= Gam h is invariant, and while Gam h >= 1 it is reached from 2 Gam h in n steps; below, the map "
    "is monotone, |gamma(e)| >= gam_2 |e| for |e| <= 2 (gamma is convex, then concave), and n steps at h >= 1/(2 "
    "Gam) contract; the excess is at most e^2/8.",
)

AML_X3b = claim(
    id="AML-X3.b",
    statement="So the scaling law of gradient descent is about bounded steps: with halving, some 200 steps do "
    "what no constant step does.",
    formula="alpha = 0.2, M = 2000, C = 50, n = 10: excess < 10^-26 after 180, 220, 270 steps for beta = 1.2, "
    "1.5, 2; constant steps, beta = 1.5, 230 steps: 1.85 at 1/p_1, 0.71 at 0.99 of the threshold",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A2", "A3", "equal C", "power law"),
    rests_on=("AML-X3.a",),
)
