"""Claims about inexact polar factors: what a few polynomial steps do to the threshold and to the progress.

The update is X = U diag(phi) V^T, phi_i >= 0; tau is its threshold over that of the exact polar factor.
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_T5 = claim(
    id="SF-T5",
    statement="The threshold of an inexact polar factor: what the gradient gains along it, over its squared length.",
    formula="A1:  decrease is guaranteed  <=>  0 < eta < eta(phi) = (2/L) sum s phi/sum phi^2 = tau eta_T1",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A3"),
    rests_on=("SF-T1.d",),
    proof="Insert D = -eta X in A1; sharp for the isotropic quadratic.",
)

SF_T5i = claim(
    id="SF-T5.i",
    statement="If the iteration keeps the order of the singular values, as all classical ones do, it costs no more "
    "than its overshoot b: with b <= 1 the stable step is at least that of the exact polar factor.",
    formula="phi nondecreasing in s, 0 < phi <= b:  tau >= 1/b, with equality  <=>  phi_i = b for all i",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "A3", "phi nondecreasing"),
    rests_on=("SF-T5",),
    corrects="SF-C2",
    proof="Chebyshev: r sum s phi >= sum s sum phi; and sum phi^2 <= b sum phi.",
)

SF_T5ii = claim(
    id="SF-T5.ii",
    statement="If only a window for the singular values of the update is known, the threshold may fall, by no more "
    "than a factor that is the exact infimum over all spectra of this rank.",
    formula="a <= phi_i <= b, r >= 2:  tau >= r a/(a^2 + (r-1) b^2) >= a/b^2;  the first is the infimum: all mass on "
    "one mode with phi = a, the others b.  (r = 1: tau = 1/phi >= 1/b.)",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "A3", "r >= 2"),
    rests_on=("SF-T5",),
    proof="With x the least phi_i: sum s phi >= x N, sum phi^2 <= x^2 + (r-1) b^2, and x/(x^2 + (r-1) b^2) increases "
    "on [0, b] for r >= 2.",
)

SF_T5iim = claim(
    id="SF-T5.iim",
    statement="If some singular values fall below the window, the bound is multiplied by the share of the nuclear "
    "norm inside.",
    formula="phi <= b, phi_i >= a for i in I, r >= 2:  tau >= (sum_I s/N) r a/(a^2 + (r-1) b^2)",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "A3", "r >= 2"),
    rests_on=("SF-T5.ii",),
    proof="The proof of SF-T5.ii with x the least phi_i inside.",
)

SF_T5iii = claim(
    id="SF-T5.iii",
    statement="Without any iteration the scale of the largest singular value does come back, as a longer step.",
    formula="phi = s/nu:  eta(phi) = 2 nu/L >= 2 s_1/L,  nu = F or s_1",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "A3"),
    rests_on=("SF-T5",),
    proof="sum s phi/sum phi^2 = nu.",
)

SF_T5p = claim(
    id="SF-T5.p",
    statement="What inexactness costs is progress: the square of the relative width of the window.",
    formula="A1', a <= phi_i <= b:  best guaranteed decrease (sum s phi)^2/(2 L_op b^2) >= (a/b)^2 N^2/(2 L_op)",
    sense=">=",
    provenance="extension",
    hypotheses=("A1'", "A3"),
    rests_on=("SF-T3.6",),
    proof="|X|_op <= b and sum s phi >= a N.",
)

SF_T5table = claim(
    id="SF-T5.table",
    statement="On a spectrum over three decades the ratio falls to one with the number of steps: from above for the "
    "classical maps, with a dip below one for Polar Express.",
    formula="s = geomspace(1, 10^-3, 32):  tau = 10.668 at K = 0;  1.157 after 5 steps of Muon's quintic, 3.276 of "
    "the cubic; Polar Express at least 0.868",
    sense="==",
    provenance="extension",
    kind="law",
    rests_on=("SF-T5",),
)

SF_T5draws = claim(
    id="SF-T5.draws",
    statement="On typical spectra five steps of Muon's quintic do not change the stable step much.",
    formula="s = exp(sig Z), sig in U(0.2, 2), r in 2..64:  tau between 0.69 and 3.8, mean 1.12",
    sense="==",
    provenance="extension",
    kind="law",
    rests_on=("SF-T5",),
)

SF_T5mix = claim(
    id="SF-T5.mix",
    statement="How low the ratio can be after five steps of Muon's quintic, if singular values between 0 and 1 may "
    "be mixed at will.",
    formula="0.5163 <= inf E[x phi]/(E x E phi^2) <= 0.51645 over all distributions of x in [0, 1], phi = p^5(x)",
    sense="==",
    provenance="extension",
    rests_on=("SF-T5",),
    proof="For a given mean the least E[x phi - t E[x] phi^2] is a convex envelope: one multiplier e for each small "
    "interval of means shows that it is not negative.  Two levels, 0.9013 and 0.00406, come as near.",
)

SF_T5tuned = claim(
    id="SF-T5.tuned",
    statement="The guaranteed step of Muon with five tuned steps is never below 52.3 % of the one with the exact "
    "polar factor, whatever the gradient; and one gradient comes within 0.15 % of this.",
    formula="0.523 <= inf tau <= 0.52378 over all spectra of all ranks, phi = p^5(s/F)",
    sense="==",
    provenance="extension",
    rests_on=("SF-T5", "SF-T5.mix"),
    proof="As sum x^2 = 1 one x at most, y, exceeds 1/sqrt 2; the others are at most sqrt(1 - y^2).  With multipliers"
    " e for the mean and zeta for the squares it is enough that k >= 0 below and k(y) + zeta >= 0, where k(x) = "
    "x phi - e x - zeta x^2 + lambda (e - t phi^2).  (More pieces show 0.5236.)  The instance: 0.999868, 16 times "
    "0.0040647.",
)

SF_C2 = claim(
    id="SF-C2",
    statement="False, an objection of a reviewer: that the residual error of the iteration lowers the stable step, "
    "back to a scale set by the largest singular value.",
    formula="phi = p_K(s/nu), K finite:  tau < 1",
    sense="<",
    provenance="secondary",
    hypotheses=("A1", "A3"),
    proof="Every spectrum that is not flat, the cubic map, any K: tau > 1 by SF-T5.i.",
)
