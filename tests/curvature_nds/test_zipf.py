"""The language: its grammar exactly, Zipf's law per class and topic, and that a stream is all it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.curvature_nds.zipf import (
    CLASSES,
    GRAMMAR,
    START,
    Corpus,
    ZipfLanguage,
    expected_counts,
    sentences,
    zipf_exponent,
)

EXPONENTS = (0.0, 0.5, 1.0)


def sample(exponent: float, count: int = 40_000, **options: Any) -> Corpus:
    return ZipfLanguage(exponent, **options).text(count)


# --- the grammar ----------------------------------------------------------------------------------------------------


def test_expected_counts_per_sentence() -> None:
    printed = ("2.125", "2.125", ".595", ".425", ".7", ".3", ".2", ".4")
    assert expected_counts() == {f"c{k}": Fraction(x) for k, x in enumerate(printed)}
    assert sum(expected_counts().values()) == Fraction("6.87")


def test_expected_counts_from_the_linear_system() -> None:
    """n(symbol) = sum of probability times the sum of n over what it becomes, solved by sympy."""
    import sympy

    for word in CLASSES:
        unknown = {symbol: sympy.Symbol(symbol) for symbol in GRAMMAR}
        known = {name: sympy.Integer(name == word) for name in CLASSES}
        equations = [
            unknown[symbol]
            - sum(
                sympy.Rational(p.numerator, p.denominator) * sum((unknown | known)[part] for part in parts)
                for p, parts in options
            )
            for symbol, options in GRAMMAR.items()
        ]
        (solution,) = sympy.solve(equations, list(unknown.values()), dict=True)
        assert solution[unknown[START]] == expected_counts()[word]


def test_there_are_42_sentences() -> None:
    """2 endings, 3 noun phrases, 3 + 1 + 3 verb phrases."""
    made = sentences()
    assert len(made) == 42
    assert sum(made.values()) == 1
    assert made["c0", "c1", "c5"] == Fraction(3, 5) * Fraction(2, 5) * Fraction(3, 10)
    assert sentences(symbol="VP")[("c5",)] == Fraction(3, 10)


def test_bad_grammars() -> None:
    half = Fraction(1, 2)
    with pytest.raises(ValueError, match="grammar must have probabilities that add up to 1"):
        sentences({"S": ((half, ("a",)),)})
    with pytest.raises(ValueError, match="grammar must be without recursion, got 'S' below itself"):
        sentences({"S": ((half, ("a",)), (half, ("a", "T"))), "T": ((Fraction(1), ("S",)),)})


def test_text_is_made_of_sentences() -> None:
    """Some division of the running classes into sentences exists, up to the unfinished last one."""
    classes = [CLASSES[k] for k in sample(1.0, 2000).classes]
    made = [list(words) for words in sentences()]
    reachable = {0}
    for start in range(len(classes)):
        if start in reachable:
            reachable |= {
                start + len(words) for words in made if classes[start : start + len(words)] == words
            }
    assert max(reachable) > len(classes) - max(map(len, made))


def test_classes_occur_as_often_as_they_should() -> None:
    """40000 words are about 5800 sentences; a class's count in one varies by at most 1.3, four standard errors."""
    corpus = sample(0.5)
    counts = np.bincount(corpus.classes, minlength=len(CLASSES))
    expected = np.array([float(x) for x in expected_counts().values()])
    number = len(corpus.words) / 6.87
    assert np.all(np.abs(counts / number - expected) < 4 * 1.3 / number**0.5)


# --- Zipf's law -----------------------------------------------------------------------------------------------------


def cells(corpus: Corpus, language: ZipfLanguage) -> list[np.ndarray]:
    """Counts by rank of every topic and class."""
    return [
        np.bincount(
            corpus.ranks[(corpus.topics == t) & (corpus.classes == c)], minlength=language.in_class + 1
        )[1:]
        for t in range(language.topics)
        for c in range(len(CLASSES))
    ]


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_ranks_follow_zipf_s_law_in_every_topic_and_class(exponent: float) -> None:
    """48 cells: no exponent off by more than 4 standard errors, and the errors spread as they should."""
    language = ZipfLanguage(exponent)
    found = [zipf_exponent(counts) for counts in cells(language.text(40_000), language)]
    z = np.array([(s - exponent) / error for s, error in found])
    assert np.max(np.abs(z)) < 4
    assert 0.75 < np.std(z) < 1.25


def test_pooled_over_topics_the_law_is_flatter() -> None:
    """Every topic has its own ranking."""
    corpus = sample(1.0)
    words = np.bincount(corpus.words[corpus.classes == 0], minlength=12)[:12]
    slope, error = zipf_exponent(np.sort(words)[::-1])
    assert slope < 1.0 - 10 * error


