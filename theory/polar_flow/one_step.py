"""Claims about one step: which updates spread the spectrum most when they do not know it (POL-P1).

The weights have singular values s >= 0, the update d with |d_i| <= 1 shares their singular vectors, and h > 0.  Not
known is which d_i meets which s_j: the new spectrum is pi s + h d for an unknown permutation pi, all entries >= 0.
A spread is F(sigma) = Phi(sigma/sum sigma); the polar update is d = 1.
"""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_P1_bayes = claim(
    id="POL-P1.bayes",
    statement="On average over the unknown order of the spectrum no update spreads it more than the polar update, "
    "for every symmetric concave spread.",
    formula="E_pi F(pi s + h d) <= F(s + h 1)  for Phi symmetric and concave",
    sense="<=",
    provenance="secondary",
    hypotheses=("|d| <= 1",),
    proof="With c = mean d every pi s + h d, put back in the order of s, has sum S_c = sum s + h r c, and their mean "
    "is s + h c 1.  (s + h 1)/S_1 is a mean of (s + h c 1)/S_c and the uniform vector, with weight h r (1 - c)/S_1 "
    "on the latter.  So it is a mean of permutations of the (pi s + h d)/S_c, each pi with the same weight: Jensen.",
)

POL_P1_minimax = claim(
    id="POL-P1.minimax",
    statement="In the worst order of the spectrum no update spreads it more than the polar update, for every "
    "symmetric quasi-concave spread: participation and all Renyi entropies too.",
    formula="min_pi F(pi s + h d) <= F(s + h 1)  for Phi symmetric and quasi-concave",
    sense="<=",
    provenance="secondary",
    hypotheses=("|d| <= 1",),
    rests_on=("POL-P1.bayes",),
    proof="The same mean: a quasi-concave function is at least its minimum over the points averaged.",
)

POL_P1_ratios = claim(
    id="POL-P1.ratios",
    statement="The minimax form needs less than quasi-concavity: it holds for every Schur-concave function of the "
    "normalised powers sigma^p, and for the stable rank.",
    formula="s and d in the same order:  (s_i + h d_i)/(s_j + h d_j) >= (s_i + h)/(s_j + h)  for s_i >= s_j",
    sense=">=",
    provenance="extension",
    hypotheses=("|d| <= 1",),
    proof="(s_i + h d_i)(s_j + h) - (s_i + h)(s_j + h d_j) = h (s_i (1 - d_j) - s_j (1 - d_i)) + h^2 (d_i - d_j), no "
    "term negative.  If all ratios x_i/x_j, i < j, are at least y_i/y_j, so are those of powers, and partial sums "
    "differ by sum_{i <= k < j} (x_i y_j - y_i x_j) >= 0: x^p/sum x^p majorises y^p/sum y^p.",
)

POL_P1_unique = claim(
    id="POL-P1.unique",
    statement="If the spread is strictly concave and the spectrum not flat, only the polar update reaches the "
    "optimum, in both senses.",
    formula="d != 1, s not flat  =>  E_pi F(pi s + h d) < F(s + h 1)  and  min_pi F(pi s + h d) < F(s + h 1)",
    sense="<",
    provenance="reconstructed",
    hypotheses=("|d| <= 1", "s not flat"),
    rests_on=("POL-P1.bayes", "POL-P1.ratios"),
    proof="Jensen is strict unless the points averaged agree.  Their variance about (s + h 1)/S_1 is "
    "h^2 sum (d_i - c)^2/S_c^2 + sum (s_i - mean s)^2 (1/S_c^2 - 1/S_1^2) > 0.  And some ratio in POL-P1.ratios is "
    "strictly larger.",
)

