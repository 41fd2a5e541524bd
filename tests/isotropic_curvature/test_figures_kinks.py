"""What the figure of the minimal kink shows, in numbers, at smoke scale."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from figures.gallery.tables import where
from figures.isotropic_curvature import kink_growth
from labs.core import arrays


@cache
def smoke() -> Any:
    return kink_growth.data("smoke", arrays.backend())


def test_the_kink_lies_between_the_bound_and_the_prediction() -> None:
    growth = smoke()["growth"]
    over = growth["kink"] / growth["bound"]
    assert np.all(over > 1)
    assert np.all(over > growth["predicted"])
    assert np.all(over < growth["predicted"] * (1 + 2 / growth["s"]))
    for family in kink_growth.FAMILIES:
        rows = where(growth, family=family)
        assert np.all(np.diff(rows["kink"]) > 0)
        # Closer to the prediction, the more singular values.
        assert np.all(np.diff(rows["kink"] / (rows["bound"] * rows["predicted"])) < 0)


def test_the_closed_form_is_the_computed_kink() -> None:
    rows = where(smoke()["growth"], family=kink_growth.LEVELS)
    np.testing.assert_allclose(smoke()["beta"]["kink"], rows["kink"], rtol=1e-12)


def test_printed_kinks() -> None:
    halves = where(smoke()["growth"], family=kink_growth.LEVELS)
    assert [f"{x:.9g}" for x in halves["kink"]] == ["2", "2.93207446", "6.05070821"]
    harmonic = where(smoke()["growth"], family="$1/i$", n=16)
    assert f"{harmonic['kink'][0]:.12g}" == "71.5898022407"
    assert f"{harmonic['bound'][0]:.4g}" == "18.17"


def test_the_rate_of_two_levels_is_that_of_the_means() -> None:
    rate = where(smoke()["rate"], family=kink_growth.LEVELS)
    np.testing.assert_allclose(rate["theory"], np.log(4 / 3) / 4, rtol=1e-12)
    assert f"{rate['theory'][0]:.4f}" == "0.0719"
    assert "0.0719, a factor e every 14 dimensions" in kink_growth.CAPTION
    assert 1 / rate["theory"][0] == pytest.approx(14, abs=0.5)
    assert np.all(np.diff(rate["rate"] - rate["theory"]) < 0)
    assert np.all(rate["rate"] > rate["theory"])
