"""What one step W -> W - Z does to a loss: first-order gain, curvature penalty, sharpness, and who pays by layer.

With phi(t) = L(W - t Z) = c_0 + c_1 t + c_2 t^2 + ...,

    gain = <G, Z> = -c_1,    penalty = <Z, H[Z]>/2 = c_2 = |Z|_F^2 S/2,    S = <Z, H[Z]>/|Z|_F^2,

and the loss decreases by gain - penalty - c_3 - c_4 - ...; S is the normalised directional sharpness (NDS) of Z.
Source: Wang et al. 2026 as reported (the quantities and their split by layer); exact directional jets are ours.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite
from labs.core.jets import Jet, constant, series

Loss = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Layers:
    """One update by layer, in the order of `names`; batch axes first.

    gain       (..., L) <G_l, Z_l>: they add up to the gain
    norm2      (..., L) |Z_l|^2: they add up to |Z|^2
    curvature  (..., L, L) Q_lm = <Z_l, H_lm[Z_m]>, symmetric: they add up to <Z, H[Z]>
    """

    names: tuple[str, ...]
    gain: Array
    norm2: Array
    curvature: Array

    @property
    def within(self) -> Array:
        """(...) S_within: the diagonal's part of the sharpness, sum_l Q_ll/|Z|^2."""
        xp = array_namespace(self.curvature)
        return _over(xp.linalg.trace(self.curvature), xp.sum(self.norm2, axis=-1))

    @property
    def cross(self) -> Array:
        """(...) S_cross: what the other entries add, S - S_within."""
        xp = array_namespace(self.curvature)
        outside = xp.sum(self.curvature, axis=(-2, -1)) - xp.linalg.trace(self.curvature)
        return _over(outside, xp.sum(self.norm2, axis=-1))

    @property
    def within_share(self) -> Array:
        """(...) rho_within = S_within/S; at least 1/L for semidefinite Q, above 1 where S_cross < 0 < S."""
        xp = array_namespace(self.curvature)
        return _over(xp.linalg.trace(self.curvature), xp.sum(self.curvature, axis=(-2, -1)))


@dataclass(frozen=True)
class Taylor:
    """One update, to second order and beyond; batch axes first.

    gain, penalty  (...)
    terms          (..., order + 1) c_0, c_1, ...: L(W - t Z) = sum c_k t^k, so c_0 = L(W), gain = -c_1, penalty = c_2
    realised       (...) L(W) - L(W - Z), with the rounding of both losses
    norm2          (...) |Z|_F^2
    nds            (...) 2 penalty/norm2; NaN for Z = 0, which has none
    layers         the same by layer (with no layer, where that was asked for)
    """

    gain: Array
    penalty: Array
    terms: Array
    realised: Array
    norm2: Array
    nds: Array
    layers: Layers


def taylor(
    loss: Loss,
    parameters: Mapping[str, Array],
    update: Mapping[str, Array],
    order: int = 4,
    *,
    layers: Mapping[str, tuple[str, ...]] | None = None,
) -> Taylor:
    """Kernel: what the step parameters - update does to the loss: exact Taylor terms, by one pass of jets.

    loss        of a dict of jets by name, one number for each item of the batch: sums, products and the functions
                of labs.core.jets; a network, `lambda p: network.loss(p, tokens)`, as well as a quadratic
    parameters  arrays (..., shape) by name, with the batch axes of the loss or without any
    update      Z by name, each with all batch axes of the loss in front; names that it leaves out do not move
    order       of the last term, >= 2
    layers      the names that make up each layer (default: every name of the update is one); {} for no split

    Terms are exact up to the rounding of one evaluation of the loss; `realised`, a difference, up to that of two.
    Cost: a pass of jets of this order, about (order + 1)(order + 2)/2 losses; the split by layer L (L + 1)/2 passes
    of order 2, Q_lm = (q(Z_l + Z_m) - q(Z_l) - q(Z_m))/2.  Raises ValueError for bad arguments.
    """
    if not isinstance(order, int) or order < 2:
        raise ValueError(f"order must be an integer >= 2, got {order!r}")
    for argument, given in (("parameters", parameters), ("update", update)):
        if not isinstance(given, Mapping):
            raise ValueError(
                f"{argument} must be arrays by name, got an object of type {type(given).__name__}"
            )
    if not update or not set(update) <= set(parameters):
        raise ValueError(f"update must have some of the names {sorted(parameters)}, got {sorted(update)}")
    check_finite(**{f"parameters[{name!r}]": x for name, x in parameters.items()})
    check_finite(**{f"update[{name!r}]": x for name, x in update.items()})
    xp = array_namespace(*parameters.values(), *update.values())
    terms = xp.stack(series(loss, parameters, _negative(update), order), axis=-1)
    axes = terms.ndim - 1
    squares = {name: _squares(axes, name, parameters[name], Z) for name, Z in update.items()}
    moved = {name: constant(x - update[name] if name in update else x) for name, x in parameters.items()}
    after = loss(moved)
    after = after.coefficients[0] if isinstance(after, Jet) else after
    norm2 = reduce(operator.add, squares.values()) + 0.0 * terms[..., 0]
    penalty = terms[..., 2]
    return Taylor(
        gain=-terms[..., 1],
        penalty=penalty,
        terms=terms,
        realised=terms[..., 0] - after,
        norm2=norm2,
        nds=_over(2.0 * penalty, norm2),
        layers=_split(loss, parameters, update, squares, layers, terms[..., 0]),
    )


