"""A character transformer, its loss and its gradient, for a batch of parameters at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core.arrays import Array, array_namespace, check_shape, device
from labs.core.networks._activations import ACTIVATIONS, check_activation
from labs.core.networks._costs import cross_entropy, one_hot
from labs.core.networks._parameters import check_integers, check_parameters

NORM_EPS = 1e-5  # under the root of layer normalisation, as in GPT-2


@dataclass(frozen=True)
class Transformer:
    """Pre-norm blocks, causal: it predicts each character from those before it.

        x = embedding[c] + position
        x = x + merge attention(query y, key y, value y),   y = norm1(x)            in each block,
        x = x + down activation(up y + up_bias) + down_bias,   y = norm2(x)         one after the other
        logits = unembedding norm3(x)       (tied: the embedding in place of the unembedding)

    Attention: softmax over the present and the past of q.k / sqrt(width/heads), head by head.  A norm subtracts
    the mean, divides by sqrt(variance + 1e-5), multiplies by its gain and adds its shift.
    last_only: the loss is that of the last character of each sample, not the mean over all.

    Parameters: "embedding" (vocabulary, width), "position" (length, width), "query", "key", "value", "merge"
    (width, width), "up" (hidden, width), "down" (width, hidden), "unembedding" (vocabulary, width), "up_bias",
    "down_bias" and "norm1_gain", ..., "norm3_shift"; those of a second block are "block2_query" and so on.  Each
    may have batch axes in front, its own ones; they broadcast, and what a parameter without any decides is
    computed once.
    """

    vocabulary: int
    length: int
    width: int
    heads: int = 1
    hidden: int = 0
    activation: str = "gelu"
    tied: bool = False
    blocks: int = 1
    last_only: bool = False

    def __post_init__(self) -> None:
        if self.hidden == 0:
            object.__setattr__(self, "hidden", 4 * self.width)
        for name in ("vocabulary", "length", "width", "heads", "hidden", "blocks"):
            size = getattr(self, name)
            if size != int(size) or size < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
        if self.width % self.heads:
            raise ValueError(f"heads must divide the width {self.width}, got {self.heads}")
        check_activation(self.activation)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, by name."""
        d, f = self.width, self.hidden
        block: dict[str, tuple[int, ...]] = {
            **dict.fromkeys(("query", "key", "value", "merge"), (d, d)),
            "up": (f, d),
            "up_bias": (f,),
            "down": (d, f),
            "down_bias": (d,),
            **{f"norm{i}_{part}": (d,) for i in (1, 2) for part in ("gain", "shift")},
        }
        shapes = {
            "embedding": (self.vocabulary, d),
            "position": (self.length, d),
            **{at + name: shape for at in self._places for name, shape in block.items()},
            "norm3_gain": (d,),
            "norm3_shift": (d,),
        }
        return shapes if self.tied else {**shapes, "unembedding": (self.vocabulary, d)}

    @property
    def hidden_matrices(self) -> tuple[str, ...]:
        """The matrices that Muon is meant for: those of the blocks."""
        return tuple(
            at + name for at in self._places for name in ("query", "key", "value", "merge", "up", "down")
        )

    def initial(self, stream: np.random.Generator) -> dict[str, np.ndarray]:
        """Host routine: normal entries, of variance 1/inputs in the block and 1/width in the tables.

        Gains are one, biases and shifts zero.
        """
        parameters = {}
        for name, shape in self.shapes.items():
            if len(shape) == 2:
                parameters[name] = stream.standard_normal(shape) / np.sqrt(shape[-1])
            else:
                parameters[name] = np.ones(shape) if name.endswith("gain") else np.zeros(shape)
        return parameters

    def logits(self, parameters: Mapping[str, Array], tokens: Array) -> Array:
        """Kernel: (..., samples, t) characters -> (..., samples, t, vocabulary), the logits of what follows each.

        t is at most `length`.  Raises ValueError.
        """
        self._check(parameters, tokens, 1, self.length)
        xp = array_namespace(tokens)
        logits, _ = self._forward(xp, parameters, tokens, last_only=False)
        return xp.reshape(logits, (*logits.shape[:-2], *tokens.shape[-2:], self.vocabulary))

    def loss(self, parameters: Mapping[str, Array], tokens: Array) -> Array:
        """Kernel: the mean cross-entropy of each character given those before it, in nats; one number an item.

        tokens (..., samples, t + 1), integers in 0 ... vocabulary - 1; t positions, 1 <= t <= length.
        Cost about 2 samples t (blocks (4 width^2 + 2 width hidden) + 2 width vocabulary) flops an item.
        Raises ValueError for bad parameters or tokens.
        """
        self._check(parameters, tokens, 2, self.length + 1)
        xp = array_namespace(tokens)
        logits, _ = self._forward(xp, parameters, tokens[..., :-1], self.last_only)
        costs, _ = cross_entropy(xp, logits, self._targets(xp, tokens, logits.dtype))
        return xp.mean(costs, axis=-1)

    def loss_and_gradient(
        self, parameters: Mapping[str, Array], tokens: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Kernel: the loss, and its gradient in every parameter, for each item of the batch.

        A gradient has the batch axes of the loss, also where its parameter has none.  Back-propagation: about
        three times the cost of `loss`.
        """
        self._check(parameters, tokens, 2, self.length + 1)
        xp = array_namespace(tokens)
        logits, kept = self._forward(xp, parameters, tokens[..., :-1], self.last_only)
        costs, slope = cross_entropy(xp, logits, self._targets(xp, tokens, logits.dtype))
        gradient = self._backward(xp, parameters, kept, slope / costs.shape[-1], tokens.shape[-1] - 1)
        return xp.mean(costs, axis=-1), {name: gradient[name] for name in self.shapes}

    # Activations are (..., samples * t, width); attention alone sees samples, heads and positions apart.

    def _forward(
        self, xp: Any, parameters: Mapping[str, Array], tokens: Array, last_only: bool
    ) -> tuple[Array, dict[str, Any]]:
        p, t = parameters, tokens.shape[-1]
        kept: dict[str, Any] = {"chosen": self._one_hot(xp, tokens, p["embedding"].dtype)}
        embedded = self._split(xp, kept["chosen"] @ p["embedding"], t) + p["position"][..., None, :t, :]
        x = _merged(xp, embedded)
        for at in self._places:
            x = self._block(xp, p, kept, at, x, t)
        if last_only:
            x = self._split(xp, x, t)[..., -1, :]
        kept["y3"], kept["norm3"] = _norm(xp, x, p["norm3_gain"], p["norm3_shift"])
        return kept["y3"] @ xp.matrix_transpose(p[self._last]), kept

    def _block(
        self, xp: Any, p: Mapping[str, Array], kept: dict[str, Any], at: str, x: Array, t: int
    ) -> Array:
        y, kept[at + "norm1"] = _norm(xp, x, p[at + "norm1_gain"], p[at + "norm1_shift"])
        q, k, v = (
            self._heads(xp, y @ xp.matrix_transpose(p[at + name]), t) for name in ("query", "key", "value")
        )
        mixed, share = self._attend(xp, q, k, v)
        mixed = self._unheads(xp, mixed)
        x = x + mixed @ xp.matrix_transpose(p[at + "merge"])
        y2, kept[at + "norm2"] = _norm(xp, x, p[at + "norm2_gain"], p[at + "norm2_shift"])
        z = y2 @ xp.matrix_transpose(p[at + "up"]) + p[at + "up_bias"][..., None, :]
        active = ACTIVATIONS[self.activation][0](xp, z)
        kept[at] = {
            "y1": y,
            "attention": (share, q, k, v),
            "mixed": mixed,
            "y2": y2,
            "z": z,
            "active": active,
        }
        return x + active @ xp.matrix_transpose(p[at + "down"]) + p[at + "down_bias"][..., None, :]

    def _backward(
        self, xp: Any, p: Mapping[str, Array], kept: dict[str, Any], slope: Array, t: int
    ) -> dict[str, Array]:
        """The gradient from the slope of the loss in the logits; every `d` below is a slope of the loss."""
        back: dict[str, Array] = {self._last: xp.matrix_transpose(slope) @ kept["y3"]}
        dx = self._through_norm(xp, p, kept, back, "norm3", slope @ p[self._last])
        if self.last_only:
            dx = _last_of(xp, dx, t)
        for at in reversed(self._places):
            dx = self._block_back(xp, p, kept, back, at, dx, t)
        back["position"] = self._padded(xp, xp.sum(self._split(xp, dx, t), axis=-3))
        embedding = xp.matrix_transpose(kept["chosen"]) @ dx
        back["embedding"] = back["embedding"] + embedding if self.tied else embedding
        return back

    def _block_back(
        self,
        xp: Any,
        p: Mapping[str, Array],
        kept: dict[str, Any],
        back: dict[str, Array],
        at: str,
        dx: Array,
        t: int,
    ) -> Array:
        own = kept[at]
        back[at + "down_bias"] = xp.sum(dx, axis=-2)
        back[at + "down"] = xp.matrix_transpose(dx) @ own["active"]
        dz = (dx @ p[at + "down"]) * ACTIVATIONS[self.activation][1](xp, own["z"], own["active"])
        back[at + "up_bias"] = xp.sum(dz, axis=-2)
        back[at + "up"] = xp.matrix_transpose(dz) @ own["y2"]
        dx = dx + self._through_norm(xp, p, kept, back, at + "norm2", dz @ p[at + "up"])
        back[at + "merge"] = xp.matrix_transpose(dx) @ own["mixed"]

        d_mixed = self._heads(xp, dx @ p[at + "merge"], t)
        share, q, k, v = own["attention"]
        d_share = d_mixed @ xp.matrix_transpose(v)
        d_score = share * (d_share - xp.sum(d_share * share, axis=-1, keepdims=True)) * self._scale
        into = {
            "query": d_score @ k,
            "key": xp.matrix_transpose(d_score) @ q,
            "value": xp.matrix_transpose(share) @ d_mixed,
        }
        dy = 0.0
        for name, slopes in into.items():
            flat = self._unheads(xp, slopes)
            back[at + name] = xp.matrix_transpose(flat) @ own["y1"]
            dy = dy + flat @ p[at + name]
        return dx + self._through_norm(xp, p, kept, back, at + "norm1", dy)

    def _through_norm(
        self,
        xp: Any,
        p: Mapping[str, Array],
        kept: dict[str, Any],
        back: dict[str, Array],
        name: str,
        d: Array,
    ) -> Array:
        scaled = kept[name][0]
        back[name + "_gain"] = xp.sum(d * scaled, axis=-2)
        back[name + "_shift"] = xp.sum(d, axis=-2)
        return _norm_back(xp, d * p[name + "_gain"][..., None, :], *kept[name])

    @property
    def _places(self) -> tuple[str, ...]:
        """What the names of a block's parameters begin with, the first block first."""
        return ("", *(f"block{number}_" for number in range(2, self.blocks + 1)))

    @property
    def _last(self) -> str:
        return "embedding" if self.tied else "unembedding"

    @property
    def _scale(self) -> float:
        return (self.width / self.heads) ** -0.5

    def _targets(self, xp: Any, tokens: Array, dtype: Any) -> Array:
        """What is to be predicted, as zeros and ones."""
        return self._one_hot(xp, tokens[..., -1:] if self.last_only else tokens[..., 1:], dtype)

    def _one_hot(self, xp: Any, tokens: Array, dtype: Any) -> Array:
        """(..., samples, t) -> (..., samples * t, vocabulary)."""
        return _merged(xp, one_hot(xp, tokens, self.vocabulary, dtype))

    def _split(self, xp: Any, x: Array, t: int) -> Array:
        """(..., samples * t, c) -> (..., samples, t, c)."""
        return xp.reshape(x, (*x.shape[:-2], x.shape[-2] // t, t, x.shape[-1]))

    def _heads(self, xp: Any, x: Array, t: int) -> Array:
        """(..., samples * t, width) -> (..., samples, heads, t, width/heads)."""
        split = self._split(xp, x, t)
        return _swapped(xp, xp.reshape(split, (*split.shape[:-1], self.heads, self.width // self.heads)))

    def _unheads(self, xp: Any, x: Array) -> Array:
        """The inverse of `_heads`."""
        split = _swapped(xp, x)
        return _merged(xp, xp.reshape(split, (*split.shape[:-2], self.width)))

    def _attend(self, xp: Any, q: Array, k: Array, v: Array) -> tuple[Array, Array]:
        """The mixed values, and each position's shares of attention to the present and the past."""
        score = q @ xp.matrix_transpose(k) * self._scale
        place = xp.arange(q.shape[-2], device=device(q))
        score = xp.where(place[:, None] >= place[None, :], score, -float("inf"))
        share = xp.exp(score - xp.max(score, axis=-1, keepdims=True))
        share = share / xp.sum(share, axis=-1, keepdims=True)
        return share @ v, share

    def _padded(self, xp: Any, x: Array) -> Array:
        """(..., t, width) -> (..., length, width), with zeros for positions that did not occur."""
        missing = self.length - x.shape[-2]
        if not missing:
            return x
        zeros = xp.zeros((*x.shape[:-2], missing, x.shape[-1]), dtype=x.dtype, device=device(x))
        return xp.concat([x, zeros], axis=-2)

    def _check(self, parameters: Mapping[str, Array], tokens: Array, low: int, high: int) -> None:
        check_parameters(self.shapes, parameters)
        check_shape((None, None), tokens=tokens)
        if not low <= tokens.shape[-1] <= high:
            raise ValueError(
                f"tokens must have from {low} to {high} characters a sample, got {tokens.shape[-1]}"
            )
        check_integers(0, self.vocabulary, tokens=tokens)


def _last_of(xp: Any, x: Array, t: int) -> Array:
    """(..., samples, c) -> (..., samples * t, c): each row the last of t, the others zeros."""
    zeros = xp.zeros((*x.shape[:-1], t - 1, x.shape[-1]), dtype=x.dtype, device=device(x))
    return _merged(xp, xp.concat([zeros, x[..., None, :]], axis=-2))


def _swapped(xp: Any, x: Array) -> Array:
    """Axes -3 and -2 exchanged."""
    return xp.moveaxis(x, -3, -2)


def _merged(xp: Any, x: Array) -> Array:
    """(..., samples, t, c) -> (..., samples * t, c)."""
    return xp.reshape(x, (*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]))


def _norm(xp: Any, x: Array, gain: Array, shift: Array) -> tuple[Array, tuple[Array, Array]]:
    """Layer normalisation over the last axis, and what its derivative needs."""
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    deviation = xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + NORM_EPS)
    scaled = centred / deviation
    return scaled * gain[..., None, :] + shift[..., None, :], (scaled, deviation)


def _norm_back(xp: Any, d: Array, scaled: Array, deviation: Array) -> Array:
    """The slope in x, from the slope `d` in x scaled (before gain and shift)."""
    mean = xp.mean(d, axis=-1, keepdims=True)
    along = xp.mean(d * scaled, axis=-1, keepdims=True)
    return (d - mean - scaled * along) / deviation
