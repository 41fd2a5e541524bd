"""Claims about literal Muon: what it cannot change in a regression, and why it is flat in matrix sensing.

Literal Muon from zero, with AA* = I, res = A W - y and G = A* res:  dW/dt = -P(G).  It interpolates at time T.

    c_A = min {|A* l|_*/|A* l|_F : l != 0},   R = min {|W|_op : A W = y}
"""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_X5_a = claim(
    id="POL-X5.a",
    statement="In a regression literal Muon, with any momentum and steps, keeps the part of W that the data do not "
    "see; so does gradient descent, of any length of step.",
    formula="P_perp W(t) = P_perp W(0)",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "the update is the buffer times a matrix from the right"),
    proof="G = X^T (X W - Y), so a buffer is M = X^T Z; P(M) = M (M^T M)^{+1/2}, and P_perp X^T = 0.  Needs the "
    "canonical factor (zero where M is) and a buffer that starts in the range of X^T.",
)

POL_X5_b = claim(
    id="POL-X5.b",
    statement="In a regression literal Muon and gradient descent, if they interpolate, come to the same matrix.",
    formula="X W = Y, P_perp W = P_perp W(0)  =>  W = pinv(X) Y + P_perp W(0)",
    sense="==",
    provenance="extension",
    hypotheses=("A1",),
    rests_on=("POL-X5.a",),
    proof="W = pinv(X) X W + P_perp W.",
)

POL_X5_c = claim(
    id="POL-X5.c",
    statement="In a regression the projection of the polarised gradient on the directions that keep the data "
    "vanishes.",
    formula="P_perp P(G) = 0",
    sense="==",
    provenance="extension",
    hypotheses=("A1",),
    rests_on=("POL-X5.a",),
    proof="The range of P(G) is that of G, inside the range of X^T.",
)

POL_X5_d = claim(
    id="POL-X5.d",
    statement="Decoupled weight decay breaks this: what the data do not see decays with every step.",
    formula="W <- (1 - h w) W - h U(M):  P_perp W(t) = prod_k (1 - h_k w) P_perp W(0)",
    sense="==",
    provenance="extension",
    hypotheses=("A1",),
    rests_on=("POL-X5.a",),
    proof="P_perp U(M) = 0 leaves the factor.",
)

POL_X6_a = claim(
    id="POL-X6.a",
    statement="Along the flow of literal Muon the residual falls at least at the rate c_A, a number from 1 to "
    "sqrt(r).",
    formula="d|res|/dt = -|G|_*/|res| <= -c_A,   1 <= c_A <= sqrt(r)",
    sense="<=",
    provenance="extension",
    hypotheses=("AA* = I",),
    rests_on=("POL-C1.a",),
    proof="d|res|^2/dt = -2 <res, A P(G)> = -2 <G, P(G)> = -2 |G|_*, and |res| = |G|_F.",
)

POL_X6_b = claim(
    id="POL-X6.b",
    statement="So it interpolates in finite time, by a matrix that is flat: its stable rank is at least c_A^2.",
    formula="T <= |y|/c_A;  |W(T)|_op <= T;  |W(T)|_F >= |y|;  |W|_F^2/|W|_op^2 >= (|y|/T)^2 >= c_A^2",
    sense=">=",
    provenance="extension",
    hypotheses=("AA* = I", "W(0) = 0"),
    rests_on=("POL-X6.a",),
    proof="Integrate POL-X6.a; |P|_op <= 1; |A W| <= |W|_F.",
)

POL_X6_c = claim(
    id="POL-X6.c",
    statement="The bound on the stable rank survives finite steps, momentum and a residual that is left.",
    formula="|W|_F^2/|W|_op^2 >= ((|y| - |res|)/T)^2,   T the sum of the steps, |res| <= |y|",
    sense=">=",
    provenance="extension",
    hypotheses=("AA* = I", "W(0) = 0"),
    proof="|W|_op <= T, since every update has operator norm at most 1, and |W|_F >= |A W| = |y + res|.",
)

POL_X6_d = claim(
    id="POL-X6.d",
    statement="The residual falls at least like one over time, measured by the least operator norm that "
    "interpolates.",
    formula="|G|_* (R + t) >= |res|^2, so |res(t)| <= |res(0)| R/(R + t)",
    sense="<=",
    provenance="extension",
    hypotheses=("AA* = I", "W(0) = 0"),
    rests_on=("POL-X6.a",),
    proof="|res|^2 = <G, W - W_R> <= |G|_* (|W|_op + R) for an interpolant W_R of norm R.",
)

POL_X6_e = claim(
    id="POL-X6.e",
    statement="The time to interpolation is at least the least operator norm that interpolates.",
    formula="T >= R",
    sense=">=",
    provenance="extension",
    hypotheses=("W(0) = 0",),
    proof="W(T) interpolates and |W(T)|_op <= T.",
)

POL_X6p = claim(
    id="POL-X6p",
    statement="Observed: literal Muon with small steps ends a few per cent above the interpolant of least operator "
    "norm, whatever its momentum, and about twice above the least nuclear norm.",
    formula="10 x 10, rank 2, p = 60, cosine steps from 0.02: |W|_op/R in [1.02, 1.04], N(W)/N_* in [1.84, 2.29];  "
    "from 0.1 with momentum 0.95: |W|_op/R in [1.08, 1.24]",
    sense="<=",
    provenance="extension",
    kind="report",
)
