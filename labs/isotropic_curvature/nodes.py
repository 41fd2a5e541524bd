"""The model on shared nodes: one sample of the sphere for every spectrum, two matrix products an evaluation.

Slower to converge than the exact one-dimensional integrals and far less accurate for one spectrum, but good
for thousands of spectra with any H, on a GPU; and it is the problem that a conic solver can be given.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.arrays import array_namespace, check_double, check_nonnegative, check_shape, to_numpy
from labs.core.streams import stream
from labs.isotropic_curvature._certificate import gap_of_weights
from labs.isotropic_curvature._newton import solve_stationarity
from labs.isotropic_curvature._start import start
from labs.isotropic_curvature.solver import Solution

Array = Any


def sphere_nodes(n: int, count: int, seed: int = 0) -> np.ndarray:
    """Host routine: `count` squared points u = zeta^2 of the sphere S^{n-1}, shape (count, n), rows summing to 1.

    Scrambled Sobol points through the normal quantile, normalised, and closed under cyclic shifts of the
    coordinates as far as `count` is a multiple of n: then the node average of each u_i is 1/n to rounding.
    Raises ValueError unless n >= 1 and count >= 1.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    if n < 1 or count < 1:
        raise ValueError(f"n and count must be at least 1, got n = {n}, count = {count}")
    base = math.ceil(count / n)
    scramble = int(stream("sphere nodes", n, seed=seed).integers(2**63))
    sobol = qmc.Sobol(d=n, scramble=True, rng=scramble)
    cube = sobol.random_base2(math.ceil(math.log2(base)))
    square = ndtri(np.clip(cube[:base], 1e-15, 1 - 1e-15)) ** 2
    u = square / square.sum(axis=1, keepdims=True)
    return np.concatenate([np.roll(u, shift, axis=1) for shift in range(n)])[:count]


def _node_moments(H: Any, q: Array, nodes: Array) -> tuple[Array, Array, Array]:
    """As weight_moments, over the nodes (N, k): mean H, mean w u_i, top^2 mean (w'/rho) u_i u_j; q (..., k)."""
    xp = array_namespace(q, nodes)
    count = nodes.shape[0]
    square = (q**2) @ nodes.T
    square = xp.where(square > 0, square, xp.ones_like(square))  # only where q = 0: those are not asked for
    if H.terms is None:
        rho = xp.sqrt(square)
        value, weight, slope = H(rho) / count, H.weight(rho) / count, H.weight_slope(rho) / (rho * count)
    else:  # one power a term in place of three
        value, weight, slope = 0.0, 0.0, 0.0
        for p, c in H.terms:
            power = (c / count) * square ** (p / 2.0 - 2.0)
            value = value + power * square**2
            weight = weight + (p * power) * square
            slope = slope + (p * (p - 2.0)) * power
    slope = xp.max(q, axis=-1, keepdims=True) ** 2 * slope
    return xp.sum(value, axis=-1), weight @ nodes, xp.matrix_transpose(slope[..., None] * nodes) @ nodes


def solve_nodes(g: Array, H: Any, nodes: Array) -> Solution:
    """Kernel: the optimum of the discretised model (1/N) sum_k H(rho(u_k)) - <g, q>, batched.

    g (..., k), nodes (N, k): rows are squared points of the sphere (sphere_nodes).  H with H'(0+) = 0 and
    H'(inf) = inf.  The same Newton method as `solve`; cost N k^2 flops an iteration and item, and N k numbers of
    memory an item: give a large batch in pieces.
    The fields of the Solution are those of `solve` for the discretised problem; its gap bounds F - inf F over
    diagonal Q.  Raises ValueError for bad g, nodes, H, RuntimeError where the method fails.
    """
    check_shape((None,), g=g)
    check_shape((None, g.shape[-1]), nodes=nodes)
    check_double(g=g, nodes=nodes)
    check_nonnegative(g=g, nodes=nodes)
    if nodes.ndim != 2:
        raise ValueError(f"nodes must be an array of shape (N, k), got shape {tuple(nodes.shape)}")
    if H.slope_at_zero > 0 or H.slope_at_infinity < math.inf:
        raise ValueError(f"H must have H'(0+) = 0 and H'(inf) = inf, got {H!r}")
    xp = array_namespace(g, nodes)
    zeros, ones = xp.zeros_like(g), xp.ones_like(g)
    active = g > 0
    root = solve_stationarity(lambda q: _node_moments(H, q, nodes), g, start(xp, g, H, g.shape[-1]))
    if not bool(xp.all(root.converged)):
        raise RuntimeError(
            f"solve_nodes did not converge: relative residual {float(xp.max(root.residual)):.1e}"
        )
    lam = xp.where(active, root.lam, zeros)
    relative = xp.abs(g - root.q * lam) / xp.where(active, g, ones)
    status = np.where(to_numpy(xp.any(active, axis=-1)), "optimal", "zero")
    return Solution(
        q=root.q,
        value=xp.where(xp.any(active, axis=-1), root.phi, 0.0 * root.phi) - xp.sum(g * root.q, axis=-1),
        kkt=xp.max(xp.where(active, relative, zeros), axis=-1),
        gap=gap_of_weights(H, root.q, lam, zeros, g),
        status=status if status.ndim else str(status),
        iterations=root.iterations,
    )
