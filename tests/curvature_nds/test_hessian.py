"""The Hessian of one parameter: against curvatures of the loss itself, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.arrays import array_namespace
from labs.core.streams import stream
from labs.curvature_nds.hessian import block_hessian
from labs.curvature_nds.one_step import taylor
from tests.curvature_nds.losses import NETWORK, TOKENS, point


def gradient(name: str) -> Any:
    return lambda p: NETWORK.loss_and_gradient(p, TOKENS)[1][name]


@pytest.mark.parametrize("name", ["weight1", "weight2", "unembedding"])
def test_it_is_the_curvature_of_the_loss(name: str) -> None:
    """<Z, H Z> from jets of the loss, and all of H symmetric to rounding."""
    parameters, _ = point()
    H = block_hessian(gradient(name), parameters, name)
    np.testing.assert_allclose(H, H.T, atol=1e-14 * np.max(np.abs(H)))
    Z = stream("hessian: directions", name).standard_normal((5, *parameters[name].shape))
    found = taylor(lambda p: NETWORK.loss(p, TOKENS), parameters, {name: Z}, 2, layers={})
    flat = Z.reshape(5, -1)
    np.testing.assert_allclose(np.sum(flat * (flat @ H), axis=-1), 2 * found.penalty, rtol=1e-12)


def test_a_vector_by_hand() -> None:
    """L = (x y)^2 has the gradient (2 x y^2, 2 x^2 y)."""

    def slope(p: Any) -> Any:
        x, y = p["v"][..., 0], p["v"][..., 1]
        xp = array_namespace(x)
        first, second = (xp.expand_dims(z, axis=-1) for z in (2.0 * x * y * y, 2.0 * x * x * y))
        chosen = xp.asarray([1.0, 0.0])
        return first * chosen + second * (1.0 - chosen)

    v = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 0.5]])
    H = block_hessian(slope, {"v": v}, "v", axes=1)
    expected = [[[2 * y * y, 4 * x * y], [4 * x * y, 2 * x * x]] for x, y in v]
    np.testing.assert_allclose(H, expected, rtol=1e-15)


def test_a_batch_of_networks() -> None:
    parameters, Z = point()
    scales = np.array([[0.0, 0.1, 0.2]])[..., None, None]
    batch = {k: x + scales * Z[k] for k, x in parameters.items()}
    H = block_hessian(gradient("weight2"), batch, "weight2")
    one = block_hessian(gradient("weight2"), {k: x[0, 2] for k, x in batch.items()}, "weight2")
    assert H.shape == (1, 3, *one.shape)
    np.testing.assert_allclose(H[0, 2], one, atol=1e-13)


def test_bad_arguments() -> None:
    parameters, _ = point()
    with pytest.raises(ValueError, match="name must be one of"):
        block_hessian(gradient("weight2"), parameters, "other")
    wrong: tuple[Any, ...] = (0, 3, 1.0, True)
    for axes in wrong:
        with pytest.raises(ValueError, match="axes must be from 1 to 2"):
            block_hessian(gradient("weight2"), parameters, "weight2", axes=axes)
    bad = parameters | {"weight1": np.full_like(parameters["weight1"], np.nan)}
    with pytest.raises(ValueError, match=r"parameters\['weight1'\] must be finite"):
        block_hessian(gradient("weight2"), bad, "weight2")
