"""What an answer costs and how good it is: exact integrals, Newton's method on nodes, a conic solver."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import note, plain_ticks, reference
from figures.gallery.tables import table, where
from figures.isotropic_curvature._shared import optimal
from labs.core.arrays import Backend
from labs.core.spectrum import power_law
from labs.isotropic_curvature import Power, solve
from labs.isotropic_curvature.conic import available, conic_solver
from labs.isotropic_curvature.nodes import solve_nodes, sphere_nodes
from theory.isotropic_curvature import ICM_I, ICM_Ka

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Exact integrals against sampled ones: milliseconds and rounding against seconds and percents"
CAPTION = """
The optimum for H(x) = x^3 and g_i = 1/i by four routes.  Exact: the expectations by one-dimensional integrals,
then Newton's method.  Nodes: the sphere replaced by N points (scrambled Sobol, closed under cyclic shifts),
the same Newton method.  Conic: the same nodes as a second-order cone program for CVXPY and Clarabel, compiled
once.  Identity: the nodes again, with weights from ICM-I in place of E[w u_i].  Top left: time of one solve.
Top right: error of q (root mean square over node sets; one set for conic); nodes and conic share the error of
the sample, and the identity cuts it by ten.  Bottom right, why: lambda_i - lambda_j at the optimum, for two
neighbours in the middle of the spectrum and for its two ends.  The noise of the plain difference does not
shrink with q_i - q_j; that of (q_i^2 - q_j^2) E[(w'/rho) u_i u_j] does, so it is better by 100 for neighbours,
but not for the ends.  Averaged over the third directions, as the solver uses it, the identity is better than
the plain weights for both.  Bottom left: error against time (for the exact route, its residual); no number of
nodes comes near the exact route.  Times are readings of a clock: they differ between machines and runs.
"""
CLAIMS = (ICM_I, ICM_Ka)

P = 3.0
LENGTH = 16
ROUTES = ("exact", "nodes", "identity", "conic")
SIZES = {"smoke": (4,), "quick": (4, 8, 16, 32, 64), "full": (4, 8, 16, 32, 64, 128, 256)}
NODES = {"smoke": 64, "quick": 1024, "full": 1024}
COUNTS = {
    "smoke": (32, 128),
    "quick": tuple(2**k for k in range(6, 15)),
    "full": tuple(2**k for k in range(6, 18)),
}
SEEDS = {"smoke": 2, "quick": 8, "full": 32}
MOST_NODES_OF_CONIC = {"smoke": 32, "quick": 2**12, "full": 2**15}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "timing" (route, n), "update" (route, N) and "difference" (pair, estimator, N)."""
    H, conic = Power(P), available()
    timing = []
    for n in SIZES[scale]:
        nodes = sphere_nodes(n, NODES[scale])
        calls = _routes(power_law(n), H, nodes, backend, conic)
        timing += [
            {"route": name, "n": n, "nodes": len(nodes), "seconds": _clock(call)[1]}
            for name, call in calls.items()
        ]

    g = power_law(LENGTH)
    q = optimal(g, H, backend)
    kkt = float(solve(backend.asarray(g), H).kkt)
    seconds = _clock(lambda: optimal(g, H, backend))[1]
    update = [{"route": "exact", "nodes": 1, "error": kkt, "seconds": seconds}]
    difference = []
    for count in COUNTS[scale]:
        samples = [sphere_nodes(LENGTH, count, seed) for seed in range(SEEDS[scale])]
        small = conic and count <= MOST_NODES_OF_CONIC[scale]
        for name, call in _routes(g, H, samples[0], backend, small).items():
            if name == "exact":
                continue
            # One node set is enough for the conic route: it solves the problem of "nodes" again.
            answer, seconds = _clock(call)
            answers = [answer]
            if name != "conic":
                answers += [_routes(g, H, nodes, backend, False)[name]() for nodes in samples[1:]]
            errors = [np.max(np.abs(a / q - 1)) for a in answers]
            update.append({"route": name, "nodes": count, "error": _rms(errors), "seconds": seconds})
        for pair, (i, j) in (("ends", (0, LENGTH - 1)), ("neighbours", (LENGTH // 2 - 1, LENGTH // 2))):
            truth = g[i] / q[i] - g[j] / q[j]
            for name, estimate in ESTIMATORS.items():
                error = _rms([estimate(H, q, nodes, i, j) / truth - 1 for nodes in samples])
                difference.append({"pair": pair, "estimator": name, "nodes": count, "error": error})
    return {"timing": table(timing), "update": table(update), "difference": table(difference)}


def plain_weights(H: Any, q: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """lambda_i = E[w(rho) u_i] as a mean over nodes."""
    rho = np.sqrt(nodes @ q**2)
    return H.weight(rho) @ nodes / len(nodes)


def identity_weights(H: Any, q: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """The same from ICM-I, for k = n: n lambda_i = sum_j lambda_j + sum_j (lambda_i - lambda_j).

    The first sum is E w, as sum_j u_j = 1; the second is E[(w'/rho) u_i (q_i^2 - rho^2)].
    """
    rho = np.sqrt(nodes @ q**2)
    slope = H.weight_slope(rho) / rho
    spread = (slope @ nodes) * q**2 - (slope * rho**2) @ nodes
    return (np.sum(H.weight(rho)) + spread) / nodes.size


def identity_difference(H: Any, q: np.ndarray, nodes: np.ndarray, i: int, j: int) -> float:
    """lambda_i - lambda_j = (q_i^2 - q_j^2) E[(w'/rho) u_i u_j] as ICM-I states it, a mean over nodes."""
    rho = np.sqrt(nodes @ q**2)
    return float((q[i] ** 2 - q[j] ** 2) * np.mean(H.weight_slope(rho) / rho * nodes[:, i] * nodes[:, j]))


def _difference_of(weights: Callable[..., np.ndarray]) -> Callable[..., float]:
    def difference(H: Any, q: np.ndarray, nodes: np.ndarray, i: int, j: int) -> float:
        lam = weights(H, q, nodes)
        return float(lam[i] - lam[j])

    return difference


ESTIMATORS = {
    "plain": _difference_of(plain_weights),
    "identity": identity_difference,
    "mean identity": _difference_of(identity_weights),
}


def solve_identity(g: np.ndarray, H: Power, nodes: np.ndarray) -> np.ndarray:
    """q with q_i lambda_i = g_i for `identity_weights`, by a damped fixed point in log q.

    For a power p > 2 the step 2/p contracts by about (p-2)/p, as it does for the exact weights.
    """
    log_q = np.log(g)
    for _ in range(200):
        q = np.exp(log_q)
        residual = np.log(g / (q * identity_weights(H, q, nodes)))
        if np.max(np.abs(residual)) < 1e-12:
            return q
        log_q = log_q + (2 / H.p) * residual
    raise RuntimeError(f"no fixed point on {len(nodes)} nodes: residual {np.max(np.abs(residual)):.1e}")


def _routes(
    g: np.ndarray, H: Power, nodes: np.ndarray, backend: Backend, conic: bool
) -> dict[str, Callable[[], np.ndarray]]:
    """The ways to q by name; the conic program is compiled here, so that it is not timed."""
    on_device, nodes_on_device = backend.asarray(g), backend.asarray(nodes)
    calls: dict[str, Callable[[], np.ndarray]] = {
        "exact": lambda: optimal(g, H, backend),
        "nodes": lambda: backend.to_numpy(solve_nodes(on_device, H, nodes_on_device).q),
        "identity": lambda: solve_identity(g, H, nodes),
    }
    if conic:
        program = conic_solver(nodes, H.p)
        calls["conic"] = lambda: program(g).q
    return calls


def _clock(call: Callable[[], np.ndarray], repeat: int = 3) -> tuple[np.ndarray, float]:
    """The answer and the least seconds of a few calls; one, if it takes longer than half a second."""
    best = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        answer = call()
        best = min(best, time.perf_counter() - start)
        if best > 0.5:
            break
    return answer, best


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def draw(tables: Any) -> Figure:
    """Time against n; error of q against N; error of differences against N; error against time."""
    from figures.gallery import style

    timing, update, difference = tables["timing"], tables["update"], tables["difference"]
    figure, (top_left, top_right, bottom_left, bottom_right) = style.panels(2, 2, width=11.0, height=7.8)
    joined: dict[str, Any] = {"linestyle": "-", "linewidth": 0.8}
    for number, route in enumerate(ROUTES):
        by_size, by_count = where(timing, route=route), where(update, route=route)
        style.computed(top_left, by_size["n"], by_size["seconds"], number, **joined)
        label = route if by_size["n"].size else f"{route} (not installed)"
        # On the panel of N the exact route shows its name only.
        here = by_count["nodes"] if route != "exact" else np.full_like(by_count["error"], np.nan)
        style.computed(top_right, here, by_count["error"], number, label=label, **joined)
        style.computed(bottom_left, by_count["seconds"], by_count["error"], number, **joined)
    dotted: dict[str, Any] = {"linestyle": ":", "markersize": 3.0}
    for number, name in ((1, "plain"), (4, "identity"), (2, "mean identity")):
        for pair, look in (("neighbours", joined), ("ends", dotted)):
            rows = where(difference, pair=pair, estimator=name)
            label = f"{name}, {pair}"
            style.computed(bottom_right, rows["nodes"], rows["error"], number, label=label, **look)
    counts = np.unique(difference["nodes"]).astype(float)
    for panel, start in ((top_right, 2e-3), (bottom_right, 2e-2)):
        for power in (0.5, 1.0):
            reference(panel, counts, start * (counts / counts[0]) ** -power)
            end = (counts[-1], start * (counts[-1] / counts[0]) ** -power)
            note(panel, f"$N^{{-{power:g}}}$", end, (4, -3))
        panel.set_xlabel("nodes N")
    for panel in figure.axes:
        panel.set(xscale="log", yscale="log")
    top_left.set(
        xlabel="dimension n", ylabel="seconds a solve", title=f"time, N = {timing['nodes'][0]} nodes"
    )
    plain_ticks(top_left.xaxis, np.unique(timing["n"]))
    top_right.set(ylabel="error of q, $\\max_i |q_i/q_i^* - 1|$", title=f"error of the optimum, n = {LENGTH}")
    bottom_left.set(xlabel="seconds a solve", ylabel="error of q", title=f"error against time, n = {LENGTH}")
    bottom_right.set(
        ylabel="relative error of $\\lambda_i - \\lambda_j$", title=f"error of differences, n = {LENGTH}"
    )
    style.legend_outside(top_right, "route")
    style.legend_outside(bottom_right, "estimator, pair")
    return figure
