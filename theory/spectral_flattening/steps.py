"""Claims about the length of one step: what is guaranteed to decrease the loss (S1)."""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_T1a = claim(
    id="SF-T1.a",
    statement="A step of Muon is guaranteed to decrease a smooth loss as long as it is shorter than twice the "
    "average nonzero singular value over the smoothness.",
    formula="f(W - eta Q) <= f(W) - eta N + L r eta^2/2 < f(W)  for 0 < eta < eta_T1 = 2 N/(L r) = (2/L) sbar",
    sense="<",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3"),
    proof="Insert D = -eta Q in A1: <G, Q> = N and |Q|_F^2 = r.",
)

SF_T1b = claim(
    id="SF-T1.b",
    statement="The largest decrease that Muon is guaranteed is reached at the average singular value over L.",
    formula="min over eta of (-eta N + L r eta^2/2) = -N^2/(2 L r),  at eta = sbar/L",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T1.a",),
    proof="The bound plus N^2/(2 L r) is (L r/2)(eta - sbar/L)^2.",
)

SF_T1c = claim(
    id="SF-T1.c",
    statement="Gradient descent is guaranteed to decrease a smooth loss at every step below 2/L, by at most "
    "F^2/(2L).",
    formula="f(W - eta G) <= f(W) - eta F^2 + L eta^2 F^2/2 < f(W)  for 0 < eta < 2/L;  least -F^2/(2L) at eta = 1/L",
    sense="<",
    provenance="reconstructed",
    hypotheses=("A1", "A3"),
    proof="Insert D = -eta G in A1.",
)

SF_T1d = claim(
    id="SF-T1.d",
    statement="The threshold is sharp for every gradient and every L: on the isotropic quadratic longer steps "
    "decrease nothing.  The number that counts is the rank of the gradient.",
    formula="f(W + D) = <G, D> + (L/2)|D|_F^2, eta > 0:  f(W - eta Q) >= f(W)  <=>  eta >= eta_T1",
    sense="iff",
    provenance="reconstructed",
    hypotheses=("A2", "A3"),
    rests_on=("SF-T1.a",),
    proof="f(W - eta Q) - f(W) = (L r/2) eta (eta - eta_T1).",
)

SF_T1e = claim(
    id="SF-T1.e",
    statement="It is sharp for quadratics that are curved in one direction only, too.",
    formula="H = (L/r) <Q, .> Q <= L, eta > 0:  f(W - eta Q) >= f(W)  <=>  eta >= eta_T1",
    sense="iff",
    provenance="reconstructed",
    hypotheses=("A2", "A3"),
    rests_on=("SF-T1.a",),
    proof="<Q, D>^2 <= r |D|_F^2, with equality for D = Q.",
)

SF_T2a = claim(
    id="SF-T2.a",
    statement="On a quadratic the exact threshold of Muon is twice the nuclear norm over the curvature along Q.",
    formula="f(W - eta Q) < f(W)  <=>  0 < eta < eta_exact = 2 N/<Q, H[Q]>,  given <Q, H[Q]> > 0",
    sense="iff",
    provenance="extension",
    hypotheses=("A2", "A3", "<Q, H[Q]> > 0"),
    proof="f(W - eta Q) - f(W) = (<Q, H[Q]>/2) eta (eta - eta_exact).",
)

SF_T2b = claim(
    id="SF-T2.b",
    statement="Under Kronecker curvature a partial isometry of rank r meets at most the sum of the r largest "
    "products of eigenvalues taken in order.",
    formula="<Q, B Q A> <= L_(r) = sum_{i <= r} lambda_i(A) lambda_i(B)",
    sense="<=",
    provenance="extension",
    hypotheses=("A4", "A, B >= 0"),
    proof="w_ij = (b_i^T Q a_j)^2 >= 0 has row and column sums at most 1 and total r, so W_kl = sum_{i <= k, j <= l}"
    " w_ij <= min(k, l, r).  Summation by parts: <Q, B Q A> = sum_kl (lambda_k(B) - lambda_{k+1}(B)) (lambda_l(A) - "
    "lambda_{l+1}(A)) W_kl, and L_(r) is the same sum with min(k, l, r).",
)

SF_T2c = claim(
    id="SF-T2.c",
    statement="Knowing the spectra of the two factors gives a longer step than knowing L alone, and the exact "
    "threshold is longer still.",
    formula="eta_T1 = 2 N/(L r) <= eta_(r) = 2 N/L_(r) <= eta_exact = 2 N/<Q, H[Q]>",
    sense="<=",
    provenance="extension",
    hypotheses=("A4", "A, B >= 0"),
    rests_on=("SF-T2.b",),
    proof="L_(r) <= r lambda_1(A) lambda_1(B) term by term.",
)

SF_T2d = claim(
    id="SF-T2.d",
    statement="The bound of SF-T2.b is attained by the top eigenvectors, and if A, B > 0 some error Delta has a "
    "gradient with this, or any other, polar factor.",
    formula="Q = sum_{i <= r} b_i a_i^T:  <Q, B Q A> = L_(r);  Delta = B^{-1} G A^{-1} has the gradient G",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A, B > 0"),
    proof="B Q A = sum lambda_i(B) lambda_i(A) b_i a_i^T.",
)

SF_T2e = claim(
    id="SF-T2.e",
    statement="The smoothness in spectral norm is the sum of all min(m, n) products.",
    formula="L_op = max {<D, B D A> : |D|_op <= 1} = L_(min(m, n))",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A, B >= 0"),
    rests_on=("SF-T2.b", "SF-T2.d"),
    proof="The proof of SF-T2.b needs row and column sums at most 1 only, |D|_op <= 1.",
)

SF_T2f = claim(
    id="SF-T2.f",
    statement="It lies between the smoothness in Frobenius norm and min(m, n) times that.",
    formula="L <= L_op <= min(m, n) L",
    sense="<=",
    provenance="extension",
    hypotheses=("A4", "A, B >= 0"),
    rests_on=("SF-T2.e",),
    proof="L = lambda_1(A) lambda_1(B) is the first and the largest of the products.",
)

SF_T2g = claim(
    id="SF-T2.g",
    statement="In linear regression with at least as many outputs as inputs the two differ by the stable rank of the "
    "data.",
    formula="B = 1, A = X X^T/N, m >= n:  L_op = tr A,  L = lambda_1(A),  L_op/L = |X|_F^2/|X|_op^2",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "B = 1", "m >= n"),
    rests_on=("SF-T2.e",),
    proof="All eigenvalues of A count, each with weight 1.",
)
