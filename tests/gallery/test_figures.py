"""The contract suite: every figure of the project, found by listing, at smoke scale."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from figures.gallery import contract, render
from figures.gallery.contract import Figure
from labs.core import arrays

SECONDS = 0.5  # what a figure may take at smoke scale

every_figure = pytest.mark.parametrize("figure", contract.find(), ids=lambda figure: figure.name)


@cache
def computed(figure: Figure) -> tuple[ModuleType, contract.Tables, float]:
    """The figure's module, its tables at smoke scale, and the processor time they took the second time."""
    module = contract.load(figure)
    with arrays.one_blas_thread():
        module.data("smoke", arrays.backend())  # imports, and whatever a first call sets up
        start = time.process_time()
        tables = module.data("smoke", arrays.backend())
        seconds = time.process_time() - start
    return module, contract.check_tables(figure.name, tables, getattr(module, "GAPS", ())), seconds


@every_figure
def test_data_are_quick_at_smoke_scale(figure: Figure) -> None:
    assert computed(figure)[2] < SECONDS


@every_figure
def test_data_are_pure(figure: Figure) -> None:
    module, first, _ = computed(figure)
    second = module.data("smoke", arrays.backend())
    assert [(t, list(c)) for t, c in second.items()] == [(t, list(c)) for t, c in first.items()]
    for table, columns in first.items():
        for column, values in columns.items():
            if not column.endswith("seconds"):
                np.testing.assert_array_equal(second[table][column], values, err_msg=f"{table}.{column}")


@every_figure
def test_the_drawing_can_be_read(figure: Figure) -> None:
    module, tables, _ = computed(figure)
    before = {t: {c: values.copy() for c, values in columns.items()} for t, columns in tables.items()}
    picture = render.draw(module, figure.name, tables)
    FigureCanvasAgg(picture).draw()  # a formula that cannot be set fails here
    panels = [axes for axes in picture.axes if axes.get_label() != "<colorbar>"]
    assert panels
    for axes in panels:
        assert axes.get_xlabel().strip() or shares_label(axes, "x"), "a panel has no label on its x axis"
        assert axes.get_ylabel().strip() or shares_label(axes, "y"), "a panel has no label on its y axis"
        assert list(shown(axes)), "a panel shows no data"
        legend = axes.get_legend()
        assert legend is None or legend.get_texts(), "a panel has an empty legend"
    for table, columns in before.items():
        for column, values in columns.items():
            np.testing.assert_array_equal(tables[table][column], values, err_msg="draw changed the data")


def shares_label(axes: Axes, which: str) -> bool:
    """Whether a panel beside it (for x: above or below it) with the very same scale carries the label."""

    def scale(panel: Axes) -> list[float]:
        box = panel.get_position()
        extent = (box.x0, box.x1) if which == "x" else (box.y0, box.y1)
        return [*extent, *getattr(panel, f"get_{which}lim")()]

    return any(
        getattr(other, f"get_{which}label")().strip() and np.allclose(scale(other), scale(axes))
        for other in axes.figure.axes
    )


def shown(axes: Axes) -> Iterator[object]:
    """The artists of a panel that show at least one finite number."""
    for line in axes.lines:
        if np.isfinite(np.asarray(line.get_xydata(), dtype=np.float64)).all(axis=1).any():
            yield line
    yield from axes.images
    yield from axes.patches
    for collection in axes.collections:
        values = collection.get_array()
        if len(collection.get_paths()) or (values is not None and values.size):
            yield collection


def test_there_are_figures_to_try() -> None:
    # With an empty listing every test above would be skipped, and nobody would notice.
    assert contract.find()
