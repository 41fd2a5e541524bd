"""The paper's theorem, GD against Muon on two levels, and its sharp form: the phase diagram of who wins when.

Both optimisers use exact line search in every claim of this module.
"""

from __future__ import annotations

from theory.curvature_nds.paper import claim
from theory.curvature_nds.reduction import TWO_LEVELS

# The paper's condition for the loss, rho + 1 > 1/alpha > 1 + s, in the parameters of this package.
HIGH_TRACE = "a rho > 1"  # the high level has most of the curvature's trace,
LOW_MASS = "a s < 1"  # and less than half of the gradient's nuclear norm

NDS_T1 = claim(
    id="NDS-T1",
    statement="With exact line search for both, Muon's sharpness averaged over the first T steps is below GD's, "
    "for every T.",
    formula="Sbar_T(Muon) < Sbar_T(GD) for all T >= 1",
    sense="<",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-T1s.a",),
    proof="The difference over w_H - w_L is (1 - 1/T)(1/2 - alpha) + (p - alpha)/T for odd T, and 1/2 - alpha for "
    "even T; p > alpha as s > 1.",
)

NDS_T1sa = claim(
    id="NDS-T1s.a",
    statement="Both averages in closed form: GD's is the middle of the two curvatures up to 1/T, Muon's their "
    "mean.",
    formula="Sbar_T(GD) = w_L + D (1/2 + 1{T odd}(p - 1/2)/T),  Sbar_T(Muon) = w_L + D alpha,  D = w_H - w_L",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.a", "NDS-P3.e"),
    proof="P_t alternates between p and 1 - p.",
)

NDS_T1sb = claim(
    id="NDS-T1s.b",
    statement="After an even number of steps Muon's average is the lower one if and only if less than half of the "
    "modes are on the high level.",
    formula="T even:  Sbar_T(Muon) < Sbar_T(GD)  <=>  alpha < 1/2",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T1s.a",),
    proof="NDS-T1s.a; rho > 1.",
)

NDS_T1sc = claim(
    id="NDS-T1s.c",
    statement="After an odd number of steps the share of the gradient's energy counts too, by 1/T.",
    formula="T odd:  Sbar_T(Muon) < Sbar_T(GD)  <=>  alpha < 1/2 + (p - 1/2)/T",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T1s.a",),
    proof="NDS-T1s.a; rho > 1.",
)

NDS_T1sd = claim(
    id="NDS-T1s.d",
    statement="Muon's average is the lower one for every T if and only if alpha < 1/2 and s > 1; without s > 1 it "
    "fails for odd T up to a bound only.",
    formula="for all T <=> alpha < 1/2 and s > 1;  alpha < 1/2, s <= 1: not lower <=> T odd, T <= (1/2 - p)/(1/2 "
    "- alpha)",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T1s.b", "NDS-T1s.c"),
    proof="T = 1 compares p with alpha, T = 2 compares 1/2; between T = 1 and infinity the odd differences are "
    "convex combinations.",
)

NDS_T1se = claim(
    id="NDS-T1s.e",
    statement="Only energies enter: gradients may vary within the two groups of modes.",
    formula="NDS-T1s.a with x = sum_H sigma^2/sum_L sigma^2, for any sigma_i != 0 as long as no residual of Muon "
    "vanishes",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P1.b",),
    proof="GD multiplies all residuals of a group by one number; Muon's |z_i| are one whatever the residuals are.",
)

NDS_T2 = claim(
    id="NDS-T2",
    statement="With exact line search for both, if the high level has most of the curvature's trace and less than "
    "half of the gradient's nuclear norm, Muon's loss is below GD's after every number of steps.",
    formula="rho + 1 > 1/alpha > 1 + s  =>  Phi_T(Muon) < Phi_T(GD) for all T >= 1",
    sense="<",
    provenance="secondary",
    hypotheses=(*TWO_LEVELS, LOW_MASS, HIGH_TRACE),
    rests_on=("NDS-T2a.a", "NDS-T2b.a", "NDS-T2c.a"),
    proof="a s < 1 < a rho, s > 1.  Then both kappa - gamma and kappa - g^2 are positive, and Phi_T is geometric.",
)

NDS_T2aa = claim(
    id="NDS-T2a.a",
    statement="By how much Muon's first step is the better one: a product whose sign is that of (s - 1) D.",
    formula="kappa - gamma = a rho (s - 1) D/((a rho + 1)(x + rho)(x rho + 1)),  D = x (2 rho - 1 - s) + rho (1 + "
    "s) - 2 s",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c", "NDS-P3.c"),
    proof="Factor the difference.",
)

