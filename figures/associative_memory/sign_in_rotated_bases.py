"""Sign descent as the embeddings turn from the task basis to random ones: what the alignment is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.associative_memory._dense import Problem, runs, settled
from figures.gallery.tables import table, where
from labs.associative_memory.dense import simulate
from labs.associative_memory.margins import optimal_margin
from labs.core.arrays import Backend
from labs.core.spectrum import haar
from labs.core.streams import stream
from theory.associative_memory import AML_P1d, AML_T10a, AML_X8a, AML_X8b, AML_X8c

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Sign descent in rotated bases"
CAPTION = """
Eight groups of one size, masses a^-1.5, label noise 0.2.  The embeddings turn along a geodesic of rotations, E = exp
(theta log Q), from the identity (theta = 0, the task basis) to a random rotation Q (theta = 1): only those of the
queries, both by one rotation, or both by two independent ones.  Left: the excess after T steps at the best constant
step of a grid (the largest of the last tenth; mean and range over the rotations).  Muon does not see the rotation
(dotted line).  Sign descent keeps up with it near the task basis; a sixth of the way to a random basis costs a factor
of about ten, and one rotation of both sides is the worst end.  Right: excess against the step size, for one rotation
of both.  Hadamard embeddings are another basis that is not aligned: for equal frequencies the gradient is diagonal in
it, and sign descent there is Muon (dotted, on top of each other); for unequal ones it is no better than other bases.
"""
CLAIMS = (AML_P1d, AML_T10a, AML_X8a, AML_X8b, AML_X8c)

# Size of the groups, steps, points of the grid, angles, rotations.
SCALES = {
    "smoke": (1, 20, 3, (0.0, 0.1, 1.0), 1),
    "quick": (4, 100, 8, (0.0, 0.02, 0.05, 0.15, 0.4, 1.0), 2),
    "full": (8, 400, 16, (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0), 3),
}
GROUPS, BETA, NOISE = 8, 1.5, 0.2
CASES = {"queries": "queries alone", "common": "both, one rotation", "independent": "both, two rotations"}


def rotations(Q: np.ndarray, angles: tuple[float, ...]) -> np.ndarray:
    """exp(theta log Q) for each angle, (angles, K, K); of a normal matrix the Schur form is diagonal."""
    from scipy.linalg import schur

    T, U = schur(Q, output="complex")
    turned = np.exp(1j * np.array(angles)[:, None] * np.angle(np.diag(T)))
    return np.real((U * turned[:, None, :]) @ U.conj().T)


def rotation(K: int, number: int) -> np.ndarray:
    """A random rotation (determinant 1)."""
    Q = haar(K, stream("bases for sign descent", K, number))
    Q[:, 0] *= np.linalg.det(Q)
    return Q


def step_sizes(rule: str, K: int, steps: int, points: int) -> np.ndarray:
    """eta in units of m*/T; the polar factor moves the margins by eta, signs by 2 eta and more."""
    low, high = (1.05, 6.0) if rule == "muon" else (0.15, 3.0)
    return np.geomspace(low, high, points) * optimal_margin(K, NOISE) / steps


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "angles" (case, rotation, theta), "others" (method), "steps" (spectrum, basis, eta)."""
    size, steps, points, angles, number = SCALES[scale]
    problem = Problem(GROUPS, size, BETA)
    K = problem.facts
    p = backend.asarray(problem.frequencies)
    eta = step_sizes("signgd", K, steps, points)
    found, curves = [], []
    one = optimal_margin(K, NOISE) / steps
    for i in range(number):
        first, second = (rotations(rotation(K, 2 * i + j), angles) for j in (0, 1))
        for case in CASES:
            E = backend.asarray(first[:, None])
            Et = {"queries": None, "common": E, "independent": backend.asarray(second[:, None])}[case]
            run = simulate(p, NOISE, backend.asarray(eta), steps, "signgd", queries=E, answers=Et)
            excess = settled(backend.to_numpy(run.excess))
            found.append(
                {"case": case, "rotation": i, "theta": np.array(angles), "excess": np.min(excess, axis=-1)}
            )
            if i == 0 and case == "common":
                curves += [
                    {"spectrum": "unequal", "basis": f"theta {t:g}", "step": eta / one, "excess": row}
                    for t, row in zip(angles, excess, strict=True)
                ]
    muon = step_sizes("muon", K, steps, 2 * points)
    excess, _ = runs(problem, NOISE, muon, steps, "muon", backend)
    others = [{"rule": "muon", "excess": np.min(settled(excess))}]
    H = backend.asarray(hadamard_matrix(K))
    for spectrum, beta in (("unequal", BETA), ("equal", 0.0)):
        q = backend.asarray(Problem(GROUPS, size, beta).frequencies)
        run = simulate(q, NOISE, backend.asarray(eta), steps, "signgd", queries=H, answers=H)
        excess = settled(backend.to_numpy(run.excess))
        curves.append({"spectrum": spectrum, "basis": "Hadamard", "step": eta / one, "excess": excess})
        # Muon at the same steps: for equal frequencies the same run.
        excess, _ = runs(Problem(GROUPS, size, beta), NOISE, eta, steps, "muon", backend)
        curves.append({"spectrum": spectrum, "basis": "Muon", "step": eta / one, "excess": settled(excess)})
    return {"angles": table(found), "others": table(others), "steps": table(curves)}


