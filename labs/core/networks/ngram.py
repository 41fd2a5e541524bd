"""A perceptron that predicts the next word from the last few: its loss and its gradient, batched over parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core.arrays import Array, array_namespace, check_shape
from labs.core.networks._activations import ACTIVATIONS, check_activation
from labs.core.networks._costs import cross_entropy, one_hot
from labs.core.networks._parameters import check_integers, check_parameters


@dataclass(frozen=True)
class NGram:
    """x_0 = the embeddings of the last words side by side, x_l = activation(W_l x_{l-1}), logits = unembedding x_L.

    No biases (Bengio et al. 2003, without the direct connections).

    Parameters: "embedding" (words, width), "weight1" (hidden[0], context width), "weight2", ..., "unembedding"
    (words, hidden[-1]).  Each may have batch axes in front, its own ones; they broadcast.
    """

    words: int
    width: int
    hidden: tuple[int, ...]
    context: int = 3
    activation: str = "tanh"

    def __post_init__(self) -> None:
        sizes = {"words": self.words, "width": self.width, "context": self.context}
        for name, size in (*sizes.items(), *(("hidden", size) for size in self.hidden)):
            if size != int(size) or size < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {size!r}")
        if not self.hidden:
            raise ValueError("hidden must have at least one size, got none")
        check_activation(self.activation)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, by name."""
        sizes = (self.context * self.width, *self.hidden)
        hidden = {f"weight{i}": (sizes[i], sizes[i - 1]) for i in range(1, len(sizes))}
        return {
            "embedding": (self.words, self.width),
            **hidden,
            "unembedding": (self.words, sizes[-1]),
        }

    @property
    def hidden_matrices(self) -> tuple[str, ...]:
        """The matrices that Muon is meant for."""
        return tuple(f"weight{i}" for i in range(1, 1 + len(self.hidden)))

    def initial(self, stream: np.random.Generator) -> dict[str, np.ndarray]:
        """Host routine: normal entries, of variance 1 in the embedding, 1/inputs in the hidden matrices.

        1/(4 inputs) in the unembedding: so the first logits are small.
        """
        scales = {"embedding": 1.0, "unembedding": 0.5 / self.hidden[-1] ** 0.5}
        return {
            name: stream.standard_normal(shape) * scales.get(name, shape[-1] ** -0.5)
            for name, shape in self.shapes.items()
        }

    def logits(self, parameters: Mapping[str, Array], tokens: Array) -> Array:
        """Kernel: (..., samples, context) words -> (..., samples, words), the logits of what follows them.

        Raises ValueError for bad parameters or tokens.
        """
        self._check(parameters, tokens, self.context)
        xp = array_namespace(*parameters.values())
        return self._layers(xp, parameters, tokens)[1][-1][1]

    def loss(self, parameters: Mapping[str, Array], tokens: Array) -> Array:
        """Kernel: the mean cross-entropy of the last word of each piece given those before it, in nats.

        tokens (..., samples, context + 1), integers in 0 ... words - 1; one number for each item of the batch.
        Cost 2 samples (number of weights, the embedding's counted `context` times) flops an item.
        Raises ValueError for bad parameters or tokens.
        """
        self._check(parameters, tokens, self.context + 1)
        xp = array_namespace(*parameters.values())
        _, layers = self._layers(xp, parameters, tokens[..., :-1])
        costs, _ = self._cost(xp, layers[-1][1], tokens)
        return xp.mean(costs, axis=-1)

    def loss_and_gradient(
        self, parameters: Mapping[str, Array], tokens: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Kernel: the loss, and its gradient in every parameter, for each item of the batch.

        A gradient has the batch axes of the loss, also where its parameter has none.  Back-propagation: about
        three times the cost of `loss`.
        """
        self._check(parameters, tokens, self.context + 1)
        xp = array_namespace(*parameters.values())
        derivative = ACTIVATIONS[self.activation][1]
        chosen, layers = self._layers(xp, parameters, tokens[..., :-1])
        costs, slope = self._cost(xp, layers[-1][1], tokens)
        slope = slope / costs.shape[-1]
        gradient: dict[str, Array] = {}
        names = list(self.shapes)[1:]
        for layer in range(len(names) - 1, -1, -1):
            before = layers[layer][0]
            gradient[names[layer]] = xp.matrix_transpose(slope) @ before
            slope = slope @ parameters[names[layer]]
            if layer > 0:
                slope = slope * derivative(xp, layers[layer - 1][1], before)
        slopes = xp.reshape(slope, (*slope.shape[:-2], slope.shape[-2] * self.context, self.width))
        gradient["embedding"] = xp.matrix_transpose(chosen) @ slopes
        return xp.mean(costs, axis=-1), {name: gradient[name] for name in self.shapes}

    def _layers(
        self, xp: Any, parameters: Mapping[str, Array], tokens: Array
    ) -> tuple[Array, list[tuple[Array, Array]]]:
        """The words of the contexts as zeros and ones, (..., samples context, words); (x_{l-1}, z_l) by layer."""
        seen = xp.reshape(tokens, (*tokens.shape[:-2], tokens.shape[-2] * self.context))
        embedding = parameters["embedding"]
        chosen = one_hot(xp, seen, self.words, embedding.dtype)
        embedded = chosen @ embedding
        x = xp.reshape(embedded, (*embedded.shape[:-2], tokens.shape[-2], self.context * self.width))
        activation = ACTIVATIONS[self.activation][0]
        layers: list[tuple[Array, Array]] = []
        for name in list(self.shapes)[1:]:
            if layers:
                x = activation(xp, layers[-1][1])
            layers.append((x, x @ xp.matrix_transpose(parameters[name])))
        return chosen, layers

    def _cost(self, xp: Any, logits: Array, tokens: Array) -> tuple[Array, Array]:
        return cross_entropy(xp, logits, one_hot(xp, tokens[..., -1], self.words, logits.dtype))

    def _check(self, parameters: Mapping[str, Array], tokens: Array, length: int) -> None:
        check_parameters(self.shapes, parameters)
        check_shape((None, length), tokens=tokens)
        check_integers(0, self.words, tokens=tokens)
