"""The paper, and the flows that its claims are about.

The polar map replaces W = sum sigma_i u_i v_i^T by P(W) = sum_{sigma_i > 0} u_i v_i^T, the gradient of the nuclear
norm N(W) where W has full rank.  Data y = A(W) hold fixed an affine space M_y of interpolants; P_par and P_perp
project on range(A*) and on ker A.  Two dynamics, never to be confused:

    self-polar flow      dW/dt = -eta P_perp P(W), on M_y; where W is rank-deficient, the inclusion in
                         -eta P_perp (subdifferential of N), whose solution is unique;
    literal Muon         W <- W - h P(M), M a running mean of gradients A*(A(W) - y).

Notation used by every claim:

    E_i = u_i v_i^T,  K_ij = <E_i, P_perp E_j>,  alpha_i = sum_j K_ij = <E_i, P_perp P(W)>,  r = min(m, n);
    F: a spread of the singular values, symmetric, of degree 0, larger for flatter spectra; q = grad F;
    entropy H of sigma/sum(sigma);  participation (sum sigma)^2/sum sigma^2;
    R_phi = sum_{i < j} phi(sigma_i + sigma_j),  R_k for phi = x^-k,  Rbar_k = |sigma|^k R_k.

Three models: regression X W = Y (P_perp acts on the left), sensing by a general A, and the diagonal model, in
which W stays diagonal and the flow is the l1 shadow dx/dt = -eta Pi sign(x), exact in rationals.

Hypotheses, by the names that claims and checks use:

    A1               A has full row rank.
    A2               W(0) interpolates.
    A3               W has full rank.
    SF               the matrix that is polarised has the singular frames of W.
    isotropic        E[P_perp] is a multiple of the identity.
"""

from __future__ import annotations

from functools import partial

from theory.claims import Claim, Paper

PAPER = Paper(
    key="POL",
    module="polar_flow",
    title="The Spectral Dynamics and Noise Geometry of Muon",
    authors="Pierfrancesco Beneventano, Mahmoud Abdelmoneum, Tomaso Poggio",
    year=2026,
    source="arXiv:2606.08388",
)

claim = partial(Claim, paper=PAPER)
