"""NDS-X1: what a line-searched step is worth."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from labs.core.polar import msign
from labs.core.spectrum import matrix, nuclear_rank, zoo
from labs.core.streams import stream
from labs.curvature_nds import steps as forms
from tests.curvature_nds.algebra import symbols
from tests.curvature_nds.matrices import fractions, inner, structured
from tests.referee import check, control, verifies
from theory.curvature_nds import (
    NDS_X1a,
    NDS_X1b,
    NDS_X1c,
    NDS_X1d,
)
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)
EPS = 2.0**-52


# --- X1: exact line search ---------------------------------------------------------------------------------------


@check(NDS_X1a)
def exchange_rate(factor: Fraction = ONE) -> Evidence:
    """The best decrease along Z, from its derivative, for all <G, Z>, |G|^2, |Z|^2, <Z, H[Z]> > 0; labs' form."""
    import sympy

    gain, energy, squares, curvature, eta = symbols("gain energy squares curvature eta")
    decrease = eta * gain - eta**2 * curvature / 2
    (best,) = sympy.solve(sympy.diff(decrease, eta), eta)
    form = forms.searched_decrease(energy, gain**2 / (energy * squares), curvature / squares)
    return exact(decrease.subs(eta, best), factor * form)


@check(NDS_X1b)
def nothing_sharper_beats_gd(least: Fraction = ONE) -> Evidence:
    """If S(Z) >= least S(G), whatever the cosine, cos^2 = 1/(1 + c), the decrease is at most GD's."""
    import sympy

    energy, sharpness = symbols("energy sharpness")
    c, v = sympy.symbols("c v", nonnegative=True)
    along = forms.searched_decrease(energy, 1 / (1 + c), sharpness * (least + v))
    return exact(
        along,
        forms.searched_decrease(energy, ONE, sharpness),
        "<=",
        witness={energy: 1, sharpness: 1, c: 0, v: 0},
    )


Vector = Sequence[Fraction]


def sharpness_and_decrease(
    w: Vector, G: Vector, Z: Vector, eta: Fraction | None = None
) -> tuple[Fraction, Fraction]:
    """S(Z), and the decrease of a step along Z: of length eta, or by exact line search."""
    gain = Fraction(sum(x * y for x, y in zip(G, Z, strict=True)))
    curvature = Fraction(sum(c * y * y for c, y in zip(w, Z, strict=True)))
    length = gain / curvature if eta is None else eta
    return curvature / sum(y * y for y in Z), length * gain - length * length * curvature / 2


@check(NDS_X1b, NDS_X1c)
def order_of(w: Vector, G: Vector, Z: Vector, better: bool, eta: Fraction | None = None) -> Evidence:
    """Z against G: S(Z) < S(G), where the decrease along Z is the larger one (`better`) or the smaller one.

    eta: a step of this length along Z, in place of the line search.
    """
    require(all(x >= 0 for x in w), "PSD")
    require(eta is None, "A6")
    sharp, decrease = sharpness_and_decrease(w, G, Z, eta)
    sharp_g, decrease_g = sharpness_and_decrease(w, G, G)
    return every(exact(sharp, sharp_g, "<"), exact(decrease, decrease_g, ">" if better else "<"))


