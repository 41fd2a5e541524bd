"""Claims about many steps at a fixed step size: Muon stays bounded, and does not converge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.spectral_flattening.paper import claim

SF_T6a = claim(
    id="SF-T6.a",
    statement="After t steps Muon has moved by at most eta t in spectral norm, whatever the loss.",
    formula="|W_t - W_0|_op <= eta t",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "fixed step"),
    proof="Triangle inequality: |Q|_op <= 1.",
)

SF_T6b = claim(
    id="SF-T6.b",
    statement="Muon cannot diverge on a smooth loss with the Polyak-Lojasiewicz property: at every fixed step "
    "size the loss ends below a bound of the order of the step size squared.",
    formula="limsup f(W_t) - f* <= (L r eta^2/2) max(1, L r/(4 mu)),  r = min(m, n), for every eta > 0",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A2", "A3", "PL", "fixed step"),
    rests_on=("SF-T1.a",),
    proof="x = f - f* obeys x' <= x - eta N + eta c with c = L r eta/2, and N >= F >= sqrt(2 mu x).  Beyond "
    "c^2/(2 mu) it falls, and can stop nowhere else; below, the right side is convex in sqrt(x), so it is at "
    "most its value at an end, eta c or c^2/(2 mu).",
)

SF_T6c = claim(
    id="SF-T6.c",
    statement="The same with the spectral smoothness, which can be smaller by the factor r.",
    formula="limsup f(W_t) - f* <= (L_op eta^2/2) max(1, L_op/(4 mu))",
    sense="<=",
    provenance="extension",
    hypotheses=("A1'", "A2", "A3", "PL", "fixed step"),
    rests_on=("SF-T6.b",),
    proof="The same with c = L_op eta/2, since |Q|_op = 1.",
)

SF_T6d = claim(
    id="SF-T6.d",
    statement="The bound is sharp for isotropic quadratics of rank up to four.",
    formula="f = (L/2)|D|_F^2, r <= 4, D_0 = a Q, a = (1 - 1/k) eta:  limsup f(W_t) >= (1 - 2/k) L r eta^2/2  "
    "for all k",
    sense=">=",
    provenance="extension",
    hypotheses=("A2", "A3", "fixed step", "r <= 4"),
    rests_on=("SF-T6.b",),
    proof="The iterates alternate between a Q and (a - eta) Q; L r/(4 mu) = r/4 <= 1.",
)

SF_T6e = claim(
    id="SF-T6.e",
    statement="Boundedness belongs to normalisation, not to flattening: normalised gradient descent has a "
    "bound of the same kind, which is never larger than that of SF-T6.b.",
    formula="W <- W - eta sqrt(r) G/F:  limsup f(W_t) - f* <= (L r eta^2/2) max(1, L/(4 mu))",
    sense="<=",
    provenance="extension",
    hypotheses=("A1", "A3", "PL", "fixed step"),
    rests_on=("SF-T6.b",),
    proof="The same with the step e = eta sqrt(r) and c = L e/2: the update has length e and <G, X> = e F.",
)

SF_T6f = claim(
    id="SF-T6.f",
    statement="Gradient descent above 2/L leaves every bounded set on these quadratics.",
    formula="eta L > 2:  d_t = (1 - eta L)^t d_0,  |1 - eta L| > 1",
    sense=">",
    provenance="extension",
    hypotheses=("A3", "A4", "eta > 2/L", "d_0 != 0"),
    proof="The mode of the largest curvature is multiplied by 1 - eta L < -1 in every step.",
)

SF_T6g = claim(
    id="SF-T6.g",
    statement="In the aligned model every mode of fixed-step Muon ends within eta of the minimum, whatever "
    "the condition number.",
    formula="limsup |d_i| <= eta,  limsup f <= eta^2 sum_i h_i/2",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "A3", "A4", "aligned", "fixed step"),
    proof="|d_i| falls by eta while it exceeds eta; below, |d_i - eta sign d_i| = eta - |d_i|.",
)

SF_T6h = claim(
    id="SF-T6.h",
    statement="So boundedness is not convergence: each aligned mode ends in a cycle of period two, unless it "
    "started at a multiple of the step size.",
    formula="d_{t+2} = d_t != d_{t+1} and |d_t| + |d_{t+1}| = eta  for t >= |d_0|/eta",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "A4", "aligned", "fixed step", "d_0/eta not an integer"),
    rests_on=("SF-T6.g",),
    proof="On 0 < |d| < eta the step d -> d - eta sign d is its own inverse and changes the sign.",
)

SF_T6i = claim(
    id="SF-T6.i",
    statement="Singular curvature does no harm: gradients stay in its range, so that the smallest eigenvalues "
    "that are not zero and r = min(rank A, rank B) count; a small eigenvalue makes the bound large, a zero "
    "does not.",
    formula="|G|_F^2 >= 2 mu (f - f*),  mu = product of the smallest nonzero eigenvalues of A and of B",
    sense=">=",
    provenance="extension",
    hypotheses=("A4",),
    rests_on=("SF-T6.b",),
    proof="In eigenbases |G|_F^2 = sum h_i^2 d_i^2 and 2 f = sum h_i d_i^2: term by term, zeros on both sides.",
)

SF_T6j = claim(
    id="SF-T6.j",
    statement="Without a minimum Muon leaves a saddle at constant speed, gradient descent at a geometric rate.",
    formula="f = (x^2 - y^2)/2:  Muon |y_t| = |y_0| + eta t, so f ~ -(eta t)^2/2;  GD y_t = (1 + eta)^t y_0",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "aligned", "fixed step", "y_0 != 0"),
    proof="The mode of curvature -1 moves away from 0 by eta in each step of Muon.",
)

SF_T6k = claim(
    id="SF-T6.k",
    statement="Off alignment, too, fixed-step Muon on Kronecker quadratics of size up to four ends in a cycle "
    "of period two, within 3000 steps, from at least 96 of 100 random starts.",
    formula="|W_{t+2} - W_t|_op <= 1e-6 eta",
    sense="<=",
    provenance="extension",
    kind="law",
)

SF_C5 = claim(
    id="SF-C5",
    statement="False, the abstract read literally: at the same step size Muon reaches a target in fewer steps "
    "than gradient descent.",
    formula="steps(Muon) < steps(GD)",
    sense="<",
    provenance="secondary",
    hypotheses=("A2", "A3", "fixed step"),
    proof="Fails for H = 1 and eta = 1, where gradient descent needs one step (SF-K8.a); and the two step "
    "sizes do not even have the same unit (SF-T3.a).",
)

SF_K8a = claim(
    id="SF-K8.a",
    statement="On H = 1 gradient descent with eta = 1 needs one step; Muon, on any loss, at least the "
    "distance over the step size.",
    formula="H = 1, GD, eta = 1: Delta_1 = 0;  Muon: |Delta_t|_op <= tol  =>  t >= (|Delta_0|_op - tol)/eta",
    sense=">=",
    provenance="extension",
    hypotheses=("A2", "A3", "fixed step"),
    rests_on=("SF-T6.a",),
    corrects="SF-C5",
    proof="SF-T6.a and the triangle inequality.",
)

SF_K8b = claim(
    id="SF-K8.b",
    statement="On H = 1 fixed-step Muon does not come nearer than half a step size, unless every singular "
    "value of Delta_0 is a multiple of it.",
    formula="H = 1:  limsup |Delta_t|_op >= eta/2",
    sense=">=",
    provenance="extension",
    hypotheses=("A2", "A3", "fixed step", "d_0/eta not an integer"),
    rests_on=("SF-T6.h",),
    proof="H = 1 is aligned from every start; |d_t| + |d_{t+1}| = eta.",
)

SF_K8c = claim(
    id="SF-K8.c",
    statement="The frozen preconditioner predicts geometric convergence where the real method cycles: it "
    "describes the first step only, because (G G^T)^(1/2) shrinks with G.",
    formula="H = 1, 0 < eta < 2 s_r:  d_i <- (1 - eta/s_i) d_i -> 0  (A5),  Muon: limsup |Delta_t|_op >= eta/2",
    sense="for all",
    provenance="extension",
    hypotheses=("A2", "A3", "fixed step", "eta < 2 s_r", "d_0/eta not an integer"),
    rests_on=("SF-K8.b",),
    proof="|1 - eta/s_i| < 1 for all i if and only if eta < 2 s_r; SF-K8.b is the other half.",
)

SF_K8d = claim(
    id="SF-K8.d",
    statement="On H = 1 the best step of Muon removes the share nr/r of the squared distance.",
    formula="H = 1, eta = N/r:  |Delta_+|_F^2 = (1 - nr(Delta)/r) |Delta|_F^2",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3"),
    proof="|Delta - eta Q|_F^2 = F^2 - 2 eta N + eta^2 r, least at eta = N/r.",
)

SF_K8e = claim(
    id="SF-K8.e",
    statement="That can be nearly as little as one part in r.",
    formula="sup (1 - nr/r) = 1 - 1/r, r >= 2, not attained:  s = (1, t, ..., t), t -> 0+",
    sense="<",
    provenance="extension",
    hypotheses=("A2", "A3", "r >= 2"),
    rests_on=("SF-K8.d",),
    proof="nr > 1 for two or more nonzero singular values, and nr = (1 + (r-1) t)^2/(1 + (r-1) t^2) -> 1.",
)

SF_E1 = claim(
    id="SF-E1",
    statement="Muon goes on training at step sizes at which SGD blows up within a few iterations.",
    formula="eta large: SGD's loss explodes or its accuracy falls to chance, Muon reaches 95 %",
    sense="for all",
    provenance="secondary",
    kind="report",
)

SF_E2 = claim(
    id="SF-E2",
    statement="At equal step size Muon reaches accuracy marks several epochs earlier.",
    formula="epochs to 95 %: Muon < SGD",
    sense="<",
    provenance="secondary",
    kind="report",
)


# --- derivations -------------------------------------------------------------------------------------------------


def one_step_bound(y: Any, eta: Any, c: Any, s: Any) -> Any:
    """The largest f(W_+) - f* that A1 and PL leave, from y = sqrt(f - f*): x - eta s y + eta c, s = sqrt(2 mu).

    c is half the step times the curvature of the update: L r eta/2 (A1) or L_op eta/2 (A1').
    """
    return y * y - eta * s * y + eta * c


def sign_descent(d: Any, eta: Any, steps: int) -> list[Any]:
    """The orbit d_0, ..., d_steps of one aligned mode under Muon, exactly; `eta` one number, or one for each step."""
    sizes = list(eta) if isinstance(eta, list | tuple) else [eta] * steps
    orbit = [d]
    for size in sizes:
        last = orbit[-1]
        orbit.append(last - size * ((last > 0) - (last < 0)))
    return orbit


def steps_until(orbits: Sequence[Sequence[Any]], tolerance: Any) -> int | None:
    """The first t at which every |d_t| is at most `tolerance`, or None within these orbits."""
    return next(
        (t for t, point in enumerate(zip(*orbits, strict=True)) if max(map(abs, point)) <= tolerance), None
    )