NDS_T2ab = claim(
    id="NDS-T2a.b",
    statement="For s > 1, Muon's first step is the better one up to one threshold of alignment, beyond s = rho.",
    formula="1 < s:  gamma < kappa <=> s < s*(a, rho),  s* > rho the one root of D above rho",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6", "s > 1"),
    rests_on=("NDS-T2a.a",),
    proof="D > 0 on 0 < s <= rho.  Beyond, D is concave in s and falls without end.",
)

NDS_T2ac = claim(
    id="NDS-T2a.c",
    statement="Without alignment GD's first step is the better one; at s = 1 both are the same.",
    formula="s < 1: gamma > kappa;  s = 1: gamma = kappa",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T2a.a",),
    proof="D > 0 for s <= rho, so s - 1 gives the sign.",
)

NDS_T2ad = claim(
    id="NDS-T2a.d",
    statement="Where the threshold of alignment is the square of the ratio of curvatures.",
    formula="D(s = rho^2) = rho (rho - 1)^2 (1 - a rho^3);  s* = rho^2 <=> a rho^3 = 1",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T2a.b",),
    proof="Substitute.",
)

NDS_T2ba = claim(
    id="NDS-T2b.a",
    statement="By how much Muon's late rate is the better one: a product of three factors.",
    formula="kappa - g^2 = rho [a rho (1 + 2 s + x) - (1 + 2 a s + x)][(1 - 2 a s + x) - a rho (1 - 2 s + x)]/((1 "
    "+ a rho)^2 (x rho + 1)(x + rho))",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c", "NDS-P3.c"),
    proof="Factor the difference.",
)

NDS_T2bb = claim(
    id="NDS-T2b.b",
    statement="If fewer than half of the modes are on the high level, Muon's late rate is the better one exactly "
    "between two ratios of curvatures.",
    formula="a < 1:  g^2 < kappa <=> y_1 < a rho < y_2,  y_1 = (1 + 2 a s + x)/(1 + 2 s + x),  y_2 = (1 - 2 a s + "
    "x)/(1 - 2 s + x) if that is positive, else y_2 = inf",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6", "a < 1"),
    rests_on=("NDS-T2b.a",),
    proof="The two factors of NDS-T2b.a add up to 4 a s (rho - 1) > 0, so they are not both negative.  For a < 1 "
    "the second one is positive where 1 - 2 s + x <= 0, because 1 - 2 a s + x = (1 - a) + a (1 - s)^2.",
)

NDS_T2bc = claim(
    id="NDS-T2b.c",
    statement="The lower end lies below the condition a rho > 1, the upper end above it: that condition is not "
    "sharp.",
    formula="a < 1:  a < y_1 < 1 < y_2,  so that rho_lo = y_1/a > 1",
    sense="<",
    provenance="extension",
    hypotheses=("A3", "A6", "a < 1"),
    rests_on=("NDS-T2b.b",),
    proof="1 - y_1 and y_2 - 1 have the numerator 2 s (1 - a), y_1 - a has (1 - a)(1 + x).",
)

NDS_T2bd = claim(
    id="NDS-T2b.d",
    statement="With few modes on the high level the lower end is below 1/a by a factor 2 s + 1.",
    formula="a rho_lo -> 1/(2 s + 1) as a -> 0",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T2b.b",),
    proof="y_1 at a = 0.",
)

NDS_T2be = claim(
    id="NDS-T2b.e",
    statement="The same in one line, for any number of modes on the high level: Muon's late rate is the better "
    "one where the curvature's two traces are near enough to balance, by a measure of the gradient's two "
    "energies.",
    formula="g^2 < kappa <=> |a rho - 1|/(rho - 1) < 2 a s/(1 + a s^2)",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T2b.a",),
    proof="The two factors of NDS-T2b.a are the sum and the difference of 2 a s (rho - 1) and (a rho - 1)(1 + x).",
)

NDS_T2ca = claim(
    id="NDS-T2c.a",
    statement="When Muon's loss is lower after every number of steps: the sharp condition.",
    formula="for all T >= 1 <=> s = rho, or 1 < s < s* and y_1 <= a rho <= y_2",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6", "a < 1"),
    rests_on=("NDS-T2a.b", "NDS-T2a.c", "NDS-T2b.b"),
    proof="Phi_T(Muon)/Phi_T(GD) = (gamma/kappa)(g^2/kappa)^(T-1) is monotone in T: the first step and the late "
    "rate decide.",
)