@check(NDS_X1a)
def rate_in_matrices(m: int, n: int, replicate: int, step: float = 1.0) -> Evidence:
    """Decreases of GD and of Muon on a dense semidefinite Hessian of all m n entries, of rank m n/2, to 1e-12.

    step: a multiple of the searched step length.  Rounding: 1e4 numbers of condition below 1e3.
    """
    require(step == 1.0, "A6")
    draw = stream("dense Hessian", m, n, replicate)
    factor = draw.standard_normal((m * n, m * n // 2))
    G = matrix(zoo(min(m, n), draw)["power law"], m, n, draw)
    found, form = [], []
    for Z in (G, msign(G)):
        z, g = Z.ravel(), G.ravel()
        bent = factor.T @ z
        gain, curvature, squares, energy = g @ z, bent @ bent, z @ z, g @ g
        eta = step * gain / curvature
        moved = factor.T @ (eta * z)
        found.append(eta * gain - moved @ moved / 2)
        form.append(forms.searched_decrease(energy, gain**2 / (energy * squares), curvature / squares))
    return measured(np.array(found) / form, 1.0, 1e-12)


@check(NDS_X1d)
def when_muon_beats_gd(more: int = 0) -> Evidence:
    """Muon's decrease over GD's is (nr/rank) S(G)/S(Q), for all nuclear norms, ranks and sharpnesses."""
    N, F, r, S_G, S_Q = symbols("N F r S_G S_Q")
    muon = forms.searched_decrease(F**2, N**2 / (r * F**2), S_Q)
    nuclear = N**2 / F**2
    return exact(muon / forms.searched_decrease(F**2, ONE, S_G), nuclear / (r + more) * S_G / S_Q)


@check(NDS_X1d)
def order_in_matrices_of_fractions(w: Vector, sigma: Vector, more: int = 0) -> Evidence:
    """Muon against GD, one searched step each in matrices of fractions, against nr/rank > S(Q)/S(G)."""
    problem = structured(w, sigma, len(w) + 1, len(w), pairing=list(range(len(w))))
    G, Q = problem.G, problem.combined([ONE] * len(w))
    decreases, sharp = [], []
    for Z in (G, Q):
        curvature = inner(Z, problem.curve(Z))
        decreases.append(inner(G, Z) ** 2 / (2 * curvature))
        sharp.append(curvature / inner(Z, Z))
    share = inner(G, Q) ** 2 / (inner(G, G) * (len(w) + more))
    return exact(int(decreases[1] > decreases[0]), int(share > sharp[1] / sharp[0]))


@check(NDS_X1d)
def cosine_of_muon(spectrum: np.ndarray, m: int, n: int, factor: float = 1.0) -> Evidence:
    """cos^2(G, polar G) against nr/rank; (m + n) eps for the polar factor and the products."""
    G = matrix(spectrum, m, n, stream("cosine", m, n))
    Q = msign(G)
    found = np.sum(G * Q) ** 2 / (np.sum(G * G) * np.sum(Q * Q))
    return measured(found, factor * nuclear_rank(spectrum) / np.sum(spectrum > 0), 10 * (m + n) * EPS)


@verifies(NDS_X1a, NDS_X1b, NDS_X1d)
def test_exchange_rate() -> None:
    exchange_rate()
    nothing_sharper_beats_gd()
    when_muon_beats_gd()
    for replicate in range(3):
        rate_in_matrices(6, 8, replicate)
    for w, sigma in (
        (("12", "1", "1"), ("2", "1", "1")),
        (("3", "2", "1"), ("5", "1", "1")),
        (("2", "2", "1"), ("1", "1", "3")),
    ):
        order_in_matrices_of_fractions(fractions(*w), fractions(*sigma))
    for name in ("graded", "repeated", "nearly equal", "spike", "rank-deficient"):
        cosine_of_muon(zoo(12, stream("cosine zoo"))[name], 12, 16)
    order_of(fractions("2", "1"), fractions("1", "1/10"), fractions("1/2", "1/10"), better=True)


LAZY = fractions("2", "1"), fractions("1", "1/10"), fractions("0", "1")


@verifies(NDS_X1c)
def test_lower_sharpness_does_not_pay_by_itself() -> None:
    order_of(*LAZY, better=False)


@control(NDS_X1a, sharpens="2 -> 2.02")
def test_the_exchange_rate_is_exact() -> None:
    exchange_rate(Fraction(99, 100))


@control(NDS_X1a, drops="A6")
def test_a_longer_step_decreases_less() -> None:
    rate_in_matrices(6, 8, 0, step=1.01)


@control(NDS_X1b, sharpens="S(Z) < S(G) -> S(Z) < 0.99 S(G)")
def test_a_slightly_lower_sharpness_may_suffice() -> None:
    nothing_sharper_beats_gd(Fraction(99, 100))


@control(NDS_X1c, changes="Z = e_2 -> Z = Newton's direction")
def test_the_better_step_with_lower_sharpness() -> None:
    order_of(*LAZY[:2], fractions("1/2", "1/10"), better=False)


@control(NDS_X1d, changes="rank -> rank + 1")
def test_the_rank_counts() -> None:
    when_muon_beats_gd(1)
    order_in_matrices_of_fractions(fractions("12", "1", "1"), fractions("21/10", "1", "1"), more=3)
