"""Measures of spectra against exact values and their inequalities; ensembles against what they promise."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labs.core import spectrum
from labs.core.streams import stream

EPS = float(np.finfo(float).eps)
SMALLEST_NORMAL = float(np.finfo(float).smallest_normal)
RANKS = ("stable_rank", "participation_ratio", "nuclear_rank", "effective_rank", "rank")
MEASURES = (*RANKS, "entropy", "condition_number")

# Entries over 12 decades and exact zeros, at least one entry positive.
spectra = hnp.arrays(
    float, st.integers(1, 12), elements=st.one_of(st.just(0.0), st.floats(-12.0, 0.0).map(lambda e: 10.0**e))
).filter(np.any)


def measured(s):
    return {name: float(getattr(spectrum, name)(s)) for name in MEASURES}


# --- measures ------------------------------------------------------------------------


def exact_ranks(s: list[int]) -> dict[str, Fraction]:
    """The rational measures of a list of integers, by their definitions."""
    one, two, four = (Fraction(sum(x**k for x in s)) for k in (1, 2, 4))
    positive = [x for x in s if x]
    return {
        "stable_rank": two / max(s) ** 2,
        "participation_ratio": two**2 / four,
        "nuclear_rank": one**2 / two,
        "rank": Fraction(len(positive)),
        "condition_number": Fraction(max(s), min(positive)),
    }


@pytest.mark.parametrize("s", [[1], [7, 7, 7], [3, 0, 4], [0, 1, 2, 3], [2, 1, 1], [5, 1, 1, 1, 1, 0, 0]])
def test_small_cases_are_the_fractions_of_the_definitions(s):
    got = measured(np.array(s, dtype=float))
    for name, value in exact_ranks(s).items():
        assert got[name] == pytest.approx(float(value), rel=4 * EPS)


def test_values_that_are_known():
    got = measured(np.array([2.0, 1.0, 1.0]))
    assert got["entropy"] == pytest.approx(1.5 * math.log(2.0), rel=2 * EPS)
    assert got["effective_rank"] == pytest.approx(2.0**1.5, rel=4 * EPS)
    assert got["stable_rank"] == 1.5
    assert float(spectrum.stable_rank(np.array([2.0, 1.5, 0.5]))) == 13 / 8


def entropy_to_50_digits(s, power):
    with mpmath.workdps(50):
        weights = [mpmath.mpf(float(x)) ** power for x in s if x > 0]
        total = mpmath.fsum(weights)
        return -mpmath.fsum(w / total * mpmath.log(w / total) for w in weights)


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_entropy_has_relative_accuracy(n, power):
    """Each t_i, its logarithm and the two sums err by a few eps; no term is negative, so nothing cancels."""
    drawn = spectrum.zoo(n, stream("test of entropy", n))
    drawn["faint background"] = spectrum.spike(n, bulk=1e-18)
    for name, s in drawn.items():
        expected = entropy_to_50_digits(s, power)
        assert float(spectrum.entropy(s, power)) == pytest.approx(float(expected), rel=(8 + n**0.5) * EPS), (
            name
        )


@given(spectra)
def test_the_measures_are_ordered(s):
    """1 <= stable <= participation <= nuclear <= effective <= rank <= n, with t = s / max s, p = s / sum s:

    sum t^2 >= 1;  sum t^4 <= sum t^2 gives (sum t^2)^2 / sum t^4 >= sum t^2;  Hoelder (3/2 and 3) on
    t^2 = t^(2/3) t^(4/3) gives (sum t^2)^3 <= (sum t)^2 sum t^4;  Jensen gives log sum p^2 >= sum p log p;
    the entropy of r outcomes is at most log r.
    """
    got = measured(s)
    chain = [1.0, *(got[name] for name in RANKS), float(len(s))]
    for lower, upper in pairwise(chain):
        assert lower <= upper * (1.0 + 20 * EPS)
    assert got["effective_rank"] == pytest.approx(math.exp(got["entropy"]), rel=4 * EPS)
    assert got["condition_number"] >= 1.0


@given(spectra, st.randoms(use_true_random=False))
def test_order_and_zeros_do_not_matter(s, random):
    shuffled = [*s.tolist(), 0.0]
    random.shuffle(shuffled)
    assert measured(np.array(shuffled)) == pytest.approx(measured(s), rel=20 * EPS)


@given(spectra, st.integers(-450, 450))
def test_a_power_of_two_changes_no_bit(s, exponent):
    assert measured(np.ldexp(s, exponent)) == measured(s)


@pytest.mark.parametrize("scale", [1e-150, 3e-7, 1.0 / 3.0, 7e77, 1e150, 1e300])
def test_scale_does_not_matter(scale):
    """Rounding the scaled entries moves each t_i by eps, and the condition number by 2 eps."""
    for name, s in spectrum.zoo(9, stream("test of scale")).items():
        assert measured(s * scale) == pytest.approx(measured(s), rel=20 * EPS), name


@pytest.mark.parametrize("r", [1, 2, 5])
def test_r_equal_entries_have_rank_r_in_every_measure(r):
    got = measured(np.array([0.3] * r + [0.0] * 3))
    assert {name: got[name] for name in RANKS} == pytest.approx(dict.fromkeys(RANKS, float(r)), rel=4 * EPS)
    assert got["condition_number"] == 1.0


def test_a_zero_spectrum_has_rank_zero_and_leaves_its_neighbours_alone():
    s = np.array([[0.0, 0.0, 0.0], [2.0, 1.0, 1.0]])
    for name in MEASURES:
        both = getattr(spectrum, name)(s)
        assert both[0] == (-math.inf if name == "entropy" else 0.0)
        assert both[1] == getattr(spectrum, name)(s[1])
    np.testing.assert_array_equal(spectrum.normalized(s), [[0.0, 0.0, 0.0], [1.0, 0.5, 0.5]])


def test_rank_counts_above_a_tolerance():
    s = np.array([1e150, 1e149, 1e140, 1e-300, 0.0])
    assert [float(spectrum.rank(s, t)) for t in (0.0, 1e-12, 1e-5, 0.1, 0.5)] == [4.0, 3.0, 2.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("s", "expected"),
    [
        ([1.0, 0.0, 1e-6], 1e6),
        ([1e150, 1e-150], 1e300),
        ([1.0, SMALLEST_NORMAL], 1.0 / SMALLEST_NORMAL),
        ([1.0, SMALLEST_NORMAL / 2], math.inf),
        ([1e150, 1e-300], math.inf),
        ([5e-324], 1.0),
    ],
)
def test_condition_number_over_the_whole_range(s, expected):
    assert float(spectrum.condition_number(np.array(s))) == pytest.approx(expected, rel=4 * EPS)


def test_powers_interpolate_between_the_measures():
    s = spectrum.power_law(12, 0.7)
    assert spectrum.participation_ratio(s, 1.0) == spectrum.nuclear_rank(s)
    assert spectrum.entropy(s, 2.0) == pytest.approx(float(spectrum.entropy(s**2)), rel=20 * EPS)
    ranks = [float(spectrum.effective_rank(s, p)) for p in (0.01, 0.5, 1.0, 2.0, 50.0)]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] == pytest.approx(12.0, rel=1e-3)
    assert ranks[-1] == pytest.approx(1.0, rel=1e-6)


# --- ensembles -----------------------------------------------------------------------

DESCENDING = (
    "graded",
    "repeated",
    "nearly equal",
    "spike",
    "rank-deficient",
    "flat",
    "power law",
    "two-level",
    "geometric",
    "near-zero",
)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 256])
def test_every_spectrum_of_the_zoo_is_a_spectrum(n):
    zoo = spectrum.zoo(n, stream("test of the zoo", n))
    assert set(zoo) == {*DESCENDING, "log-uniform"}
    for name, s in zoo.items():
        assert (s.shape, s.dtype) == ((n,), np.float64), name
        assert (s >= 0.0).all(), name
        assert s.max() > 0.0, name
    for name in DESCENDING:
        assert zoo[name][0] == 1.0, name
        assert (np.diff(zoo[name]) <= 0.0).all(), name


@pytest.mark.parametrize("n", [2, 3, 8, 256])
def test_the_zoo_is_what_its_names_say(n):
    zoo = spectrum.zoo(n, stream("test of the zoo", n))
    gaps = {name: -np.diff(np.sort(s)[::-1]) for name, s in zoo.items()}
    assert measured(zoo["graded"])["condition_number"] == pytest.approx(1e6, rel=1e-12)
    assert (zoo["log-uniform"] > 1e-6).all()
    assert len(np.unique(zoo["log-uniform"])) == n
    assert 1 <= len(np.unique(zoo["repeated"])) <= min(3, n - 1)
    assert (gaps["nearly equal"] > 0.0).all()
    assert gaps["nearly equal"].sum() == pytest.approx(1e-8, rel=1e-7)
    assert measured(zoo["spike"])["stable_rank"] == pytest.approx(1.0 + 1e-6 * (n - 1), rel=1e-12)
    assert measured(zoo["rank-deficient"])["rank"] == (n + 1) // 2
    assert (zoo["flat"] == 1.0).all()
    np.testing.assert_allclose(zoo["power law"] * np.arange(1, n + 1), 1.0, rtol=2 * EPS)
    assert set(zoo["two-level"]) == {1.0, 1.0 / 3.0}
    np.testing.assert_allclose(zoo["geometric"][1:] / zoo["geometric"][:-1], 0.9, rtol=4 * EPS)
    assert 0.0 < zoo["near-zero"][-1] < 1e-14 < 1e-3 < zoo["near-zero"][(n - 1) // 2]


def test_the_zoo_is_drawn_from_its_stream_alone():
    first, again, other = (spectrum.zoo(8, stream("zoo", cell)) for cell in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert (first["log-uniform"] != other["log-uniform"]).all()


def test_log_uniform_is_uniform_in_the_logarithm():
    s = spectrum.log_uniform(50, 4.0, stream("test of log-uniform"), batch=(20, 10))
    assert s.shape == (20, 10, 50)
    u = np.sort(-np.log10(s).ravel() / 4.0)
    distance = np.abs(u - (np.arange(u.size) + 0.5) / u.size).max()
    # Kolmogorov-Smirnov: P(distance > 2.5 / sqrt(N)) < 2 exp(-2 * 2.5^2) = 8e-6.
    assert distance < 2.5 / math.sqrt(u.size)


def test_named_parameters_of_the_ensembles():
    np.testing.assert_allclose(spectrum.power_law(3, 2.0), [1.0, 0.25, 1.0 / 9.0], rtol=2 * EPS)
    np.testing.assert_allclose(spectrum.geometric(3, 0.5), [1.0, 0.5, 0.25])
    np.testing.assert_allclose(spectrum.graded(3, 4.0), [1.0, 1e-2, 1e-4], rtol=4 * EPS)
    np.testing.assert_array_equal(spectrum.two_level(3, 0.2), [1.0, 1.0, 0.2])
    np.testing.assert_array_equal(spectrum.two_level(3, 0.2, count=3), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(spectrum.spike(3, 0.2), [1.0, 0.2, 0.2])
    np.testing.assert_array_equal(spectrum.repeated(5, (3.0, 2.0)), [3.0, 3.0, 3.0, 2.0, 2.0])
    np.testing.assert_array_equal(spectrum.rank_deficient(4, rank=1), [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(spectrum.nearly_equal(3, 0.5), [1.0, 0.75, 0.5])


def test_parameters_at_the_ends_of_their_range_and_left_out():
    np.testing.assert_array_equal(spectrum.geometric(3, 1.0), np.ones(3))
    np.testing.assert_array_equal(spectrum.nearly_equal(3, 0.0), np.ones(3))
    np.testing.assert_array_equal(spectrum.graded(4), spectrum.graded(4, decades=6.0))
    np.testing.assert_array_equal(spectrum.repeated(4), [1.0, 1.0, 0.5, 0.1])


# --- matrices ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "columns", "batch"), [(1, None, ()), (8, None, (3, 2)), (16, 5, (4,)), (64, 64, ())]
)
def test_haar_columns_are_orthonormal(n, columns, batch):
    """Householder QR leaves |Q^T Q - I| within a small multiple of n eps (Higham, Theorem 19.4)."""
    q = spectrum.haar(n, stream("test of haar", n), batch, columns)
    k = columns or n
    assert q.shape == (*batch, n, k)
    defect = np.abs(np.swapaxes(q, -1, -2) @ q - np.eye(k)).max()
    assert defect <= 4 * n * EPS


def test_haar_has_the_moments_of_the_uniform_distribution():
    """E q_11 = 0, E q_11^2 = 1/n, E q_11^4 = 3/(n(n+2)), E q_11 q_22 = 0, each to 5 standard deviations.

    Without the signs of R the first fails: LAPACK makes q_11 = -|x_11| / |x|, never positive.
    """
    n, draws = 4, 20000
    q = spectrum.haar(n, stream("test of haar moments"), (draws,))
    for sample, expected in (
        (q[:, 0, 0], 0.0),
        (q[:, 2, 1], 0.0),
        (q[:, 0, 0] ** 2, 1.0 / n),
        (q[:, 3, 3] ** 2, 1.0 / n),
        (q[:, 1, 2] ** 4, 3.0 / (n * (n + 2))),
        (q[:, 0, 0] * q[:, 1, 1], 0.0),
        (np.linalg.det(q), 0.0),
    ):
        assert abs(sample.mean() - expected) < 5.0 * sample.std() / math.sqrt(draws)


@pytest.mark.parametrize(("m", "n"), [(12, 12), (20, 12), (12, 20), (12, 200)])
def test_a_matrix_has_the_spectrum_it_was_given(m, n):
    """Weyl: each singular value moves by at most the norm of the rounding errors, about sqrt(mn) eps here."""
    zoo = spectrum.zoo(12, stream("test of matrix"))
    batch = np.stack(list(zoo.values()))
    a = spectrum.matrix(batch, m, n, stream("test of matrix", m, n))
    assert a.shape == (len(zoo), m, n)
    got = np.linalg.svd(a, compute_uv=False)
    assert np.abs(got - np.sort(batch)[:, ::-1]).max() <= 4 * math.sqrt(m * n) * EPS


def test_every_matrix_of_a_batch_has_frames_of_its_own():
    a, b = spectrum.matrix(np.tile(spectrum.power_law(3), (2, 1)), 3, 3, stream("test of frames"))
    assert np.abs(a @ a.T - b @ b.T).max() > 0.1
    assert np.abs(a.T @ a - b.T @ b).max() > 0.1


def test_a_short_spectrum_is_padded_with_zeros():
    a = spectrum.matrix(np.array([3.0, 2.0]), 5, 4, stream("test of padding"))
    np.testing.assert_allclose(np.linalg.svd(a, compute_uv=False), [3.0, 2.0, 0.0, 0.0], atol=40 * EPS)


DRAW = stream("test of bad arguments")
ONE = np.ones(1)


@pytest.mark.parametrize(
    ("function", "arguments", "complaint"),
    [
        (spectrum.flat, (0,), "n must be an integer >= 1, got 0"),
        (spectrum.power_law, (2.0,), "n must be an integer >= 1, got 2.0"),
        (spectrum.power_law, (2, -1.0), "exponent must be finite and nonnegative, got -1.0"),
        (spectrum.geometric, (True, 0.5), "n must be an integer >= 1, got True"),
        (spectrum.geometric, (3, 0.0), "ratio must be in (0, 1], got 0.0"),
        (spectrum.geometric, (3, 1.5), "ratio must be in (0, 1], got 1.5"),
        (spectrum.graded, (3, math.nan), "decades must be finite and nonnegative, got nan"),
        (spectrum.two_level, (3, -1.0), "low must be finite and nonnegative, got -1.0"),
        (spectrum.two_level, (3, 0.1, 4), "count must be at most n = 3, got 4"),
        (spectrum.two_level, (3, 0.1, 0), "count must be an integer >= 1, got 0"),
        (spectrum.spike, (-1,), "n must be an integer >= 1, got -1"),
        (spectrum.spike, (3, math.inf), "bulk must be finite and nonnegative, got inf"),
        (spectrum.repeated, (3, (1.0, math.inf)), "levels[1] must be finite and nonnegative, got inf"),
        (spectrum.repeated, (3, ()), "levels must name at least one value, got none"),
        (spectrum.nearly_equal, (3, 1.0), "spread must be in [0, 1), got 1.0"),
        (spectrum.near_zero, (3, -1e-9), "level must be finite and nonnegative, got -1e-09"),
        (spectrum.rank_deficient, (3, 5), "rank must be at most n = 3, got 5"),
        (spectrum.log_uniform, (3, -1.0, DRAW), "decades must be finite and nonnegative, got -1.0"),
        (spectrum.zoo, (0, DRAW), "n must be an integer >= 1, got 0"),
        (spectrum.haar, (3, DRAW, (), 4), "columns must be at most n = 3, got 4"),
        (spectrum.haar, (3, DRAW, (), 0), "columns must be an integer >= 1, got 0"),
        (
            spectrum.matrix,
            (np.ones(3), 2, 5, DRAW),
            "spectrum must have at most min(m, n) = 2 entries",
        ),
        (
            spectrum.matrix,
            (-ONE, 2, 5, DRAW),
            "spectrum must be finite and nonnegative, got -1.0",
        ),
        (
            spectrum.matrix,
            (np.array(1.0), 2, 5, DRAW),
            "spectrum must be an array of shape (..., any)",
        ),
        (
            spectrum.matrix,
            ("ab", 2, 5, DRAW),
            "spectrum must be a NumPy array or a sequence",
        ),
        (spectrum.matrix, (ONE, 0, 5, DRAW), "m must be an integer >= 1, got 0"),
    ],
)
def test_bad_arguments_are_named(function, arguments, complaint):
    with pytest.raises(ValueError) as caught:
        function(*arguments)
    assert str(caught.value).startswith(complaint)
