"""A multilayer perceptron of any depth, its loss and its gradient, for a batch of parameters at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labs.core.arrays import Array, array_namespace, check_double, check_finite, check_shape
from labs.core.networks._activations import ACTIVATIONS, check_activation
from labs.core.networks._costs import cross_entropy, one_hot, squared
from labs.core.networks._parameters import check_integers, check_parameters

COSTS = ("cross-entropy", "squared")


@dataclass(frozen=True)
class MLP:
    """z_l = W_l x_{l-1} + b_l, x_l = activation(z_l), the outputs being the last z.

    sizes       (inputs, hidden, ..., outputs).
    activation  a name in _activations.py: tanh, gelu, softplus, sine, identity, relu.
    cost        "cross-entropy" of integer labels, or "squared", half the squared distance to the targets; the
                loss is its mean over the samples.

    Parameters: "weight1" (sizes[1], sizes[0]), "bias1" (sizes[1]), "weight2", ...  Each may have batch axes in
    front, its own ones; they broadcast, and what a parameter without any decides is computed once.
    """

    sizes: tuple[int, ...]
    activation: str = "tanh"
    cost: str = "cross-entropy"

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or any(size != int(size) or size < 1 for size in self.sizes):
            raise ValueError(f"sizes must be at least two integers >= 1, got {self.sizes!r}")
        check_activation(self.activation)
        if self.cost not in COSTS:
            raise ValueError(f"cost must be one of {COSTS}, got {self.cost!r}")

    @property
    def depth(self) -> int:
        return len(self.sizes) - 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, by name."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(self.sizes), start=1):
            shapes |= {f"weight{layer}": (outputs, inputs), f"bias{layer}": (outputs,)}
        return shapes

    @property
    def hidden_matrices(self) -> tuple[str, ...]:
        """The matrices that Muon is meant for: all but the last (the first where it is the only one)."""
        return tuple(f"weight{layer}" for layer in range(1, max(self.depth, 2)))

    def initial(self, stream: np.random.Generator) -> dict[str, np.ndarray]:
        """Host routine: weights with independent normal entries of variance 1/inputs, biases zero."""
        return {
            name: stream.standard_normal(shape) / np.sqrt(shape[-1]) if len(shape) == 2 else np.zeros(shape)
            for name, shape in self.shapes.items()
        }

    def outputs(self, parameters: Mapping[str, Array], inputs: Array) -> Array:
        """Kernel: the outputs, (..., samples, inputs) -> (..., samples, outputs).  Raises ValueError."""
        self._check(parameters, inputs)
        return self._layers(parameters, inputs)[-1][1]

    def loss(self, parameters: Mapping[str, Array], inputs: Array, targets: Array) -> Array:
        """Kernel: the mean cost over the samples: one number for each item of the batch.

        inputs   (..., samples, inputs), float64.
        targets  (..., samples) integer labels (cross-entropy) or (..., samples, outputs) float64 (squared).
        Cost 2 samples (number of weights) flops an item.  Raises ValueError for bad parameters or data.
        """
        self._check(parameters, inputs, targets)
        xp = array_namespace(inputs)
        return xp.mean(self._cost(self._layers(parameters, inputs)[-1][1], targets)[0], axis=-1)

    def loss_and_gradient(
        self, parameters: Mapping[str, Array], inputs: Array, targets: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Kernel: the loss, and its gradient in every parameter, for each item of the batch.

        A gradient has the batch axes of the loss, also where its parameter has none.  Back-propagation: about
        three times the cost of `loss`.
        """
        self._check(parameters, inputs, targets)
        xp = array_namespace(inputs)
        _, derivative = ACTIVATIONS[self.activation]
        layers = self._layers(parameters, inputs)
        costs, slope = self._cost(layers[-1][1], targets)
        slope = slope / costs.shape[-1]
        gradient: dict[str, Array] = {}
        for layer in range(self.depth, 0, -1):
            before = layers[layer - 1][0]
            gradient[f"bias{layer}"] = xp.sum(slope, axis=-2)
            gradient[f"weight{layer}"] = xp.matrix_transpose(slope) @ before
            if layer > 1:
                slope = (slope @ parameters[f"weight{layer}"]) * derivative(xp, layers[layer - 2][1], before)
        return xp.mean(costs, axis=-1), {name: gradient[name] for name in self.shapes}

    def _layers(self, parameters: Mapping[str, Array], inputs: Array) -> list[tuple[Array, Array]]:
        """(x_{l-1}, z_l) for every layer l."""
        xp = array_namespace(inputs)
        activation, _ = ACTIVATIONS[self.activation]
        layers, x = [], inputs
        for layer in range(1, self.depth + 1):
            bias = parameters[f"bias{layer}"][..., None, :]
            z = x @ xp.matrix_transpose(parameters[f"weight{layer}"]) + bias
            layers.append((x, z))
            x = activation(xp, z) if layer < self.depth else z
        return layers

    def _cost(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        xp = array_namespace(outputs)
        if self.cost == "squared":
            return squared(xp, outputs, targets)
        return cross_entropy(xp, outputs, one_hot(xp, targets, self.sizes[-1], outputs.dtype))

    def _check(self, parameters: Mapping[str, Array], inputs: Array, targets: Array | None = None) -> None:
        check_parameters(self.shapes, parameters)
        check_shape((None, self.sizes[0]), inputs=inputs)
        check_double(inputs=inputs)
        check_finite(inputs=inputs)
        if targets is None:
            return
        samples = inputs.shape[-2]
        if self.cost == "squared":
            check_shape((samples, self.sizes[-1]), targets=targets)
            check_double(targets=targets)
            check_finite(targets=targets)
        else:
            check_shape((samples,), targets=targets)
            check_integers(0, self.sizes[-1], targets=targets)
