"""Claims about how far the loss theorem carries: gradients that vary within the levels, power laws, other steps.

GD and Muon use exact line search unless a claim says otherwise.
"""

from __future__ import annotations

from theory.curvature_nds.paper import claim

POSITIVE = "sigma_i > 0"
SPREAD = "sigma_i vary within the levels"
SYNCHRONISED = "T <= T_sync"

# --- X6: the loss theorem is not robust ---------------------------------------------------------------------

NDS_X6a = claim(
    id="NDS-X6.a",
    statement="Gradients that vary within the two levels do not change GD: only the energies of the levels "
    "count.",
    formula="Phi_T = kappa^T Phi_0,  kappa with x = sum_H sigma^2/sum_L sigma^2",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6"),
    rests_on=("NDS-P2.c",),
    proof="GD multiplies all residuals of a level by one number.",
)

NDS_X6b = claim(
    id="NDS-X6.b",
    statement="They change Muon: an arbitrarily small rise of one low mode takes it, after as many steps "
    "as the rise is small, to the ray of NDS-X5.h, and it stays there.",
    formula="sigma = s (high), 1 - delta/n (low), 1 + delta - delta/n (one low), delta = n (1 - s/rho) "
    "g^K, K = 0, 1, ...:  Phi_T = delta^2 (1 - pi)(1 - 2 pi)^(2(T - K - 1))/2 for all T > K,  n = q - m, "
    "pi = w_L/sum w",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6", "a rho > 1", "s < rho"),
    rests_on=("NDS-X5.h", "NDS-X6s.a"),
    proof="Deviations from the mean of a level do not move while its mean shrinks by g a step; after K "
    "steps the two means are such that the next step lands on the ray.  Found by walking back from the ray.",
)

NDS_X6c = claim(
    id="NDS-X6.c",
    statement="So the loss theorem holds in no neighbourhood of any instance: with these gradients, as "
    "near to two levels as one likes, GD's loss is the lower one from some step on.",
    formula="alpha < 1/2:  kappa <= ((rho - 1)/(rho + 1))^2 < (1 - 2 pi)^2, whatever the energies of the "
    "levels are",
    sense="<",
    provenance="extension",
    hypotheses=("A3", "A6", "a rho > 1", "s < rho"),
    rests_on=("NDS-X6.a", "NDS-X6.b"),
    proof="2 pi < 2/(rho + 1) as m rho + n >= rho + 2.  Losses are continuous in the gradients, so an open "
    "set of gradients loses at that step.",
)

NDS_X6d = claim(
    id="NDS-X6.d",
    statement="With gradients drawn at random within the levels the late rate of Muon is that of one "
    "lagging mode, however small the spread is.",
    formula="sigma_i (1 + delta xi_i), xi_i uniform on [-1, 1]:  late rate = -ln(1 - 4 w_L/sum w) for "
    "every delta > 0, within 0.5 %;  m = 4, q = 16, rho = 12, s = 2: 0.069, against 1.0217 at delta = 0 "
    "and GD's 0.340",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A6", SPREAD),
    rests_on=("NDS-X5.i",),
    proof="Observed, for delta from 1e-8 to 1/2.",
)

NDS_X6e = claim(
    id="NDS-X6.e",
    statement="Not every spread costs Muon its lead soon: on three modes it can stay ahead for hundreds of "
    "steps, and a little more curvature makes it lose.",
    formula="w = (rho, 1, 1), sigma = (6/5, 101/100, 1):  Phi_T(Muon) < Phi_T(GD) for all 1 <= T <= 600 at "
    "rho = 41/20;  not at T = 42 for rho = 11/5",
    sense="exists",
    provenance="extension",
    hypotheses=("A6",),
    proof="Exact runs.",
)

NDS_X6f = claim(
    id="NDS-X6.f",
    statement="A tenfold smaller spread delays GD's overtaking by a fixed number of steps.",
    formula="T_x = [2 ln(1/delta)(1 - r_late/r_early) + c]/(r_GD - r_late),  r_early = -ln g^2;  m = 4, q "
    "= 16, rho = 12, s = 2: 15.84 steps per decade",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A6", SPREAD),
    rests_on=("NDS-X6.d", "NDS-X6s.c"),
    proof="Two straight lines in the logarithm of the loss.  Observed in exact runs, delta from 1e-8 to "
    "1e-24.",
)

# --- X6s: what remains true, for a finite number of steps ---------------------------------------------------

NDS_X6sa = claim(
    id="NDS-X6s.a",
    statement="While each mode has the sign of the mean of its level, Muon moves the means as if there "
    "were no spread, and leaves the deviations where they are.",
    formula="Phi_T = gamma(a, sbar, rho) g^(2(T-1)) (m w_H D_H^2 + n w_L D_L^2)/2 + sum w_i e_i^2/2, T >= "
    "1;  D the mean of sigma_i/w_i on a level, e_i the deviation from it, sbar = rho D_H/D_L",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6", POSITIVE, SYNCHRONISED),
    rests_on=("NDS-P3.c",),
    proof="A level moves as a whole, and the length of the step depends on the means alone.",
)

NDS_X6sb = claim(
    id="NDS-X6s.b",
    statement="How long that lasts.",
    formula="T_sync = first T >= 1 with |g|^(T-1) A <= max|e_i| on a level,  A_H = D_L|rho - sbar|/(rho (a "
    "rho + 1)), A_L = a D_L|rho - sbar|/(a rho + 1):  for 1 <= t < T_sync every d_i has the sign of its "
    "level's mean",
    sense=">",
    provenance="extension",
    hypotheses=("A3", "A6", POSITIVE),
    rests_on=("NDS-P3.a", "NDS-P3.b"),
    proof="The means have these moduli after T steps.",
)