POL_P1_pr = claim(
    id="POL-P1.pr",
    statement="Participation is not concave, but for two singular values the average form holds for it too.",
    formula="r = 2:  E_pi PR(pi s + h d) <= PR(s + h 1),  PR = (sum sigma)^2/sum sigma^2",
    sense="<=",
    provenance="extension",
    hypotheses=("|d| <= 1",),
    proof="PR = g(u) = 2/(1 + u^2), u = |sigma_1 - sigma_2|/sum.  With a = |s_1 - s_2|/S_c and e = h |d_1 - d_2|/S_c "
    "the two orders have u = a + e and |a - e|, the polar update at most a/(1 + e), and a + e <= 1.  The difference "
    "g(a/(1+e)) - (g(a+e) + g(a-e))/2 is a quadratic in a^2 over a positive denominator.",
)

POL_P1_open = claim(
    id="POL-P1.open",
    statement="Seen, not proved: the average form holds for participation with three or four singular values, and "
    "for the entropy of sigma^2.",
    formula="E_pi F(pi s + h d) <= F(s + h 1),  F = PR or the squared entropy, 2 <= r <= 4",
    sense="<=",
    provenance="extension",
    hypotheses=("|d| <= 1",),
    kind="law",
)

POL_P1_a = claim(
    id="POL-P1.a",
    statement="An update that may look at the spectrum does better than the polar one, whatever the spectrum that "
    "has a largest value: leave that one alone.",
    formula="d_1 = 0, d_j = 1 else, 0 < h <= s_1 - s_2:  F(s + h d) > F(s + h 1)  for every strict spread",
    sense=">",
    provenance="reconstructed",
    hypotheses=("h <= s_1 - s_2",),
    proof="All ratios but the first are unchanged, and s_1/(s_j + h) < (s_1 + h)/(s_j + h).",
)

POL_P1_b = claim(
    id="POL-P1.b",
    statement="The polar step must grow the weights: among steps that shrink them, standing still is optimal.",
    formula="-1 <= d_i <= 0:  E_pi F(pi s + h d) <= F(s)  for Phi symmetric and concave",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("d <= 0",),
    rests_on=("POL-P1.bayes",),
    proof="The proof of POL-P1.bayes with the bound 0 in place of 1.",
)

POL_P1_c = claim(
    id="POL-P1.c",
    statement="Without common singular vectors an orthogonal update can concentrate even a flat spectrum.",
    formula="W = 1, D a rotation of R^3 by theta:  svd(W + h D) = (1 + h, l, l),  l^2 = 1 + h^2 + 2 h cos theta",
    sense="==",
    provenance="reconstructed",
    proof="(1 + h D)^T (1 + h D) = (1 + h^2) 1 + h (D + D^T), and D + D^T has eigenvalues 2 and 2 cos theta twice.",
)

POL_P1_d = claim(
    id="POL-P1.d",
    statement="The operator norm is inessential: under any convex bound on d that knows no order the optimum is a "
    "multiple of the polar update, the largest one allowed.",
    formula="d in a permutation-invariant convex set:  E_pi F(pi s + h d) <= F(s + h C 1),  C = max {c : c 1 "
    "allowed}; |d|_2 <= b:  C = b/sqrt r",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("no order",),
    rests_on=("POL-P1.bayes",),
    proof="The mean of the permutations of d is mean(d) 1, so it is allowed and mean(d) <= C.",
)

POL_P1_e = claim(
    id="POL-P1.e",
    statement="False: that the average form holds for every spread that is largest at flat spectra, such as the "
    "stable rank.",
    formula="E_pi F(pi s + h d) <= F(s + h 1),  F = sum sigma^2/max sigma^2 or (sum sigma^2)^2/sum sigma^4",
    sense="<=",
    provenance="extension",
    hypotheses=("|d| <= 1",),
    proof="Fails at s = (16, 1), h = 14, d = (1, -1/14): the two orders give (30, 0) and (15, 15).",
)

POL_P1_f = claim(
    id="POL-P1.f",
    statement="On a flat spectrum all multiples of the polar update tie: there is no uniqueness.",
    formula="s flat:  F(s + h c 1) = F(s + h 1)  for every c with s + h c > 0",
    sense="==",
    provenance="reconstructed",
    hypotheses=("s flat",),
    proof="Both are flat.",
)
