"""Claims about the nuclear norm: at a fixed Frobenius norm, and of the interpolant that literal Muon finds."""

from __future__ import annotations

from theory.polar_flow.paper import claim

POL_C1_a = claim(
    id="POL-C1.a",
    statement="At a fixed Frobenius norm f the nuclear norm lies between f and sqrt(r) f.",
    formula="|W|_F = f:  f <= N(W) <= sqrt(r) f",
    sense="<=",
    provenance="secondary",
    proof="N^2 - f^2 = 2 sum_{i<j} sigma_i sigma_j and r f^2 - N^2 = sum_{i<j} (sigma_i - sigma_j)^2.",
)

POL_C1_b = claim(
    id="POL-C1.b",
    statement="The least nuclear norm at a fixed Frobenius norm belongs to the matrices of rank one.",
    formula="N(W) = |W|_F  <=>  rank W <= 1",
    sense="iff",
    provenance="reconstructed",
    rests_on=("POL-C1.a",),
    proof="The first sum of POL-C1.a vanishes if and only if no two singular values are positive.",
)

POL_C1_c = claim(
    id="POL-C1.c",
    statement="The largest nuclear norm at a fixed Frobenius norm belongs to flat spectra: at a fixed Frobenius norm"
    " flattening raises the nuclear norm.",
    formula="N(W) = sqrt(r) |W|_F  <=>  sigma_1 = ... = sigma_r",
    sense="iff",
    provenance="reconstructed",
    rests_on=("POL-C1.a",),
    proof="The second sum of POL-C1.a vanishes if and only if all singular values are equal.",
)

POL_C2_a = claim(
    id="POL-C2.a",
    statement="Literal Muon does not minimise the nuclear norm: for one measurement of two diagonal entries, with "
    "the entries beside them measured to be zero, it comes to the flat interpolant in one step of the right length.",
    formula="x_1 + 2 x_2 = 4:  N = 8/3 against the least 2 (the min-Frobenius interpolant has 12/5)",
    sense="==",
    provenance="extension",
    proof="From zero the gradient is a multiple of diag(1, 2), whose polar factor is the identity; on the line of"
    " interpolants |x_1| + |x_2| is least at (0, 2), by the dual point diag(1/2, 1).",
)

POL_C2_b = claim(
    id="POL-C2.b",
    statement="In Gaussian matrix sensing (10 x 10, rank 2, p = 60, momentum 0.9, cosine steps from 0.05) the "
    "nuclear norm of literal Muon's interpolant is more than a tenth above the least.",
    formula="N(W_Muon) > 1.1 N_*  on every instance",
    sense=">",
    provenance="reconstructed",
    kind="law",
)

POL_C2_c = claim(
    id="POL-C2.c",
    statement="Over ten instances of matrix sensing the paper sees, as a review reports, nuclear norms of literal "
    "Muon's interpolant between 1.29 and 2.02 times the least.",
    formula="1.29 <= N(W_Muon)/N_* <= 2.02",
    sense="<=",
    provenance="secondary",
    kind="report",
)
