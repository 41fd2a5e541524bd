"""NDS-T2d.v: how much of a box of parameters each region fills; enclosed, and by quadrature on a grid."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from labs.curvature_nds.levels import win_region
from tests.referee import check, control, restates, verifies
from theory.curvature_nds import NDS_T2dv, shares
from theory.evidence import Evidence, enclosed, every, measured

PRINTED = {1: "0.479", 2: "0.317", 3: "0.039", 4: "0.165"}
CONDITION, COVERED = "0.232", "0.484"


@cache
def enclosures() -> dict[str, Any]:
    found = {str(region): share for region, share in shares.shares().items()}
    condition = shares.condition_share()
    return found | {"condition": condition, "covered": condition / found["1"]}


def rounds_to(ball: Any, printed: str) -> Evidence:
    """Whether the numbers in the ball round to the digits printed."""
    from flint import arb

    half = arb(10) ** -len(printed.partition(".")[2]) / 2
    return every(enclosed(ball - arb(printed) + half, ">"), enclosed(arb(printed) + half - ball, ">"))


@check(NDS_T2dv)
def share_is(name: str, printed: str) -> Evidence:
    """A share, enclosed, against three digits."""
    return rounds_to(enclosures()[name], printed)


@check(NDS_T2dv)
def shares_on_a_grid(n: int) -> Evidence:
    """labs' regions in the middles of n^3 cells of the box, against the enclosures.

    A cell that a boundary cuts is miscounted by less than its size, with signs that nearly cancel: 2/n^(3/2) for
    boundaries of a few n^2 cells.
    """
    middles = (np.arange(n) + 0.5) / n
    alpha = (0.5 * middles)[:, None, None]
    rho, s = np.exp(np.log(100.0) * middles)[:, None], np.exp(np.log(20.0) * middles)
    region = win_region(alpha, rho, s)
    a = alpha / (1 - alpha)
    inside = (a * s < 1) & (a * rho > 1)
    found = [np.mean(region == k) for k in PRINTED] + [np.mean(inside)]
    exact = [float(enclosures()[name].mid()) for name in (*map(str, PRINTED), "condition")]
    return measured(np.array(found), np.array(exact), 2 / n**1.5)


@verifies(NDS_T2dv)
def test_shares() -> None:
    for region, printed in PRINTED.items():
        share_is(str(region), printed)
    share_is("condition", CONDITION)
    share_is("covered", COVERED)


@restates(NDS_T2dv)
@pytest.mark.parametrize("n", [60, pytest.param(200, marks=pytest.mark.long)])
def test_shares_on_a_grid(n: int) -> None:
    shares_on_a_grid(n)


@control(NDS_T2dv, changes=".479 -> .480, .165 -> .164: what a sample may give")
def test_shares_that_are_not() -> None:
    share_is("1", "0.480")
    share_is("4", "0.164")


def test_printed_shares() -> None:
    """To the digits of the summary: .317, .039 and 48 % are right; .480 and .164 are .479 and .165."""
    found = {name: float(ball.mid()) for name, ball in enclosures().items()}
    assert (
        [f"{found[str(k)]:.3f}" for k in PRINTED]
        == list(PRINTED.values())
        == ["0.479", "0.317", "0.039", "0.165"]
    )
    assert f"{found['covered']:.2f}" == "0.48"
