"""Spectra: how spread out a list of singular values is, and ensembles to draw such lists from.

Measures are kernels on arrays (..., n) of nonnegative numbers in any order, n >= 1.  They depend on the
shape of the spectrum alone: the same from 1e-150 to 1e150 and beyond, since each divides by the largest
entry first.  For every spectrum s that is not zero, with p_i = s_i / sum s,

    1 <= stable_rank <= participation_ratio <= nuclear_rank <= effective_rank <= rank <= n,

each equal to r on a spectrum of r equal entries (the proof stands in the tests).  A spectrum of zeros has no
shape: every measure of it is 0 (its entropy, the logarithm of the effective rank, is -inf).

Ensembles are host routines: float64 NumPy arrays, at most 1, in descending order unless they are drawn.
"""

from __future__ import annotations

import math

import numpy as np

from labs.core.arrays import (
    Array,
    array_namespace,
    check_nonnegative,
    check_positive,
    check_shape,
    require_host,
)


def normalized(s: Array) -> Array:
    """Kernel: a spectrum divided by its largest entry: (..., n) -> (..., n); zeros stay zeros."""
    check_shape((None,), s=s)
    check_nonnegative(s=s)
    xp = array_namespace(s)
    top = xp.max(s, axis=-1, keepdims=True)
    return s / xp.where(top > 0.0, top, 1.0)


def stable_rank(s: Array) -> Array:
    """Kernel: stable rank, sum s_i^2 / max s_i^2 = |A|_F^2 / |A|_op^2: (..., n) -> (...)."""
    t = normalized(s)
    xp = array_namespace(t)
    return xp.sum(t * t, axis=-1)


def nuclear_rank(s: Array) -> Array:
    """Kernel: nuclear rank, (sum s_i)^2 / sum s_i^2 = |A|_*^2 / |A|_F^2: (..., n) -> (...)."""
    return participation_ratio(s, power=1.0)


def participation_ratio(s: Array, power: float = 2.0) -> Array:
    """Kernel: participation ratio 1 / sum p_i^2 of p_i = s_i^power / sum s^power: (..., n) -> (...).

    power = 2: how many directions carry the energy s_i^2.  power = 1: the nuclear rank.
    """
    check_positive(power=power)
    t = normalized(s)
    xp = array_namespace(t)
    t = t**power
    total, squares = xp.sum(t, axis=-1), xp.sum(t * t, axis=-1)
    return total * total / xp.where(squares > 0.0, squares, 1.0)


def entropy(s: Array, power: float = 1.0) -> Array:
    """Kernel: Shannon entropy -sum p_i log p_i of p_i = s_i^power / sum s^power, in nats: (..., n) -> (...).

    With t = (s / max s)^power and sum t = 1 + rest it is log1p(rest) + sum t_i (-log t_i) / (1 + rest): no
    term is negative, so that the entropy of a spike with a faint background keeps its relative accuracy.
    """
    check_positive(power=power)
    t = normalized(s)
    xp = array_namespace(t)
    t = xp.sort(t**power, axis=-1)
    top, rest = t[..., -1], t[..., :-1]
    total = xp.sum(rest, axis=-1)
    logs = xp.log(xp.where(rest > 0.0, rest, 1.0))
    value = xp.log1p(total) - xp.sum(rest * logs, axis=-1) / (1.0 + total)
    return xp.where(top > 0.0, value, -math.inf)


def effective_rank(s: Array, power: float = 1.0) -> Array:
    """Kernel: effective rank, the exponential of the entropy (Roy and Vetterli 2007): (..., n) -> (...)."""
    value = entropy(s, power)
    return array_namespace(value).exp(value)


def rank(s: Array, tolerance: float = 0.0) -> Array:
    """Kernel: how many entries exceed `tolerance` times the largest, as a float: (..., n) -> (...).

    0 <= tolerance < 1.
    """
    if not 0.0 <= tolerance < 1.0:
        raise ValueError(f"tolerance must be in [0, 1), got {tolerance!r}")
    check_shape((None,), s=s)
    check_nonnegative(s=s)
    xp = array_namespace(s)
    counted = s > tolerance * xp.max(s, axis=-1, keepdims=True)
    return xp.sum(xp.astype(counted, s.dtype), axis=-1)


def condition_number(s: Array) -> Array:
    """Kernel: largest entry over smallest entry that is not zero: (..., n) -> (...).

    What is zero is the business of `rank`.  A ratio above 4e307 is infinite.
    """
    check_shape((None,), s=s)
    check_nonnegative(s=s)
    xp = array_namespace(s)
    top = xp.max(s, axis=-1)
    bottom = xp.min(xp.where(s > 0.0, s, top[..., None]), axis=-1)
    inverse = bottom / xp.where(top > 0.0, top, 1.0)
    # The reciprocal of a subnormal number may overflow.
    normal = inverse >= xp.finfo(s.dtype).smallest_normal
    ratio = xp.where(normal, 1.0 / xp.where(normal, inverse, 1.0), math.inf)
    return xp.where(top > 0.0, ratio, 0.0)


def flat(n: int) -> np.ndarray:
    """Host routine: n ones."""
    return np.ones(_size(n=n))


def power_law(n: int, exponent: float = 1.0) -> np.ndarray:
    """Host routine: i^(-exponent), i = 1..n."""
    check_nonnegative(exponent=exponent)
    return np.arange(1.0, _size(n=n) + 1.0) ** -exponent


def geometric(n: int, ratio: float) -> np.ndarray:
    """Host routine: ratio^i, i = 0..n-1, 0 < ratio <= 1."""
    if not 0.0 < ratio <= 1.0:
        raise ValueError(f"ratio must be in (0, 1], got {ratio!r}")
    return ratio ** np.arange(float(_size(n=n)))


