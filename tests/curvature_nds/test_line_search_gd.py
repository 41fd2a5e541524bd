"""NDS-X4: the sharpness of GD and of Muon with line search on any spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from labs.core.spectrum import power_law, zoo
from labs.core.streams import stream
from labs.curvature_nds.quadratic import descend
from tests.curvature_nds.matrices import fractions
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import (
    NDS_X4a,
    NDS_X4b,
    NDS_X4c,
    NDS_X4d,
    NDS_X4e,
    modes,
    moments,
)
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

ONE = Fraction(1)
EPS = 2.0**-52


def state_of(w: Sequence[Fraction], r: Sequence[Fraction]) -> list[Mode]:
    return [Mode(ONE, *pair) for pair in zip(w, r, strict=True)]


# --- X4: the sharpness -------------------------------------------------------------------------------------------


@check(NDS_X4a)
def muon_sees_the_mean(w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int) -> Evidence:
    """S(Z_t) along a run in fractions, against the mean of all curvatures."""
    found = []
    for state in modes.run(state_of(w, sigma), modes.muon, steps):
        require(all(mode.r != 0 for mode in state), "all r_i != 0")
        found.append(exact(modes.sharpness(state, modes.muon), sum(w) / len(w)))
    return every(*found)


@check(NDS_X4a)
def muon_sees_the_mean_of_any(extra: int = 0) -> Evidence:
    """One mode w and k others that sum up to W, by symbols."""
    import sympy

    w, W, k, r = sympy.symbols("w W k r", positive=True)
    # k modes of curvature W/k stand for any k modes: the sharpness has their sum alone.
    state = [Mode(1 + extra, w, r), Mode(k, W / k, r)]
    return exact(modes.sharpness(state, lambda mode: 1), (w + W) / (1 + k))


@verifies(NDS_X4a)
def test_sharpness_of_muon_on_any_spectrum() -> None:
    muon_sees_the_mean(fractions("9", "4", "1", "1/1000"), fractions("1", "-3", "1/5", "2"), 9)
    muon_sees_the_mean_of_any()


@control(NDS_X4a, drops="all r_i != 0")
def test_an_exact_mode_leaves_the_mean() -> None:
    muon_sees_the_mean(fractions("9", "4", "1"), fractions("1", "0", "2"), 0)


@control(NDS_X4a, changes="weight 1 -> 2 of one mode")
def test_every_mode_counts_once() -> None:
    muon_sees_the_mean_of_any(1)


def gram(m: Sequence[Any]) -> Any:
    """det of (m_{i+j}), i, j = 0, 1, 2."""
    return (
        m[0] * (m[2] * m[4] - m[3] * m[3])
        - m[1] * (m[1] * m[4] - m[2] * m[3])
        + m[2] * (m[1] * m[3] - m[2] * m[2])
    )


def variance(m: Sequence[Any]) -> Any:
    """Of the curvature under the energy, from moments that need not be normalised."""
    return m[2] / m[0] - (m[1] / m[0]) ** 2


@check(NDS_X4b)
def growth_of_the_variance() -> Evidence:
    """For any q, in moments: V_{t+1} - V_t is a Gram determinant over a positive number."""
    now = moments.symbols(0, 4)
    after = moments.moved(now, moments.searched(now))
    m, n = [now[k] for k in range(5)], [after[k] for k in range(3)]
    return exact(variance(n) - variance(m), gram(m) / (m[0] ** 3 * variance(m) ** 2))


@check(NDS_X4b)
def gram_is_positive(power: int = 2) -> Evidence:
    """The determinant as a sum over triples of curvatures, here for q = 4; w_1 = 0 and w_2 = 1 choose units.

    The curvatures are sums of positive gaps, so that every term has positive coefficients.
    """
    import sympy

    p, gaps = sympy.symbols("p1:5", positive=True), (1, *sympy.symbols("g2:4", positive=True))
    w = [sum(gaps[:i], start=sympy.Integer(0)) for i in range(4)]
    m = [sum(x * c**k for x, c in zip(p, w, strict=True)) for k in range(5)]
    triples = sum(
        p[i] * p[j] * p[k] * ((w[j] - w[i]) * (w[k] - w[i]) * (w[k] - w[j])) ** power
        for i, j, k in combinations(range(4), 3)
    )
    return every(exact(gram(m), triples), exact(sympy.expand(triples), 0, ">"))


@check(NDS_X4b)
def variance_along_a_run(
    w: Sequence[Fraction], sigma: Sequence[Fraction], steps: int, sense: str
) -> Evidence:
    """V_t <= V_{t+1} along a run in fractions; `sense` is "==" where two curvatures have energy."""
    states = modes.run(state_of(w, sigma), modes.gd, steps)
    V = [variance(list(moments.of(state, 0, 2).values())) for state in states]
    return every(*(exact(after, before, sense) for before, after in pairwise(V)))


@verifies(NDS_X4b)
def test_the_variance_of_the_curvature_never_falls() -> None:
    growth_of_the_variance()
    gram_is_positive()
    variance_along_a_run(fractions("9", "4", "1", "1/1000"), fractions("1", "-3", "1/5", "2"), 5, ">")
    variance_along_a_run(fractions("9", "1", "1"), fractions("1", "-3", "1/5"), 4, "==")


@control(NDS_X4b, changes="square of the Vandermonde determinant -> its first power")
def test_triples_have_squares() -> None:
    gram_is_positive(1)


@control(NDS_X4b, changes="> 0 -> == 0 on three curvatures")
def test_three_curvatures_are_not_stationary() -> None:
    variance_along_a_run(fractions("3", "2", "1"), fractions("1", "1/100", "1"), 2, "==")


@check(NDS_X4c)
def zigzag_between_two(weight: Fraction = ONE) -> Evidence:
    """Two curvatures, any energies, by symbols."""
    import sympy

    w, v, r, s = sympy.symbols("w v r s", positive=True)
    state = [Mode(1, w, r), Mode(1, v, s)]
    S = [modes.sharpness(x, modes.gd) for x in (state, modes.stepped(state, modes.gd))]
    return exact((S[0] + S[1]) / 2, (weight * w + v) / 2)


@verifies(NDS_X4c)
def test_two_sharpnesses_have_the_middle_as_mean() -> None:
    zigzag_between_two()


@control(NDS_X4c, changes="w_1 -> 101/100 w_1")
def test_another_middle() -> None:
    zigzag_between_two(Fraction(101, 100))


def late_sharpness(w: np.ndarray, sigma: np.ndarray, first: int, last: int) -> np.ndarray:
    """Mean sharpness of GD over the steps first <= t < last, by its map on shares: p <- p (w - S)^2/V."""
    p = sigma**2 / np.sum(sigma**2, axis=-1, keepdims=True)
    total = np.zeros(p.shape[:-1])
    for t in range(last):
        S = np.sum(p * w, axis=-1, keepdims=True)
        total = total + (S[..., 0] if t >= first else 0.0)
        p = p * (w - S) ** 2
        p /= np.sum(p, axis=-1, keepdims=True)
    return total / (last - first)


@check(NDS_X4d)
def ends_in_the_middle(w: np.ndarray, sigma: np.ndarray, steps: int, tolerance: float) -> Evidence:
    """The mean of S over the last of `steps` steps against the middle of the spectrum, relative."""
    ends = np.max(w, axis=-1), np.min(np.where(w > 0, w, np.inf), axis=-1)
    for end in ends:
        require(
            bool(np.all(np.sum((w == end[..., None]) * sigma**2, axis=-1) > 0)),
            "gradient on both extreme curvatures",
        )
    found = late_sharpness(w, sigma, steps - 2000, steps)
    return measured(found / ((ends[0] + ends[1]) / 2), 1.0, tolerance)


@check(NDS_X4e)
def order_of_the_sharpnesses(
    w: np.ndarray, sigma: np.ndarray, steps: int, curvature: float = 0.0
) -> Evidence:
    """(late mean of GD - Muon's)(middle - mean) > 0; `curvature` shifts the middle."""
    found = late_sharpness(w, sigma, steps - 2000, steps) - np.mean(w, axis=-1)
    predicted = (np.max(w, axis=-1) + np.min(w, axis=-1)) / 2 - np.mean(w, axis=-1) + curvature
    # After so many steps the mean of GD is known to 1e-3, and no spectrum here is nearer to the border.
    return measured(found * np.sign(predicted), 0.0, 1e-3, ">", margin=1e-3)


def spectra_of_the_zoo(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures (positive entries, padded by copies of the largest) and unaligned gradients."""
    draw = stream("long-run sharpness", n)
    w = np.array([np.where(s > 1e-10, s, np.max(s)) for name, s in zoo(n, draw).items() if name != "flat"])
    return w, draw.uniform(0.1, 1.0, w.shape)


@verifies(NDS_X4d)
def test_long_run_sharpness() -> None:
    """On the zoo, without alignment, from 6 to 24 modes."""
    for n in (6, 24):
        w, sigma = spectra_of_the_zoo(n)
        ends_in_the_middle(w, sigma, 12_000, 1e-3)


@restates(NDS_X4d)
def test_long_run_sharpness_by_descent() -> None:
    w = np.array([5.0, 4.0, 2.0, 1.0])
    nds = descend(w, np.array([1.0, -2.0, 0.5, 0.1]), "gd", 400).nds
    assert abs(np.mean(nds[300:]) / 3.0 - 1.0) < 1e-9
    ends_in_the_middle(w, np.array([1.0, -2.0, 0.5, 0.1]), 4000, 1e-9)


@control(NDS_X4d, drops="gradient on both extreme curvatures")
def test_the_end_without_the_largest_curvature() -> None:
    """The limit is 1.5, not 2."""
    sigma = np.array([0.0, 1.0, 0.7])
    assert abs(late_sharpness(np.array([3.0, 2.0, 1.0]), sigma, 100, 400) - 1.5) < 1e-12
    ends_in_the_middle(np.array([3.0, 2.0, 1.0]), sigma, 2400, 1e-3)


@verifies(NDS_X4e)
def test_who_is_flatter_in_the_long_run() -> None:
    w, sigma = spectra_of_the_zoo(12)
    mirrored = np.max(w, axis=-1, keepdims=True) + np.min(w, axis=-1, keepdims=True) - w
    skewed = np.abs(np.mean(w, axis=-1) - (np.max(w, axis=-1) + np.min(w, axis=-1)) / 2) > 1e-2
    for curvatures in (w, mirrored):
        order_of_the_sharpnesses(curvatures[skewed], sigma[skewed], 12_000)


@control(NDS_X4e, changes="middle -> middle + 0.02 w_max")
def test_the_border_is_the_middle() -> None:
    """Mean 0.56, middle 0.55."""
    w = np.array([1.0, 0.1, 0.58])
    order_of_the_sharpnesses(w, np.array([1.0, 1.0, 1.0]), 4000, 0.02)


@pytest.mark.parametrize(
    ("q", "decay", "middle", "mean"),
    [(10, 1.0, "0.55", "0.29290"), pytest.param(88, 1.3, "0.501483", "0.0348114", marks=pytest.mark.long)],
)
def test_printed_means(q: int, decay: float, middle: str, mean: str) -> None:
    """Over the steps 38000 to 40000: the middle to 1e-7, absolute and relative."""
    w = power_law(q, decay)
    found = late_sharpness(w, np.sqrt(w), 38_000, 40_000)
    assert abs(found / ((1 + w[-1]) / 2) - 1) < 1e-7
    assert f"{found:.6g}" == middle
    assert f"{np.mean(w):.{len(mean) - 2}f}" == mean
