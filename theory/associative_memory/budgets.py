"""Claims about what any method can reach with updates of bounded operator norm (X1), and the dual that shows it."""

from __future__ import annotations

from typing import Any

from theory.associative_memory.paper import claim

AML_X1a = claim(
    id="AML-X1.a",
    statement="A noiseless memory of K equally frequent items whose logits have operator norm at most R loses at "
    "least an explicit amount.",
    formula="p_j = 1/K, alpha = 0, |What|_op <= R:  L >= log(1 + (K-1) e^-R)",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "alpha = 0", "uniform p"),
    proof="For any Y with columns in the simplex, L >= <G, W> - sum_j p_j sum_i Y_ij log Y_ij with G = (Y - I) "
    "diag(p), and <G, W> >= -R |G|_*.  Take Y_ij = e^-R/(1 + (K-1) e^-R) off the diagonal.  (Or average over "
    "permutations.)",
)

AML_X1b = claim(
    id="AML-X1.b",
    statement="The bound is attained by R (I - J/K).",
    formula="L(R (I - J/K)) = log(1 + (K-1) e^-R),  |I - J/K|_op = 1",
    sense="==",
    provenance="extension",
    hypotheses=("A1", "alpha = 0", "uniform p"),
)

AML_X1c = claim(
    id="AML-X1.c",
    statement="For other frequencies a weaker bound holds.",
    formula="|What|_op <= R:  L >= K p_min log(1 + (K-1) e^-R)",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "alpha = 0"),
    rests_on=("AML-X1.a",),
    proof="L - p_min sum_j L_j = sum_j (p_j - p_min) L_j >= 0.",
)

AML_X1d = claim(
    id="AML-X1.d",
    statement="For equal frequencies no method whose updates have operator norm at most eta is ahead of Muon after t "
    "steps.",
    formula="|What_t|_op <= sum of the norms of the updates <= eta t:  L(What_t) >= log(1 + (K-1) e^(-eta t)) = "
    "L_Muon(t)",
    sense=">=",
    provenance="extension",
    hypotheses=("A1", "alpha = 0", "uniform p", "updates of operator norm at most eta"),
    rests_on=("AML-X1.a", "AML-T4.d"),
)


def dual_column(K: Any, E: Any) -> tuple[Any, Any]:
    """Y_ij off the diagonal and Y_jj: the softmax of a column with the margin R, E = e^R."""
    q = 1 / (E + K - 1)
    return q, 1 - (K - 1) * q


def dual_logarithms(K: Any, E: Any) -> tuple[Any, Any]:
    """exp of (log q + R + log_loss) and of (log Y_jj + log_loss), which `dual_value` takes to be 1."""
    q, own = dual_column(K, E)
    loss = 1 + (K - 1) / E
    return q * E * loss, own * loss


def dual_value(K: Any, E: Any, R: Any, log_loss: Any) -> Any:
    """The value of the dual, -(1/K) sum_ij Y_ij log Y_ij - R |G|_*, in terms of log_loss = log(1 + (K-1)/E).

    log q = -R - log_loss, log Y_jj = -log_loss; G = -q (I - J/K), whose nuclear norm is (K - 1) q.
    """
    q, own = dual_column(K, E)
    entropy = -(K - 1) * q * (-R - log_loss) - own * (-log_loss)
    return entropy - R * (K - 1) * q


def dual_gradient(K: int, E: Any) -> Any:
    """G = (Y - I)/K for the Y of `dual_column`, as a matrix."""
    import sympy

    q, own = dual_column(K, E)
    return (sympy.Matrix(K, K, lambda i, j: own if i == j else q) - sympy.eye(K)) / K


def conjugate_gap(weights: Any, targets: Any) -> list[Any]:
    """One column: the derivatives in each w_i of L_j - <y - 1_j, w> + sum y log y, at weights e^w = `weights`.

    It vanishes where softmax(w) = y, and the function is convex in w: there is its least value, which is 0.
    """
    total = sum(weights)
    return [w / total - y for w, y in zip(weights, targets, strict=True)]
