"""Claims about normalised gradient descent: exponential without noise (X5a), at the edge of stability with (X5b)."""

from __future__ import annotations

from theory.associative_memory.paper import claim

AML_X5aa = claim(
    id="AML-X5a.a",
    statement="Without noise normalised gradient descent has a steady state, all p_j q_j equal, in which every "
    "loss falls by the same factor.",
    formula="q wrong-answer probability, p_i q_i = p_j q_j:   each margin grows by eta/sqrt(K - 1) a step, and "
    "p_j L_j stay equal as q -> 0",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "alpha = 0"),
    rests_on=("AML-T2.c",),
    proof="g = q K/(K - 1); equal p q make every entry of the normalised direction 1/sqrt K times sqrt(K/(K - 1)).",
)

AML_X5ab = claim(
    id="AML-X5a.b",
    statement="The steady state attracts exactly up to a step that does not depend on the frequencies.",
    formula="near balance deviations of log(p_j q_j) are multiplied by 1 - eta/sqrt(K - 1):  |.| < 1 iff eta < 2 "
    "sqrt(K - 1)",
    sense="iff",
    provenance="extension",
    hypotheses=("A2", "A3", "alpha = 0"),
    rests_on=("AML-X5a.a",),
    proof="Late, log q falls as the margin grows; linearise y_j <- y_j - c e^(y_j)/(mean e^(2 y))^(1/2).",
)

AML_X5ac = claim(
    id="AML-X5a.c",
    statement="From W = 0 normalised gradient descent comes to that state below the threshold, and above it stays "
    "unequal.",
    formula="K = 12, p ~ j^-1.5: log L_j falls by 0.15076 a step at eta = 0.5; increments equal at 0.98 of the "
    "threshold and 0.81 to 1.17 of eta/sqrt(K - 1) at 1.02, after 20000 steps",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A2", "A3", "alpha = 0"),
    rests_on=("AML-X5a.b",),
)

AML_X5ad = claim(
    id="AML-X5a.d",
    statement="With steps of equal Frobenius norm that is Muon's rate; with equal step sizes it is sqrt(K - 1) "
    "slower.",
    formula="|msgn(G)|_F = sqrt(K - 1);   eta_NGD = sqrt(K - 1) eta:  every loss falls by e^-eta a step in both, "
    "for equal frequencies exactly the same run",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "alpha = 0"),
    rests_on=("AML-X5a.a", "AML-T4.d"),
    proof="For equal frequencies G is a multiple of I - J/K, of which K - 1 singular values are equal.",
)

AML_X5ba = claim(
    id="AML-X5b.a",
    statement="With label noise the most frequent item oscillates until the effective step of normalised "
    "gradient descent stands at the threshold of stability.",
    formula="eta/|grad|_F -> 2/(p_1 alpha pi):  M = 1000, C = 20, beta = 2, alpha = 0.2: 411.3 at T = 10^4, 410.98 "
    "predicted (mechanism: the multiplier of P9; not proved)",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A2", "A3", "alpha > 0", "a jitter far above rounding"),
    rests_on=("AML-P9.a", "AML-T2.c"),
)

AML_X5bb = claim(
    id="AML-X5b.b",
    statement="So normalised gradient descent has the scaling law of gradient descent near its threshold.",
    formula="M = 1000, C = 20, beta = 2, alpha = 0.2, best eta: excess 0.093, 0.0513, 0.0258 at T = 10^3, 3 "
    "10^3, 10^4; gradient descent at 0.95 of the threshold: 0.0915, 0.0509, 0.0259",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A2", "A3", "alpha > 0", "a jitter far above rounding"),
    rests_on=("AML-X5b.a", "AML-T8.b"),
)
