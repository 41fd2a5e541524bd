"""Summaries of instances, and their text."""

import itertools
import json
import math
from fractions import Fraction

import array_api_strict as xp
import numpy as np
import pytest

from tests.instances import merge, show, summarise


@pytest.mark.parametrize(
    ("value", "summary"),
    [
        (3, {"values": [3.0, 3.0]}),
        (Fraction(1, 2), {"values": [0.5, 0.5]}),
        (np.float64(2), {"values": [2.0, 2.0]}),
        ([4, -1, 0], {"size": [3, 3], "values": [-1.0, 4.0], "spread": [4.0, 4.0]}),
        (np.array([[3j, 1.0]]), {"size": [2, 2], "values": [1.0, 3.0], "spread": [3.0, 3.0]}),
        (np.array([1e-300, 1e300]), {"size": [2, 2], "values": [1e-300, 1e300], "spread": [1e308, 1e308]}),
        (xp.asarray([1.0, 2.0]), {"size": [2, 2], "values": [1.0, 2.0], "spread": [2.0, 2.0]}),
        (np.zeros(2), {"size": [2, 2], "values": [0.0, 0.0]}),
        (np.array([math.nan, 2.0]), {"size": [2, 2], "values": [2.0, 2.0], "spread": [1.0, 1.0]}),
        (np.empty((0, 3)), {"size": [0, 0]}),
        (math.nan, {}),
        ("wide", {"among": ["'wide'"]}),
        (True, {"among": ["True"]}),
        (None, {"among": ["None"]}),
        ([1, [2, 3]], {"among": ["[1, [2, 3]]"]}),
        ({"p": 4}, {"among": ["{'p': 4}"]}),
    ],
)
def test_a_summary_says_what_an_argument_looked_like(value, summary):
    found = summarise({"x": value})
    assert found == {"x": summary}
    json.dumps(found, allow_nan=False)


def test_a_summary_names_no_memory_address():
    (text,) = summarise({"f": lambda: None})["f"]["among"]
    assert " at 0x" not in text


def test_a_long_text_is_cut():
    (text,) = summarise({"s": "a" * 200})["s"]["among"]
    assert len(text) == 80


def test_merging_does_not_depend_on_the_order():
    seen = [
        summarise({"x": [i, 2.0 * i], "name": f"n{i}"} | ({"y": i} if i % 2 else {})) for i in range(1, 10)
    ]
    merged = []
    for order in (seen, seen[::-1], seen[4:] + seen[:4]):
        total: dict = {}
        for summary in order:
            total = merge(total, summary)
        merged.append(total)
    assert all(a == b for a, b in itertools.pairwise(merged))
    assert merged[0]["x"] == {"size": [2, 2], "values": [1.0, 18.0], "spread": [2.0, 2.0]}
    assert merged[0]["y"] == {"values": [1.0, 9.0]}
    assert merged[0]["name"] == {"among": [f"'n{i}'" for i in range(1, 7)]}


def test_an_instance_is_shown_with_all_its_digits():
    x = np.array([0.1, 1 / 3])
    first, second = show({"x": x, "bound": 2.5}).splitlines()
    assert np.array_equal(eval(first.removeprefix("x = "), {"array": np.array}), x)
    assert second == "bound = 2.5"
