"""Claims about structure: convexity, existence, alignment, order, stationarity, duality."""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_C1a = claim(
    id="ICM-C1.a",
    statement="With a convex nondecreasing curvature function the objective is a convex function of the "
    "update.",
    formula="F((1-t) Q_0 + t Q_1) <= (1-t) F(Q_0) + t F(Q_1),  0 <= t <= 1",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A1",),
    proof="zeta -> |Q zeta| is convex in Q for each zeta; a convex nondecreasing function of it stays convex.",
)

ICM_C1b = claim(
    id="ICM-C1.b",
    statement="The minimisers form a nonempty compact set exactly when the final slope of the curvature "
    "function exceeds the dual norm of the gradient.",
    formula="argmin F nonempty and compact  <=>  N*(g) < H'(inf)",
    sense="iff",
    provenance="reconstructed",
    hypotheses=("A1",),
    rests_on=("ICM-C1.a",),
    proof="The recession function of F is -<Q, G> + H'(inf) E|Q zeta|; a convex function has a nonempty "
    "compact set of minimisers iff its recession function is positive in every direction.",
)

ICM_C1c = claim(
    id="ICM-C1.c",
    statement="Where the dual norm exceeds the final slope, the objective is unbounded below.",
    formula="N*(g) > H'(inf)  =>  inf F = -inf",
    sense="for all",
    provenance="reconstructed",
    hypotheses=("A1", "N*(g) > H'(inf)"),
    proof="H(x) <= H'(inf) x, so F(t Q) <= -t (<q, g> - H'(inf) N(q)) along the q that attains N*(g).",
)

ICM_C1d = claim(
    id="ICM-C1.d",
    statement="The dual norm is at least the sum of the singular values, with equality for a constant "
    "spectrum of full length n.",
    formula="N*(g) >= sum g;  N*(gamma 1_n) = n gamma",
    sense=">=",
    provenance="reconstructed",
    hypotheses=("isotropic",),
    proof="q = (1, ..., 1) has N(q) <= 1, with equality for k = n; there grad N = 1/n, so that it attains N* "
    "of a constant spectrum.",
)

ICM_C2 = claim(
    id="ICM-C2",
    statement="No update at all is optimal exactly when the initial slope of the curvature function reaches "
    "the dual norm of the gradient (a dead zone).",
    formula="0 in argmin F  <=>  N*(g) <= H'_+(0)",
    sense="iff",
    provenance="extension",
    hypotheses=("A1",),
    rests_on=("ICM-C1.a",),
    proof="The derivative of F at 0 in the direction D is H'_+(0) E|D zeta| - <D, G>.",
)

ICM_C3a = claim(
    id="ICM-C3.a",
    statement="With a strictly convex curvature function there is at most one minimiser.",
    formula="F(Q) = F(Q') = min F  =>  Q = Q'",
    sense="for all",
    provenance="reconstructed",
    hypotheses=("A1", "strictly convex"),
    rests_on=("ICM-C3.b",),
    proof="Minimisers are multiples of one matrix, and on a ray F is strictly convex.",
)

ICM_C3b = claim(
    id="ICM-C3.b",
    statement="With a strictly increasing convex curvature function all minimisers are nonnegative multiples "
    "of one matrix (of any rank).",
    formula="F(Q) = F(Q') = min F, Q != 0  =>  Q' = c Q, c >= 0",
    sense="for all",
    provenance="extension",
    hypotheses=("A1", "strictly increasing"),
    rests_on=("ICM-C1.a",),
    proof="The midpoint is a minimiser too, so |Q zeta + Q' zeta| = |Q zeta| + |Q' zeta| for every zeta: the "
    "two are parallel with one direction, Q' zeta = c(zeta) Q zeta with c >= 0.  Rank two or more makes c "
    "constant by linearity; in rank one Q = u v^T forces Q' = u v'^T with (v'.zeta)(v.zeta) >= 0, v' = c v.",
)

ICM_T1a = claim(
    id="ICM-T1.a",
    statement="The matrix problem loses nothing by keeping the singular vectors of the gradient: its minimum "
    "is the minimum over the singular values alone.",
    formula="min_Q F(Q) = min_{q >= 0} phi(q) - <g, q>",
    sense="==",
    provenance="secondary",
    hypotheses=("isotropic",),
    proof="Phi(O Q R) = Phi(Q) for orthogonal O and R, and tr(Q G^T) <= <q, g> (von Neumann).  Neither "
    "convexity nor growth of H is used.",
)

ICM_T1b = claim(
    id="ICM-T1.b",
    statement="Every minimiser has an ordered singular value decomposition in common with the gradient.",
    formula="Q in argmin F  =>  Q^T G and Q G^T symmetric and positive semidefinite",
    sense="for all",
    provenance="secondary",
    hypotheses=("isotropic",),
    rests_on=("ICM-T1.a",),
    proof="A minimiser attains von Neumann's bound, and equality there means a simultaneous ordered SVD.",
)

