"""The style: series that a colour-blind reader and a grey print can tell apart; legends that hide nothing."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgb

from figures.gallery import style


def luminance(color: str) -> float:
    """Relative luminance of an sRGB colour (the definition of WCAG 2)."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot((0.2126, 0.7152, 0.0722), channels))


def test_series_differ_in_colour_line_and_marker_and_stand_out_from_white() -> None:
    with style.applied():
        looks = [style.series(k) for k in range(7)]
        assert style.series(7) == looks[0]
    for what in ("color", "linestyle", "marker"):
        assert len({str(look[what]) for look in looks}) == 7, what
    for look in looks:
        contrast = 1.05 / (luminance(look["color"]) + 0.05)
        assert contrast > 2.0, look  # the yellow of Okabe and Ito has 1.3


def test_the_style_ends_with_its_context() -> None:
    before = dict(mpl.rcParams)
    with style.applied():
        assert mpl.rcParams["legend.frameon"] is False
        assert mpl.rcParams["text.usetex"] is False
    assert dict(mpl.rcParams) == before


def test_prediction_is_a_line_and_computation_is_markers_of_one_colour() -> None:
    x = np.asarray([1.0, 2.0])
    with style.applied():
        _, (axes,) = style.panels()
        line, points = style.predicted(axes, x, x, 2), style.computed(axes, x, x, 2)
        assert line.get_color() == points.get_color() == style.series(2)["color"]
        assert (line.get_marker(), line.get_linestyle()) == ("", "-.")
        assert (points.get_marker(), points.get_linestyle()) == ("^", "None")
        assert style.predicted(axes, x, x, 0, color="black").get_color() == "black"


def test_panels_come_row_by_row_at_the_size_asked_for() -> None:
    with style.applied():
        figure, axes = style.panels(2, 3)
        assert len(axes) == 6
        np.testing.assert_allclose(figure.get_size_inches(), (13.2, 7.2))
        np.testing.assert_allclose(style.panels(width=3.0, height=2.0)[0].get_size_inches(), (3.0, 2.0))
        np.testing.assert_allclose(style.panels()[0].get_size_inches(), (6.4, 4.2))


def test_a_legend_outside_overlaps_no_panel_and_stays_in_the_picture() -> None:
    with style.applied():
        figure, (left, right) = style.panels(1, 2)
        for axes in (left, right):
            style.computed(
                axes, np.asarray([1.0, 2.0]), np.asarray([1.0, 2.0]), 0, label="a rather long label"
            )
            style.legend_outside(axes, title="what")
        figure.draw_without_rendering()
        for axes in (left, right):
            legend = axes.get_legend()
            assert legend is not None
            box = legend.get_window_extent()
            assert not any(box.overlaps(other.get_window_extent()) for other in (left, right))
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
