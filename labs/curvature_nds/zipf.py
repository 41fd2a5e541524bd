"""Text from a small grammar whose words follow Zipf's law within each class and topic: imbalance with a knob.

A sentence is drawn from a probabilistic grammar of word classes, and each class is filled with words of its own: the
word of rank r has probability proportional to r^(-exponent), by a ranking that every (topic, class) draws for itself.
Before a sentence the topic is redrawn with a fixed probability; sentences follow each other without a mark.

All text of one seed is made of the same grammar, topics and ranks whatever the exponent is (the same random numbers):
the exponent alone moves the words.
Source: Wang et al. 2026 as reported (Zipf's law within grammar class and latent topic); sizes, grammar and topics are
our own small version.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from labs.core.arrays import check_nonnegative, require_host
from labs.core.streams import stream

Symbols = tuple[str, ...]
Rules = Mapping[str, tuple[tuple[Fraction, Symbols], ...]]


def _rule(*options: tuple[str, str]) -> tuple[tuple[Fraction, Symbols], ...]:
    return tuple((Fraction(probability), tuple(symbols.split())) for probability, symbols in options)


START = "S"
GRAMMAR: Rules = MappingProxyType(
    {
        "S": _rule(("3/5", "NP VP"), ("2/5", "NP VP c7")),
        "NP": _rule(("2/5", "c0 c1"), ("7/20", "c0 c2 c1"), ("1/4", "c0 c1 c3 c0 c1")),
        "VP": _rule(("1/2", "c4 NP"), ("3/10", "c5"), ("1/5", "c4 NP c6")),
    }
)


def sentences(grammar: Rules = GRAMMAR, symbol: str = START) -> dict[Symbols, Fraction]:
    """Every sentence of word classes that a grammar without recursion makes, with its probability, exactly.

    grammar  {symbol: ((probability, symbols), ...)}; what is no key is a word class.
    Cost: the number of sentences times their length.
    Raises ValueError where the probabilities of a symbol do not add up to one, or a symbol leads to itself.
    """
    return _expansions(grammar, symbol, ())


def _expansions(grammar: Rules, symbol: str, above: Symbols) -> dict[Symbols, Fraction]:
    if symbol not in grammar:
        return {(symbol,): Fraction(1)}
    if symbol in above:
        raise ValueError(f"grammar must be without recursion, got {symbol!r} below itself")
    if sum(probability for probability, _ in grammar[symbol]) != 1:
        raise ValueError(f"grammar must have probabilities that add up to 1, got others for {symbol!r}")
    found: dict[Symbols, Fraction] = {}
    for probability, symbols in grammar[symbol]:
        parts = [_expansions(grammar, part, (*above, symbol)) for part in symbols]
        for chosen in itertools.product(*(part.items() for part in parts)):
            words = tuple(itertools.chain.from_iterable(sentence for sentence, _ in chosen))
            product = probability
            for _, factor in chosen:
                product *= factor
            found[words] = found.get(words, Fraction(0)) + product
    return found


def expected_counts(grammar: Rules = GRAMMAR, symbol: str = START) -> dict[str, Fraction]:
    """How often each word class occurs in a sentence on average, exactly, in the order of their names.

    Cost and errors are those of `sentences`.
    """
    counts: dict[str, Fraction] = {}
    for words, probability in sentences(grammar, symbol).items():
        for word in words:
            counts[word] = counts.get(word, Fraction(0)) + probability
    return dict(sorted(counts.items()))


@dataclass(frozen=True)
class Corpus:
    """A piece of text, all (n,): the words, and of each its class, its rank there (from 1), and its topic."""

    words: np.ndarray
    classes: np.ndarray
    ranks: np.ndarray
    topics: np.ndarray


@dataclass(frozen=True)
class ZipfLanguage:
    """The language: `words` words, split evenly among the grammar's classes, and `topics` topics.

    exponent  of Zipf's law, >= 0; 0: the words of a class are equally likely.
    renewal   the probability with which the topic is redrawn (uniformly) before a sentence.
    seed      of the ranks, and of the text.
    """

    exponent: float
    words: int = 96
    topics: int = 6
    renewal: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        check_nonnegative(exponent=self.exponent)
        for name, size in (("words", self.words), ("topics", self.topics)):
            _check_size(name, size)
        if self.words % len(CLASSES):
            raise ValueError(f"words must be a multiple of {len(CLASSES)}, the classes, got {self.words!r}")
        check_nonnegative(renewal=self.renewal)
        if not self.renewal <= 1.0:
            raise ValueError(f"renewal must be in [0, 1], got {self.renewal!r}")

    @property
    def in_class(self) -> int:
        """Words in a class."""
        return self.words // len(CLASSES)

    @property
    def probabilities(self) -> np.ndarray:
        """The probability of each rank, (in_class,)."""
        weights = np.arange(1.0, self.in_class + 1.0) ** -float(self.exponent)
        return weights / np.sum(weights)

    def order(self) -> np.ndarray:
        """Host routine: the word that has each rank, (topics, classes, in_class): uniformly random rankings."""
        drawn = stream("zipf language: ranks", seed=self.seed).random(
            (self.topics, len(CLASSES), self.in_class)
        )
        return np.argsort(drawn, axis=-1) + self.in_class * np.arange(len(CLASSES))[:, None]

    def text(self, count: int, part: str = "train") -> Corpus:
        """Host routine: `count` words of running text; each `part` is another piece of the same language.

        The same words come whatever `count` is, as far as it goes.  Raises ValueError for a count below 1.
        """
        _check_size("count", count)
        made = sentences()
        shortest = min(map(len, made))
        number = -(-count // shortest)
        which, renewed, topic, word = (
            stream(f"zipf language: {what}", part, seed=self.seed)
            for what in ("sentences", "renewals", "topics", "words")
        )
        likely = np.cumsum([float(p) for p in made.values()])
        kinds = np.minimum(np.searchsorted(likely, which.random(number), side="right"), len(made) - 1)
        fresh = renewed.random(number) < self.renewal
        latest = np.maximum.accumulate(np.where(fresh, np.arange(number), 0))
        topics = topic.integers(0, self.topics, number)[latest]
        lengths = np.array([len(sentence) for sentence in made])[kinds]
        number = int(np.searchsorted(np.cumsum(lengths), count)) + 1
        spelt = [np.array([CLASSES.index(c) for c in sentence]) for sentence in made]
        classes = np.concatenate([spelt[kind] for kind in kinds[:number]])[:count]
        topics = np.repeat(topics[:number], lengths[:number])[:count]
        ends = np.cumsum(self.probabilities)
        ranks = np.minimum(np.searchsorted(ends, word.random(count), side="right"), self.in_class - 1)
        return Corpus(self.order()[topics, classes, ranks], classes, ranks + 1, topics)


def _check_size(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {size!r}")


CLASSES = tuple(expected_counts())


def zipf_exponent(counts: Sequence[int] | np.ndarray) -> tuple[float, float]:
    """Host routine: the exponent of Zipf's law from how often each rank occurred, and its standard error.

    counts  (n,) by rank, n >= 2, at least two of them positive.
    Maximum likelihood under p_r proportional to r^(-s): the s where the mean of ln r under p is the observed one,
    with the error 1/sqrt(total Var_p(ln r)).  (A fit of lines through the logarithms of counts is biased by the rare
    ranks.)  Newton's method on a concave function, O(n) a step.
    Raises ValueError for bad counts, RuntimeError where it does not converge.
    """
    require_host(counts=counts)
    n = np.asarray(counts, dtype=float)
    if n.ndim != 1 or n.size < 2 or not np.all(np.isfinite(n)) or np.any(n < 0) or np.sum(n > 0) < 2:
        raise ValueError(f"counts must be counts by rank, at least two of them positive, got {counts!r}")
    logs = np.log(np.arange(1.0, n.size + 1.0))
    total, observed = np.sum(n), np.sum(n * logs) / np.sum(n)
    s = 0.0
    for _ in range(100):
        p = np.exp(-s * logs + s * logs[0])
        p /= np.sum(p)
        mean = np.sum(p * logs)
        variance = np.sum(p * (logs - mean) ** 2)
        change = float((mean - observed) / variance)
        s += max(-1.0, min(1.0, change))
        if abs(change) < 1e-12:
            return s, float((total * variance) ** -0.5)
    raise RuntimeError(f"Newton's method did not converge: last change {change}")
