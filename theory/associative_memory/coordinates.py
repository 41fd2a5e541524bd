"""Claims about sign descent: in the task basis it is Muon without a matrix (T10), in others it is not (X8)."""

from __future__ import annotations

from typing import Any

from theory.associative_memory.paper import claim

AML_T10a = claim(
    id="AML-T10.a",
    statement="Sign descent in the task basis moves every margin by twice the step size towards the optimum, "
    "whatever the frequencies.",
    formula="a column of one margin m:  m_{t+1} = m_t + 2 eta sgn(g(m_t)),  g(m) = K/(e^m + K - 1) - alpha",
    sense="==",
    provenance="secondary",
    hypotheses=("one margin", "A3"),
    proof="G_jj = -p_j ((K - 1)/K) g(m) and G_ij = p_j g(m)/K for i != j: two signs, opposite to each other.",
)

AML_T10b = claim(
    id="AML-T10.b",
    statement="With one group its margins are those of Muon at twice the step size.",
    formula="M = 1:  m_t(TRA-SignGD, eta) = m_t(Muon, 2 eta)",
    sense="==",
    provenance="secondary",
    hypotheses=("M = 1", "A2", "A3"),
    rests_on=("AML-T10.a",),
    proof="G = -(g/K) (I - J/K) has the polar factor -sgn(g) (I - J/K), which moves the margin by eta sgn(g).",
)

AML_T10c = claim(
    id="AML-T10.c",
    statement="With more groups of one size C the two agree to O(eta t/C) as long as no residual has changed its "
    "sign: inside a group exactly, across groups within (1 + sqrt 2)/C of the distance covered.",
    formula="|(What_jj - What_ij)(Muon, 2 eta) - 2 eta t| <= (1 + sqrt 2) 2 eta t/C,  = 0 inside a group;  "
    "2 eta t is the margin of TRA-SignGD",
    sense="<=",
    provenance="reconstructed",
    hypotheses=("r_a < 0", "equal C", "A2", "A4"),
    rests_on=("AML-T10.a",),
    proof="Over one step the difference across groups moves by eta (1 - (1 - Q_bb + Q_ab)/C), Q the mean block of "
    "-msgn(G): a contraction, so Q_ab^2 + Q_bb^2 <= 1 and |Q_bb - Q_ab| <= sqrt 2.",
)

AML_X8a = claim(
    id="AML-X8.a",
    statement="Sign descent needs no oracle to equal Muon where the gradient is diagonal in other coordinates: "
    "Hadamard embeddings and equal frequencies.",
    formula="E = Et = H/sqrt K, p_j = 1/K, What = x (I - J/K):  grad = -(g/K) diag(0, 1, .., 1), so that "
    "sgn(grad) = msgn(grad), for ever",
    sense="==",
    provenance="extension",
    hypotheses=("p uniform", "W_0 = 0", "A3"),
    proof="H H^T = K and H 1 = K e_1 for a symmetric Hadamard matrix with a first row of ones.",
)

AML_X8b = claim(
    id="AML-X8.b",
    statement="Any inequality of the frequencies breaks this: the first gradient in the Hadamard basis is diagonal "
    "if and only if all frequencies are equal.",
    formula="E = Et = H/sqrt K (Sylvester), W = 0:  sum_{i != j} grad_ij^2 = 0  <=>  p_j = 1/K for all j",
    sense="iff",
    provenance="extension",
    proof="For i > 0, grad_ij = -((1 - alpha)/K) phat(i xor j), phat_k = sum_j H_kj p_j, and by Parseval sum_{k > 0} "
    "phat_k^2 = K sum_j (p_j - 1/K)^2.",
)

AML_X8c = claim(
    id="AML-X8.c",
    statement="With unequal frequencies and the best constant step, sign descent in Hadamard embeddings and in "
    "independent rotations is far behind Muon, and in one rotation of both sides further still; that Hadamard is the "
    "best of the three shows only in longer runs.",
    formula="K = 64, 8 groups of 8, beta = 1.5, alpha = 0.2, best eta of a grid:  excess(Hadamard), excess(E, Et "
    "independent) > 10 excess(Muon) at T = 200, > 5 at T = 800;  excess(E = Et) > 2 excess(independent) at both;  "
    "excess(independent) > 2 excess(Hadamard) at T = 800",
    sense=">",
    kind="law",
    provenance="extension",
    hypotheses=("unequal frequencies",),
)


def column_gradient(K: Any, E: Any, alpha: Any) -> tuple[Any, Any]:
    """(own, other) entries of (Phat - P) for a column of one margin m, E = e^m: from its softmax, for any K."""
    total = E + K - 1
    return E / total - (1 - alpha + alpha / K), 1 / total - alpha / K


def drift(K: Any, E: Any, alpha: Any) -> Any:
    """g(m) = K/(e^m + K - 1) - alpha."""
    return K / (E + K - 1) - alpha


def sylvester(K: int) -> Any:
    """The Hadamard matrix H_ij = (-1)^(number of common binary digits of i and j); K a power of 2."""
    import sympy

    return sympy.Matrix(K, K, lambda i, j: (-1) ** (int(i) & int(j)).bit_count())


def first_gradient_in(H: Any, p: list[Any], alpha: Any) -> Any:
    """E (Phat - P) diag(p) E^T at W = 0 for E = Et = H/sqrt K."""
    import sympy

    K = H.rows
    uniform = sympy.ones(K, K) / K
    G = (1 - alpha) * (uniform - sympy.eye(K)) * sympy.diag(*p)
    return H * G * H.T / K