def graded(n: int, decades: float = 6.0) -> np.ndarray:
    """Host routine: from 1 down to 10^(-decades) in equal ratios (n = 1: the 1 alone)."""
    check_nonnegative(decades=decades)
    return np.logspace(0.0, -decades, _size(n=n))


def two_level(n: int, low: float = 1.0 / 3.0, count: int | None = None) -> np.ndarray:
    """Host routine: `count` ones (default half of n, rounded up), the others `low`."""
    check_nonnegative(low=low)
    return _step(n, low, count=count)


def spike(n: int, bulk: float = 1e-3) -> np.ndarray:
    """Host routine: one 1 above a bulk of n - 1 equal entries."""
    check_nonnegative(bulk=bulk)
    return _step(n, bulk, count=1)


def repeated(n: int, levels: tuple[float, ...] = (1.0, 0.5, 0.1)) -> np.ndarray:
    """Host routine: each of `levels` about n / len(levels) times, in the order given."""
    if not levels:
        raise ValueError("levels must name at least one value, got none")
    check_nonnegative(**{f"levels[{i}]": level for i, level in enumerate(levels)})
    return np.asarray(levels, dtype=float)[np.arange(_size(n=n)) * len(levels) // n]


def nearly_equal(n: int, spread: float = 1e-8) -> np.ndarray:
    """Host routine: n different values between 1 - spread and 1, equally spaced."""
    if not 0.0 <= spread < 1.0:
        raise ValueError(f"spread must be in [0, 1), got {spread!r}")
    return 1.0 - spread * np.arange(_size(n=n)) / max(n - 1, 1)


def near_zero(n: int, level: float = 1e-14) -> np.ndarray:
    """Host routine: a power law whose lower half (rounded down) is scaled by `level`: faint, not zero."""
    check_nonnegative(level=level)
    return power_law(n) * _step(n, level, count=None)


def rank_deficient(n: int, rank: int | None = None) -> np.ndarray:
    """Host routine: a power law on the first `rank` entries (default half of n, rounded up), zeros below."""
    return power_law(n) * _step(n, 0.0, rank=rank)


def log_uniform(
    n: int, decades: float, stream: np.random.Generator, batch: tuple[int, ...] = ()
) -> np.ndarray:
    """Host routine: independent entries 10^(-decades U), U uniform on [0, 1), in no order: (*batch, n)."""
    check_nonnegative(decades=decades)
    return 10.0 ** (-decades * stream.random((*batch, _size(n=n))))


def zoo(n: int, stream: np.random.Generator) -> dict[str, np.ndarray]:
    """Host routine: the spectra that every claim about spectra meets, by name, each of length n.

    For n = 1 they all are a single positive number; for n >= 2 the names hold.
    """
    return {
        "graded": graded(n, 6.0),
        "log-uniform": log_uniform(n, 6.0, stream),
        "repeated": repeated(n, (1.0, 0.5, 0.1)[: (n + 1) // 2]),
        "nearly equal": nearly_equal(n),
        "spike": spike(n),
        "rank-deficient": rank_deficient(n),
        "flat": flat(n),
        "power law": power_law(n),
        "two-level": two_level(n),
        "geometric": geometric(n, 0.9),
        "near-zero": near_zero(n),
    }


def haar(
    n: int, stream: np.random.Generator, batch: tuple[int, ...] = (), columns: int | None = None
) -> np.ndarray:
    """Host routine: uniformly random orthonormal columns in R^n (default n: an orthogonal matrix).

    (*batch, n, columns).  The QR factor of a Gaussian matrix, made unique by a positive diagonal of R:
    without those signs the distribution depends on the algorithm (Mezzadri 2007).
    """
    columns = _size(n=n) if columns is None else _size(columns=columns)
    if columns > n:
        raise ValueError(f"columns must be at most n = {n}, got {columns}")
    q, r = np.linalg.qr(stream.standard_normal((*batch, n, columns)))
    signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0.0, -1.0, 1.0)
    return q * signs[..., None, :]


def matrix(spectrum: np.ndarray, m: int, n: int, stream: np.random.Generator) -> np.ndarray:
    """Host routine: a matrix with these singular values between Haar frames: (..., k) -> (..., m, n).

    k <= min(m, n); singular values beyond the k given are zero.
    """
    require_host(spectrum=spectrum)
    spectrum = np.asarray(spectrum, dtype=float)
    check_shape((None,), spectrum=spectrum)
    check_nonnegative(spectrum=spectrum)
    k = spectrum.shape[-1]
    if k > min(_size(m=m), _size(n=n)):
        raise ValueError(f"spectrum must have at most min(m, n) = {min(m, n)} entries, got {k}")
    left = haar(m, stream, spectrum.shape[:-1], k)
    right = haar(n, stream, spectrum.shape[:-1], k)
    return (left * spectrum[..., None, :]) @ np.swapaxes(right, -1, -2)


def _step(n: int, low: float, **count: int | None) -> np.ndarray:
    """Ones, then `low` from the place on that the one named argument says (None: half of n, rounded up)."""
    ((name, ones),) = count.items()
    half = (_size(n=n) + 1) // 2
    ones = half if ones is None else _size(**{name: ones})
    if ones > n:
        raise ValueError(f"{name} must be at most n = {n}, got {ones}")
    return np.where(np.arange(n) < ones, 1.0, low)


def _size(**named: int) -> int:
    """The value of the one named argument, if it can be the length of an array that is not empty."""
    ((name, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    return int(value)