ICM_T2a = claim(
    id="ICM-T2.a",
    statement="The order of the singular values is kept.",
    formula="g_i > g_j  =>  q_i >= q_j",
    sense=">=",
    provenance="secondary",
    hypotheses=("isotropic",),
    rests_on=("ICM-T1.a",),
    proof="Swapping q_i < q_j leaves phi alone and raises <g, q>.",
)

ICM_T2b = claim(
    id="ICM-T2.b",
    statement="A zero singular value of the gradient needs no update, if the curvature function is "
    "nondecreasing.",
    formula="g_i = 0  =>  min {F : q_i = 0} = min F",
    sense="==",
    provenance="secondary",
    hypotheses=("nondecreasing",),
    rests_on=("ICM-T1.a",),
    proof="Setting q_i = 0 shortens rho everywhere and leaves <g, q> alone.",
)

ICM_T2c = claim(
    id="ICM-T2.c",
    statement="Equal singular values of the gradient give equal singular values of every minimiser, if the "
    "curvature function is convex and strictly increasing.",
    formula="g_i = g_j  =>  q_i = q_j",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "strictly increasing"),
    rests_on=("ICM-C3.b",),
    proof="Swapping the two gives another minimiser of the same norm, which is a multiple of the first.",
)

ICM_T2d = claim(
    id="ICM-T2.d",
    statement="A minimiser is zero, or moves every direction in which the gradient is not zero.",
    formula="q != 0, g_j > 0  =>  q_j > 0",
    sense=">",
    provenance="extension",
    hypotheses=("A1",),
    rests_on=("ICM-T1.a",),
    proof="At q != 0 with q_j = 0 the slope of phi in q_j is 0, because rho > 0 almost surely; so F falls.",
)

ICM_Ka = claim(
    id="ICM-K.a",
    statement="A positive spectrum at which phi is differentiable is optimal exactly when it solves the "
    "stationarity equations.",
    formula="q optimal  <=>  g_i = q_i lambda_i(q) for all i",
    sense="iff",
    provenance="reconstructed",
    hypotheses=("A1",),
    rests_on=("ICM-C1.a", "ICM-T1.a"),
    proof="d phi / d q_i = E[H'(rho) q_i u_i / rho] = q_i lambda_i, and the problem is convex.",
)

ICM_Kb = claim(
    id="ICM-K.b",
    statement="The Hessian of phi is the diagonal of the weights plus a positive combination of q q^T.",
    formula="Hess phi = diag(lambda) + (q q^T) o E[(w'(rho)/rho) u u^T]",
    sense="==",
    provenance="reconstructed",
    hypotheses=("w absolutely continuous",),
    rests_on=("ICM-K.a",),
    proof="Differentiate q_i lambda_i under the expectation; d rho / d q_j = q_j u_j / rho.",
)

ICM_Q = claim(
    id="ICM-Q",
    statement="A quadratic curvature function gives back gradient descent.",
    formula="H = c x^2:  Phi(Q) = c |Q|_F^2 / n,  Q* = n G / (2 c)",
    sense="==",
    provenance="reconstructed",
    rests_on=("ICM-K.a",),
    proof="E zeta zeta^T = 1/n.",
)

ICM_Da = claim(
    id="ICM-D.a",
    statement="The dual certificate of a trial update bounds its loss against the optimum.",
    formula="gap(Q) = F(Q) + E H*(|y'|) >= F(Q) - min F,  y' = y + n R zeta, y = w(rho) Q zeta, R = G - E[y "
    "zeta^T]",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "dual feasible"),
    proof="E[y' zeta^T] = G, so F(Q') = E[H(|Q' zeta|) - <y', Q' zeta>] >= -E H*(|y'|) for every Q'.",
)

ICM_Db = claim(
    id="ICM-D.b",
    statement="The certificate closes at the optimum, to second order in the distance from it.",
    formula="gap(Q* + d D) = O(d^2)",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "smooth"),
    rests_on=("ICM-D.a",),
    proof="At the optimum R = 0 and H(x) + H*(H'(x)) = x H'(x); both are smooth and the gap is nonnegative.",
)

ICM_Dc = claim(
    id="ICM-D.c",
    statement="Under super-quadratic growth a certificate needs the weights at the trial update only.",
    formula="F(U diag(q) V^T) - min F <= (1/2) sum lambda_i (q_i - g_i/lambda_i)^2",
    sense="<=",
    provenance="extension",
    hypotheses=("A2",),
    rests_on=("ICM-T1.a",),
    proof="H(sqrt s) is convex, so H(|Q' zeta|) is at least its tangent at rho; the average of the tangent is a "
    "quadratic of Q' with minimum phi(q) - (1/2) sum lambda_i q_i^2 - (1/2) sum g_i^2/lambda_i.",
)
