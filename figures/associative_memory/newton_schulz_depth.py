"""How deep into a long tail Muon with k Newton-Schulz steps sees, with a million facts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from labs.associative_memory.margins import masses_of_power_law, optimal_margin
from labs.associative_memory.reduced import Reduced
from labs.core.arrays import Backend
from labs.core.polar import POLAR_EXPRESS, TUNED
from theory.associative_memory import AML_X6a, AML_X6b, AML_X6c, AML_X6d

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Muon with k Newton-Schulz steps sees the head of the distribution only"
CAPTION = """
A memory of a million facts in 100 groups, frequencies a^-2, label noise 0.2, T = 300 steps of eta = 1.5 m*/T.
Left: how much of the best margin m* each group has learned.  With the exact polar factor all groups learn at one
rate; k steps of Muon's quintic multiply a small singular value by 3.4445 each, and a group whose frequency is too
small for that is learned in proportion to it, as by gradient descent.  Lines: the share c a^k sigma_a that the first
gradient predicts; it is too small, because sigma_a grows once the head is learned.  Right: how many groups reached
0.9 m*, against the product of the slopes of the polynomials at 0 (line: the number predicted, from below).  The
schedule of Polar Express has steeper polynomials and obeys the same rule.  Five quintics, the usual choice, leave 97
of 100 groups behind.
"""
CLAIMS = (AML_X6a, AML_X6b, AML_X6c, AML_X6d)

BETA, NOISE, C = 2.0, 0.2, 1.5
SIZES = {"smoke": (10**4, 10, 40), "quick": (10**6, 100, 300), "full": (10**6, 100, 300)}  # K, M, T
SHOWN = (3, 5, 8)
LABELLED = (1, *SHOWN, 12)
DEPTHS = {"smoke": (1, *SHOWN), "quick": (1, 2, *SHOWN, 12), "full": tuple(range(1, 15))}
EXPRESS = {"smoke": (3,), "quick": (3, 5, 8), "full": tuple(range(1, 9))}
EXACT, STEEPEST = "exact", 1e300  # no slope is too small for it


def rules(scale: str) -> Iterator[tuple[str, int, Any, float]]:
    """(name, steps, rule, product of the slopes at 0)."""
    for k in DEPTHS[scale]:
        yield "quintic", k, [TUNED] * k, float(TUNED[0]) ** k
    for k in EXPRESS[scale]:
        yield "Polar Express", k, POLAR_EXPRESS[:k], math.prod(float(a) for a, _, _ in POLAR_EXPRESS[:k])
    yield EXACT, 0, "muon", STEEPEST


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "groups" (a row per rule and group) and "depth" (a row per rule)."""
    K, M, T = SIZES[scale]
    masses = masses_of_power_law(BETA, M)
    memory = Reduced((K // M,) * M, backend.asarray(masses), NOISE)
    best = float(optimal_margin(float(K), NOISE))
    p = masses * M / K
    sigma = p / np.sqrt((1 - 1 / K) * (K / M) * np.sum(p * p))
    groups: list[dict[str, Any]] = []
    depth: list[dict[str, Any]] = []
    for name, k, rule, slope in rules(scale):
        run = memory.simulate(C * best / T, T, rule, last=True)
        share = backend.to_numpy(run.contrasts)[-1] / best
        foreseen = np.minimum(C * slope * sigma, 1.0)
        groups += [
            {"rule": name, "k": k, "group": a + 1, "share": share[a], "predicted": foreseen[a]}
            for a in range(M)
        ]
        learned, excess = int(np.sum(share > 0.9)), float(run.excess[-1])
        depth.append({"rule": name, "k": k, "slope": slope, "excess": excess, "learned": learned})
    slopes = np.geomspace(1.0, 1e8, 500)
    predicted = np.sum(C * slopes[:, None] * sigma > 1.0, axis=-1)
    return {
        "groups": columns(groups),
        "depth": columns(depth),
        "predicted": {"slope": slopes, "learned": predicted},
    }


def columns(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def draw(tables: Any) -> Figure:
    """Shares by group; groups learned by slope."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.0, height=4.6)
    rows = tables["groups"]
    last = int(np.max(rows["group"]))
    marked = np.unique(np.geomspace(1, last, 24).round().astype(int))
    for number, k in enumerate((*SHOWN, 0)):
        mine = (rows["rule"] == ("quintic" if k else EXACT)) & (rows["k"] == k)
        group = rows["group"][mine]
        name = f"{k} quintics" if k else "exact factor"
        if k:
            style.predicted(left, group, rows["predicted"][mine], number, linestyle="-", linewidth=1.0)
        style.computed(left, marked, rows["share"][mine][marked - 1], number, markersize=5, label=name)
    left.set(
        xscale="log",
        yscale="log",
        ylim=(3e-5, 3.0),
        xlabel="group a (1: the most frequent)",
        ylabel="contrast learned, $x_a / m^*$",
        title="what each group has learned",
    )
    look: dict[str, Any] = {"color": "0.25", "linestyle": "-", "linewidth": 1.0, "marker": ""}
    left.plot([], [], **look, label=r"predicted, $\min(1,\ c\,a^k \sigma_a)$")
    left.legend(loc="lower left")

    line = tables["predicted"]
    right.plot(line["slope"], line["learned"], **look, label="predicted")
    rows = tables["depth"]
    for number, name in ((4, "quintic"), (5, "Polar Express")):
        mine = rows["rule"] == name
        slope, learned, k = (rows[column][mine] for column in ("slope", "learned", "k"))
        style.computed(right, slope, learned, number, markersize=6, label=name)
        for x, y, steps in zip(slope, learned, k, strict=True):
            if steps in LABELLED:
                look = {"color": style.series(number)["color"], "ha": "right"}
                right.annotate(str(steps), (x, y), (-4, 6), textcoords="offset points", **look)
    right.set(
        xscale="log",
        yscale="symlog",
        ylim=(-0.25, 160.0),
        xlabel="product of the slopes at 0 (beside the points: steps k)",
        ylabel="groups above $0.9\\,m^*$",
        title="how many groups are learned",
    )
    right.set_yticks([0, 1, 3, 10, 30, 100], ["0", "1", "3", "10", "30", "100"])
    right.minorticks_off()
    right.legend(loc="lower right")
    return figure
