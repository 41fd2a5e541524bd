"""Claims about rules: steps tied to the average, to the largest, or to another size of the singular values.

The step is eta = c Y(G)/L with a size Y of the spectrum: s_1, F/sqrt r, sbar or s_r.
"""

from __future__ import annotations

from theory.spectral_flattening.paper import claim

SF_T8i = claim(
    id="SF-T8.i",
    statement="A step of c times the average singular value over L is a descent method for every c below two.",
    formula="eta = c sbar/L, 0 < c < 2:  f_{t+1} <= f_t - c (2 - c) N^2/(2 L r)",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T1.a",),
    proof="The bound of SF-T1.a at this step.",
)

SF_T8pl = claim(
    id="SF-T8.pl",
    statement="Under the Polyak-Lojasiewicz inequality it converges linearly, without convexity.",
    formula="f_{t+1} - f* <= (1 - c (2 - c) nr(G) mu/(L r)) (f_t - f*)",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "PL"),
    rests_on=("SF-T8.i",),
    proof="N^2 = nr(G) F^2 >= 2 mu nr(G) (f - f*).",
)

SF_T8iso = claim(
    id="SF-T8.iso",
    statement="On the isotropic quadratic two is exact for this rule in every sense: convergence below, a constant "
    "loss at two, geometric divergence above.",
    formula="f_{t+1}/f_t = 1 + c (c - 2) nr(G)/r",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3"),
    rests_on=("SF-T1.d",),
    proof="f = F^2/(2L), so f_{t+1} - f_t = c (c - 2) N^2/(2 L r).",
)

SF_T8iia = claim(
    id="SF-T8.iia",
    statement="Tied to the largest singular value the step has to be shorter by the rank to be safe for every "
    "spectrum.",
    formula="Y = s_1, r >= 2:  decrease for every spectrum of rank r  <=>  c <= 2/r",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "r >= 2"),
    rests_on=("SF-T1.d",),
    proof="sbar/s_1 > 1/r, and tends to it along s = (1, t, ..., t), t -> 0.",
)

SF_T8iib = claim(
    id="SF-T8.iib",
    statement="Tied to the root mean square singular value, by the root of the rank.",
    formula="Y = F/sqrt r, r >= 2:  decrease for every spectrum of rank r  <=>  c <= 2/sqrt r",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "r >= 2"),
    rests_on=("SF-T1.d",),
    proof="sbar sqrt r/F = N/(sqrt r F) > 1/sqrt r, and tends to it along s = (1, t, ..., t), t -> 0.",
)

SF_T8iic = claim(
    id="SF-T8.iic",
    statement="Tied to the average or to the smallest one, c may be anything below two.",
    formula="Y = sbar or s_r:  decrease for every spectrum of rank r  <=>  c < 2",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A2", "A3"),
    rests_on=("SF-T1.d",),
    proof="sbar/s_r >= 1, with equality for flat spectra.",
)

SF_T8iid = claim(
    id="SF-T8.iid",
    statement="The gradient over its spectral norm, on the other hand, may be followed as far as the largest "
    "singular value allows.",
    formula="D = G/s_1:  decrease guaranteed  <=>  0 < eta < 2 s_1/L",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A3"),
    rests_on=("SF-T1.c",),
    proof="GD with the step eta/s_1.",
)

SF_T8iii = claim(
    id="SF-T8.iii",
    statement="Muon with a step equal to the average singular value over L cannot diverge: the excess loss shrinks "
    "at least by 1 - mu/(L r) a step.  Without the 1/L the rule depends on the unit of the loss.",
    formula="eta = sbar/L:  f_{t+1} - f* <= (1 - mu/(L r)) (f_t - f*)",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "PL", "step over L"),
    rests_on=("SF-T8.pl",),
    proof="SF-T8.pl at c = 1, nr(G) >= 1.",
)

SF_T8ns = claim(
    id="SF-T8.ns",
    statement="With an inexact polar factor two becomes two tau.",
    formula="D = X, eta = c sbar/L:  decrease guaranteed  <=>  0 < c < 2 tau",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "A3"),
    rests_on=("SF-T5",),
    proof="eta(phi) = tau eta_T1 = 2 tau sbar/L.",
)
