"""A language of facts, asked about by Zipf's law: what a small transformer has to memorise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labs.associative_memory._drifts import check_numbers
from labs.core.spectrum import power_law


@dataclass(frozen=True)
class Facts:
    """Each fact is three words: a first and a last name, which together name somebody, and an answer.

    The first `names` words are first names, the next `names` last names, the rest `answers` answers; the people are
    `facts` of the names^2 pairs, drawn without replacement, their answers drawn uniformly.  Fact number i (from 1) is
    asked about with frequency i^-exponent/Z.  A name alone says almost nothing: a fact is stored or not known.
    Source: derived here; Li et al. 2026 report language models in its place.
    """

    facts: int
    names: int
    answers: int
    exponent: float = 1.0

    def __post_init__(self) -> None:
        for name in ("facts", "names", "answers"):
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
        check_numbers(exponent=self.exponent)
        if self.facts > self.names**2:
            raise ValueError(f"facts must be at most names^2 = {self.names**2}, got {self.facts}")

    @property
    def vocabulary(self) -> int:
        """The number of words."""
        return 2 * self.names + self.answers

    @property
    def frequencies(self) -> np.ndarray:
        """How often each fact is asked about, (facts,); they sum to one."""
        masses = power_law(self.facts, self.exponent)
        return masses / np.sum(masses)

    def book(self, stream: np.random.Generator) -> np.ndarray:
        """Host routine: all facts, the most frequent first: integers (facts, 3)."""
        pairs = stream.choice(self.names**2, self.facts, replace=False)
        answers = 2 * self.names + stream.integers(0, self.answers, self.facts)
        return np.stack([pairs // self.names, self.names + pairs % self.names, answers], axis=-1)

    def batch(self, book: np.ndarray, size: int, stream: np.random.Generator) -> np.ndarray:
        """Host routine: `size` facts by their frequency: integers (size, 3)."""
        return book[stream.choice(self.facts, size, p=self.frequencies)]

    def deciles(self, book: np.ndarray) -> np.ndarray:
        """Host routine: the facts in ten groups of equal number by frequency, (10, facts/10, 3).

        Raises ValueError unless ten divides the number of facts.
        """
        if self.facts % 10:
            raise ValueError(f"facts must be a multiple of ten, got {self.facts}")
        return book.reshape(10, -1, 3)
