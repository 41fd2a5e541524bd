"""Claims about the reduction to modes, and about the two recursions: GD and Muon, both with exact line search."""

from __future__ import annotations

from theory.curvature_nds.paper import claim

# Two levels: the curvatures (A3) and the gradient's coefficients (A4) have two values each, on the same modes.
TWO_LEVELS = ("A1", "A2", "A3", "A4", "A5", "A6")

NDS_P1a = claim(
    id="NDS-P1.a",
    statement="The residual of GD and of Muon stays in the span of the paired modes, and the polar factor acts on "
    "each of them by its sign.",
    formula="R_t = sum_i r_i M_i,  spec(R_t) = sum_i sgn(r_i) M_i,  r_i <- r_i - eta w_i z_i",
    sense="==",
    provenance="secondary",
    hypotheses=("A1", "A2", "A4", "A5"),
    proof="A_k M_i B_k is a multiple of M_i, so that H[M_i] = w_i M_i.  The M_i have orthonormal rows and "
    "columns.",
)

NDS_P1b = claim(
    id="NDS-P1.b",
    statement="The sharpness of an update in that span is a mean of the paired curvatures.",
    formula="S(Z) = sum w_i z_i^2/sum z_i^2  for Z = sum z_i M_i",
    sense="==",
    provenance="secondary",
    hypotheses=("A1", "A2", "A4"),
    rests_on=("NDS-P1.a",),
    proof="H[M_i] = w_i M_i and <M_i, M_j> = 1{i = j}.",
)

NDS_P1c = claim(
    id="NDS-P1.c",
    statement="A small part of the displacement beside the paired modes: to first order a step of Muon of length "
    "eta multiplies one combination of each pair of entries by a number that may exceed one in modulus, and keeps "
    "the other.",
    formula="D = sum d_i M_i + sum_{i != j} d_ij u_i v_j^T, e = sgn(r_i r_j):  d_ij - e d_ji <- (1 - 2 eta "
    "c_ij/(|r_i| + |r_j|)) (d_ij - e d_ji),  d_ij + e d_ji unchanged, c_ij = c_ji",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "A2", "A5", "no r_i = 0"),
    rests_on=("NDS-P1.a",),
    proof="The derivative of the polar factor at diag(r) is (E_ij - e E_ji)/(|r_i| + |r_j|): then Z^T Z = 1 and "
    "Z^T R is symmetric, both to first order.",
)

NDS_P1d = claim(
    id="NDS-P1.d",
    statement="So the reduction is exact, and not stable: where the modes beside the pairs are curved, "
    "line-searched Muon amplifies whatever is not paired, even rounding, until it leaves the span of the pairs.",
    formula="w_i = i^(-1.3), sigma_i = w_i^(1/2), c_ij = (w_i w_j)^(1/2), q = 10, 20, 48: an unpaired part of "
    "1e-12 exceeds 1e-3 of the residual within 60 steps",
    sense=">",
    provenance="extension",
    hypotheses=("A1", "A2", "A5", "A6", "c_ij > 0"),
    kind="law",
    rests_on=("NDS-P1.c",),
    proof="Observed.  The factor of NDS-P1.c is below -1 where eta c_ij > |r_i| + |r_j|: at pairs of modes that "
    "are near their minima while a lagging mode keeps eta large.",
)

NDS_P2a = claim(
    id="NDS-P2.a",
    statement="GD on two levels exchanges the shares of the gradient's energy at every step, and its sharpness "
    "zigzags with them.",
    formula="P_{t+1} = 1 - P_t,  P_0 = p,  S(Z_t) = P_t w_H + (1 - P_t) w_L",
    sense="==",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P1.a", "NDS-P1.b"),
    proof="eta = 1/(w_L + D P) with D = w_H - w_L;  r_H <- -r_H D (1 - P) eta,  r_L <- r_L D P eta.",
)

