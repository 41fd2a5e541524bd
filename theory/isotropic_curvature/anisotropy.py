"""Claims about anisotropic inputs and outputs, and the exact moments that check them.

Inputs C^(1/2) zeta with zeta uniform on the sphere, and output lengths |y|_M = (y^T M y)^(1/2), C and M symmetric
positive definite.  The model is then F(Q) = E H(|M^(1/2) Q C^(1/2) zeta|) - tr(Q G^T), and C = M = 1 is the
isotropic one.
"""

from __future__ import annotations

from typing import Any

from theory.isotropic_curvature.paper import claim

ICM_X16a = claim(
    id="ICM-X16.a",
    statement="With anisotropic inputs and outputs the optimal update is that of the isotropic model for the "
    "whitened gradient, whitened once more.",
    formula="Q* = M^(-1/2) T(M^(-1/2) G C^(-1/2)) C^(-1/2),  T the solution map of the isotropic model",
    sense="==",
    provenance="extension",
    hypotheses=("C, M positive definite",),
    proof="With Q' = M^(1/2) Q C^(1/2) and G' = M^(-1/2) G C^(-1/2) the length is |Q' zeta| and tr(Q G^T) = tr(Q' "
    "G'^T), for every H.",
)

ICM_X16b = claim(
    id="ICM-X16.b",
    statement="For a quadratic curvature function the optimal update is the gradient with both covariances "
    "divided out: preconditioned gradient descent.",
    formula="H = c x^2:  Q* = n M^(-1) G C^(-1) / (2 c)",
    sense="==",
    provenance="extension",
    hypotheses=("C, M positive definite",),
    rests_on=("ICM-Q", "ICM-X16.a"),
    proof="Phi(Q) = c tr(C Q^T M Q)/n, whose gradient is 2 c M Q C / n.",
)

ICM_X16c = claim(
    id="ICM-X16.c",
    statement="Where the whitened spectrum is fully orthogonalised (by an infinite wall, or by a sufficiently "
    "sharp kink), the optimal update is the polar factor of the whitened gradient, whitened once more.",
    formula="Q* = r M^(-1/2) polar(M^(-1/2) G C^(-1/2)) C^(-1/2)",
    sense="==",
    provenance="extension",
    hypotheses=("C, M positive definite",),
    rests_on=("ICM-X16.a", "ICM-X9.b"),
    proof="ICM-X16.a with T(G') = r polar(G').",
)


def trace_penalty(Q: Any, C: Any, M: Any) -> Any:
    """E|M^(1/2) Q C^(1/2) zeta|^4, in terms of tr(W) and tr(W^2), W = C Q^T M Q: no root of C or M is taken."""
    n = Q.shape[1]
    W = C @ Q.T @ M @ Q
    return (W.trace() ** 2 + 2 * (W @ W).trace()) / (n * (n + 2))


def trace_gradient(Q: Any, C: Any, M: Any) -> Any:
    """Its gradient in Q: d tr W = 2 <M Q C, dQ>, d tr W^2 = 4 <M Q C Q^T M Q C, dQ>."""
    n = Q.shape[1]
    step = M @ Q @ C
    W = C @ Q.T @ M @ Q
    return (4 * W.trace() * step + 8 * step @ Q.T @ step) / (n * (n + 2))
