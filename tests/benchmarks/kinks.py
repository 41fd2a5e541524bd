"""Kinks: the sharpest one needed, beside a linear program; the optimum below it, beside a conic program.

The other side gets nodes of the sphere, as a user without the tails' integrals would take: the support function
E(a.u)_+ and E H(rho) become means over them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linprog

from labs.core.spectrum import power_law
from labs.core.sphere import tail_moments
from labs.isotropic_curvature import Kink, minimal_kink, solve
from labs.isotropic_curvature.conic import available, conic_kink
from labs.isotropic_curvature.nodes import sphere_nodes
from tests.benchmarks.harness import Row, compare

TITLE = "Kinks: the least slope, and the optimum"

NODES = 4000
SIZES = (3, 8, 16)


def rows() -> Iterator[Row]:
    """The least kink for g_i = 1/i; the optimum where the kink is 2 % too weak."""
    for n in SIZES:
        yield least_kink(n, NODES)
    if available():
        for n in SIZES[:2]:
            yield free_optimum(n, 1000)
    else:
        print("  CVXPY or Clarabel is not installed: only the linear programs are timed")


def least_kink(n: int, count: int) -> Row:
    """B_min(g, 0); error of ours: density against g, relative; of theirs: relative to ours."""
    g, nodes = power_law(n), sphere_nodes(n, count)
    truth, normal = minimal_kink(g)
    residual = float(np.max(np.abs(truth * tail_moments(np.asarray(normal)).first / g - 1)))
    return compare(
        f"least kink, g_i = 1/i, n = {n}",
        ("gauge of the zonoid", lambda: minimal_kink(g)[0]),
        (f"HiGHS, {count} nodes", lambda: sampled_kink(g, nodes)),
        lambda B: max(residual, abs(B / truth - 1)),
        repeat=2,
        note="errors: our density against g; their distance from ours",
    )


def sampled_kink(g: np.ndarray, nodes: np.ndarray) -> float:
    """min max h over the nodes, h >= 0, mean of h u = g; inf if no density on these nodes gives g."""
    count, n = nodes.shape
    # In units of B: h = B x with 0 <= x <= 1, so that the largest s = 1/B with mean x u = s g is wanted.
    equal = np.hstack([nodes.T / count, -g[:, None]])
    found = linprog(
        np.append(np.zeros(count), -1.0),
        A_eq=equal,
        b_eq=np.zeros(n),
        bounds=[(0, 1)] * count + [(0, None)],
        method="highs",
    )
    return float(1 / found.x[-1]) if found.x is not None and found.x[-1] > 0 else float("inf")


def free_optimum(n: int, count: int) -> Row:
    """The optimum for H = Kink(1, 0, 0.98 B_min); error of ours: residual; of theirs: distance from ours."""
    g = power_law(n)
    H = Kink(1.0, 0.0, 0.98 * minimal_kink(g)[0])
    best = solve(g, H)
    program = conic_kink(sphere_nodes(n, count), H)
    return compare(
        f"optimum, kink 2 % too weak, n = {n}",
        ("descent, exact tails", lambda: solve(g, H).q),
        (f"Clarabel, {count} nodes", lambda: program(g).q),
        lambda q: max(float(best.kkt), float(np.max(np.abs(q / best.q - 1)))),
        repeat=2,
        note=f"errors: our residual; their distance from ours; our gap {float(best.gap):.0e}",
    )
