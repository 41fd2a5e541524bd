"""What the figures on trained networks share: tables, the best step size of a grid, bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 1e3  # a loss above it stands as this: the run has left


def rates_around(middle: float, count: int, a_decade: int = 3) -> np.ndarray:
    """`count` step sizes, `a_decade` of them to a decade, around `middle`; an even number has one more below."""
    return middle * 10.0 ** ((np.arange(count) - count // 2) / a_decade)


def best(objective: np.ndarray) -> int:
    """The place of the step size with the least mean over the seeds; objective (rates, seeds)."""
    return int(np.argmin(np.mean(objective, axis=-1)))


def grid_rows(objective: np.ndarray, rates: np.ndarray) -> list[dict[str, Any]]:
    """A row for each step size and seed, and whether the step size is the best, `inside` its grid."""
    chosen = best(objective)
    inside = 0 < chosen < rates.size - 1
    return [
        {
            "rate": rate,
            "seed": np.arange(objective.shape[1]),
            "objective": objective[i],
            "best": i == chosen,
            "inside": inside,
        }
        for i, rate in enumerate(rates)
    ]


def band(axes: Axes, rows: Mapping[str, np.ndarray], x: str, y: str, number: int, **options: Any) -> None:
    """Mean over the seeds, and their range."""
    from figures.gallery import style

    places = np.unique(rows[x])
    values = [rows[y][rows[x] == place] for place in places]
    low, middle, high = (np.array([f(v) for v in values]) for f in (np.min, np.mean, np.max))
    axes.fill_between(places, low, high, color=style.series(number)["color"], alpha=0.18, linewidth=0)
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.0, "markersize": 4}
    style.computed(axes, places, middle, number, **(look | options))


def draw_grid(axes: Axes, rows: Mapping[str, np.ndarray], number: int) -> None:
    """The objective against the step size; the best one is filled."""
    from figures.gallery import style

    band(axes, rows, "rate", "objective", number)
    chosen = {name: values[rows["best"]] for name, values in rows.items()}
    color = style.series(number)["color"]
    style.computed(
        axes,
        chosen["rate"][:1],
        np.mean(chosen["objective"], keepdims=True),
        number,
        markersize=7,
        markerfacecolor=color,
        zorder=5,
    )
