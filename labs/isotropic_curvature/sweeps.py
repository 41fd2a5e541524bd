"""Sweeps of the model: how much flatter the best update is than its gradient, and where Muon starts to win.

    lab sweep run isotropic_curvature/homogenisation --scale full

Source: Su 2025 (model); what is measured is derived here.
"""

from __future__ import annotations

import math

import numpy as np

from labs.core.arrays import Array, to_numpy
from labs.core.spectrum import nuclear_rank, stable_rank
from labs.core.sweep import Sweep, Tile, product, zipped
from labs.core.sweep.grid import Grid, Value
from labs.isotropic_curvature.curvature import Power
from labs.isotropic_curvature.efficiency import crossover_exponent
from labs.isotropic_curvature.power_means import mean_power
from labs.isotropic_curvature.solver import solve

# --- homogenisation ----------------------------------------------------------------------------------------------


def homogenisation(tile: Tile) -> dict[str, Array]:
    """Kernel of a sweep: the best update for H = x^p and a gradient with g_1/g_n = 10^decades.

    factor       (g_1/g_n)/(q_1/q_n): how much closer the update brings the two ends.
    exponent     log(q_1/q_n)/log(g_1/g_n): 1 is gradient descent, 0 is Muon.
    margin       (p - 1)/factor, for p < 2 its inverse: at least 1 (ICM-X1.a).
    least_factor the least (g_i/g_{i+1})/(q_i/q_{i+1}), for p < 2 the least inverse: at least 1 (ICM-T3.a, T3p).
    flatness     stable rank of the update, sum q^2/q_1^2: 1 is a spike, n is Muon; gradient_flatness: of g.
    kkt, gap     certificates of `solve`, gap as a share of the value.

    Cost: one `solve`.  Raises ValueError (so that the cells fail) for another kind, or n < 2.
    """
    xp, p = tile.xp, float(tile["p"])
    ratios = 10.0 ** (tile["decades"][:, None] * _places(tile))  # g_1/g_i
    g = 1.0 / ratios
    best = solve(g, Power(p))
    q, weights = best.q, g / best.q
    factor = ratios[:, -1] * q[:, -1] / q[:, 0]
    sign = 1.0 if p >= 2.0 else -1.0
    return {
        "factor": factor,
        "exponent": xp.log(q[:, 0] / q[:, -1]) / xp.log(ratios[:, -1]),
        "margin": ((p - 1.0) / factor) ** sign,
        "least_factor": xp.min((weights[:, :-1] / weights[:, 1:]) ** sign, axis=-1),
        "flatness": stable_rank(q),
        "gradient_flatness": stable_rank(g),
        "kkt": best.kkt,
        "gap": best.gap / xp.abs(best.value),
        "iterations": best.iterations,
    }


def _places(tile: Tile) -> Array:
    """log(g_1/g_i)/log(g_1/g_n), ascending from 0 to 1: (n,), or (tile, n) where it is drawn."""
    kind, n = tile["kind"], tile["n"]
    if n < 2:
        raise ValueError(f"n must be at least 2: a single number has no spread, got {n}")
    even = np.linspace(0.0, 1.0, n)
    if kind == "graded":
        places = even
    elif kind == "power law":
        places = np.log(np.arange(1.0, n + 1.0)) / math.log(n)
    elif kind == "spike":
        places = np.append(0.0, np.ones(n - 1))
    elif kind == "two levels":
        places = np.round(even)
    elif kind == "one faint":
        places = np.append(np.zeros(n - 1), 1.0)
    elif kind == "log-uniform":
        return tile.draw(
            lambda stream: np.concatenate([[0.0], np.sort(stream.random(n - 2)), [1.0]]),
            by=("n", "replicate"),
        )
    else:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    return tile.backend.asarray(places)


KINDS = ("spike", "graded", "power law", "two levels", "one faint", "log-uniform")


def _spectra(kinds: tuple[str, ...], replicates: int) -> Grid:
    """A dimension of spectra: each of `kinds` once, but the last one, which is drawn, `replicates` times."""
    rows = [(kind, 0) for kind in kinds[:-1]] + [(kinds[-1], i) for i in range(replicates)]
    return zipped("spectrum", kind=[kind for kind, _ in rows], replicate=[i for _, i in rows])


