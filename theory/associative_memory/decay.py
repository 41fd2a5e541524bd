"""Claims about schedules for sign descent and Muon (X4), and about Muon's mean block at finite size (X9)."""

from __future__ import annotations

from fractions import Fraction

from theory.associative_memory.paper import claim

ONE_MARGIN = ("A1", "A3", "alpha > 0", "M = 1, or aligned sign descent")

AML_X4a = claim(
    id="AML-X4.a",
    statement="Once the error of sign descent is within the last step made, it remains so, as long as no step is "
    "less than half the one before.",
    formula="|e_t| <= eta_{t-1} <= 2 eta_t  =>  |e_{t+1}| = ||e_t| - eta_t| <= eta_t;  so L(T) - L* <= eta_{T-1}^2/8",
    sense="<=",
    provenance="extension",
    hypotheses=(*ONE_MARGIN, "|e| within a step once", "eta_{t-1} <= 2 eta_t"),
    rests_on=("AML-T6.c",),
)

AML_X4b = claim(
    id="AML-X4.b",
    statement="With linear decay the last error is known but for the sum of the steps: in the mean over the phase "
    "the excess has the constant 1/3, and with eta = c m*/T it falls like T^-4.",
    formula="eta_t = (T - t) eta_last:  e_T/eta_last is the one number in [-1, 1] equal to -m*/eta_last + T(T+1)/2 "
    "modulo 2;  mean of its square over the phase = 1/3;  eta_last = c m*/T^2",
    sense="==",
    provenance="extension",
    hypotheses=(*ONE_MARGIN, "|e| within a step once", "no e_t = 0"),
    rests_on=("AML-X4.a",),
    proof="Changing the sign of a step that is a whole number changes the sum by an even number.",
)

AML_X4c = claim(
    id="AML-X4.c",
    statement="Decay of power q leaves an excess of order T^(-2 (1 + q)), with an explicit and sharp bound on the "
    "error.",
    formula="eta_t = c (m*/T) ((T - t)/T)^q:  |e_T| <= B_q c m*/T^(1+q),  B_q = 1, 1, 4, 28 for q = 0, 1, 2, 3;  "
    "L(T) - L* <= B_q^2 c^2 m*^2/(8 T^(2 (1+q)))",
    sense="<=",
    provenance="extension",
    hypotheses=(*ONE_MARGIN, "|e| within a step once"),
    rests_on=("AML-X4.a",),
    proof="In units of the last step: b = k^q while (k+1)^q <= 2 k^q, from there b <- max(b - k^q, k^q) down to k = "
    "1.",
)

AML_X4d = claim(
    id="AML-X4.d",
    statement="Halving at every step is geometric: the error is at most the last step from any first step of at "
    "least half the best margin.",
    formula="eta_t = eta_0 2^-t, eta_0 >= m*/2:  |e_T| <= eta_{T-1} = eta_0 2^(1-T)",
    sense="<=",
    provenance="extension",
    hypotheses=(*ONE_MARGIN, "eta_0 >= m*/2"),
    rests_on=("AML-X4.a",),
)

AML_X4e = claim(
    id="AML-X4.e",
    statement="Fitted exponents of the phase-averaged excess are -2, -4 and -6 for constant steps, linear decay and "
    "the cosine.",
    formula="mean over the phase of L(T) - L* ~ T^(-2 (1+q)), q = 0, 1, 2 (cosine: q = 2), T = 10^2..10^4, +- 0.1",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=ONE_MARGIN,
    rests_on=("AML-X4.c",),
)

AML_X4f = claim(
    id="AML-X4.f",
    statement="Over the square of the last step, constant steps and linear decay leave a third, the cosine about "
    "2.4.",
    formula="mean excess/[(pi (1-pi)/2) eta_last^2] = 1/3, 1/3, about 2.4",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=ONE_MARGIN,
    rests_on=("AML-X4.b",),
)

AML_X4g = claim(
    id="AML-X4.g",
    statement="With several groups the mean block stalls: linear decay keeps T^-4 only while T is far below sqrt(C).",
    formula="M = 4, beta = 1.5, alpha = .2, c = 3..4, T = 40, 80, 160, 320: ratio to the M = 1 formula .84-1.25 at "
    "C = 10^6; 1.2, 1.4, 2.4, 17 at C = 10^3",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "alpha = .2"),
    rests_on=("AML-X4.b", "AML-X9.a"),
)