def hadamard_matrix(K: int) -> np.ndarray:
    """H/sqrt K, K a power of 2."""
    from scipy.linalg import hadamard

    return hadamard(K) / K**0.5


def draw(tables: Any) -> Figure:
    """The best excess against the angle, and excess against the step size in single bases."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=14.2, height=4.6)
    _draw_angles(left, tables, style)
    _draw_steps(right, tables, style)
    for axes in (left, right):
        style.legend_outside(axes)
    return figure


def _draw_angles(axes: Axes, tables: Any, style: Any) -> None:
    for number, (case, label) in enumerate(CASES.items()):
        rows = where(tables["angles"], case=case)
        theta = np.unique(rows["theta"])
        values = [rows["excess"][rows["theta"] == t] for t in theta]
        middle, low, high = (np.array([f(v) for v in values]) for f in (np.mean, np.min, np.max))
        axes.fill_between(theta, low, high, color=style.series(number)["color"], alpha=0.18, linewidth=0)
        style.computed(axes, theta, middle, number, linestyle="-", linewidth=1.0, label=label)
    level = tables["others"]["excess"][0]
    style.predicted(axes, np.array([0.0, 1.0]), np.array([level, level]), 3, label="Muon, any basis")
    axes.set_xscale("symlog", linthresh=0.02)
    ticks = [0.0, 0.02, 0.1, 0.4, 1.0]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set(yscale="log", xlim=(-0.002, 1.1), xlabel="angle of the embeddings θ (0: task basis, 1: random)")
    axes.set(ylabel="best excess, last tenth of T steps (nats)")


def _draw_steps(axes: Axes, tables: Any, style: Any) -> None:
    bases = [b for b in dict.fromkeys(tables["steps"]["basis"]) if b.startswith("theta")]
    shown = [bases[0], bases[len(bases) // 2], bases[-1], "Hadamard", "Muon"]
    for number, basis in enumerate(shown):
        name = basis.replace("theta", "SignGD, θ =") if basis.startswith("theta") else basis
        name = "SignGD, Hadamard" if basis == "Hadamard" else name
        rows = where(tables["steps"], spectrum="unequal", basis=basis)
        style.computed(axes, rows["step"], rows["excess"], number, linestyle="-", linewidth=1.0, label=name)
    for number, basis in ((3, "Hadamard"), (4, "Muon")):
        rows = where(tables["steps"], spectrum="equal", basis=basis)
        look = {"linestyle": ":", "linewidth": 1.0, "label": f"{basis}, equal frequencies"}
        style.computed(axes, rows["step"], rows["excess"], number, **look)
    axes.set(
        xscale="log", yscale="log", xlabel="step size in m*/T", ylabel="excess, last tenth of T steps (nats)"
    )
    ticks = [0.2, 0.5, 1.0, 2.0]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_xticks([], minor=True)
