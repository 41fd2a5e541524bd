"""Claims about the memory itself: its gradient (P0), its symmetries and its gauge (P1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.associative_memory.paper import claim

AML_P0 = claim(
    id="AML-P0",
    statement="The gradient is the residual of the softmax, weighted by frequency and carried by the embeddings.",
    formula="grad L = sum_ij p_j (Phat_ij - P_ij) et_i e_j^T = Et (Phat - P) diag(p) E^T",
    sense="==",
    provenance="secondary",
    proof="dL_j/dWhat_ij = Phat_ij - P_ij, as the targets P_ij of a query sum to one; What = Et^T W E.",
)

AML_P1a = claim(
    id="AML-P1.a",
    statement="In orthogonal embeddings GD, normalised GD and Muon do to the logits what they do in the task basis: "
    "embeddings of norms rho and rhot only multiply the step, by (rho rhot)^2 for GD and by rho rhot for the others.",
    formula="Et^T X(Et G E^T) E = (rho rhot)^2 G (GD),  rho rhot G/|G|_F (NGD),  rho rhot msgn(G) (Muon)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1",),
    proof="Et^T Et = rhot^2, E^T E = rho^2; (Et U/rhot) (rho rhot s) (E V/rho)^T is a singular value decomposition "
    "of Et G E^T if U s V^T is one of G.",
)

AML_P1d = claim(
    id="AML-P1.d",
    statement="Sign descent has no such symmetry: there are rotations of the embeddings in which its first step "
    "changes the logits in another direction.",
    formula="E^T E = Et^T Et = 1 and Et^T sgn(Et G E^T) E != sgn(G) for some E, Et and a gradient G at W = 0",
    sense="exists",
    provenance="reconstructed",
    proof="A rotation by an angle that is no multiple of a right angle; permutations and changes of sign do not do.",
)

AML_P1b = claim(
    id="AML-P1.b",
    statement="The columns of the gradient in the task basis sum to zero, so its rank is at most K - 1; under GD, "
    "normalised GD and Muon the columns of the logits keep their sums, under sign descent they do not.",
    formula="1^T G = 0,  rank G <= K - 1,  1^T X(G) = 0 for X = G, G/|G|_F, msgn(G), so 1^T What_t = 1^T What_0",
    sense="==",
    provenance="reconstructed",
    proof="Columns of Phat and of P sum to one.  The columns of msgn(G) = G (G^T G)^{+1/2} are combinations of those "
    "of G.",
)

AML_P1c = claim(
    id="AML-P1.c",
    statement="A constant added to a column of the logits changes no probability, no loss and no gradient.",
    formula="What -> What + 1 v^T:  Phat, L and G stay",
    sense="==",
    provenance="reconstructed",
    proof="The softmax of a column does not see it, and L = log sum exp(What) - <P, What> has columns of P of sum 1.",
)

AML_P1e = claim(
    id="AML-P1.e",
    statement="So any orthogonal completion of the polar factor trains the same memory, although its weights differ: "
    "what a singular value decomposition makes of the null direction is harmless.",
    formula="rank G = K - 1, |v| = 1, G v = 0:  msgn(G) and msgn(G) + 1 v^T/sqrt(K) give the same Phat_t for all t",
    sense="==",
    provenance="reconstructed",
    rests_on=("AML-P1.b", "AML-P1.c"),
    proof="The completion adds to every column of the logits a constant.",
)


@dataclass(frozen=True)
class Memory:
    """A memory in symbols: frequencies p_j, targets P_ij with columns of sum 1, embeddings, weights W_ab.

    gradient  the derivative of the loss in each W_ab, in the symbols z_kj of exp(What_kj)
    """

    p: list[Any]
    P: Any
    z: Any
    queries: Any
    answers: Any
    gradient: Any


def memory(K: int, d: int) -> Memory:
    """Differentiate L = sum_j p_j (log sum_k exp(What_kj) - sum_i P_ij What_ij), What = Et^T W E, K facts in d axes.

    The last target of a query is what the others leave of 1.
    """
    import sympy

    p = list(sympy.symbols(f"p0:{K}", positive=True))
    E = sympy.Matrix(d, K, lambda a, j: sympy.Symbol(f"e{a}_{j}"))
    Et = sympy.Matrix(d, K, lambda a, i: sympy.Symbol(f"t{a}_{i}"))
    W = sympy.Matrix(d, d, lambda a, b: sympy.Symbol(f"w{a}_{b}"))
    P = sympy.Matrix(K, K, lambda i, j: sympy.Symbol(f"P{i}_{j}"))
    P[K - 1, :] = sympy.ones(1, K) - sympy.ones(1, K - 1) * P[: K - 1, :]
    logits = (Et.T * W * E).applyfunc(sympy.expand)
    z = sympy.Matrix(K, K, lambda i, j: sympy.Symbol(f"z{i}_{j}", positive=True))
    named = {sympy.exp(logits[i, j]): z[i, j] for i in range(K) for j in range(K)}
    loss = sum(
        p[j]
        * (
            sympy.log(sum(sympy.exp(logits[k, j]) for k in range(K)))
            - sum(P[i, j] * logits[i, j] for i in range(K))
        )
        for j in range(K)
    )
    gradient = W.applyfunc(lambda w: sympy.diff(loss, w).subs(named))
    return Memory(p, P, z, E, Et, gradient)


def softmax_loss(z: Any, P: Any, j: int) -> Any:
    """exp(L_j) of column j from z = exp(logits), for targets that are written as they are: sum z/prod z^P."""
    import sympy

    total = sum(z[:, j])
    return total / sympy.prod(z[i, j] ** P[i, j] for i in range(z.rows))


def residual(z: Any, P: Any) -> Any:
    """Phat - P from z = exp(logits)."""
    import sympy

    return sympy.Matrix(z.rows, z.cols, lambda i, j: z[i, j] / sum(z[:, j]) - P[i, j])
