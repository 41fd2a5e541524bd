"""How few dimensions hold K facts without a loss, and how the least loss of a memory is certified."""

from __future__ import annotations

from typing import Any

from theory.associative_memory.paper import claim

AML_N8a = claim(
    id="AML-N8.a",
    statement="With noise, K facts need K - 1 dimensions: logits that attain L* have rank K - 1 or K; both occur.",
    formula="0 < alpha < 1, all p_j > 0:  rank(m* I + 1 c^T) >= K - 1 for every c, with equality if and only if "
    "sum c = -m*;  so L(W) > L* for every W of rank below K - 1",
    sense=">=",
    provenance="extension",
    hypotheses=("d < K - 1",),
    proof="L_j attains L* only where softmax is P, that is at logits m* I + 1 c^T (a column's constant is free).  "
    "Their characteristic polynomial is (z - m*)^(K-1) (z - m* - sum c): with m* > 0, zero is a root once at most.",
)

AML_N8b = claim(
    id="AML-N8.b",
    statement="The least loss of a memory in any embeddings is an entropy: no W has less than any feasible answers "
    "have, and the best W's own answers are feasible.",
    formula="L(W) >= sum_j p_j H(Q_j)  if Q >= 0, 1^T Q = 1, Et (Q - P) diag(p) E^T = 0;  equality at the best W, "
    "Q = softmax(Et^T W E)",
    sense=">=",
    provenance="extension",
    hypotheses=("feasible",),
    proof="log sum exp(z_j) >= Q_j^T z_j + H(Q_j) for every distribution Q_j (Gibbs); summed with p_j, the linear "
    "part is <Et (Q - P) diag(p) E^T, W> = 0.  At Q = softmax Gibbs is an equality and the equation grad L = 0.",
)


def rank_defect(K: int) -> tuple[Any, Any, Any]:
    """det(z - m I - 1 c^T), expanded; its factored form; and m + sum c: exact, with symbols m and c_1, ..., c_K."""
    import sympy

    z, m = sympy.symbols("z m")
    c = sympy.symbols(f"c1:{K + 1}")
    logits = m * sympy.eye(K) + sympy.ones(K, 1) * sympy.Matrix([c])
    polynomial = logits.charpoly(z).as_expr()
    return polynomial, (z - m) ** (K - 1) * (z - m - sum(c)), m + sum(c)
