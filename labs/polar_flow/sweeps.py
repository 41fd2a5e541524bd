"""Sweeps: how often measurements that know nothing of W let its spectrum flatten.

    lab sweep run polar_flow/sign_criterion --scale full

Source: the criterion of Beneventano et al. 2026 as reported; what is measured is derived here.
"""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array, to_numpy
from labs.core.spectrum import haar
from labs.core.sweep import Sweep, Tile, product
from labs.core.sweep.grid import Value
from labs.polar_flow.spreads import spread

MODELS = ("sensing", "regression", "mask")
SPECTRA = ("geometric", "power law", "gaussian")
SPREADS = {
    "entropy": ("entropy", 1),
    "squared_entropy": ("squared entropy", 1),
    "participation": ("participation", 1),
    "pairwise_1": ("pairwise", 1),
    "pairwise_2": ("pairwise", 2),
}

RANK = 10  # singular values; sensing and masks: 10 x 10; regression: d = 20, 20 x 10


def sign_criterion(tile: Tile) -> dict[str, Array]:
    """Kernel of a sweep: in how many of `draws` draws sum alpha_i q_i <= 0, for each spread (see SPREADS).

    model     "sensing": Gaussian measurements of 10 x 10 matrices; "regression": Gaussian X of 20 columns, W 20 x 10;
              "mask": entries drawn without replacement, Haar frames
    fraction  of all measurements
    spectrum  "geometric": exp(-decay i); "power law": (i + 1)^-decay, i = 0..9; "gaussian": of a Gaussian matrix with
              columns scaled by the latter, drawn each time

    What is measured depends on model, fraction, draws and replicate alone, so that all spectra meet the same
    measurements.  Gaussian ones do not know the frames of W, which therefore are unit vectors.
    Cost: a linear system of min(p, n - p) equations per draw, shared by the cells of a replicate.  Raises ValueError
    (so that the cells fail) for another model or spectrum, or a fraction that measures nothing or all.
    """
    xp = tile.xp
    alpha, sigma = _decay_vectors(tile), _spectra(tile)
    outputs = {}
    for name, (kind, power) in SPREADS.items():
        held = xp.sum(alpha * spread(sigma, kind, power)[1], axis=-1) <= 0.0
        outputs[name] = xp.sum(xp.astype(held, xp.int64), axis=-1)
    return outputs


def _spectra(tile: Tile) -> Array:
    """(cells, 1 or draws, RANK)."""
    kind, draws, places = tile["spectrum"], tile["draws"], np.arange(float(RANK))
    if kind == "gaussian":
        rows = 2 * RANK if tile["model"] == "regression" else RANK
        noise = tile.draw(lambda stream: stream.standard_normal((draws, rows, RANK)))
        scales = tile.backend.asarray(np.log1p(places))
        return tile.xp.linalg.svdvals(noise * tile.xp.exp(-tile["decay"][:, None, None, None] * scales))
    if kind not in SPECTRA:
        raise ValueError(f"spectrum must be one of {SPECTRA}, got {kind!r}")
    logs = tile.backend.asarray(places if kind == "geometric" else np.log1p(places))
    return tile.xp.exp(-tile["decay"][:, None, None] * logs)


def _decay_vectors(tile: Tile) -> Array:
    """alpha of every draw, (cells, draws, RANK), computed once for cells that share a replicate."""
    model, fraction, draws = tile["model"], tile["fraction"], tile["draws"]
    if model not in MODELS:
        raise ValueError(f"model must be one of {MODELS}, got {model!r}")
    n = 2 * RANK if model == "regression" else RANK * RANK
    p = round(fraction * n)
    if not 0 < p < n:
        raise ValueError(f"fraction must leave something to measure and something not, got {fraction!r}")
    streams = tile.streams_by(("model", "fraction", "draws", "replicate"))
    _, first, place = np.unique(to_numpy(tile["replicate"]), return_index=True, return_inverse=True)
    once = [streams[i] for i in first]
    if model == "mask":
        alpha = tile.backend.asarray(np.stack([_masked(p, draws, stream) for stream in once]))
    else:
        alpha = _gaussian(tile, model, n, p, np.stack([_basis(n, p, draws, stream) for stream in once]))
    return tile.xp.take(alpha, tile.backend.asarray(place, dtype=tile.xp.int64), axis=0)


def _basis(n: int, p: int, draws: int, stream: np.random.Generator) -> np.ndarray:
    """Gaussian vectors that span range(A*), or ker A where that is the smaller one: (draws, min(p, n-p), n)."""
    return stream.standard_normal((draws, min(p, n - p), n))


def _gaussian(tile: Tile, model: str, n: int, p: int, host: np.ndarray) -> Array:
    """alpha for frames of unit vectors u_i, v_i; E_i is the i-th of n coordinates, or every (RANK + 1)th."""
    xp, basis = tile.xp, tile.backend.asarray(host)
    gram = basis @ xp.matrix_transpose(basis)
    if model == "regression":
        part = basis[..., :RANK]
        alpha = xp.sum(part * xp.linalg.solve(gram, part), axis=-2)
    else:
        part = basis[..., :: RANK + 1]
        alpha = xp.sum(part * xp.linalg.solve(gram, xp.sum(part, axis=-1, keepdims=True)), axis=-2)
    return alpha if p > n - p else 1.0 - alpha


def _masked(p: int, draws: int, stream: np.random.Generator) -> np.ndarray:
    """alpha_i = u_i^T P v_i over the entries that are not measured, P = U V^T: (draws, RANK)."""
    u, v = haar(RANK, stream, (draws,)), haar(RANK, stream, (draws,))
    order = stream.permuted(np.tile(np.arange(RANK * RANK), (draws, 1)), axis=-1)
    left = u @ np.swapaxes(v, -1, -2) * (order.reshape(draws, RANK, RANK) >= p)
    return np.sum((np.swapaxes(u, -1, -2) @ left) * np.swapaxes(v, -1, -2), axis=-1)


def _bytes_of_a_cell(static: dict[str, Value]) -> int:
    """The basis and its Gram matrix, as if every cell had its own replicate, and a few arrays of its size."""
    n = 2 * RANK if static["model"] == "regression" else RANK * RANK
    return 8 * int(static["draws"]) * (n // 2) * 3 * n


SIGN_CRITERION = Sweep(
    name="polar_flow/sign_criterion",
    version=1,
    about="how often the sign criterion holds: measurements, spectrum, spread",
    grid={
        "quick": product(
            model=MODELS,
            spectrum=["geometric"],
            fraction=[i / 10 for i in range(1, 10)],
            draws=[100],
            replicate=range(4),
            decay=[0.003, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.5, 1.0],
        ),
        "full": product(
            model=MODELS,
            spectrum=SPECTRA,
            fraction=[i / 20 for i in range(1, 20)],
            draws=[100],
            replicate=range(40),
            decay=[float(f"{0.003 * 10 ** (i / 12):.3g}") for i in range(31)],
        ),
    },
    function=sign_criterion,
    static=("model", "spectrum", "fraction", "draws"),
    tile=48,
    cell_bytes=_bytes_of_a_cell,
    memory=2**30,
)