AML_X4h = claim(
    id="AML-X4.h",
    statement="Beyond sqrt(C) linear decay has no clean exponent: the excess may even grow with T for a while.",
    formula="M = 8, C = 16, alpha = .2, mean over c = 3..4: local slopes above -1.5 for T = 300..600, beta = 1.5, 3; "
    "in [-1.4, -0.5] for beta = 3, T = 600..2400; beta = 1.5, T = 1200..4800: in [-4, -2.2] at c = 4, above -1 at "
    "c = 3",
    sense="for all",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "alpha = .2"),
    rests_on=("AML-X9.a",),
)

AML_X9a = claim(
    id="AML-X9.a",
    statement="After the best margin is reached the mean block stays within about eta K (1 - alpha) of its optimum: "
    "its residual feels its own errors with weight alpha/K only, those of the contrasts with weight "
    "alpha (1 - alpha).",
    formula="max |S - m* (I - c c^T)| <= .9 min(m*, eta K (1 - alpha)),  M = 2, 8, beta = 1.2..3, c = 2, 3; "
    "M = 8, T = 20 K: up to 1.3 times the scale at beta = 2, 2.2 times at beta = 3",
    sense="<=",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "A6", "alpha > 0", "beta <= 1.5 or T <= 5 K"),
)

AML_X9b = claim(
    id="AML-X9.b",
    statement="Up to T = C the constant of one group holds for several.",
    formula="mean excess/((pi (1-pi)/6) eta^2) in [.94, 1.02] for T <= C, [.65, 1.65] for T <= 10 C,  eta = c m*/T",
    sense="for all",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "A6", "alpha > 0", "T <= 10 C"),
    rests_on=("AML-T7.b", "AML-X9.a"),
)

AML_X9c = claim(
    id="AML-X9.c",
    statement="Between C and K the slope of the mean excess is already flatter than -2, about -1.1 to -1.4.",
    formula="C << T << K:  local slope in [-1.4, -1.1]",
    sense="for all",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "A6", "alpha > 0"),
    rests_on=("AML-X9.a",),
)

AML_X9f = claim(
    id="AML-X9.f",
    statement="The size that counts is K: up to T = K the constant of one group holds, however many groups there "
    "are, and the slope is flatter than -2 between about 2 K and 10 K.",
    formula="mean excess/((pi (1-pi)/6) eta^2) in [.94, 1.15] for T <= K;  M >= 8, T = 2 K..8 K: local slope in "
    "[-1.6, -1.0]",
    sense="for all",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "A6", "alpha > 0"),
    rests_on=("AML-X9.a",),
    corrects="AML-X9.c",
)

AML_X9d = claim(
    id="AML-X9.d",
    statement="For T far above K the ratio is constant again, and larger than 1 by a factor that depends on M.",
    formula="beta = 1.2, alpha = .2:  ratio in [1.3, 1.6] at M = 2, T >= 10 K;  in [3.6, 4.4] at M = 8, C = 16, "
    "T >= 20 K",
    sense="for all",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "A6", "alpha > 0", "T >> K"),
    rests_on=("AML-X9.a",),
)

AML_X9e = claim(
    id="AML-X9.e",
    statement="A budget close to the best margin leaves the mean block unfinished: then longer runs hardly help.",
    formula="eta = 1.5 m*/T, M = 8, C = 16, beta = 1.5, alpha = .2: 8.5e-7 at T = 1.2e4, 7.5e-7 at T = 3e4",
    sense="==",
    provenance="extension",
    kind="law",
    hypotheses=("A1", "A2", "A3", "A4", "A6", "alpha > 0"),
    rests_on=("AML-X9.a",),
)


def sharp_multiple(q: int) -> int:
    """B_q of AML-X4.c: the largest error, in units of the last step, after steps ..., 3^q, 2^q, 1."""
    first = 1
    while (first + 1) ** q > 2 * first**q:
        first += 1
    bound = first**q
    for k in range(first - 1, 0, -1):
        bound = max(bound - k**q, k**q)
    return bound


def last_error(start: Fraction, steps: list[Fraction]) -> Fraction:
    """e_T of sign descent in rational numbers, from e_0 = start."""
    e = start
    for step in steps:
        e -= step * ((e > 0) - (e < 0))
    return e
