"""What the figures on spreads share; the name begins with "_": this is no figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COMPUTED: dict[str, Any] = {"linestyle": "", "marker": "o", "markerfacecolor": "none"}


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


def plain_ticks(axis: Axis, values: Iterable[float]) -> None:
    """Ticks at `values`, written as plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    shown = list(values)
    axis.set_major_locator(FixedLocator(shown))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda x, _: f"{x:g}")
