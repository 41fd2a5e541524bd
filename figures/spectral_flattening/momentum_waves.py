"""Sign descent with momentum on a parabola: which triangle waves go on, and which of them a start leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import note, reference
from labs.core.arrays import Backend
from labs.spectral_flattening.momentum import buffer_at_top, largest_wave, sign_momentum
from theory.spectral_flattening import SF_T7d, SF_T7e, SF_T7f, SF_T7g

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = (
    "With momentum sign descent ends in one of many cycles, the largest of size sqrt(3/2) eta/sqrt(1 - beta)"
)
CAPTION = """
The loss w^2/2 under m <- beta m + w, w <- w - eta sign(m): every cell is one run, its colour the amplitude at the
end, half of the way from top to bottom, in units of eta/sqrt(1 - beta).  Left: started on the triangle wave of N
steps each way, with the buffer that belongs to it.  Such a wave goes on forever if and only if N <= N_max (dots,
computed exactly; line: sqrt(6/(1 - beta))); a longer one falls apart and ends as a shorter one.  Right: started
from rest at w, as a phase diagram of eta/w against beta (only this ratio counts).  Which cycle is reached depends
on the start in every detail: a cycle can be shifted by less than (1 - beta) times the slack of its buffer, so that
long waves are met only in the thin streaks where w/eta is nearly a multiple of a half.  No run ends above sqrt(3/2)
= 1.22 (black line in the colour bar), far below the eta/(1 - beta) that the length of the memory suggests: in these
units 1/sqrt(1 - beta), from 1.4 to 32.
"""
CLAIMS = (SF_T7d, SF_T7e, SF_T7f, SF_T7g)

CELLS = {"smoke": 9, "quick": 60, "full": 240}
STEPS = {"smoke": 400, "quick": 8000, "full": 40000}
LONGEST = 120.0
RATIOS = (0.005, 4.0)  # eta/w
MEMORY = (0.5, 1e-3)  # 1 - beta at the two ends


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "waves" (beta, N) and "rest" (beta, eta/w) with amplitudes in steps, and "largest" (beta)."""
    cells, steps = CELLS[scale], STEPS[scale]
    gap = np.geomspace(*MEMORY, cells)
    N = np.unique(np.round(np.geomspace(1.0, LONGEST, cells)))
    ratio = np.geomspace(*RATIOS, cells)
    tail = min(steps // 2, 4 * int(LONGEST))

    def amplitude(gap: np.ndarray, w: np.ndarray, m: np.ndarray) -> np.ndarray:
        w, m, beta = (backend.asarray(x) for x in (w, m, 1.0 - gap))
        high, low = sign_momentum(w, m, beta, steps, tail)
        return (backend.to_numpy(high) - backend.to_numpy(low)) / 2

    a, n = (x.ravel() for x in np.meshgrid(gap, N, indexing="ij"))
    # sign_momentum adds w to the buffer first: hand it what stood there before.
    before = (buffer_at_top(n, 1 - a, (1 - a) ** n) - n / 2) / (1 - a)
    waves = {"gap": a, "N": n, "amplitude": amplitude(a, n / 2, before)}
    b, r = (x.ravel() for x in np.meshgrid(gap, ratio, indexing="ij"))
    rest = {"gap": b, "ratio": r, "amplitude": amplitude(b, 1 / r, 0.0 * r)}
    most = np.array([float(largest_wave(float(1 - x))) for x in gap])
    return {"waves": waves, "rest": rest, "largest": {"gap": gap, "N": most}}


def draw(tables: Any) -> Figure:
    """Two maps of amplitudes over 1 - beta."""
    from figures.gallery import style

    figure, (left, right) = style.panels(1, 2, width=13.0, height=4.8)
    largest = tables["largest"]
    draw_map(left, tables["waves"], "N")
    left.plot(largest["gap"], largest["N"], color="black", marker=".", markersize=3, linestyle="")
    reference(left, largest["gap"], np.sqrt(6 / largest["gap"]), color="black", linewidth=0.8)
    note(left, "$\\sqrt{6/(1-\\beta)}$", (0.004, np.sqrt(6 / 0.004)), (0, -34), color="white")
    left.set(ylabel="N, steps each way at the start", ylim=(1, LONGEST), title="started on a wave")
    shown = draw_map(right, tables["rest"], "ratio")
    right.set(ylabel="step size over start, η/w", ylim=RATIOS, title="started from rest")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="1 − β", xlim=MEMORY)
    bar = figure.colorbar(shown, ax=[left, right])
    bar.set_label("amplitude, in units of $\\eta\\,/\\sqrt{1-\\beta}$")
    bar.ax.axhline(1.5**0.5, color="black", linewidth=1.0)
    return figure


def draw_map(axes: Axes, rows: Any, column: str) -> Any:
    """Amplitudes over (gap, column), from 0 to a little above the largest."""
    gap, other = np.unique(rows["gap"])[::-1], np.unique(rows[column])
    grid = (rows["amplitude"] * np.sqrt(rows["gap"])).reshape(gap.size, other.size)
    return axes.pcolormesh(
        gap, other, grid.T, shading="nearest", cmap="cividis", vmin=0.0, vmax=1.3, rasterized=True
    )
