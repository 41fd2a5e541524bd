"""How figures look: the style sheet beside this file, and the few things that every figure does alike.

A figure's `draw` imports this module; it makes its panels with `panels`, shows what was computed with
`computed` (markers) and what the theory says with `predicted` (lines), both by the number of the series, so
that a point and its prediction share a colour everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

SHEET = Path(__file__).with_name("style.mplstyle")


@contextmanager
def applied() -> Iterator[None]:
    """Within this context matplotlib draws by the style sheet, whatever the reader's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(mpl.rc_params_from_file(SHEET, use_default_template=False))
        yield


def panels(
    rows: int = 1, columns: int = 1, *, width: float = 0.0, height: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row; sizes in inches, by default 4.4 x 3.6 a panel (6.4 x 4.2 alone).

    The figure is not pyplot's: nothing is left behind when it is forgotten.
    """
    single = rows == columns == 1
    size = (width or (6.4 if single else 4.4 * columns), height or (4.2 if single else 3.6 * rows))
    figure = Figure(figsize=size)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def series(number: int) -> dict[str, Any]:
    """Colour, line style and marker of the series `number` (they repeat after seven)."""
    cycle = list(mpl.rcParams["axes.prop_cycle"])
    return dict(cycle[number % len(cycle)])


def predicted(axes: Axes, x: np.ndarray, y: np.ndarray, number: int, **options: Any) -> Line2D:
    """Draw what the theory says: a line without markers."""
    (line,) = axes.plot(x, y, **({**series(number), "marker": ""} | options))
    return line


def computed(axes: Axes, x: np.ndarray, y: np.ndarray, number: int, **options: Any) -> Line2D:
    """Draw what was computed or measured: hollow markers without a line."""
    look = {**series(number), "linestyle": "", "markerfacecolor": "none"}
    (line,) = axes.plot(x, y, **(look | options))
    return line


def legend_outside(axes: Axes, title: str = "") -> None:
    """Put the legend to the right of the panel, where it hides no data."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, title=title or None)