NDS_P2b = claim(
    id="NDS-P2.b",
    statement="The squared gradient of GD changes by a function of the share alone.",
    formula="|R_{t+1}|^2 = C(P_t)|R_t|^2,  C(P) = (w_H - w_L)^2 P (1 - P)/(w_L + (w_H - w_L) P)^2",
    sense="==",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P2.a",),
    proof="Add the squares of the two residuals of NDS-P2.a.",
)

NDS_P2c = claim(
    id="NDS-P2.c",
    statement="The loss of GD on two levels is exactly geometric from the start.",
    formula="Phi_T = kappa^T Phi_0 for all T >= 0,  kappa = x (rho - 1)^2/((x rho + 1)(x + rho)) = th/(1 + th),  "
    "th = p (1 - p)(rho - 1)^2/rho",
    sense="==",
    provenance="extension",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P2.a",),
    proof="The ratio 1 - w_H w_L/((w_L + D P)(w_H - D P)) of two losses is the same for P and 1 - P.",
)

NDS_P2d = claim(
    id="NDS-P2.d",
    statement="The loss of GD after any number of steps, in the form that was reported: by two steps at a time.",
    formula="Phi_T = Phi_1 R^((T-1)/2),  R = C(p) C(1 - p) = kappa^2",
    sense="==",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P2.b", "NDS-P2.c"),
    proof="Two steps restore the share, so Phi and |R|^2 change by the same factor, which is kappa^2.",
)

NDS_P3a = claim(
    id="NDS-P3.a",
    statement="Muon's first line-searched step balances the two levels: the sums of their residuals cancel.",
    formula="r_H = -sigma_L (rho - s)/(a rho + 1),  r_L = a sigma_L (rho - s)/(a rho + 1)",
    sense="==",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P1.a",),
    proof="eta = (m sigma_H + (q-m) sigma_L)/(m w_H + (q-m) w_L).",
)

NDS_P3b = claim(
    id="NDS-P3.b",
    statement="Muon's later steps keep that balance and shrink both levels by one factor.",
    formula="m|r_H| = (q - m)|r_L|  =>  (|r_H|, |r_L|) <- |g| (|r_H|, |r_L|),  g = (a rho - 1)/(a rho + 1)",
    sense="==",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P3.a",),
    proof="There eta = 2 |r_L|/(w_L (a rho + 1)).",
)

NDS_P3c = claim(
    id="NDS-P3.c",
    statement="The loss of Muon on two levels is geometric from the first step on.",
    formula="Phi_T = gamma g^(2(T-1)) Phi_0 for all T >= 1,  gamma = a (rho - s)^2/((a rho + 1)(a s^2 + rho))",
    sense="==",
    provenance="extension",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P3.a", "NDS-P3.b"),
    proof="Phi is quadratic in the residuals.",
)

NDS_P3d = claim(
    id="NDS-P3.d",
    statement="The sign of g decides which level changes sign at every step: the high one if g > 0, the low one "
    "if g < 0; the other one approaches monotonically.",
    formula="a rho > 1:  r_H changes sign at every t >= 1, r_L never;  a rho < 1: the reverse",
    sense="==",
    provenance="extension",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P3.b",),
    proof="From balance, (r_H, r_L) <- g (-r_H, r_L).",
)

NDS_P3e = claim(
    id="NDS-P3.e",
    statement="Muon's sharpness is the mean curvature at every step that it takes.",
    formula="S(Z_t) = alpha w_H + (1 - alpha) w_L",
    sense="==",
    provenance="secondary",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P1.b", "NDS-P3.b"),
    proof="All |z_i| are one while no residual vanishes, and they vanish all together.",
)

NDS_P3f = claim(
    id="NDS-P3.f",
    statement="Muon is exact after one step if and only if s = rho, where its step is Newton's, and after two if "
    "and only if a rho = 1.",
    formula="gamma = 0 <=> s = rho;  g = 0 <=> a rho = 1",
    sense="iff",
    provenance="extension",
    hypotheses=TWO_LEVELS,
    rests_on=("NDS-P3.c",),
    proof="Numerators of gamma and g.",
)
