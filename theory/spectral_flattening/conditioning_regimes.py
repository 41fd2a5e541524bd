"""Claims about the preconditioner that a random gradient makes: noise gives a root of the curvature, signal all.

Noise: per-sample gradients delta a^T with E[a a^T] = A, E[delta delta^T] = S, or one Gaussian batch gradient
S^{1/2} Z A^{1/2}, Z standard normal; the curvature is the Fisher matrix, D -> S D A.  Signal: G = B Delta A, the
entries of Delta independent N(0, s^2).  C = (E G G^T)^{1/2}, or (G G^T)^{1/2} of one gradient where that is said.
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_K3a = claim(
    id="SF-K3.a",
    statement="In the noise regime the gradient covariance is the output factor of the Fisher matrix, over the "
    "batch size.",
    formula="batch b:  E[G G^T] = tr(A) S/b",
    sense="==",
    provenance="reconstructed",
    hypotheses=("delta and a independent", "E[delta a^T] = 0"),
    proof="E |a|^2 delta delta^T = tr(A) S by independence; cross terms of different samples vanish with the mean.",
)

SF_K3b = claim(
    id="SF-K3.b",
    statement="So the preconditioner is the square root of the curvature, and halves the short side's exponent.",
    formula="C = (E G G^T)^{1/2} = (tr A)^{1/2} S^{1/2}:  kappa_eff = kappa(A) kappa(S)^{1/2};  GD: kappa(A) "
    "kappa(S)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K3.a", "SF-K2.e"),
    proof="SF-K2.e with theta = 1/2.",
)

SF_K3c = claim(
    id="SF-K3.c",
    statement="Its stable step grows with the square root of the curvature's inverse, where GD's grows with the "
    "inverse.",
    formula="eta < 2 (tr A)^{1/2}/(lambda_1(A) lambda_1(S)^{1/2});  GD: eta < 2/(lambda_1(A) lambda_1(S))",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A4", "A5"),
    rests_on=("SF-K3.a", "SF-K2.b"),
    proof="C^{-1} S = S^{1/2}/(tr A)^{1/2}.",
)

SF_K3d = claim(
    id="SF-K3.d",
    statement="One Gaussian batch gradient already shows the covariance, if the inputs have many directions.",
    formula="G = S^{1/2} Z A^{1/2}:  E |S^{-1/2} G G^T S^{-1/2}/tr A - 1|_F^2 = m (m+1) tr(A^2)/tr(A)^2",
    sense="==",
    provenance="reconstructed",
    hypotheses=("Z standard normal",),
    proof="The entries of Z A Z^T have variances 2 tr(A^2) on the diagonal and tr(A^2) off it.",
)

SF_K3e = claim(
    id="SF-K3.e",
    statement="The condition number that a single gradient leaves tends to the root of the curvature's.",
    formula="S = diag(100, 20, 3, 1), A = diag(exp U(-1, 1)), 60 draws: median of kappa(C^{-1/2} S C^{-1/2}) = "
    "10.4, 10.2, 10.1, 10.0 for n = 8, 64, 512, 4096;  kappa(C) ~ kappa(S)^{1/2}, 10 <= kappa(S) <= 10^6, n = 512",
    sense="==",
    provenance="reconstructed",
    kind="law",
    hypotheses=("noise regime",),
    rests_on=("SF-K3.b", "SF-K3.d"),
)

SF_K4a = claim(
    id="SF-K4.a",
    statement="In the signal regime the gradient covariance is the square of the curvature factor.",
    formula="E[G G^T] = s^2 tr(A^2) B^2",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "Delta isotropic"),
    proof="E[Delta A^2 Delta^T] = s^2 tr(A^2) 1.",
)

SF_K4b = claim(
    id="SF-K4.b",
    statement="So the preconditioner is the curvature factor itself: Newton's method on the short side.",
    formula="C = (E G G^T)^{1/2} = s tr(A^2)^{1/2} B:  kappa_eff = kappa(A)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "Delta isotropic"),
    rests_on=("SF-K4.a", "SF-K2.e"),
    proof="SF-K2.e with theta = 1.",
)

SF_K4c = claim(
    id="SF-K4.c",
    statement="The condition number that a single gradient leaves on the short side tends to one.",
    formula="B = diag(100, 20, 3, 1), A = diag(exp U(-1, 1)): median of kappa(C^{-1/2} B C^{-1/2}) = 3.6, 1.5, "
    "1.14, 1.05 for n = 8, 64, 512, 4096;  kappa(C) ~ kappa(B)^1, 10 <= kappa(B) <= 10^6, n = 512",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("signal regime",),
    rests_on=("SF-K4.b",),
)

SF_K4d = claim(
    id="SF-K4.d",
    statement="Exact finite version for the long side: where B Delta has orthogonal columns of one length, the "
    "update is the error seen through B, and A has vanished.",
    formula="Delta^T B^2 Delta = c^2 1, c > 0:  Q = B Delta/c  for every A > 0",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "Delta^T B^2 Delta = c^2 1", "A > 0"),
    proof="(B Delta/c)^T (B Delta/c) = 1 and (B Delta/c)^T G = c A is positive definite.",
)

SF_K4e = claim(
    id="SF-K4.e",
    statement="A Gaussian error is near that case if B has many directions.",
    formula="m >= n:  E |Delta^T B^2 Delta/(s^2 |B|_F^2) - 1|_F^2 = n (n+1) tr(B^4)/|B|_F^4",
    sense="==",
    provenance="extension",
    hypotheses=("Delta isotropic",),
    proof="SF-K3.d with B^2 for A and the sides exchanged.",
)

SF_K4f = claim(
    id="SF-K4.f",
    statement="Then the update is near B Delta, whatever A is.",
    formula="|Q - B Delta/(s |B|_F)|_op = t (n tr(B^4)/|B|_F^4)^{1/2}, median t in [0.5, 2] for spec B = exp "
    "U(-1, 1), spec A = exp U(-3, 3), 2 <= n <= 16, 64 n <= m <= 1024 n;  0.9 to 2.2 (n/m)^{1/2}",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("signal regime",),
    rests_on=("SF-K4.d", "SF-K4.e"),
)

SF_K4g = claim(
    id="SF-K4.g",
    statement="Where the error looks isotropic to B, B^2 and B^3, an exact line search leaves a share that is "
    "free of A for Muon and a product for GD.",
    formula="Delta^T B^k Delta = s^2 tr(B^k) 1, k = 1, 2, 3:  Muon 1 - (tr B^2)^2/(tr B^3 tr B);  GD 1 - (tr "
    "A^2)^2 (tr B^2)^2/(tr A^3 tr A tr B^3 tr B)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "Delta^T B^k Delta = s^2 tr(B^k) 1"),
    rests_on=("SF-K4.d", "SF-K6.a"),
    proof="<G, B Delta> = tr(Delta^T B^2 Delta A), and so on: every form is a product of a trace of B and one of "
    "A.",
)

SF_K4h = claim(
    id="SF-K4.h",
    statement="Gaussian errors with m >> n have these factors; if the long side carries all the ill-conditioning, "
    "Muon and GD coincide.",
    formula="B = 1, A = diag(10, 1, .1): GD -> 0.0817, Muon -> 0;  A = 1, n = 3, B = exp(linspace(-3, 3, m)): "
    "both -> 0.24815, 2e-4 apart at m = 10000",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("signal regime",),
    rests_on=("SF-K4.g",),
)

SF_K4i = claim(
    id="SF-K4.i",
    statement="For B = 1 Muon's factor vanishes like 1/m, with a constant that is known.",
    formula="B = 1, Delta (m x n) Gaussian:  m E[factor] -> [sum a/2 - sum a^2/(2 sum a) + sum_{i<j} a_i a_j/(a_i "
    "+ a_j)]/sum a;  0.1891 for a = 10, 1, .1;  0.375 for 3, 1",
    sense="==",
    provenance="extension",
    hypotheses=("B = 1", "Delta isotropic"),
    rests_on=("SF-K6.a",),
    proof="With N = Delta^T Delta/(m s^2) = 1 + E the factor is 1 - (tr (A N A)^{1/2})^2/(tr A tr(N A)); expand "
    "the root to second order in E, whose entries have variances 2/m and 1/m.",
)

SF_K4j = claim(
    id="SF-K4.j",
    statement="Signal plus noise: as the noise grows the exponent of the preconditioner falls from one to one "
    "half.",
    formula="G = B Delta A + sigma B^{1/2} Z A^{1/2}:  E[G G^T] = p B^2 + q B,  p = s^2 tr(A^2), q = sigma^2 "
    "tr(A);  kappa(C^{-1/2} B C^{-1/2})^2 = (p + q/lambda_min(B))/(p + q/lambda_max(B)), from 1 (q = 0) to "
    "kappa(B) (p = 0)",
    sense="==",
    provenance="extension",
    hypotheses=("A4", "A5", "Delta isotropic", "Delta and Z independent"),
    rests_on=("SF-K3.a", "SF-K4.a"),
    proof="The cross terms vanish in the mean, and b -> b^2/(p b^2 + q b) increases.",
)
