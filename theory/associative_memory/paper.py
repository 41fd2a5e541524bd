"""The paper, and the model that its claims are about.

A softmax memory of one matrix W holds K facts: query j has one answer, and is asked with frequency p_j.  With
orthonormal embeddings E of the queries and Et of the answers, column j of  What = Et^T W E  holds the logits of
query j, and

    Phat_ij = exp(What_ij)/sum_k exp(What_kj),      P_ij = (1 - alpha) 1[i = j] + alpha/K,
    L = sum_j p_j L_j,  L_j = -sum_i P_ij log Phat_ij,      Et^T (grad L) E = G = (Phat - P) diag(p):

alpha in [0, 1) is the label noise.  Facts come in M groups of C_a members with one frequency p_a = ptilde_a/C_a;
the masses ptilde_a sum to one, a power law is ptilde_a = a^(-beta)/Z.  The least loss L* is the entropy of a
column of P.  Where the wrong logits of a column agree, its margin m_j = What_jj - What_ij says all of it:

    pi = 1 - alpha + alpha/K,    m* = log(K pi/alpha) = log(1 + K(1 - alpha)/alpha)  the optimal margin,
    e = m - m*,    g(m) = K/(e^m + K - 1) - alpha,    L_j - L* = log1p(pi expm1(e)) - pi e.

Optimisers, from W = 0, with full gradients, a step size eta and no momentum unless said otherwise:

    GD  W - eta grad;   NGD  W - eta grad/|grad|_F;   Muon  W - eta msgn(grad);   SignGD  W - eta sgn(grad);
    TRA-SignGD: sign descent on What, in coordinates that only an oracle knows.

msgn(X) = U V^T over the nonzero singular values, msgn(0) = 0.

Hypotheses, by the names that claims and checks use:

    A1               square embeddings, orthogonal, of equal norm.
    A2               W_0 = 0, or a W_0 whose What_0 commutes with the permutations inside the groups.
    A3               full, exact gradients; no momentum; no weight decay.
    A4               equal frequencies inside a group.
    A5               K and C to infinity with M/C to 0 and alpha constant.
    A6               a constant step; for GD, eta p_1 bounded.

Claims of the provenance `secondary` hold what is reported of the paper, most of them with explicit constants in the
place of asymptotic signs: those are derived here.
"""

from __future__ import annotations

from functools import partial

from theory.claims import Claim, Paper

PAPER = Paper(
    key="AML",
    module="associative_memory",
    title="Muon in Associative Memory Learning: Training Dynamics and Scaling Laws",
    authors="B. Li, K. Wang, H. Zhong, P. Lu, L. Wang",
    year=2026,
    source="arXiv:2602.05725",
)

claim = partial(Claim, paper=PAPER)
