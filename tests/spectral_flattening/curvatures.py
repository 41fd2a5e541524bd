"""Curvature matrices: symbols for ordered spectra, and the spectra of the zoo in random eigenbases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from labs.core.spectrum import haar, zoo
from labs.core.streams import stream
from tests.spectral_flattening.rationals import fractions

EPS = 2.0**-52

# Spectra of (B, A), and of gradients: graded, repeated, one spike, wide and tall.
FACTORS = [
    (fractions("5", "2", "1/10"), fractions("3", "1", "1/5", "1/1000")),
    (fractions("2", "2", "1", "1"), fractions("1", "1", "1/2")),
    (fractions("3", "1"), fractions("1", "1/9")),
]
RANKS = [fractions("1"), fractions("2", "1/3"), fractions("1", "1")]


def increments(names: str) -> Any:
    """One or more symbols that are not negative."""
    import sympy

    return sympy.symbols(names, nonnegative=True)


def turned(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Symmetric matrices with these eigenvalues (..., n) in Haar bases."""
    frame = haar(values.shape[-1], rng, values.shape[:-1])
    S = (frame * values[..., None, :]) @ np.swapaxes(frame, -1, -2)
    return (S + np.swapaxes(S, -1, -2)) / 2


def positive_spectra(n: int, purpose: str) -> dict[str, np.ndarray]:
    """The zoo without zeros and without what is zero to rounding."""
    return {name: s for name, s in zoo(n, stream(purpose, n)).items() if np.min(s) >= 1e-7 * np.max(s)}


def pairs(n: int, purpose: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two positive definite matrices, with spectra of the zoo that follow each other."""
    rng = stream(purpose, "bases", n)
    spectra = list(positive_spectra(n, purpose).values())
    for i, s in enumerate(spectra):
        yield turned(s, rng), turned(spectra[(i + 1) % len(spectra)], rng)


def kappa(values: np.ndarray) -> np.ndarray:
    """Largest over smallest of positive numbers (..., n)."""
    return np.max(values, axis=-1) / np.min(values, axis=-1)