NDS_T2cb = claim(
    id="NDS-T2c.b",
    statement="A simple condition that is weaker than the paper's.",
    formula="a rho >= 1, x <= 2 s - 1, 1 < s <= rho  =>  Muon's loss is lower for all T >= 1;  and a s < 1, s > 1 "
    "=> x < 2 s - 1",
    sense="<",
    provenance="extension",
    hypotheses=("A3", "A6", "a < 1", "s <= rho"),
    rests_on=("NDS-T2c.a",),
    proof="y_2 is infinite, y_1 < 1 and s* > rho.  x < s < 2 s - 1 if a s < 1 < s.",
)

NDS_T2cc = claim(
    id="NDS-T2c.c",
    statement="The paper's a s = 1 is where the two thresholds meet: with less nuclear mass on the high level "
    "only the late rate counts.",
    formula="rho_1 - rho_lo has the sign of a s - 1, rho_1 the zero of D in rho;  1 < s < 1/a:  lower for all T "
    ">= 1 <=> rho >= rho_lo",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6", LOW_MASS),
    rests_on=("NDS-T2c.a",),
    proof="D is linear in rho, and the difference of the two quotients has the factor (a s - 1)(a s + 1).  y_2 is "
    "infinite for a s <= 1 < s.",
)

NDS_T2di = claim(
    id="NDS-T2d.i",
    statement="Region I: Muon's loss is lower after every number of steps.",
    formula="gamma < kappa, g^2 <= kappa, or gamma = 0 < kappa  =>  Phi_T(Muon) < Phi_T(GD) for all T >= 1",
    sense="<",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c", "NDS-P3.c"),
    proof="The ratio of the losses begins below one and does not grow.",
)

NDS_T2dii = claim(
    id="NDS-T2d.ii",
    statement="Region II: Muon's loss is lower at first, and from a known step on it is not.",
    formula="0 < gamma < kappa < g^2:  lower <=> T < T_x = ceil(1 + ln(kappa/gamma)/ln(g^2/kappa))",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c", "NDS-P3.c"),
    proof="The ratio of the losses grows by g^2/kappa per step and is one at that T.",
)

NDS_T2diii = claim(
    id="NDS-T2d.iii",
    statement="Region III: Muon's loss is not lower at first, and from a known step on it is.",
    formula="gamma >= kappa > g^2:  lower <=> T >= floor(1 + ln(kappa/gamma)/ln(g^2/kappa)) + 1  (g = 0: T >= 2)",
    sense="iff",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c", "NDS-P3.c"),
    proof="The ratio of the losses falls by g^2/kappa per step.",
)

NDS_T2div = claim(
    id="NDS-T2d.iv",
    statement="Region IV: Muon's loss is never lower.",
    formula="gamma >= kappa, g^2 >= kappa  =>  Phi_T(Muon) >= Phi_T(GD) for all T",
    sense=">=",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c", "NDS-P3.c"),
    proof="The ratio of the losses begins at least at one and does not fall.",
)

NDS_T2dv = claim(
    id="NDS-T2d.v",
    statement="How much of a box of parameters each region fills, and how much of region I the paper's condition "
    "covers: just under a half.",
    formula="alpha, ln rho, ln s uniform on (0, 1/2) x (0, ln 100) x (0, ln 20):  I .479, II .317, III .039, IV "
    ".165;  the paper's condition .232, which is .484 of I",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-T2a.b", "NDS-T2b.b", "NDS-T2c.c"),
    proof="For given alpha and s each region is an interval of rho with rational ends.",
)

NDS_T2ea = claim(
    id="NDS-T2e.a",
    statement="If half of the modes or more are on the high level, Muon's late rate is never the better one.",
    formula="a >= 1  =>  g^2 >= kappa for all rho > 1, s > 0,  with equality only at a = s = 1",
    sense=">=",
    provenance="extension",
    hypotheses=("A6", "a >= 1"),
    rests_on=("NDS-T2b.e",),
    proof="a rho - 1 >= a (rho - 1) and 1 + a s^2 >= 1 + s^2 >= 2 s.",
)

NDS_T2eb = claim(
    id="NDS-T2e.b",
    statement="Then Muon's loss is the higher one from some step on, unless its first step is exact: in this "
    "model a lower long-run sharpness is necessary for a lower long-run loss, and not sufficient.",
    formula="a >= 1, s != rho, (a, s) != (1, 1):  Phi_T(Muon) > Phi_T(GD) for all large T;  s = rho: Phi_1(Muon) "
    "= 0",
    sense="iff",
    provenance="extension",
    hypotheses=("A6", "a >= 1"),
    rests_on=("NDS-T2e.a", "NDS-T1s.b"),
    proof="g^2 > kappa and gamma > 0.  At a = s = 1 both rates and both losses agree.",
)
