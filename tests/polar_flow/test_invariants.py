"""What is monitored along a self-polar flow: every defect of a path that is no flow is found, and is its size."""

from __future__ import annotations

import numpy as np
import pytest

from labs.polar_flow._invariants import monitored
from labs.polar_flow.operators import dense_sensing, regression

# Of 3 x 1 matrices the first entry is measured; times 0 (the start), 1 and 2.
PATH = np.array([[1.0, 1.0, 0.0], [0.5, 0.5, 0.3], [1.2, 2.0, 0.0]])[..., None]
LENGTHS = np.linalg.norm(PATH, axis=(-2, -1))
ENERGY, TIMES = np.array([0.1, 0.3]), np.array([1.0, 2.0])


def test_every_defect_has_its_size() -> None:
    found = monitored(regression(np.eye(1, 3)), PATH, LENGTHS, ENERGY, TIMES)
    drops = LENGTHS[0] - LENGTHS
    expected = {
        "affine residual": 0.5,  # of 1, 1/2, 6/5
        "nuclear norm increase": LENGTHS[2] - LENGTHS[1],
        "energy defect": np.max(np.abs(drops - [0.0, 0.1, 0.3])),
        "speed increase": np.sqrt(0.2) - np.sqrt(0.1),
        "singular value increase": LENGTHS[2] - LENGTHS[1],
        "singular value deficit": 1.0 - LENGTHS[1],
        "column space defect": 0.3,  # Z(0) is along the second entry
        "distance excess": 2.0 - np.exp(-2.0 / np.sqrt(2.0)),
    }
    assert set(found) == set(expected)
    for name, value in found.items():
        assert float(value) == pytest.approx(expected[name], rel=1e-14), name


def test_items_are_judged_one_by_one() -> None:
    operator = regression(np.eye(1, 3))
    still = 0.0 * PATH + PATH[:1]
    pair, values = np.stack([PATH, still], axis=1), np.stack([LENGTHS, 0.0 * LENGTHS], axis=1)
    energy = np.stack([ENERGY, 0.0 * ENERGY], axis=1)
    together = monitored(operator, pair, values, energy, TIMES)
    alone = monitored(operator, PATH, LENGTHS, ENERGY, TIMES)
    for name, value in together.items():
        assert value.shape == (2,)
        assert value[0] == pytest.approx(float(alone[name]), rel=1e-14)
    # A state at rest has no defect, but that Z should have shrunk.
    assert together["distance excess"][1] == pytest.approx(1.0 - np.exp(-np.sqrt(2.0)))
    assert sum(value[1] for value in together.values()) == pytest.approx(together["distance excess"][1])


def test_what_needs_a_regression_is_not_asked_of_others() -> None:
    found = monitored(dense_sensing(np.eye(1, 3), (3, 1)), PATH, LENGTHS, ENERGY, TIMES)
    names = ["affine residual", "nuclear norm increase", "energy defect", "speed increase"]
    assert list(found) == names
    assert float(found["affine residual"]) == pytest.approx(0.5)
