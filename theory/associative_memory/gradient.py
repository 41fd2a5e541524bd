"""Claims about gradient descent: independent scalar recursions (T2), no noise (T3), one long step (X2)."""

from __future__ import annotations

from theory.associative_memory.paper import claim

AML_T2a = claim(
    id="AML-T2.a",
    statement="Gradient descent is one scalar recursion for each item, whatever the frequencies: a column whose "
    "wrong logits agree keeps them equal, and its margin moves by its own frequency alone.",
    formula="m <- m + eta p_j g(m),  g(m) = K/(e^m + K - 1) - alpha;  What_jj + (K - 1) What_ij = const",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "equal wrong logits"),
    proof="By symmetry the derivatives by the wrong logits agree, and all K sum to zero; subtract them.",
)

AML_T2b = claim(
    id="AML-T2.b",
    statement="In the error e = m - m* the drift is gamma, bounded and increasing, with its zero at e = 0.",
    formula="g = -gamma(e) = -alpha pi expm1(e)/(1 + pi expm1(e)),  -pi K/(K - 1) < gamma < alpha,  gamma' > 0,  "
    "g(0) = 1 - alpha",
    sense="==",
    provenance="reconstructed",
    hypotheses=("alpha > 0",),
    rests_on=("AML-T2.a",),
    proof="Put e^m = (K pi/alpha) e^e.",
)

AML_T2c = claim(
    id="AML-T2.c",
    statement="Normalised gradient descent is the same with a common step size.",
    formula="|G|_F^2 = ((K - 1)/K) sum_j p_j^2 g(m_j)^2",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A3"),
    rests_on=("AML-T2.a",),
    proof="Column j is -p_j g ((K - 1)/K at its own answer, -1/K at the others).",
)

AML_T2d = claim(
    id="AML-T2.d",
    statement="Gradient flow reaches a margin at a time that is a closed form.",
    formula="du/dm = 1/g, u(0) = 0:  u = ((K - 1) m - (K/alpha) log1p(-alpha expm1(m)/(K (1 - alpha))))/(K pi), "
    "and u = (e^m - 1 + (K - 1) m)/K at alpha = 0;  u = eta p t",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A3"),
    rests_on=("AML-T2.a",),
    proof="Partial fractions in e^m.",
)

AML_T2e = claim(
    id="AML-T2.e",
    statement="Without noise the margin of gradient flow at a time is given by Wright's omega function.",
    formula="alpha = 0:  m = A - omega(A - log(K - 1)),  A = (K u + 1)/(K - 1),  omega + log omega = z",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A2", "A3"),
    rests_on=("AML-T2.d",),
    proof="omega = e^m/(K - 1) solves omega + log omega = A - log(K - 1).",
)

AML_T3a = claim(
    id="AML-T3.a",
    statement="Without noise a potential of the margin grows linearly, up to a constant factor, at every step "
    "size.",
    formula="eta p_j K t <= Phi(m_j(t)) <= e^(eta p_j) eta p_j K t,  Phi(m) = e^m - 1 + (K - 1) m",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "alpha = 0", "a constant step"),
    rests_on=("AML-T2.a",),
    proof="Phi' = e^m + K - 1 and the step is d = h K/Phi'(m) <= h for m >= 0; Phi is convex, and Phi' grows by a "
    "factor of at most e^d over the step.",
)

AML_T3b = claim(
    id="AML-T3.b",
    statement="Without noise each loss falls like 1/t with a constant that is inverse to the frequency, so that "
    "the total loss forgets the frequencies.",
    formula="t L_j(t) -> (1 - 1/K)/(eta p_j),   t L(t) -> (K - 1)/eta",
    sense="==",
    provenance="secondary",
    hypotheses=("A2", "A3", "alpha = 0", "a constant step"),
    rests_on=("AML-T3.a",),
    proof="An increment of Phi tends to eta p K as the margin grows, and L Phi tends to K - 1.",
)

AML_T3c = claim(
    id="AML-T3.c",
    statement="The number of steps to a loss eps without noise is known up to the factor e^(eta p_j).",
    formula="e^-h Phi(m_eps)/(h K) <= T <= ceil(Phi(m_eps)/(h K)),  h = eta p_j,  m_eps = log((K - 1)/(e^eps - 1))",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A2", "A3", "alpha = 0", "a constant step"),
    rests_on=("AML-T3.a",),
    proof="L_j <= eps exactly when m >= m_eps, and Phi increases.",
)

AML_T3d = claim(
    id="AML-T3.d",
    statement="The 1/t law begins only when eta p_min t is far above log K; before, a power law of frequencies "
    "gives the slope -(1 - 1/beta), and between them a steeper one.",
    formula="beta = 2, M = 300, C = 30, eta = 1/p_1: slopes about -0.5 up to T = 10^3, -0.92 at 10^5, -2.5 at "
    "5..8 10^5, -1.09 at 5 10^6",
    sense="==",
    provenance="reconstructed",
    kind="law",
    hypotheses=("A2", "A3", "alpha = 0", "a constant step"),
    rests_on=("AML-T3.b", "AML-T8.b"),
)

AML_X2a = claim(
    id="AML-X2.a",
    statement="Without noise one step of gradient descent reaches any loss: the 1/t law is about a bounded step.",
    formula="m_j(1) = eta p_j;  eta = m_eps/p_min  gives  L_j <= eps for all j after one step",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "A3", "alpha = 0"),
    rests_on=("AML-T2.a",),
    proof="g(0) = 1, and L_j decreases in the margin.",
)

AML_X2b = claim(
    id="AML-X2.b",
    statement="With noise that step overshoots: the excess of the most frequent item grows linearly with the step.",
    formula="excess_j(1) = (1 - pi) h (1 - alpha) + O(1),  h = eta p_j;  exactly  h (1 - alpha) (1 - pi) + "
    "log1p((K - 1) e^(-h (1 - alpha))) - L*",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3"),
    rests_on=("AML-T2.a",),
    proof="m_j(1) = (1 - alpha) h, and the loss at a margin m is log(e^m + K - 1) - pi m.",
)
