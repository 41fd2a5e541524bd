"""Grids: products, axes that go together, lists; and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.core.sweep import Grid, listed, product, zipped


def rows(grid: Grid) -> list[tuple]:
    """The cells of a grid in order."""
    cells = np.arange(grid.size)
    return list(zip(*(grid.column(name, cells).tolist() for name in grid.names), strict=True))


def test_the_last_axis_of_a_product_runs_fastest() -> None:
    grid = product(n=[2, 4], rule=["gd", "muon"], rate=[0.5, 1])
    assert grid.names == ["n", "rule", "rate"]
    assert (grid.shape, grid.size) == ((2, 2, 2), 8)
    assert rows(grid)[:3] == [(2, "gd", 0.5), (2, "gd", 1.0), (2, "muon", 0.5)]
    assert grid.axis("rate") == (0.5, 1.0)  # integers beside floats are floats
    assert all(type(value) is float for value in grid.axis("rate"))


def test_zipped_axes_go_together() -> None:
    grid = product(n=[2, 4]) * zipped("schedule", rate=[0.1, 0.1], decay=[0.0, 0.5])
    assert grid.shape == (2, 2)
    assert rows(grid) == [(2, 0.1, 0.0), (2, 0.1, 0.5), (4, 0.1, 0.0), (4, 0.1, 0.5)]
    assert [dimension.name for dimension in grid.dimensions] == ["n", "schedule"]
    assert zipped(a=[1], b=[2]).dimensions[0].name == "a_b"


def test_listed_cells_are_a_dimension() -> None:
    grid = listed([{"n": 4, "p": 3.0}, {"p": 2.5, "n": 8}])
    assert rows(grid) == [(4, 3.0), (8, 2.5)]
    assert grid.dimensions[0].name == "row"
    assert rows(listed([{"n": 1}], "case")) == [(1,)]


def test_numbers_of_numpy_and_ranges_are_values() -> None:
    grid = product(x=np.linspace(0.0, 1.0, 3), n=np.arange(2), k=range(2))
    assert rows(grid)[-1] == (1.0, 1, 1)
    assert [type(grid.axis(name)[0]) for name in "xnk"] == [float, int, int]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_every_combination_is_there_once(lengths: list[int]) -> None:
    grid = product(**{f"a{i}": range(length) for i, length in enumerate(lengths)})
    assert rows(grid) == list(np.ndindex(*lengths))


def test_axes_can_be_replaced() -> None:
    grid = product(n=[2, 4], rate=[0.5]) * zipped("pair", a=[1], b=[1])
    other = grid.replaced(rate=[1, 2.5], n=[8])
    assert (other.axis("rate"), other.axis("n"), other.axis("a")) == ((1.0, 2.5), (8,), (1,))
    assert [type(value) for value in grid.replaced(rate=[1]).axis("rate")] == [float]
    assert (grid.axis("n"), grid.names) == ((2, 4), other.names)


HUGE = 2**63
BAD: Any = {"nothing": [None], "lists": [[1]]}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: product(), "axes must be one or more, got none: the grid is empty"),
        (lambda: zipped(), "axes must be one or more, got none: the grid is empty"),
        (lambda: listed([]), "rows must be one or more cells, got none: the grid is empty"),
        (lambda: product(p=[]), "axis 'p' must have a value, got none: the grid is empty"),
        (lambda: product(p="gd"), "axis 'p' must be a list of values, got the word 'gd'"),
        (lambda: product(p=[1, "a"]), "axis 'p' must have numbers or words, one kind of them, got ['int', 'str']"),
        (lambda: product(p=[True]), "got ['bool']"),
        (lambda: product(p=BAD["nothing"]), "got ['NoneType']"),
        (lambda: product(p=BAD["lists"]), "got ['list']"),
        (lambda: product(p=[1.0, float("nan")]), "axis 'p' must have no NaN"),
        (lambda: product(p=[1, 2, 1]), "axis 'p' must have each value once, got 1 twice"),
        (lambda: product(p=[1, 1.0]), "axis 'p' must have each value once, got 1.0 twice"),
        (lambda: product(p=[0.0, -0.0]), "axis 'p' must have each value once, got 0.0 twice"),
        (lambda: product(p=[HUGE]), f"axis 'p' must have integers of 64 bits, got {HUGE}"),
        (lambda: product(p=[-HUGE - 1, 2.0]), f"axis 'p' must have integers of 64 bits, got {-HUGE - 1}"),
        (lambda: product(_p=[1]), "the name of the axis must be an identifier other than"),
        (lambda: product(state=[1]), "an identifier other than cell, file, reason, state, tile, got 'state'"),
        (lambda: product(**{"a b": [1]}), "got 'a b'"),
        (lambda: zipped("a b", p=[1]), "the name of the dimension must be an identifier"),
        (lambda: zipped(p=[1, 2], q=[1]), "zipped axes must have one length, got {'p': 2, 'q': 1}"),
        (lambda: zipped(p=[1, 2, 1], q=[3, 4, 3]), "cells must differ, got {'p': 1, 'q': 3} twice"),
        (lambda: listed([{"p": 1}, {"q": 1}]), "rows must name the same axes: row 0 names ['p'], row 1 ['q']"),
        (lambda: product(p=[1]) * product(p=[2]), "grid must name every axis once, got ['p'] more than once"),
        (lambda: product(p=[1]) * zipped("p", q=[2]), "grid must name every dimension once, got ['p']"),
        (lambda: product(p=[1], q=[2]).axis("r"), "there is no axis 'r'; the axes are p, q"),
        (lambda: product(p=[1]).replaced(q=[1]), "there is no axis 'q'; the axes are p"),
        (lambda: product(p=[1]).replaced(p=[]), "axis 'p' must have a value"),
        (lambda: product(p=[1]).replaced(p=[0.5]), "axis 'p' must have values of type int, got 0.5"),
        (lambda: product(p=["a"]).replaced(p=[1]), "axis 'p' must have values of type str, got 1"),
        (lambda: zipped("pair", p=[1], q=[1]).replaced(p=[2]), "axis 'p' goes together with others in 'pair'"),
    ],
)  # fmt: skip
def test_what_is_no_grid_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_integers_of_64_bits_are_kept() -> None:
    grid = product(p=[-HUGE, HUGE - 1])
    assert grid.column("p", np.arange(2)).tolist() == [-HUGE, HUGE - 1]


def test_a_column_is_made_into_an_array_once() -> None:
    """Not for every tile: a list may have a million cells."""
    grid = listed([{"n": i, "p": 0.5 * i} for i in range(9)])
    first = grid.dimensions[0].columns
    grid.column("p", np.asarray([1]))
    assert grid.dimensions[0].columns is first
