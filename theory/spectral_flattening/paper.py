"""The paper, and the models that its claims are about.

A loss f of a weight matrix W (m x n) has the gradient G = U diag(s_1 >= ... >= s_r > 0) V^T of rank r.
Muon moves along its polar factor Q = U V^T: every nonzero singular value becomes one.  How long may a step
be, how much does it gain, and how near to one do a few steps of an odd polynomial bring the singular values?

Notation used by every claim:

    F = |G|_F, N = |G|_* (nuclear), s_1 = |G|_op;  sbar = N/r, the average nonzero singular value;
    nr = N^2/F^2 the nuclear rank, srank = F^2/s_1^2 the stable rank, both in [1, r];
    GD: W - eta G;  Muon: W - eta Q;  NGD: W - eta sqrt(r) G/F (as long as Muon's step in Frobenius norm);
    A (n x n), B (m x m) symmetric, positive semidefinite: the Hessian D -> H[D] = B D A of the quadratic
    f = <Delta, H[Delta]>/2, Delta = W - W*, G = B Delta A ("Kronecker curvature");
    L and mu: Frobenius smoothness and Polyak-Lojasiewicz constants, |G|_F^2 >= 2 mu (f - f*);
    L_(k) = sum_{i <= k} lambda_i(A) lambda_i(B), eigenvalues in decreasing order;  L_op = L_(min(m, n));
    phi_i: the singular values that an odd polynomial iteration makes of s_i/nu, nu = F or s_1.

"Stable" has three meanings that are never mixed: S1, one step is guaranteed to decrease f; S2, the iterates
stay bounded; S3, they converge at a fixed step size.

Hypotheses, by the names that claims and checks use:

    A1               f(W + D) <= f(W) + <G, D> + (L/2) |D|_F^2 for all D.
    A1'              the same with (L_op/2) |D|_op^2.
    A2               the update is the exact polar factor.
    A3               full-batch gradient, no momentum.
    A4               Kronecker curvature, constant along the run.
    A5               frozen preconditioner: (G G^T)^(1/2) is replaced by a fixed positive definite C.
    PL               the Polyak-Lojasiewicz inequality with constant mu > 0.
    aligned          Delta = U_B diag(d) U_A^T in eigenbases of B and A; the modes have curvature h_i.
"""

from __future__ import annotations

from functools import partial

from theory.claims import Claim, Paper

PAPER = Paper(
    key="SF",
    module="spectral_flattening",
    title="Spectral Flattening Is All Muon Needs: How Orthogonalization Controls Learning Rate and Convergence",
    authors="Tien-Phat Nguyen, Truong Nguyen, Minh-Phuc Truong, Tuc Nguyen, James Bailey, Trung Le",
    year=2026,
    source="arXiv:2605.13079",
)

claim = partial(Claim, paper=PAPER)
