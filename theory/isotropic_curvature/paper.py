"""The paper, and the model that all its claims are about.

One step of training changes a weight matrix by -Q, where G (m x n) is the gradient.  To first order the
loss changes by -tr(Q G^T).  Everything of higher order is replaced by one curvature function H of the
length of the perturbed output Q zeta, averaged over input directions zeta that are uniform on the unit
sphere of R^n ("isotropy"):

    F(Q) = -tr(Q G^T) + Phi(Q),        Phi(Q) = E H(|Q zeta|).

Notation used by every claim:

    k = min(m, n);  G = U diag(g) V^T with g_1 >= ... >= g_k >= 0;  q_1, ..., q_k the singular values of Q;
    u_i = zeta_i^2, so that (u_1, ..., u_n) has the Dirichlet(1/2, ..., 1/2) distribution;
    rho(q)^2 = sum_{i <= k} q_i^2 u_i,   phi(q) = E H(rho(q));
    w(x) = H'(x)/x,   lambda_i(q) = E[w(rho) u_i], so that d phi / d q_i = q_i lambda_i;
    kappa(x) = x w'(x)/w(x) = x H''(x)/H'(x) - 1 (p - 2 for H = c x^p);
    N(q) = E rho(q) and its dual N*(g) = max {<q, g> : N(q) <= 1};
    S = sum_i q_i^2.

Hypotheses, by the names that claims and checks use:

    A1               H is convex, nondecreasing and finite on [0, inf), with H(0) = 0.
    A2               w is nondecreasing on (0, inf); equivalently s -> H(sqrt s) is convex.
    sub-quadratic    w is nonincreasing.
    isotropic        zeta is uniform on the sphere.
"""

from __future__ import annotations

from functools import partial

from theory.claims import Claim, Paper

PAPER = Paper(
    key="ICM",
    module="isotropic_curvature",
    title="Isotropic Curvature Model for Understanding Deep Learning Optimization: "
    "Is Gradient Orthogonalization Optimal?",
    authors="Weijie Su",
    year=2025,
    source="arXiv:2511.00674",
)

claim = partial(Claim, paper=PAPER)
