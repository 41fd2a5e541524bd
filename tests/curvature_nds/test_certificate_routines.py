"""The certificate's routines: psi to rounding, batches, bad arguments."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from labs.core.jets import constant
from labs.curvature_nds.certificate import SoftmaxStep, psi, softmax_step
from tests.curvature_nds.losses import regressions


def test_psi_to_rounding() -> None:
    x = np.concatenate(
        [np.linspace(-30, 30, 121), [1e-300, -1e-9, 1e-5, 0.999999, -0.999999, 1.0, -1.0, 300.0]]
    )
    with mpmath.workdps(40):
        expected = [float((mpmath.exp(v) - 1 - v) / mpmath.mpf(v) ** 2) if v else 0.5 for v in x.tolist()]
        expected[121] = 0.5  # 1e-300 needs more digits than these
    np.testing.assert_allclose(psi(x), expected, rtol=8 * 2.0**-52)
    np.testing.assert_array_equal(psi(np.array([701.0, -1e300])), [np.inf, 1e-300])
    with pytest.raises(ValueError, match="x must be finite"):
        psi(np.array([np.nan]))


def test_changes_beyond_the_range_of_the_exponential() -> None:
    """The lower bounds are -inf where something varies, and all bounds the decrease itself where nothing does."""
    labels = np.array([0, 1])
    far = softmax_step(np.zeros((2, 3)), 1e4 * np.eye(3)[:2], labels)
    assert far.lower == far.lower_by_range == -np.inf
    assert np.isfinite([far.upper, far.upper_by_range]).all()
    sure = softmax_step(1e4 * np.eye(3)[:2], 1e3 * np.eye(3)[:2], labels)
    assert (sure.penalty, sure.lower, sure.upper, sure.lower_by_range) == (0.0, 0.0, 0.0, 0.0)


def test_steps_of_a_batch() -> None:
    z, u, labels = regressions()["graded"]
    one = softmax_step(z, u, labels)
    both = softmax_step(np.stack([z, z]), np.stack([u, 0.0 * u]), labels)
    for name in vars(one):
        assert getattr(both, name)[0] == getattr(one, name)
        assert getattr(both, name)[1] == 0.0
    shared = softmax_step(np.stack([z, z]), u, labels)
    assert shared.upper.tolist() == [one.upper] * 2
    far = softmax_step(z + 1000.0, u, labels)  # exp(1000) is no number; z + 1000 has the rounding 1e-13
    assert far.penalty == pytest.approx(one.penalty, rel=1e-11)
    assert isinstance(one, SoftmaxStep)
    third = constant(z)  # a constant jet is no array for this routine
    with pytest.raises(ValueError):
        softmax_step(third, u, labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"logits": np.ones(3)}, "logits must"),
        ({"change": np.ones((2, 4))}, "change must"),
        ({"labels": np.array([0])}, "labels must"),
        ({"labels": np.array([0, 3])}, "labels must"),
        ({"labels": np.array([0.0, 1.0])}, "labels must"),
        ({"change": np.full((2, 3), np.nan)}, "change must be finite"),
    ],
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    good = {"logits": np.ones((2, 3)), "change": np.ones((2, 3)), "labels": np.array([0, 1])}
    with pytest.raises(ValueError, match=message):
        softmax_step(**(good | arguments))
