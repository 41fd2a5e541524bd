"""What stands in a panel beside the data: grey reference lines, words, keys to the looks, plain ticks.

A figure's module imports this at its top, as its `data` must not need matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COMPUTED: dict[str, Any] = {"linestyle": "", "marker": "o", "markerfacecolor": "none"}
THICK: dict[str, Any] = {"linestyle": "--"}
THIN: dict[str, Any] = {"linestyle": "-", "linewidth": 0.6}


def reference(axes: Axes, x: Any, y: Any, **options: Any) -> None:
    """A thin grey line that everything else is compared with."""
    look: dict[str, Any] = {"color": "0.55", "linewidth": 1.0, "linestyle": "-", "marker": ""}
    axes.plot(x, y, **(look | options))


def key(axes: Axes, **looks: dict[str, Any]) -> None:
    """Under the legend that stands outside: what kinds of points and lines mean, in grey, whatever the colour.

    `looks` maps a label (an underscore stands for a space) to the options of a line.
    """
    from matplotlib.lines import Line2D

    legend = axes.get_legend()
    plain = {"color": "0.25", "marker": ""}
    handles = [Line2D([], [], label=name.replace("_", " "), **(plain | look)) for name, look in looks.items()]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(1.01, 0.0), borderaxespad=0.0)
    if legend is not None:
        axes.add_artist(legend)
        legend.set_clip_on(False)  # else the layout leaves no room for it


def note(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **options: Any) -> None:
    """A few grey words beside the point `at`, moved by `offset` points."""
    axes.annotate(text, at, offset, textcoords="offset points", **({"color": "0.35"} | options))


def plain_ticks(axis: Axis, values: Iterable[float]) -> None:
    """Ticks at `values`, written as plain numbers: readable on a log axis of little more than a decade."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda x, _: f"{x:g}")
