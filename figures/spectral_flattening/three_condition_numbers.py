"""Three effective condition numbers of one update, against what the update does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, plain_ticks, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.spectral_flattening.conditioning import effective_condition_numbers, line_search_factor
from labs.spectral_flattening.conditioning_forms import kantorovich
from theory.spectral_flattening import SF_C4, SF_K5a, SF_K5d, SF_K5e, SF_K6a

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Three condition numbers of one update: all are bounds, none is a verdict"
CAPTION = """
Random problems with 8 x 8 matrices: graded spectra of B and A with condition numbers from 1 to 1000, in either order,
and errors more or less aligned with them, over up to three decades.  Muon's update is a preconditioned gradient from
the left, from the right and from both sides, and each reading has a condition number kappa.  Left: kappa against the
decrease that one step of the best length reaches.  All points lie above Kantorovich's bound 4 kappa/(kappa + 1)^2
(line): each kappa is a valid bound of the one update, the two-sided one most often the best.  Right: the gain that a
reading promises, gradient descent's kappa over its own, against the gain of the step, ln rho_M/ln rho_GD.  Points in
the upper left and lower right quarters are wrong verdicts: no reading is free of them.
"""
CLAIMS = (SF_K5a, SF_K5d, SF_K5e, SF_K6a, SF_C4)

SIZE = 8
PROBLEMS = {"smoke": 60, "quick": 120, "full": 400}
READINGS = ("left", "right", "two-sided")


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "problem": a row per problem and reading."""
    rng = stream("three condition numbers", scale)
    count, steps = PROBLEMS[scale], np.linspace(0, 1, SIZE)
    spreads = 10.0 ** (rng.choice([-1.0, 1.0], (2, count, 1)) * rng.uniform(0, 3, (2, count, 1)))
    frames = haar(SIZE, rng, (2, count))
    d = 10.0 ** (-rng.uniform(0, 3, (count, 1)) * rng.random((count, SIZE)))
    off = 10.0 ** rng.uniform(-4, 0, (count, 1, 1)) * rng.standard_normal((count, SIZE, SIZE))
    B, A = (frames * (spreads**steps)[..., None, :]) @ frames.mT
    delta = frames[0] @ (d[..., None, :] * np.eye(SIZE) + off) @ frames[1].mT
    B, A, delta = (backend.asarray(X) for X in ((B + B.mT) / 2, (A + A.mT) / 2, delta))
    found = effective_condition_numbers(B, A, delta)
    muon, descent = (backend.to_numpy(line_search_factor(B, A, delta, rule)) for rule in ("muon", "gd"))
    kappas = dict(zip(READINGS, (found.left, found.right, found.two_sided), strict=True))
    shared = {"problem": np.arange(count), "muon": muon, "descent": descent, "gd": backend.to_numpy(found.gd)}
    return {
        "problem": table(
            shared | {"reading": name, "kappa": backend.to_numpy(k)} for name, k in kappas.items()
        )
    }


def draw(tables: Any) -> Figure:
    """Bounds and verdicts."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=12.6, height=4.8)
    rows = tables["problem"]
    kappa = np.geomspace(1, rows["kappa"].max(), 300)
    for number, name in enumerate(READINGS):
        points = where(rows, reading=name)
        gain = np.log(points["muon"]) / np.log(points["descent"])
        style.computed(left, points["kappa"], 1 - points["muon"], number, markersize=3.5, label=name)
        style.computed(right, points["gd"] / points["kappa"], gain, number, markersize=3.5, label=name)
    reference(left, kappa, 1 - kantorovich(kappa), color="black", linewidth=1.6)
    left.set(xscale="log", yscale="log", ylim=(3e-4, 1.5), xlabel=r"effective condition number $\kappa$")
    left.set_ylabel(r"decrease of one step, $1 - \rho_M$")
    left.set_title("bounds")
    right.set(xscale="log", yscale="log", xlabel=r"gain promised, $\kappa_{GD}/\kappa$")
    right.set_ylabel(r"gain realised, $\ln \rho_M/\ln \rho_{GD}$")
    plain_ticks(right.yaxis, (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30))
    right.axvline(1.0, color="0.55", linewidth=1.0)
    right.axhline(1.0, color="0.55", linewidth=1.0)
    right.set_title("verdicts")
    style.legend_outside(right, "reading")
    key(
        right,
        problem=COMPUTED | {"markersize": 3.5},
        **{"Kantorovich's bound": {"linestyle": "-", "color": "black"}},
    )
    return figure