def _split(
    loss: Loss,
    parameters: Mapping[str, Array],
    update: Mapping[str, Array],
    squares: Mapping[str, Array],
    layers: Mapping[str, tuple[str, ...]] | None,
    like: Array,
) -> Layers:
    """The update by layer; sizes (...) as those of `like`."""
    groups = {name: (name,) for name in update} if layers is None else dict(layers)
    xp = array_namespace(like)
    if not groups:
        none = like[..., None][..., :0]
        return Layers((), none, none, none[..., None][..., :0])
    members = [name for group in groups.values() for name in group]
    if sorted(members) != sorted(update):
        raise ValueError(f"layers must hold each of {sorted(update)} once, got {sorted(members)}")

    def gain_and_curvature(names: tuple[str, ...]) -> tuple[Array, Array]:
        """<G, Z> and <Z, H[Z]> of the part of Z under these names."""
        part = {name: update[name] for name in names}
        _, slope, half = series(loss, parameters, _negative(part), 2)
        return -slope + 0.0 * like, 2.0 * half + 0.0 * like

    alone = [gain_and_curvature(group) for group in groups.values()]
    q = [[curvature for _, curvature in alone] for _ in groups]
    for (i, a), (j, b) in itertools.combinations(enumerate(groups.values()), 2):
        joint = gain_and_curvature(a + b)[1]
        q[i][j] = q[j][i] = 0.5 * (joint - alone[i][1] - alone[j][1])
    norms = [
        reduce(operator.add, (squares[name] for name in group)) + 0.0 * like for group in groups.values()
    ]
    return Layers(
        names=tuple(groups),
        gain=xp.stack([gain for gain, _ in alone], axis=-1),
        norm2=xp.stack(norms, axis=-1),
        curvature=xp.stack([xp.stack(row, axis=-1) for row in q], axis=-2),
    )


def _squares(batch: int, name: str, x: Array, Z: Array) -> Array:
    """|Z|^2 of one name: over all axes but the first `batch`."""
    core = Z.ndim - batch
    if core < 0 or x.ndim < core or x.shape[x.ndim - core :] != Z.shape[batch:]:
        raise ValueError(
            f"update[{name!r}] must have {batch} batch axes and then the shape of the parameter, "
            f"got {tuple(Z.shape)} for {tuple(x.shape)}"
        )
    xp = array_namespace(Z)
    return xp.sum(Z * Z, axis=tuple(range(batch, Z.ndim))) if core else Z * Z


def _negative(update: Mapping[str, Array]) -> dict[str, Array]:
    return {name: -Z for name, Z in update.items()}


def _over(x: Array, y: Array) -> Array:
    """x/y, and NaN for y = 0."""
    xp = array_namespace(x, y)
    return xp.where(y != 0.0, x / xp.where(y != 0.0, y, 1.0), math.nan)