def test_entropy_falls_with_the_exponent_from_uniform() -> None:
    def entropy(exponent: float) -> float:
        p = ZipfLanguage(exponent).probabilities
        return float(-np.sum(p * np.log(p)))

    values = [entropy(s) for s in (0.0, 0.25, 0.5, 1.0, 2.0)]
    assert values[0] == pytest.approx(np.log(12), rel=1e-15)
    assert np.all(np.diff(values) < 0)
    np.testing.assert_allclose(
        ZipfLanguage(1.0).probabilities * sum(1 / r for r in range(1, 13)), 1 / np.arange(1, 13)
    )


def test_the_exponent_of_exact_frequencies() -> None:
    r = np.arange(1.0, 21.0)
    for s in (-0.5, 0.0, 1.0, 2.5):
        found, error = zipf_exponent(1e6 * r**-s)
        assert found == pytest.approx(s, abs=1e-10)
        assert 0 < error < 0.01
    p = np.arange(1.0, 5.0) ** -zipf_exponent([5, 0, 3, 0])[0]
    assert p @ np.log(np.arange(1.0, 5.0)) / np.sum(p) == pytest.approx(3 * np.log(3) / 8)
    few, wide = zipf_exponent(100 * r**-1.0)
    _, narrow = zipf_exponent(400 * r**-1.0)
    assert few == pytest.approx(1.0, abs=1e-10)
    assert wide == pytest.approx(2 * narrow)


def test_the_error_of_the_exponent_is_its_spread() -> None:
    """200 samples of 500 words; a standard deviation of so many is known to 5 %, three of these."""
    language = ZipfLanguage(1.0)
    draw = np.random.Generator(np.random.Philox(7))
    found = np.array([zipf_exponent(draw.multinomial(500, language.probabilities)) for _ in range(200)])
    assert np.std(found[:, 0]) == pytest.approx(np.mean(found[:, 1]), rel=0.15)


@pytest.mark.parametrize("counts", [[3], [3, 0, 0], [1.0, np.nan], [2, -1], [[1, 2]]])
def test_bad_counts(counts: Sequence[Any]) -> None:
    with pytest.raises(ValueError, match="counts must"):
        zipf_exponent(counts)


# --- topics, words, streams -----------------------------------------------------------------------------------------


def test_words_belong_to_their_class_and_rank() -> None:
    language = ZipfLanguage(0.5, words=24, topics=3)
    order, corpus = language.order(), language.text(3000)
    assert order.shape == (3, 8, 3)
    for c in range(8):
        assert np.all(np.sort(order[:, c], axis=-1) == 3 * c + np.arange(3))
    np.testing.assert_array_equal(corpus.words // 3, corpus.classes)
    np.testing.assert_array_equal(order[corpus.topics, corpus.classes, corpus.ranks - 1], corpus.words)


def test_topics_last() -> None:
    """A topic changes within a text with probability renewal (1 - 1/topics) per sentence: 0.125; four errors."""
    corpus = sample(0.0)
    changes, number = np.count_nonzero(np.diff(corpus.topics)), len(corpus.words) / 6.87
    assert changes / number == pytest.approx(0.125, abs=4 * (0.125 / number) ** 0.5)
    assert len(np.unique(sample(0.0, renewal=0.0).topics)) == 1
    assert len(np.unique(sample(0.0, topics=1).topics)) == 1


def test_the_text_depends_on_its_seed_and_part_alone() -> None:
    long, short = sample(0.5), sample(0.5, 700)
    for name in vars(short):
        np.testing.assert_array_equal(getattr(long, name)[:700], getattr(short, name))
        np.testing.assert_array_equal(getattr(sample(0.5, 1), name), getattr(short, name)[:1])
    other = ZipfLanguage(0.5)
    assert np.any(other.text(700, "validation").words != short.words)
    assert np.any(sample(0.5, 700, seed=1).words != short.words)
    assert np.any(ZipfLanguage(0.5, seed=1).order() != other.order())


def test_the_exponent_moves_words_alone() -> None:
    one, other = sample(0.0, 3000), sample(1.0, 3000)
    np.testing.assert_array_equal(one.classes, other.classes)
    np.testing.assert_array_equal(one.topics, other.topics)
    np.testing.assert_array_equal(ZipfLanguage(0.0).order(), ZipfLanguage(1.0).order())
    assert np.all(one.ranks >= other.ranks)
    assert np.any(one.ranks > other.ranks)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"exponent": -0.1}, "exponent"),
        ({"exponent": np.nan}, "exponent"),
        ({"words": 20}, "words"),
        ({"words": 0}, "words"),
        ({"topics": 0}, "topics"),
        ({"renewal": 1.5}, "renewal"),
        ({"renewal": "often"}, "renewal"),
        ({"renewal": np.nan}, "renewal"),
        ({"exponent": "steep"}, "exponent"),
        ({"words": "many"}, "words"),
        ({"words": 96.0}, "words"),
        ({"topics": True}, "topics"),
    ],
)
def test_bad_languages(arguments: dict, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must"):
        ZipfLanguage(**({"exponent": 1.0} | arguments))


@pytest.mark.parametrize("count", [0, -3, 2.5, None, True, np.nan])
def test_bad_lengths(count: Any) -> None:
    with pytest.raises(ValueError, match="count must"):
        ZipfLanguage(1.0).text(count)