NDS_X6sc = claim(
    id="NDS-X6s.c",
    statement="It is proportional to the logarithm of the spread.",
    formula="e_i -> |g| e_i at equal means:  T_sync -> T_sync + 1;  so T_sync ~ ln(1/delta)/ln(1/|g|)",
    sense="==",
    provenance="extension",
    hypotheses=("A3", "A6", POSITIVE),
    rests_on=("NDS-X6s.b",),
    proof="The condition |g|^(T-1) A <= delta epsilon is unchanged when T grows by one and delta shrinks "
    "by |g|.",
)

# --- X7: power laws -----------------------------------------------------------------------------------------

NDS_X7a = claim(
    id="NDS-X7.a",
    statement="On power laws Muon's lead ends: GD overtakes it at a known step.",
    formula="w_i = i^(-c), sigma_i = w_i^(1/2):  Phi_T(Muon) < Phi_T(GD) <=> T < T_x for T = 1, ..., T_x:  T_x = "
    "20 (q = 10, c = 1), 65 (30, 1), 1031 (88, 1.3)",
    sense="iff",
    provenance="extension",
    hypotheses=("A6",),
    proof="Runs in balls.",
)

NDS_X7b = claim(
    id="NDS-X7.b",
    statement="Because its late rate is that of the lightest mode, and lower than GD's.",
    formula="rates of Muon and GD over T = 1000 to 2000: 0.145 and 0.411 (q = 10, c = 1), 0.0339 and 0.145 (30, "
    "1), 0.00388 and 0.0130 (88, 1.3);  Muon's is -ln(1 - 4 pi_q) within 1.5 %",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A6",),
    rests_on=("NDS-X5.i",),
    proof="Observed.",
)

NDS_X7c = claim(
    id="NDS-X7.c",
    statement="On a steep spectrum, over six decades, that is out of sight.",
    formula="q = 88, c = 3.3:  Phi_T(Muon) < Phi_T(GD) for 1 <= T <= 2000",
    sense="<",
    provenance="extension",
    kind="law",
    hypotheses=("A6",),
    proof="Observed.",
)

NDS_X7d = claim(
    id="NDS-X7.d",
    statement="If all gradients are equal, both take the same first step.",
    formula="sigma_i = sigma:  Y_1(Muon) = Y_1(GD) on any spectrum",
    sense="==",
    provenance="extension",
    hypotheses=("A6", "equal gradients"),
    proof="The polar factor is then proportional to the gradient.",
)

NDS_X7e = claim(
    id="NDS-X7.e",
    statement="And then Muon is ahead for a while all the same.",
    formula="w_i = i^(-c), sigma_i = 1:  Phi_T(Muon) < Phi_T(GD) <=> T < T_x for T = 2, ..., T_x:  T_x = 10 (q = "
    "10, c = 1), 46 (30, 1), 797 (88, 1.3)",
    sense="iff",
    provenance="extension",
    hypotheses=("A6", "equal gradients"),
    rests_on=("NDS-X7.d",),
    proof="Runs in balls.",
)

# --- X14: halving steps -------------------------------------------------------------------------------------

FAR = "D >= max |d_i(0)|"

NDS_X14a = claim(
    id="NDS-X14.a",
    statement="Muon with halving steps has a linear rate of 1/4 on every spectrum, for every gradient: "
    "signs bisect each mode.",
    formula="eta_t = D/2^(t+1), D >= max|d_i(0)|:  |d_i(t)| <= D/2^t, so Phi_T <= (sum w) D^2 4^(-T)/2",
    sense="<=",
    provenance="extension",
    hypotheses=(FAR,),
    rests_on=("NDS-P1.a",),
    proof="|u| <= 2 eta implies ||u| - eta| <= eta.",
)

NDS_X14b = claim(
    id="NDS-X14.b",
    statement="No common sequence of steps does better against distances anywhere in [0, D].",
    formula="sup over u in [0, D] of |...||u - eta_0| - eta_1| ... - eta_{T-1}| >= D/2^T for all eta",
    sense=">=",
    provenance="extension",
    proof="The image of an interval under u -> |u - eta| contains an interval of half its length.",
)

NDS_X14c = claim(
    id="NDS-X14.c",
    statement="A first step that is too short leaves a floor.",
    formula="D < max|d_i(0)|:  |d_i(t)| >= |d_i(0)| - D (1 - 2^(-t)) > |d_i(0)| - D in that mode, for all t",
    sense=">",
    provenance="extension",
    hypotheses=("D < |d_i(0)|",),
    proof="The steps add up to less than D.",
)

NDS_X14d = claim(
    id="NDS-X14.d",
    statement="Any ratio from 1/2 up to 1 does as well, with its own rate; a ratio below 1/2 does not.",
    formula="eta_t = D (1 - th) th^t:  1/2 <= th < 1: |d_i(t)| <= D th^t;  th < 1/2: |d_i(1)| > D th for "
    "d_i(0) = 0+",
    sense="iff",
    provenance="extension",
    hypotheses=(FAR,),
    rests_on=("NDS-X14.a",),
    proof="|u - (1 - th)| <= th on [0, 1] if and only if th >= 1/2.",
)

NDS_X14e = claim(
    id="NDS-X14.e",
    statement="The sharpness does not know of it: it is the mean curvature with these steps as with any "
    "other.",
    formula="S(Z_t) = mean(w_i : r_i != 0)",
    sense="==",
    provenance="extension",
    rests_on=("NDS-X4.a",),
    proof="It is a property of the direction.",
)
