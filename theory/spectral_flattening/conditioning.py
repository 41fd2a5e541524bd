"""Claims about Muon as a preconditioned gradient method: what a frozen preconditioner does to the conditioning.

kappa(.) is the condition number; C > 0 of size m is the frozen preconditioner of W <- W - eta C^{-1} G, and
M = C^{-1/2} B C^{-1/2}.  The gain of C is kappa(B)/kappa(M).
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_K1a = claim(
    id="SF-K1.a",
    statement="Muon's update is the gradient preconditioned from the left by its own size.",
    formula="rank G = m <= n:  Q = (G G^T)^{-1/2} G",
    sense="==",
    provenance="secondary",
    hypotheses=("rank G = m",),
    proof="In the singular vectors of G the matrices are s^{-1} and s.",
)

SF_K1b = claim(
    id="SF-K1.b",
    statement="It is as well the gradient preconditioned from the right.",
    formula="rank G = n <= m:  Q = G (G^T G)^{-1/2}",
    sense="==",
    provenance="reconstructed",
    hypotheses=("rank G = n",),
    proof="In the singular vectors of G the matrices are s and s^{-1}.",
)

SF_K1c = claim(
    id="SF-K1.c",
    statement="And from both sides with half the exponent; with pseudo-inverse powers whatever rank and shape.",
    formula="Q = (G G^T)^{-1/4} G (G^T G)^{-1/4}",
    sense="==",
    provenance="reconstructed",
    proof="In the singular vectors of G the matrices are s^{-1/2}, s and s^{-1/2} on the range, 0 elsewhere.",
)

SF_K1d = claim(
    id="SF-K1.d",
    statement="Computed through G G^T the polar factor loses twice as many digits as the condition number has.",
    formula="|X^T X - 1| for X = (G G^T)^{-1/2} G by eigenvalues of G G^T grows like kappa(G)^2, 10^1.5 <= kappa "
    "<= 10^5; below 1e-10 at 10^1.5, above at 10^4",
    sense="==",
    provenance="extension",
    kind="law",
    rests_on=("SF-K1.a",),
)

SF_K2a = claim(
    id="SF-K2.a",
    statement="With a frozen one-sided preconditioner the error sees the curvature of A and of M: their condition "
    "numbers multiply.",
    formula="Y = C^{1/2} Delta:  Y <- Y - eta M Y A,  spectrum {lambda_i(A) lambda_j(M)},  kappa_eff = kappa(A) "
    "kappa(M);  GD: kappa(A) kappa(B)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A4", "A5"),
    proof="Multiply Delta <- Delta - eta C^{-1} B Delta A by C^{1/2}; Y -> M Y A is a Kronecker product.",
)

SF_K2b = claim(
    id="SF-K2.b",
    statement="It is stable exactly below twice the inverse of the largest preconditioned curvature.",
    formula="iterates bounded for every start and tend to 0  <=>  0 < eta < 2/(lambda_1(A) lambda_1(C^{-1} B))",
    sense="iff",
    provenance="reconstructed",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K2.a",),
    proof="Each mode is multiplied by 1 - eta lambda.",
)

SF_K2c = claim(
    id="SF-K2.c",
    statement="The best fixed step contracts the error by (kappa_eff - 1)/(kappa_eff + 1).",
    formula="min over eta of max |1 - eta lambda| = (kappa_eff - 1)/(kappa_eff + 1),  at eta = 2/(lambda_max + "
    "lambda_min)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K2.a",),
    proof="lambda_max (1 - eta lambda_min) - lambda_min (1 - eta lambda_max) = lambda_max - lambda_min, so one of "
    "the two extremes is at least the quotient by lambda_max + lambda_min.",
)

SF_K2d = claim(
    id="SF-K2.d",
    statement="Preconditioning improves the contraction if and only if it improves the condition number of the "
    "short side.",
    formula="contraction(kappa(A) kappa(M)) < contraction(kappa(A) kappa(B))  <=>  kappa(M) < kappa(B)",
    sense="iff",
    provenance="reconstructed",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K2.a", "SF-K2.c"),
    corrects="SF-C4",
    proof="kappa(A) cancels, and (kappa - 1)/(kappa + 1) increases.",
)

SF_K2e = claim(
    id="SF-K2.e",
    statement="A power of the curvature improves the conditioning exactly for exponents between 0 and 2.",
    formula="C = B^theta:  kappa_eff = kappa(A) kappa(B)^{|1 - theta|}, below kappa(A) kappa(B) > kappa(A)  <=>  "
    "0 < theta < 2",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A4", "A5", "C = B^theta"),
    rests_on=("SF-K2.a",),
    proof="M = B^{1 - theta}.",
)

SF_K2f = claim(
    id="SF-K2.f",
    statement="A preconditioner within constants of a power of the curvature is as good, up to the quotient of "
    "the constants.",
    formula="c_1 B^theta <= C <= c_2 B^theta:  kappa_eff <= (c_2/c_1) kappa(A) kappa(B)^{|1 - theta|}",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A4", "A5", "c_1 B^theta <= C <= c_2 B^theta"),
    rests_on=("SF-K2.a",),
    proof="C^{-1} lies between B^{-theta}/c_2 and B^{-theta}/c_1, so B^{1/2} C^{-1} B^{1/2}, which has the "
    "spectrum of M, between B^{1 - theta}/c_2 and B^{1 - theta}/c_1.",
)

SF_K2g = claim(
    id="SF-K2.g",
    statement="Commuting preconditioners do not harm if their eigenvalues are ordered like the curvature's and at "
    "most twice as spread out; they help if both hold strictly.",
    formula="0 <= log(c_i/c_j) <= 2 log(b_i/b_j) whenever b_i >= b_j  =>  kappa(M) <= kappa(B);  both strict "
    "whenever b_i > b_j, B not scalar  =>  kappa(M) < kappa(B)",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("A4", "A5", "C and B commute", "0 <= log(c_i/c_j) <= 2 log(b_i/b_j)"),
    rests_on=("SF-K2.a",),
    proof="|log(b_i/b_j) - log(c_i/c_j)| <= log(b_i/b_j).",
)

SF_C4 = claim(
    id="SF-C4",
    statement="False, the abstract read literally: that preconditioning by (G G^T)^{-1/2} always improves the "
    "conditioning.",
    formula="kappa_eff <= kappa(A) kappa(B) for every G, in every representation of the update",
    sense="<=",
    provenance="secondary",
    hypotheses=("A4", "A5"),
    proof="Fails for B = 1 and a gradient that is not flat; for B = diag(4, 1), (G G^T)^{1/2} = diag(1, 4); in "
    "the right representation for A = 1, Delta = 1.",
)

SF_K9a = claim(
    id="SF-K9.a",
    statement="A preconditioner loses at most a factor of its own condition number.",
    formula="C = (E G G^T)^{1/2}:  kappa(B)/kappa(M) >= 1/kappa(C)",
    sense=">=",
    provenance="extension",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K2.a",),
    proof="kappa(X Y X) <= kappa(X)^2 kappa(Y) with X = C^{-1/2}, Y = B.",
)

SF_K9b = claim(
    id="SF-K9.b",
    statement="Nor does it gain more: the spectrum of the gradient covariance bounds the gain on both sides.",
    formula="C = (E G G^T)^{1/2}:  kappa(B)/kappa(M) <= kappa(C) = kappa(E G G^T)^{1/2}",
    sense="<=",
    provenance="extension",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K2.a",),
    proof="B = C^{1/2} M C^{1/2} and kappa(X Y X) <= kappa(X)^2 kappa(Y).",
)

SF_K9c = claim(
    id="SF-K9.c",
    statement="The whole gain is realised where the covariance is a power of the curvature: then it is the square "
    "root of the covariance's condition number (noise: theta = 1/2, signal: theta = 1).",
    formula="C = c B^theta, 0 <= theta <= 1:  kappa(B)/kappa(M) = kappa(C)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "0 <= theta <= 1"),
    rests_on=("SF-K2.e", "SF-K9.b"),
    proof="kappa(B)^{1 - (1 - theta)} = kappa(B)^theta.",
)

SF_K9d = claim(
    id="SF-K9.d",
    statement="The whole loss is realised where there was nothing to gain.",
    formula="B = 1:  kappa(B)/kappa(M) = 1/kappa(C)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "B = 1"),
    rests_on=("SF-K9.a",),
    proof="M = C^{-1}.",
)

SF_K9e = claim(
    id="SF-K9.e",
    statement="A flat covariance changes nothing.",
    formula="C = c 1:  kappa(M) = kappa(B)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "C = c 1"),
    rests_on=("SF-K9.a", "SF-K9.b"),
    proof="M = B/c.",
)

SF_K9f = claim(
    id="SF-K9.f",
    statement="In numbers of steps the gain counts fully where many steps are needed, and more than that where "
    "few are.",
    formula="gain g = kappa_GD/kappa_eff >= 1, rho = (kappa - 1)/(kappa + 1):  g <= ln rho_eff/ln rho_GD <= g/(1 "
    "- kappa_eff^{-2}),  so it tends to g as kappa_eff -> infinity",
    sense="<=",
    provenance="extension",
    rests_on=("SF-K2.c",),
    proof="-ln rho = 2 artanh(1/kappa), and artanh(x)/x increases from 1 and is at most 1/(1 - x^2).",
)
