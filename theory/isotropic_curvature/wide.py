"""Claims about wide or rank-deficient gradients: no kink orthogonalises exactly, and how nearly a sharp one does."""

from __future__ import annotations

from theory.isotropic_curvature.paper import claim

ICM_X9a = claim(
    id="ICM-X9.a",
    statement="If the rank of the gradient is below the number of inputs, its partial isometry (times a positive "
    "number) is optimal only if all nonzero singular values are equal: no kink, however sharp, helps.",
    formula="k = rank G < n, c > 0:  c U V^T in argmin F  <=>  g_1 = ... = g_k = (1/k) E[H'(c s) s],  s = "
    "|(zeta_1, ..., zeta_k)|",
    sense="iff",
    provenance="extension",
    hypotheses=("A1", "rank G < n"),
    rests_on=("ICM-C1.a", "ICM-T1.a"),
    proof="The length |Q zeta| = c s has a density, so Phi is differentiable at c U V^T, and by symmetry its "
    "gradient is a multiple of U V^T.",
)

ICM_X9b = claim(
    id="ICM-X9.b",
    statement="An infinite wall above a flat floor makes orthogonalisation optimal for every gradient of every "
    "shape.",
    formula="H = 0 on [0, r], inf beyond:  r U V^T in argmin F,  min F = -r sum g",
    sense="==",
    provenance="extension",
    hypotheses=("infinite wall", "H = 0 below the wall"),
    rests_on=("ICM-T1.a",),
    proof="F is finite where |Q|_op <= r, and there -tr(Q G^T) >= -r sum g.",
)

ICM_X9c = claim(
    id="ICM-X9.c",
    statement="If H is quadratic below an infinite wall, only the large singular values cluster, at the wall; the "
    "others stay proportional to the gradient.",
    formula="H = x^2/2 on [0, r], inf beyond:  q_i = min(n g_i, r)",
    sense="==",
    provenance="extension",
    hypotheses=("infinite wall",),
    rests_on=("ICM-T1.a", "ICM-Q"),
    proof="On 0 <= q <= r the objective is |q|^2/(2n) - <g, q>, a sum over i.",
)

ICM_X10a = claim(
    id="ICM-X10.a",
    statement="With n - m > 0 more inputs than outputs, a kink leaves the optimal singular values at a distance from "
    "its radius that falls like a power of its slope.",
    formula="q_i = r (1 + eps_i),  max |eps| ~ const B^(-2/(n-m)) as B -> inf",
    sense="==",
    provenance="extension",
    hypotheses=("rank G = m < n",),
    rests_on=("ICM-K.a", "ICM-X10.b"),
    proof="The right-hand side of ICM-X10.b is B times a function of eps that is homogeneous of degree (n-m)/2.",
)

ICM_X10b = claim(
    id="ICM-X10.b",
    statement="The limit of eps B^(2/(n-m)) solves a system of equations, one expectation over a sphere each.",
    formula="d = n - m, A = 0:  g_i = B 2^(d/2+1)/(d Beta(d/2, m/2)) E[omega_i^2 (sum_j eps_j omega_j^2)_+^(d/2)],  "
    "omega uniform on S^(m-1)",
    sense="==",
    provenance="extension",
    hypotheses=("rank G = m < n",),
    rests_on=("ICM-K.a",),
    proof="(zeta_1, ..., zeta_m) = s omega; rho > r where 1 - s < (eps.omega^2)_+, and 1 - s has a density that is a "
    "power near 0.",
)

ICM_X10c = claim(
    id="ICM-X10.c",
    statement="For two more inputs than outputs the limit is linear in the gradient, if no singular value of the "
    "gradient is too small.",
    formula="n = m + 2, (m + 2) g_m >= sum g, A = 0:  B eps_i -> ((m + 2) g_i - sum g)/2",
    sense="==",
    provenance="extension",
    hypotheses=("n = m + 2", "(m + 2) g_m >= sum g"),
    rests_on=("ICM-X10.b",),
    proof="The expectation is linear in eps where no eps is negative; (zeta_1, ..., zeta_m) is uniform in a ball.",
)

ICM_X10d = claim(
    id="ICM-X10.d",
    statement="A slope before the kink shifts the gradient by what it gives at the isometry.",
    formula="A > 0:  g_i -> g_i - A c and B -> B - A,  c = E s/m = Gamma((m+1)/2) Gamma(n/2)/(m Gamma(m/2) "
    "Gamma((n+1)/2))",
    sense="==",
    provenance="extension",
    hypotheses=("rank G = m < n", "g_m > A c"),
    rests_on=("ICM-X10.b",),
    proof="H = A x + (B - A)(x - r)_+, and the gradient of N at (1, ..., 1) is c in every entry.",
)
