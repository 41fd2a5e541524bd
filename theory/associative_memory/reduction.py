"""Claims about the exact reduction: with equal frequencies inside groups the whole run lives in M^2 + M numbers.

The model is written out in sympy from its definition, entry by entry; the reduced formulas are found by projecting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from theory.associative_memory.paper import claim

AML_T1a = claim(
    id="AML-T1.a",
    statement="The permutations inside groups act on logits by conjugation, and the gradient and every optimiser's "
    "direction follow: the block structure of What is preserved for ever.",
    formula="G(R W R^T) = R G(W) R^T,  X(R V R^T) = R X(V) R^T  for X = V, V/|V|_F, msgn V, sgn V, odd polynomials "
    "of V, and R a permutation inside groups;  so R What_0 R^T = What_0  =>  R What_t R^T = What_t",
    sense="for all",
    provenance="secondary",
    hypotheses=("A1", "A2", "A3", "A4"),
    proof="Permuting queries and answers together permutes columns and rows of Phat and P; p is constant in a group. "
    "Each X is a function of V that commutes with orthogonal maps on both sides (sgn: with permutations).",
)

AML_T1b = claim(
    id="AML-T1.b",
    statement="The matrices that commute with the permutations inside groups have M^2 dimensions, and one more for "
    "every group of at least two items; the contrasts x and the blocks S parametrise them all.",
    formula="dim {X : R X = X R} = M^2 + #{a : C_a >= 2},  X = sum_a x_a (I_a - J_a/C_a) + sum_ab S_ab 1_a 1_b^T/"
    "sqrt(C_a C_b)",
    sense="==",
    provenance="reconstructed",
    proof="X is constant on the orbits of pairs of items; there are M^2 pairs of groups, and a diagonal orbit apart "
    "from the rest of its block where C_a >= 2.  The form has as many parameters, and they are independent.",
)

AML_T1c = claim(
    id="AML-T1.c",
    statement="In this form products, transposes and the Frobenius norm act on x and on S separately, each x_a with "
    "multiplicity C_a - 1: so do odd polynomials and the polar factor.",
    formula="(x, S)(y, T) = (x y, S T),  (x, S)^T = (x, S^T),  |(x, S)|_F^2 = sum_a (C_a - 1) x_a^2 + |S|_F^2",
    sense="==",
    provenance="reconstructed",
    rests_on=("AML-T1.b",),
    proof="I_a - J_a/C_a are orthogonal projections that vanish on the vectors 1_a/sqrt(C_a), which are orthonormal.",
)

AML_T1d = claim(
    id="AML-T1.d",
    statement="The gradient has the contrasts p_b r_b and the mean block R diag(p), whose left null vector is "
    "c_a = sqrt(C_a/K); all of it follows from the wrong answers q_ab alone.",
    formula="r_b = alpha - C_b q_bb - sum_{a != b} C_a q_ab = Q_b - q_bb - (1 - alpha);  R_ab = sqrt(C_a C_b)(q_ab - "
    "alpha/K),  R_bb = alpha (1 - C_b/K) - sum_{a != b} C_a q_ab;  c^T R = 0",
    sense="==",
    provenance="reconstructed",
    rests_on=("AML-T1.b",),
    proof="x_b is own entry less entry inside the group, S_ab = 1_a^T G 1_b/sqrt(C_a C_b); Q_b + (C_b - 1) q_bb + "
    "sum_{a != b} C_a q_ab = 1.",
)

AML_T1e = claim(
    id="AML-T1.e",
    statement="The loss of a group by its entries.",
    formula="L_b = log Z_b - pi own_b - (alpha/K) ((C_b - 1) y_bb + sum_{a != b} C_a y_ab),  L = sum_b ptilde_b L_b",
    sense="==",
    provenance="reconstructed",
    rests_on=("AML-T1.b",),
    proof="log Phat_ij = What_ij - log Z_j, and P has column sum 1.",
)

AML_T1f = claim(
    id="AML-T1.f",
    statement="One step of the reduced recursion is one step of the whole memory, for every rule: x - eta sgn(p r), "
    "S - eta msgn(R diag p) for Muon, and likewise for GD, NGD, sign descent on What, Newton-Schulz, momentum.",
    formula="Phat(lift(step(x, S))) = Phat(step(lift(x, S)))",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A4"),
    rests_on=("AML-T1.a", "AML-T1.c", "AML-T1.d"),
    proof="AML-T1.c turns each direction of the whole gradient into that of its parts.",
)

AML_T1g = claim(
    id="AML-T1.g",
    statement="From W = 0 the two runs have the same losses, to rounding, until a residual changes its sign; from "
    "then on optimisers that normalise may amplify rounding, and polynomial iterations do so from the start.",
    formula="L(reduced run, t) = L(whole run, t)",
    sense="==",
    provenance="reconstructed",
    hypotheses=("A1", "A2", "A3", "A4"),
    rests_on=("AML-T1.f",),
)


# --- the model, entry by entry ---------------------------------------------------------------------------------


def groups_of(sizes: Sequence[int]) -> list[int]:
    """The group of each item."""
    return [group for group, size in enumerate(sizes) for _ in range(size)]


@dataclass(frozen=True)
class Memory:
    """A state of the commutant in positive symbols: w = exp(What), and the noise alpha and frequencies p."""

    sizes: tuple[int, ...]
    alpha: Any
    p: tuple[Any, ...]  # per group
    own: tuple[Any, ...]  # exp of the own logit, per group
    other: Any  # M x M: exp of the logits of answers of group a in columns of group b

    @property
    def K(self) -> int:
        return sum(self.sizes)


def memory(sizes: Sequence[int]) -> Memory:
    """Every entry a symbol of its own."""
    import sympy

    def positive(name: str) -> Any:
        return sympy.Symbol(name, positive=True)

    M = len(sizes)
    return Memory(
        tuple(sizes),
        positive("alpha"),
        tuple(positive(f"p{a}") for a in range(M)),
        tuple(positive(f"w{a}") for a in range(M)),
        sympy.Matrix(M, M, lambda a, b: positive(f"w{a}_{b}")),
    )


def whole(of: Memory) -> tuple[Any, Any]:
    """(exp of all logits, frequencies of all items): a K x K matrix and a list."""
    import sympy

    group = groups_of(of.sizes)
    w = sympy.Matrix(of.K, of.K, lambda i, j: of.own[group[j]] if i == j else of.other[group[i], group[j]])
    return w, [of.p[a] for a in group]


def gradient(w: Any, p: Sequence[Any], alpha: Any) -> Any:
    """G_ij = p_j (w_ij/sum_k w_kj - (1 - alpha) 1[i = j] - alpha/K): from the definition, for any logits."""
    import sympy

    K = w.rows
    totals = [sum(w[:, j]) for j in range(K)]
    return sympy.Matrix(
        K, K, lambda i, j: p[j] * (w[i, j] / totals[j] - (1 - alpha) * int(i == j) - alpha / sympy.Integer(K))
    )


def loss(logits: Any, log_totals: Sequence[Any], p: Sequence[Any], alpha: Any) -> Any:
    """-sum_ij p_j P_ij (What_ij - log Z_j), the logarithms being symbols."""
    import sympy

    K = logits.rows

    def target(i: int, j: int) -> Any:
        return (1 - alpha) * int(i == j) + alpha / sympy.Integer(K)

    return -sum(p[j] * target(i, j) * (logits[i, j] - log_totals[j]) for i in range(K) for j in range(K))


# --- the commutant ---------------------------------------------------------------------------------------------


def swap(sizes: Sequence[int], group: int) -> list[int]:
    """Two neighbours of a group exchanged: these generate what moves items inside groups (with `cycle`)."""
    first = sum(sizes[:group])
    order = list(range(sum(sizes)))
    order[first], order[first + 1] = order[first + 1], order[first]
    return order


def cycle(sizes: Sequence[int], group: int) -> list[int]:
    """The items of a group moved on by one."""
    first, size = sum(sizes[:group]), sizes[group]
    order = list(range(sum(sizes)))
    order[first : first + size] = [*order[first + 1 : first + size], order[first]]
    return order


def generators(sizes: Sequence[int]) -> list[list[int]]:
    """A swap and a cycle of every group that has two items."""
    return [make(sizes, a) for a, size in enumerate(sizes) if size >= 2 for make in (swap, cycle)]


def conjugated(X: Any, order: Sequence[int]) -> Any:
    """R X R^T."""
    return X.extract(list(order), list(order))


def commutant_dimension(sizes: Sequence[int]) -> int:
    """K^2 less the rank of the equations X[order, order] = X, by elimination in integers."""
    from flint import fmpz_mat

    K = sum(sizes)
    rows = []
    for order in generators(sizes):
        for i in range(K):
            for j in range(K):
                row = [0] * K**2
                row[i * K + j] += 1
                row[order[i] * K + order[j]] -= 1
                rows.append(row)
    return K**2 - (fmpz_mat(rows).rank() if rows else 0)


def lift(sizes: Sequence[int], x: Sequence[Any], S: Any) -> Any:
    """sum_a x_a (I_a - J_a/C_a) + sum_ab S_ab 1_a 1_b^T/sqrt(C_a C_b), as matrices."""
    import sympy

    M, K, group = len(sizes), sum(sizes), groups_of(sizes)
    ones = [sympy.Matrix(K, 1, lambda i, _, a=a: int(group[i] == a)) for a in range(M)]
    total = sympy.zeros(K, K)
    for a in range(M):
        total += x[a] * (sympy.diag(*ones[a]) - ones[a] * ones[a].T / sizes[a])
        for b in range(M):
            total += S[a, b] * ones[a] * ones[b].T / sympy.sqrt(sizes[a] * sizes[b])
    return total


def parts(sizes: Sequence[int], X: Any) -> tuple[list[Any], Any]:
    """(x, S) of a matrix of the commutant: its own values on differences of items, and between means of groups."""
    import sympy

    M = len(sizes)
    first = [sum(sizes[:a]) for a in range(M)]

    def contrast(a: int) -> Any:
        i = first[a]
        return X[i, i] - X[i, i + 1] if sizes[a] >= 2 else sympy.Integer(0)

    def mean(a: int, b: int) -> Any:
        rows, columns = range(first[a], first[a] + sizes[a]), range(first[b], first[b] + sizes[b])
        return sum(X[i, j] for i in rows for j in columns) / sympy.sqrt(sizes[a] * sizes[b])

    return [contrast(a) for a in range(M)], sympy.Matrix(M, M, mean)