def _bytes_of_a_cell(static: dict[str, Value]) -> int:
    """Measured at its largest (real exponents, on a device): 150 nodes for each entry, a few arrays of them."""
    n = int(static["n"])
    return 8 * n * (2500 + 3 * n)


HOMOGENISATION = Sweep(
    name="isotropic_curvature/homogenisation",
    version=1,
    about="how much flatter the best update is than its gradient: exponent, dimension, spectrum",
    grid={
        "quick": product(p=[1.5, 2.5, 4.0, 10.0, 40.0], n=[2, 8, 32])
        * _spectra(KINDS, 4)
        * product(decades=[0.25, 0.5, 1.0, 2.0, 3.0, 6.0]),
        "full": product(
            p=[1.2, 1.5, 1.8, 2.1, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0, 28.0, 40.0],
            n=[2, 4, 8, 16, 32, 64, 128, 256],
        )
        * _spectra(KINDS, 5)
        * product(decades=[3 * i / 20 for i in range(1, 41)]),
    },
    function=homogenisation,
    tile=200,
    static=("p", "n"),
    cell_bytes=_bytes_of_a_cell,
    memory=2**29,
)

# --- the crossover -----------------------------------------------------------------------------------------------


def crossover(tile: Tile) -> dict[str, np.ndarray]:
    """Host routine: the exponent p_c above which Muon beats gradient descent for H = x^p (ICM-X14).

    crossover    p_c; NaN where all g_i are equal, so that Muon is gradient descent.
    limit        (n + 6)/2, to which p_c tends for nearly equal g_i (ICM-X14.c).
    below, at, above   log(N_p(g) sum g/sum g^2) at 0.99 p_c, p_c, 1.01 p_c: negative, 0 to rounding, positive
                 (N_p increases with p, so that p_c is the only root); NaN with p_c.
    flatness     nuclear rank of g, (sum g)^2/sum g^2.

    Cost: a root-find, and for a Gaussian matrix an SVD, per cell: some 20 milliseconds.
    """
    n, kind = tile["n"], tile["kind"]
    decays = to_numpy(tile["decay"])
    streams = tile.streams_by(("n", "replicate"))  # the same noise for every decay
    gradients = np.stack([_gradient(kind, n, s, each) for s, each in zip(decays, streams, strict=True)])
    found = np.array([math.nan if np.ptp(g) == 0 else crossover_exponent(g) for g in gradients])
    sides = {
        name: np.array([_excess(g, side * p) for g, p in zip(gradients, found, strict=True)])
        for name, side in (("below", 0.99), ("at", 1.0), ("above", 1.01))
    }
    limit = np.full(tile.size, (n + 6) / 2)
    return {"crossover": found, "limit": limit, **sides, "flatness": nuclear_rank(gradients)}


def _gradient(kind: str, n: int, decay: float, stream: np.random.Generator) -> np.ndarray:
    """Singular values, the largest first; g_1/g_n = n^decay but for the Gaussian matrix."""
    if kind == "power law":
        return np.arange(1.0, n + 1.0) ** -decay
    if kind == "graded":
        return float(n) ** (-decay * np.linspace(0.0, 1.0, n))
    if kind == "gaussian":  # columns of a square matrix, their scales a power law
        columns = stream.standard_normal((n, n)) * np.arange(1.0, n + 1.0) ** -decay
        return np.linalg.svd(columns, compute_uv=False)
    raise ValueError(f"kind must be one of {MATRICES}, got {kind!r}")


def _excess(g: np.ndarray, p: float) -> float:
    """log(N_p(g) sum g/sum g^2); NaN for p NaN."""
    return math.nan if math.isnan(p) else math.log(mean_power(g, p) * float(np.sum(g)) / float(g @ g))


MATRICES = ("power law", "graded", "gaussian")

CROSSOVER = Sweep(
    name="isotropic_curvature/crossover",
    version=1,
    about="the exponent above which Muon beats gradient descent: dimension, decay, noise",
    grid={
        "quick": product(n=[2, 4, 8, 16, 32, 64])
        * _spectra(MATRICES, 4)
        * product(decay=[0.0, 0.01, 0.5, 1.0]),
        "full": product(n=[2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512])
        * _spectra(MATRICES, 10)
        * product(decay=[0.0, 0.01, *(i / 20 for i in range(1, 39))]),
    },
    function=crossover,
    tile=40,
    static=("n",),
    infinite=("crossover", "below", "at", "above"),
)
