"""Claims about rank-deficient states: which subgradient is selected; and what a regularised polar factor costs."""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_X7_a = claim(
    id="POL-X7.a",
    statement="At a rank-deficient W the flow takes the subgradient whose projection is shortest.",
    formula="W' = -eta P_perp (P(W) + U0 X V0^T),  X = argmin {|P_perp (P(W) + U0 X V0^T)|_F : |X|_op <= 1}",
    sense="==",
    provenance="extension",
    rests_on=("POL-T1i.c",),
    proof="The right derivative of the solution of a maximal monotone inclusion is its element of least norm.",
)

POL_X7_b = claim(
    id="POL-X7.b",
    statement="In regression the polar factor itself is the selection.",
    formula="<P_perp P(W), P_perp U0 X V0^T> = 0 for all X: X = 0",
    sense="==",
    provenance="extension",
    hypotheses=("regression",),
    rests_on=("POL-X7.a",),
    proof="V^T V0 = 0, and P_perp acts on the left.",
)

POL_X7_c = claim(
    id="POL-X7.c",
    statement="For general measurements it is not: continued with the polar factor, the flow would leave its limit.",
    formula="ker A = span diag(2, -1), W = diag(0, 2):  -P_perp P(W) = (2/5, -1/5), the flow is at rest",
    sense="==",
    provenance="extension",
    rests_on=("POL-X7.a", "POL-X1p.b"),
)

POL_X7_d = claim(
    id="POL-X7.d",
    statement="Zero singular values stay zero where the selection lies inside the ball.",
    formula="|X|_op < 1  =>  U0^T W' V0 = 0;  U0^T W' V0 != 0  =>  |X|_op = 1",
    sense="for all",
    provenance="extension",
    rests_on=("POL-X7.a",),
    proof="U0^T W' V0 is minus the gradient in X of half the squared norm.",
)

POL_X7_e = claim(
    id="POL-X7.e",
    statement="A kernel of one dimension: the selected speed in closed form.",
    formula="ker A = span K, |K|_F = 1:  |W'|_F = eta max(0, |<P(W), K>| - |U0^T K V0|_*)",
    sense="==",
    provenance="extension",
    rests_on=("POL-X7.a",),
    proof="<P(W) + U0 X V0^T, K> takes all values within |U0^T K V0|_* of <P(W), K>.",
)

POL_X7_f = claim(
    id="POL-X7.f",
    statement="A kernel of one dimension: the whole flow is a quadrature.",
    formula="ker A = span K, |K|_F = 1:  W(t) = W(0) + z(t) K,  t = integral_0^z dx/(-eta N'(W(0) + x K; K))",
    sense="==",
    provenance="extension",
    rests_on=("POL-X7.e", "POL-X1.a"),
)

POL_X8_a = claim(
    id="POL-X8.a",
    statement="The two regularised polar factors are gradients of energies near the nuclear norm; the first is the "
    "polar factor itself where no singular value is below eps.",
    formula="f = min(sigma/eps, 1), 0 <= N - N_eps <= r eps/2;  f = sigma/sqrt(sigma^2 + eps^2), 0 <= N_eps - N <= "
    "r eps;  f = dN_eps/dsigma",
    sense="<=",
    provenance="extension",
)

POL_X8_b = claim(
    id="POL-X8.b",
    statement="The flow of the regularised factor stays near the flow.",
    formula="|W_eps(t) - W(t)|_F <= sqrt(eta r eps t) for min(sigma/eps, 1), sqrt(2 eta r eps t) for the smooth one",
    sense="<=",
    provenance="extension",
    rests_on=("POL-X8.a", "POL-T1iip.d"),
    proof="d|W_eps - W|^2/dt <= 2 eta [N_eps(W) - N(W) + N(W_eps) - N_eps(W_eps)].",
)

POL_X8_c = claim(
    id="POL-X8.c",
    statement="Both regularised fields have the Lipschitz constant eta/eps, so that Euler steps up to 2 eps/eta "
    "raise no regularised energy.",
    formula="h <= 2 eps/eta:  N_eps(W - h eta P_perp P_eps(W)) <= N_eps(W)",
    sense="<=",
    provenance="extension",
    rests_on=("POL-X8.a",),
    proof="The descent lemma.",
)

POL_X8_d = claim(
    id="POL-X8.d",
    statement="The errors seen are much smaller than the bound: they fall with eps itself, not with its root.",
    formula="max_t |W_eps(t) - W(t)|_F ~ eps, up to a factor of the measurements; eps from 3e-2 to 1e-2",
    sense="==",
    provenance="extension",
    kind="law",
    rests_on=("POL-X8.b",),
)
