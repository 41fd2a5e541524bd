"""A sweep over literal optimisers: how much flatter Muon's interpolant is than that of gradient descent.

    lab sweep run polar_flow/ablation --scale full

Measured here; the question is that of Beneventano et al. 2026.
"""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array
from labs.core.spectrum import effective_rank, nuclear_rank, stable_rank
from labs.core.sweep import Sweep, Tile, product
from labs.core.sweep.grid import Value
from labs.polar_flow.literal import Descent, descend, profile
from labs.polar_flow.operators import dense_sensing

MOST = 8  # the largest rank of a target


def ablation(tile: Tile) -> dict[str, Array]:
    """Kernel of a sweep: literal Muon and norm-matched gradient descent on the same instance, the same steps.

    A target of rank `rank` <= MOST and shape "m x n", of Frobenius norm sqrt(m n), is seen by p = share m n
    orthonormal Gaussian measurements; cosine steps from `step`, `steps` of them, from entries of size `start`.

    flatter           exp(H) of Muon's matrix over that of norm-matched descent, H the entropy of sigma/sum(sigma)
    muon, matched     these exp(H); exp(H) is at most r
    muon_stable, matched_stable        stable ranks
    muon_nuclear, matched_nuclear      nuclear ranks, (sum sigma)^2/sum sigma^2
    muon_residual, matched_residual    |A W - y|/|y| at the end
    bound             ((|y| - |res|)/sum of steps)^2 of Muon: at most its stable rank where start = 0 (POL-X6.c)

    Cost: two runs; a polar factor a step and cell.
    """
    xp, (m, n) = tile.xp, _shape(tile["shape"])
    p = max(1, round(tile["share"] * m * n))
    # The same instance for every rank (its first factors), step, momentum and start.
    drawn = tile.draw(lambda stream: _instance(m, n, p, stream), by=("shape", "share", "replicate"))
    rows, rest = drawn[:, :p, :], drawn[:, p:, :]
    parts, noise = rest[:, :-1, :], xp.reshape(rest[:, -1, :], (tile.size, m, n))
    counted = tile.backend.asarray(np.arange(MOST)) < xp.astype(tile["rank"], noise.dtype)[:, None]
    target = xp.reshape(xp.sum(xp.where(counted[..., None], parts, 0.0), axis=-2), (tile.size, m, n))
    target = (m * n) ** 0.5 * target / xp.sqrt(xp.sum(target * target, axis=(-2, -1), keepdims=True))
    operator = dense_sensing(rows, (m, n))
    y = operator.apply(target)
    steps = tile["step"][:, None] * tile.backend.asarray(profile("cosine", tile["steps"]))
    start = tile["start"][:, None, None] * noise
    size = xp.sqrt(xp.sum(y * y, axis=-1))
    outputs: dict[str, Array] = {}
    for name, rule in (("muon", "muon"), ("matched", "norm-matched")):
        run: Descent = descend(operator, y, start, steps, rule, momentum=tile["momentum"])
        sigma = xp.linalg.svdvals(run.W)
        left = run.residuals[:, -1] / size
        outputs |= {
            name: effective_rank(sigma),
            f"{name}_stable": stable_rank(sigma),
            f"{name}_nuclear": nuclear_rank(sigma),
            f"{name}_residual": left,
        }
        if rule == "muon":
            reached = xp.where(left < 1.0, (1.0 - left) * size / run.spent, 0.0)
            outputs["bound"] = reached * reached
    outputs["flatter"] = outputs["muon"] / outputs["matched"]
    return outputs


def _shape(shape: Value) -> tuple[int, int]:
    """(m, n) of "m x n"."""
    m, n = map(int, str(shape).split(" x "))
    return m, n


def _instance(m: int, n: int, p: int, stream: np.random.Generator) -> np.ndarray:
    """(p + MOST + 1, m n): orthonormal rows of A, Gaussian matrices of rank one, a noise."""
    rows = np.linalg.qr(stream.standard_normal((m * n, p)))[0].T
    left, right = stream.standard_normal((MOST, m, 1)), stream.standard_normal((MOST, 1, n))
    return np.concatenate([rows, (left * right).reshape(MOST, m * n), stream.standard_normal((1, m * n))])


def _bytes_of_a_cell(static: dict[str, Value]) -> int:
    """The rows of A, their singular value decomposition, and what a step makes."""
    m, n = _shape(static["shape"])
    numbers = m * n
    return int(8 * numbers * (4 * float(static["share"]) * numbers + 200))


_SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

ABLATION = Sweep(
    name="polar_flow/ablation",
    version=1,
    about="how much flatter literal Muon's interpolant is: measurements, rank, shape, step, momentum, start",
    grid={
        "quick": product(share=_SHARES, rank=[1, 2, 5])
        * product(shape=["10 x 10", "7 x 14"])
        * product(steps=[400], step=[0.1], momentum=[0.0, 0.9], start=[1e-3], replicate=[0, 1]),
        "full": product(share=_SHARES, rank=[1, 2, 3, 5, 8])
        * product(shape=["10 x 10", "7 x 14", "20 x 20"])
        * product(
            steps=[1500],
            step=[0.025, 0.05, 0.1],
            momentum=[0.0, 0.9, 0.95],
            start=[0.0, 1e-3, 1e-1, 1.0],
            replicate=[0, 1, 2, 3],
        ),
    },
    function=ablation,
    tile=12,
    static=("share", "shape", "steps"),
    cell_bytes=_bytes_of_a_cell,
)
