"""Claims about the step of gradient descent with noise (P9), and how slowly an item can be learned at best (P11)."""

from __future__ import annotations

from theory.associative_memory.paper import claim

AML_P9a = claim(
    id="AML-P9.a",
    statement="An item's optimum attracts gradient descent up to a step that is known exactly.",
    formula="multiplier at e = 0:  1 - eta p_j alpha pi;   |.| < 1 iff eta p_j < 2/(alpha pi)",
    sense="iff",
    provenance="secondary",
    hypotheses=("A2", "A3", "alpha > 0"),
    rests_on=("AML-T2.b",),
    proof="gamma'(0) = alpha pi.",
)

AML_P9b = claim(
    id="AML-P9.b",
    statement="Below a step that does not depend on the noise gradient descent converges from every margin.",
    formula="0 < gamma' <= K/(4 (K - 1));   eta p_j < 8 (K - 1)/K  makes |e| decrease at every step",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "alpha > 0"),
    rests_on=("AML-T2.b",),
    proof="gamma' = alpha pi x/(1 - pi + pi x)^2 at x = e^e, and 4 (1 - pi) pi x <= (1 - pi + pi x)^2.",
)

AML_P9c = claim(
    id="AML-P9.c",
    statement="The Hessian of a column at its optimum has three eigenvalues, of which descent from W = 0 meets "
    "one.",
    formula="p_j times: alpha pi (once, along What_jj against the others), alpha/K (K - 2 times), 0 (once)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "alpha > 0"),
    proof="diag(P_j) - P_j P_j^T on the vectors (K - 1, -1, ..., -1), (0, 1, -1, 0, ...), (1, ..., 1).",
)

AML_P9d = claim(
    id="AML-P9.d",
    statement="Gradient descent never diverges, at any step: every error comes into an interval and stays in it.",
    formula="-h alpha <= e <= h pi K/(K - 1),  h = eta p_j, for all later t once it holds; it holds in finite time",
    sense="for all",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "alpha > 0", "a constant step"),
    rests_on=("AML-T2.b",),
    proof="A step goes towards 0 and is shorter than h alpha from above, than h pi K/(K - 1) from below; beyond an "
    "end it is no shorter than at that end, as gamma increases.",
)

AML_P9e = claim(
    id="AML-P9.e",
    statement="At the threshold a stable cycle of two is born: the period doubling is supercritical for every "
    "noise.",
    formula="f = e - h gamma(e), h = 2/(alpha pi):  f' = -1,  f''^2/2 + f'''/3 = 4 (pi^2 - pi + 1/3) > 0 at e = 0",
    sense=">",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "alpha > 0"),
    rests_on=("AML-P9.a",),
    proof="Differentiate; pi^2 - pi + 1/3 >= 1/12.",
)

AML_P9f = claim(
    id="AML-P9.f",
    statement="Beyond the threshold the cycle doubles to four at 1.3 times and is chaotic at twice the threshold "
    "for a peaked target; where pi is near 1/2 the cycle of two persists to ten times.",
    formula="alpha = 0.2, K = 1000: period 1, 2, 4, none below 300 at 0.98, 1.02, 1.3, 2;  alpha = 0.5: 2 from "
    "1.02 to 10",
    sense="==",
    provenance="reconstructed",
    kind="law",
    hypotheses=("A2", "A3", "alpha > 0", "a constant step"),
    rests_on=("AML-P9.e",),
)

AML_P9g = claim(
    id="AML-P9.g",
    statement="Below the threshold no second attractor was seen: every start ends at the optimum.",
    formula="K = 100, alpha in [0.02, 0.97], eta p_j up to 0.98 of 2/(alpha pi): e -> 0 from a grid of starts",
    sense="==",
    provenance="reconstructed",
    kind="law",
    hypotheses=("A2", "A3", "alpha > 0", "a constant step"),
    rests_on=("AML-P9.a", "AML-P9.d"),
)

AML_P11a = claim(
    id="AML-P11.a",
    statement="Gradient descent cannot learn an item faster than geometrically at a rate proportional to its "
    "frequency.",
    formula="L_j(t) - L* >= (log K - L*) (1 - h K/(2 (K - 1)))^t,  h = eta p_j < 2 (K - 1)/K,  alpha in [0, 1)",
    sense=">=",
    provenance="secondary",
    hypotheses=("A2", "A3", "a constant step"),
    rests_on=("AML-T2.a",),
    proof="As a function l of the margin the loss is convex, l' = -((K - 1)/K) g, l'' <= 1/4, so l'^2 <= (l - "
    "l*)/2; a step is one of gradient descent on l of size h' = h K/(K - 1), and l(m') >= l(m) - h' l'^2.",
)

AML_P11b = claim(
    id="AML-P11.b",
    statement="Summed over a power law of frequencies this is a rigorous scaling law from below.",
    formula="sum_i ptilde_i (log K - L*) (1 - kappa' i^-beta/2)^T ~ Gamma(1 - 1/beta) (log K - L*) (kappa' "
    "T/2)^-(1 - 1/beta)/(beta Z),  kappa' = kappa K/(K - 1)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "a constant step"),
    rests_on=("AML-P11.a",),
    proof="(1 - y/2)^T ~ e^(-T y/2); the sum is an integral, of Gamma's kind after s = kappa' T i^-beta/2.",
)
