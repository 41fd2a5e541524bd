"""Sweeps of the dense memory: every optimiser, in embeddings of every kind, over step sizes.

    lab sweep run associative_memory/optimisers --scale quick

The quick scale takes a laptop seconds.  The full one is meant for GPUs (`--backend cupy`) and shards: some 5e18
flops, most of them for the largest memories, whose runs are shorter for that reason.
Source: Li et al. 2026 (the model); what is measured is derived here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.associative_memory.dense import simulate
from labs.associative_memory.embeddings import embeddings
from labs.associative_memory.margins import masses_of_power_law
from labs.core.arrays import Array
from labs.core.sweep import Sweep, Tile, product, zipped
from labs.core.sweep.grid import Value

# What runs, by name: the rule of `simulate` and, for polynomials, how many steps of them.
OPTIMISERS: dict[str, tuple[str, int]] = {
    "gd": ("gd", 1),
    "ngd": ("ngd", 1),
    "signgd": ("signgd", 1),
    "muon": ("muon", 1),
    "muon-ns5": ("muon-ns5", 5),
    "muon-ns10": ("muon-ns5", 10),
    "polar-express": ("polar-express", 5),
}
POLAR = ("muon", "muon-ns5", "muon-ns10", "polar-express")
PLACES = 8  # groups whose margins are kept, from the first to the last


def optimisers(tile: Tile) -> dict[str, Array]:
    """Kernel of a sweep: a run of one optimiser on the dense memory.

    facts, each        K facts in M = K/each groups of one frequency, masses like a^-beta; label noise alpha
    kind, share        of both embeddings (`embeddings.embeddings`), share = dimensions/facts
    optimiser          one of OPTIMISERS;  momentum, of the heavy ball;  batch: 0 is the whole gradient
    size               the step size in units of log K/T for Muon, half of it for SignGD, sqrt(K - 1) of it for
                       normalised GD, 1/p_1 for GD; times 1 - momentum for GD
    steps              T

    excess       L - L* at the end, the mean of the last two steps; not 0 in fewer dimensions than facts, where no
                 memory attains L* (`embeddings.best_memory` finds what is attained)
    least        the least excess on the way
    margins      (PLACES,) at the end, means over groups a = M^(i/7), from the most frequent to the rarest
    polar_error  max |s - 1| over the singular values of the update that a step from the end would take, the null
                 vector's left out: rank min(d, K - 1); NaN for rules that are no polar factor

    Embeddings and batches depend on sizes, kind and replicate, not on the optimiser: all meet the same.
    Cost: T steps of `simulate`.  Raises ValueError (so that the cells fail) for what does not fit.
    """
    xp, K, each, steps = tile.xp, tile["facts"], tile["each"], tile["steps"]
    if K % each:
        raise ValueError(f"each must divide the number of facts {K}, got {each}")
    rule, depth = _rule(tile["optimiser"])
    groups = K // each
    masses = masses_of_power_law(tile["beta"], groups) / each
    p = xp.reshape(xp.broadcast_to(masses[..., None], (tile.size, groups, each)), (tile.size, K))
    unit = {"gd": (1.0 - tile["momentum"]) / p[:, 0], "ngd": (K - 1.0) ** 0.5, "signgd": 0.5}.get(rule, 1.0)
    unit = unit * (1.0 if rule == "gd" else math.log(K) / steps)
    E, Et = _embeddings(tile)
    memory: dict[str, Any] = {"queries": E, "answers": Et, "depth": depth}
    batch = tile["batch"] or None
    stream = tile.streams_by(("facts", "batch", "replicate"))[0] if batch else None
    run = simulate(
        p,
        tile["alpha"],
        unit * tile["size"],
        steps,
        rule,
        momentum=tile["momentum"],
        batch=batch,
        stream=stream,
        **memory,
    )
    by_group = xp.mean(xp.reshape(run.margins[:, -1, :], (tile.size, groups, each)), axis=-1)
    kept = np.round(groups ** (np.arange(PLACES) / (PLACES - 1))).astype(int) - 1
    outputs = {
        "excess": xp.mean(run.excess[:, -2:], axis=-1),
        "least": xp.min(run.excess, axis=-1),
        "margins": xp.take(by_group, tile.backend.asarray(kept, dtype=xp.int64), axis=-1),
        "polar_error": xp.full_like(run.excess[:, -1], math.nan),
    }
    if tile["optimiser"] in POLAR:
        after = simulate(p, tile["alpha"], 1.0, 1, rule, start=run.weights, **memory)
        s = xp.linalg.svdvals(run.weights - after.weights)
        rank = min(*run.weights.shape[-2:], K - 1)
        outputs["polar_error"] = xp.max(xp.abs(s[:, :rank] - 1.0), axis=-1)
    return outputs


def _rule(name: Value) -> tuple[str, int]:
    if name not in OPTIMISERS:
        raise ValueError(f"optimiser must be one of {tuple(OPTIMISERS)}, got {name!r}")
    return OPTIMISERS[str(name)]


def _embeddings(tile: Tile) -> tuple[Array | None, Array | None]:
    """E and Et, (d, K), the same for all cells of the tile; None stands for the identity."""
    kind, K = tile["kind"], tile["facts"]
    if kind == "identity":
        return None, None
    stream = tile.streams_by(("facts", "kind", "share", "replicate"))[0]
    E, Et = (embeddings(kind, round(tile["share"] * K), K, stream) for _ in range(2))
    return tile.backend.asarray(E), tile.backend.asarray(Et)


def _bytes_of_a_cell(static: dict[str, Value]) -> int:
    """Some twenty K x K matrices at once (gradient, exponentials, polar factor), and what the run records."""
    K, steps = int(static["facts"]), int(static["steps"])
    return 8 * K * (20 * K + 4 * steps)


OPTIMISER_GRID = Sweep(
    name="associative_memory/optimisers",
    version=1,
    about="excess of every optimiser on the dense memory: embeddings, frequencies, noise, batches, step size",
    grid={
        "quick": product(facts=[16], steps=[60])
        * zipped("embedding", kind=["identity", "haar", "gaussian"], share=[1.0, 0.5, 0.5])
        * product(each=[2], optimiser=OPTIMISERS, momentum=[0.0, 0.9], batch=[0, 64])
        * product(
            replicate=[0],
            beta=[1.5],
            alpha=[0.0, 0.2],
            size=[float(f"{10 ** (i / 3 - 1):.3g}") for i in range(9)],
        ),
        "full": zipped("problem", facts=[256, 512, 1024, 2048], steps=[2000, 1000, 500, 250])
        * zipped(
            "embedding",
            kind=["identity", "haar", "haar", "gaussian", "gaussian"],
            share=[1.0, 1.0, 0.5, 1.0, 0.5],
        )
        * product(each=[1, 4, 16, 64], optimiser=OPTIMISERS, momentum=[0.0, 0.9], batch=[0, 256])
        * product(
            replicate=[0],
            beta=[1.2, 1.5, 2.0, 3.0],
            alpha=[0.0, 0.1, 0.3],
            size=[float(f"{10 ** (2 * i / 11 - 0.5):.3g}") for i in range(12)],
        ),
    },
    function=optimisers,
    static=("facts", "each", "kind", "share", "optimiser", "momentum", "batch", "steps", "replicate"),
    tile=48,
    cell_bytes=_bytes_of_a_cell,
    memory=2**33,
    dims={"margins": ("place",)},
    infinite=("polar_error",),
)
