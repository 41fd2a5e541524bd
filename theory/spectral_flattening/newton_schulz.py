"""Claims about polynomial iterations for the polar factor: the classical maps and Muon's default, the tuned quintic.

A step X <- a X + b X X^T X + c (X X^T)^2 X acts on singular values by the odd polynomial p(x) = a x + b x^3 + c x^5.
Maps, as (a, b, c): cubic (3/2, -1/2, 0), pade5 (15/8, -10/8, 3/8), soft5 (2, -3/2, 1/2), and
tuned (3.4445, -4.7750, 2.0315), Muon's default.  p^K is p applied K times; e = 1 - x^2 the defect.  All claims on
"the tuned map" use: x_- < x_+ its fixed points, x_1 < x_2 its critical points (x > 0), m = p(x_2), M = p(m), and
J = [m, M]; R[lo, hi] stands for the exact range over lo <= x <= hi.
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_N1a = claim(
    id="SF-N1.a",
    statement="The cubic map squares the defect, up to a factor below one.",
    formula="cubic: e' = e^2 (3 + e)/4",
    sense="==",
    provenance="reconstructed",
    proof="Expand 1 - x^2 (3 - x^2)^2/4 at x^2 = 1 - e.",
)

SF_N1b = claim(
    id="SF-N1.b",
    statement="The Pade map of degree 5 cubes the defect, up to a factor below one.",
    formula="pade5: e' = e^3 (40 + 15 e + 9 e^2)/64",
    sense="==",
    provenance="reconstructed",
    proof="Expand 1 - x^2 (1 + e/2 + 3 e^2/8)^2 at x^2 = 1 - e.",
)

SF_N1c = claim(
    id="SF-N1.c",
    statement="The classical maps rise from 0 to the fixed point 1 on [0, 1]; so the smallest singular value "
    "has the largest error, exactly.",
    formula="cubic, pade5: p' >= 0 on [0, 1], p(0) = 0, p(1) = 1; max over [ell, 1] of |1 - p^K| = 1 - "
    "p^K(ell)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("monotone",),
    proof="p' = (3/2)(1 - x^2) and (15/8)(1 - x^2)^2.",
)

SF_N1d = claim(
    id="SF-N1.d",
    statement="The error after K steps is below the defect raised to the power 2^K or 3^K.",
    formula="1 - x_K <= 1 - x_K^2 <= (1 - ell^2)^((q+1)^K),  q = 1 (cubic), 2 (pade5)",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("0 <= x <= 1",),
    rests_on=("SF-N1.a", "SF-N1.b"),
    proof="The factors (3 + e)/4 and (40 + 15 e + 9 e^2)/64 are at most 1 on [0, 1].",
)

SF_N1e = claim(
    id="SF-N1.e",
    statement="After Frobenius normalisation the smallest singular value is one over the condition number "
    "times the root of the stable rank.",
    formula="s_min/|G|_F = 1/(kappa sqrt(srank))",
    sense="==",
    provenance="reconstructed",
    proof="s_min/F = (s_min/s_1)(s_1/F).",
)

SF_N1f = claim(
    id="SF-N1.f",
    statement="Small singular values grow by the factor a a step, until they are of order one: about "
    "ln(1/ell)/ln a steps, to which the quadratic or cubic phase adds a few.",
    formula="y (1 - k y^2) <= x_K <= y for y = a^K ell, k y^2 <= 1;  cubic a = 3/2, k = 4/15;  pade5 a = "
    "15/8, k = 128/483",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("k y^2 <= 1",),
    proof="p(x) <= a x and p(x) >= a x (1 - h x^2), h = 1/3 or 2/3; induction with k (a^2 - 1) = h.",
)

SF_N1g = claim(
    id="SF-N1.g",
    statement="Five classical steps bring a flat spectrum of rank R to within 0.01 of one only for small R.",
    formula="K = 5: 1 - p^K(R^(-1/2)) <= 0.01  <=>  R <= 13 (cubic), R <= 124 (pade5)",
    sense="iff",
    provenance="reconstructed",
    rests_on=("SF-N1.a", "SF-N1.b", "SF-N1.c"),
    proof="x_0^2 = 1/R is rational, so e_5 is; the error is at most 0.01 iff e_5 <= 1 - 0.99^2.",
)

SF_N2a = claim(
    id="SF-N2.a",
    statement="One is no fixed point of the tuned map, and its two positive fixed points repel.",
    formula="p(1) = 0.701;  x_-+ = 0.868025797655531, 1.26372906729838;  p'(x_-) = -1.58237309947, p'(x_+) = "
    "6.473",
    sense="==",
    provenance="extension",
    proof="x^2 solves c t^2 + b t + a - 1 = 0; there p' = 5 - 4 a - 2 b t.",
)

SF_N2b = claim(
    id="SF-N2.b",
    statement="The tuned map has one local maximum and one local minimum in x > 0, and no zero.",
    formula="x_1 = 0.554528790854495, p = 1.20236860516321;  x_2 = 1.05013607912102, p = m = "
    "0.681831462177185;  b^2 < 4 a c",
    sense="==",
    provenance="extension",
    proof="5 c t^2 + 3 b t + a has the roots x_1^2, x_2^2; c t^2 + b t + a has none.",
)

SF_N2c = claim(
    id="SF-N2.c",
    statement="The interval J between the local minimum value and its image is mapped onto itself.",
    formula="p(J) = J,  J = [m, p(m)] = [0.681831462177185, 1.13435726456247]",
    sense="==",
    provenance="extension",
    proof="x_1 < m < x_2 < M: the range over J is [m, max(p(m), p(M))], and p(M) < M.",
)

SF_N2d = claim(
    id="SF-N2.d",
    statement="Every singular value between 0 and the larger fixed point enters J after finitely many steps.",
    formula="0 < x < x_+  =>  p^k(x) in J for some k",
    sense="exists",
    provenance="extension",
    hypotheses=("0 < x < x_+",),
    rests_on=("SF-N2.a", "SF-N2.c"),
    proof="Below m: p(x) > x by a factor, and p([0, m]) stays below x_+.  Between M and x_+: p(x) < x, p "
    "rises there and p(M) is in J, so that the orbit falls and cannot jump over J.",
)

SF_N2e = claim(
    id="SF-N2.e",
    statement="Every start above the larger fixed point escapes to infinity.",
    formula="x > x_+ = 1.26372906729838  =>  p^k(x) -> infinity",
    sense="for all",
    provenance="extension",
    hypotheses=("x > x_+",),
    rests_on=("SF-N2.a",),
    proof="p(x)/x = a + b t + c t^2 is above 1 and increasing for t > x_+^2.",
)

SF_N2f = claim(
    id="SF-N2.f",
    statement="On J the tuned map has a cycle of four numbers that attracts.",
    formula="0.68191932080621439 -> 1.13426764038253 -> 0.752916213732907 -> 1.04690703407586 -> ..., (p^4)' "
    "= -0.142804151797",
    sense="exists",
    provenance="extension",
    corrects="SF-C6",
    proof="One interval Newton step on p^4(x) - x in a ball of radius 1e-12: the image lies inside.",
)

SF_N2g = claim(
    id="SF-N2.g",
    statement="Its cycle of two numbers repels.",
    formula="0.709264 -> 1.103977 -> 0.709264,  (p^2)' = -1.279",
    sense="exists",
    provenance="extension",
    proof="Interval Newton on p^2(x) - x.",
)

SF_N2h = claim(
    id="SF-N2.h",
    statement="The Schwarzian derivative of the tuned map is negative.",
    formula="p'''/p' - (3/2)(p''/p')^2 < 0",
    sense="<",
    provenance="extension",
    hypotheses=("real critical points",),
    rests_on=("SF-N2.b",),
    proof="With p''/p' = sum 1/(x - r) over the four real critical points r it is -sum (x - r)^-2 - (sum (x - "
    "r)^-1)^2/2.",
)

SF_N2i = claim(
    id="SF-N2.i",
    statement="Almost every singular value in (0, x_+) ends on the four numbers.",
    formula="Lebesgue-almost every 0 < x < x_+: p^k(x) -> the cycle of SF-N2.f",
    sense="for all",
    provenance="extension",
    hypotheses=("0 < x < x_+",),
    rests_on=("SF-N2.d", "SF-N2.h", "SF-N2.k"),
    proof="Singer 1978 and Guckenheimer 1979 for maps of an interval with one critical point in it, negative "
    "Schwarzian derivative and an attracting cycle; preimages of null sets are null.  The checks prove all "
    "but a small share.",
)

SF_N2j = claim(
    id="SF-N2.j",
    statement="In the limit of many steps singular values deviate from one by up to 0.318, with mean 0.904.",
    formula="over the cycle: max |1 - x| = 0.318081, mean x = 0.904003, mean x^2 = 0.853619",
    sense="==",
    provenance="extension",
    rests_on=("SF-N2.f",),
)

SF_N2k = claim(
    id="SF-N2.k",
    statement="The orbits of both critical points tend to the cycle of four.",
    formula="p^k(x_1), p^k(x_2) -> the cycle of SF-N2.f",
    sense="exists",
    provenance="extension",
    rests_on=("SF-N2.f",),
    proof="They are followed in balls into a neighbourhood of the cycle that p^4 contracts into itself.",
)

SF_N3a = claim(
    id="SF-N3.a",
    statement="After five tuned steps the exact range of singular values that began in [ell, 1] is wide, and "
    "does not depend on ell over decades.",
    formula="R[ell, 1] of p^5 = [0.681831, 1.202369] for ell in [0.00150513, 0.00411135], J for ell in "
    "[0.00518439, 0.5]; between them the upper end falls",
    sense="==",
    provenance="extension",
    rests_on=("SF-N2.c", "SF-N4"),
    proof="Exact ranges at both ends of each interval of ell: a range grows with its interval.",
)

SF_N3b = claim(
    id="SF-N3.b",
    statement="No composition of five odd quintics, whatever the coefficients, brings all of [ell, 1] to "
    "within 0.01 of one once 1/ell exceeds 398.90.",
    formula="E_5(ell) > 0.01  <=>  1/ell > 398.90;  T = 3, 4, 6: 22.292, 93.923, 1697.3;  cubics, T = 5, 6, "
    "8, 10: 32.233, 83.227, 559.96, 3777.9",
    sense="iff",
    provenance="extension",
    corrects="SF-C1",
    rests_on=("SF-N5.c",),
    proof="The greedy composition has a smaller error on one side; on the other side equioscillating "
    "references prove that none has.",
)

SF_N3c = claim(
    id="SF-N3.c",
    statement="Five steps of the Pade map put the largest singular value within 0.01 of one exactly for "
    "stable ranks up to 124.4.",
    formula="pade5, K = 5: 1 - p^K(s_1/F) <= 0.01  <=>  srank <= 124.4...",
    sense="iff",
    provenance="extension",
    rests_on=("SF-N1.b", "SF-N1.c"),
    proof="s_1/F = srank^(-1/2), and p^5 rises.",
)

SF_N3d = claim(
    id="SF-N3.d",
    statement="Five tuned steps bring 1.72 % of [0, 1] to within 0.01 of one; 43.9 % end above 1.01, 54.4 % "
    "below 0.99.",
    formula="shares of [0, 1]: 0.0172, 0.439, 0.544; rms of p^5 - 1: 0.197; of [1e-3, 1] by dx/x: 0.0217 "
    "within, 0.347 above",
    sense="==",
    provenance="extension",
    proof="Preimages of intervals, branch by branch.",
)

SF_N3e = claim(
    id="SF-N3.e",
    statement="Even an orthogonal matrix does not come out within 0.01 of itself, except at few sizes.",
    formula="n <= 1024: |p^5(n^(-1/2)) - 1| < 0.01  <=>  n = 31, 41, 162-164, 277-282, 658-676",
    sense="iff",
    provenance="extension",
    proof="All sizes, in balls.",
)

SF_N3f = claim(
    id="SF-N3.f",
    statement="The largest singular value of a Gaussian matrix after five tuned steps is near the upper end "
    "of the range.",
    formula="n x n Gaussian, Frobenius-normalised: median of max_i p^5(s_i/F) = 1.13 (n = 32), 1.20 (n = 256)",
    sense="==",
    provenance="extension",
    kind="law",
    rests_on=("SF-N3.a",),
)

SF_N3g = claim(
    id="SF-N3.g",
    statement="The deployed Polar Express brings [1e-3, 1] to within 0.124 of one in five steps, 0.0012 in "
    "six, 1e-9 in seven.",
    formula="worst errors 0.12356, 1.18493e-3, 1.03982e-9 after 5, 6, 7 steps",
    sense="==",
    provenance="extension",
    rests_on=("SF-N4",),
    proof="Exact ranges of the coefficients as they are.",
)

SF_C1 = claim(
    id="SF-C1",
    statement="After five Newton-Schulz iterations with the default coefficients the largest singular value "
    "differs from one by less than 0.01, for every gradient.",
    formula="|max_i p^5(s_i/F) - 1| < 0.01",
    sense="<",
    provenance="secondary",
)

SF_C6 = claim(
    id="SF-C6",
    statement="Newton-Schulz with the default coefficients converges to the polar factor.",
    formula="p^K(s_i/F) -> 1 as K -> infinity",
    sense="==",
    provenance="secondary",
)
