"""The contract of figures: what is found, what is accepted, and what a bad figure is told."""

from __future__ import annotations

import numpy as np
import pytest

from figures.gallery.contract import ContractError, check_tables, find, load
from tests.gallery.conftest import Toy


def test_figures_are_found_by_listing(toy: Toy) -> None:
    toy.plain("second")
    toy.plain("first")
    (toy.root / "figures" / "toy" / "_helper.py").touch()
    (toy.root / "figures" / "gallery" / "machinery.py").touch()
    assert [f.name for f in find(toy.root)] == ["toy/first", "toy/second"]
    assert find(toy.root)[0].module == "figures.toy.first"


def test_a_good_module_loads(toy: Toy) -> None:
    module = load(toy.plain())
    assert module.TITLE == "A parabola"
    assert [claim.id for claim in module.CLAIMS] == ["TOY-T1"]


@pytest.mark.parametrize(
    ("replace", "message"),
    [
        (('TITLE = "A parabola"', ""), "TITLE must be a string that says something, got None"),
        (('"A parabola"', '" "'), "TITLE must be a string that says something, got ' '"),
        (("CAPTION =", "LEGEND ="), "CAPTION must be a string"),
        (("CLAIMS = (", "CLAIMS = () and ("), "CLAIMS must be a tuple of at least one claim, got ()"),
        (("CLAIMS = (", 'CLAIMS = ("TOY-T1",) or ('), "CLAIMS must hold claims from theory, got 'TOY-T1'"),
        (("def draw(", "def paint("), "there must be a function draw"),
    ],
)
def test_a_bad_module_is_told_what_is_wrong(toy: Toy, replace: tuple[str, str], message: str) -> None:
    with pytest.raises(ContractError) as error:
        load(toy.plain(replace=replace))
    assert message in str(error.value)
    assert str(error.value).startswith("toy/plain: ")


def test_a_claim_that_is_not_registered_is_refused(toy: Toy) -> None:
    figure = toy.plain(
        replace=(
            "\n    ROWS",
            "\n    from theory.claims import REGISTRY\n    REGISTRY._claims.pop()\n    ROWS",
        )
    )
    with pytest.raises(ContractError, match="CLAIMS must hold claims from theory"):
        load(figure)


X = np.asarray([1.0, 2.0])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "data must return a dict of at least one table"),
        (X, "data must return a dict of at least one table"),
        ({"a table": {"x": X}}, "table 'a table': a table's name must be an identifier"),
        ({"t": {}}, "table 't' must be a dict of at least one column"),
        ({"t": {"x y": X}}, "table 't', column 'x y': a column's name must be an identifier"),
        ({"t": {"x": [1.0]}}, "table 't', column 'x' must be a 1-D NumPy array that is not empty, got list"),
        ({"t": {"x": X[None]}}, "got shape (1, 2)"),
        ({"t": {"x": X[:0]}}, "got shape (0,)"),
        ({"t": {"x": X + 1j}}, "must hold real numbers, booleans or text, got complex128"),
        ({"t": {"x": np.asarray([None])}}, "must hold real numbers, booleans or text, got object"),
        ({"t": {"x": X, "y": X[:1]}}, "columns must have equal length, got {'x': 2, 'y': 1}"),
        ({"t": {"x": np.asarray([0.0, np.nan])}}, "must be finite, got nan in row 1"),
    ],
)
def test_bad_tables_are_told_what_is_wrong(tables: object, message: str) -> None:
    with pytest.raises(ContractError) as error:
        check_tables("toy/plain", tables)
    assert message in str(error.value)


def test_a_gap_is_nan_where_it_is_announced_and_nothing_else() -> None:
    table = {"x": X, "y": np.asarray([1.0, np.nan])}
    assert check_tables("f", {"t": table}, ("t.y",))["t"] is table
    with pytest.raises(ContractError, match="must be finite, got inf in row 0"):
        check_tables("f", {"t": {"y": np.asarray([np.inf])}}, ("t.y",))
    with pytest.raises(ContractError, match=r"GAPS names no column of its tables: \['t.z'\]"):
        check_tables("f", {"t": table}, ("t.y", "t.z"))


def test_text_booleans_and_integers_are_numbers_enough() -> None:
    tables = {"t": {"a": np.asarray(["x"]), "b": np.asarray([True]), "c": np.asarray([3])}}
    assert check_tables("f", tables) is tables
