"""What the figures on literal optimisers need; the name begins with "_": this is no figure."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array, Backend
from labs.core.streams import stream
from labs.polar_flow.interpolants import certified_interpolant
from labs.polar_flow.literal import descend, profile
from labs.polar_flow.operators import Operator, dense_sensing
from labs.polar_flow.problems import Problems, sensing_problems
from labs.polar_flow.self_polar import self_polar_flow

# The runs that are compared, by name, in the order in which they are drawn.
MUON, MATCHED, GRADIENT = "literal Muon", "norm-matched descent", "gradient descent"
FROBENIUS, OPERATOR, FLOW = "min-Frobenius", "min-operator", "self-polar flow"

Ends = dict[str, np.ndarray]


def problems(n: int, p: int, rank: int, seeds: int) -> Problems:
    """Instances n x n; seed i is the same at every scale."""
    streams = [stream("figures polar_flow: sensing", n, p, rank, seed) for seed in range(seeds)]
    return sensing_problems((n, n), p, rank, streams)


def on(backend: Backend, sensed: Problems) -> tuple[Operator, Array, Array]:
    """Operator, data and noise on a backend."""
    operator = dense_sensing(backend.asarray(sensed.operator.matrix), sensed.target.shape[1:])
    return operator, backend.asarray(sensed.y), backend.asarray(sensed.noise)


def ends(
    backend: Backend, sensed: Problems, *, step: float, steps: int, momentum: float, flow: float
) -> tuple[Ends, dict[str, np.ndarray]]:
    """The matrices that the optimisers and the definitions lead to (seeds, n, n), and {norm: (lower, upper)}.

    Muon and norm-matched descent: cosine steps from entries of size 1e-3.  The self-polar flow starts where Muon
    ended and runs to the time `flow`.
    """
    operator, y, noise = on(backend, sensed)
    sizes = backend.asarray(step * profile("cosine", steps))
    runs = {
        name: descend(operator, y, 1e-3 * noise, sizes, rule, momentum=momentum).W
        for name, rule in ((MUON, "muon"), (MATCHED, "norm-matched"))
    }
    least = {norm: certified_interpolant(operator, y, norm) for norm in ("nuclear", "frobenius", "operator")}
    runs |= {FROBENIUS: least["frobenius"].W, OPERATOR: least["operator"].W}
    start = operator.corrected(runs[MUON], y)
    followed = self_polar_flow(operator, start, backend.asarray([flow]), "proximal", step=0.5)
    runs[FLOW] = followed.states[:, 0, ...]
    brackets = {
        norm: np.stack([backend.to_numpy(found.lower), backend.to_numpy(found.upper)])
        for norm, found in least.items()
    }
    return {name: backend.to_numpy(W) for name, W in runs.items()}, brackets


def norms(W: np.ndarray) -> dict[str, np.ndarray]:
    """The three norms of matrices (..., m, n)."""
    s = np.linalg.svd(W, compute_uv=False)
    return {"nuclear": s.sum(-1), "frobenius": np.sqrt((s * s).sum(-1)), "operator": s[..., 0]}
