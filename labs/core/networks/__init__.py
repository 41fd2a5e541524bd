"""Small networks whose loss and gradient are pure functions of a dict of parameters, batched over parameters.

`MLP`, `NGram` and `Transformer` are immutable descriptions; parameters are a dict from names to arrays.  Perturbing
one matrix in a thousand ways is one call: `network.loss(replaced(parameters, "weight1", perturbed), *data)` with
`perturbed` of shape (1000, m, n), and what does not depend on it is computed once.
"""

from labs.core.networks._parameters import replaced
from labs.core.networks.data import mixture, text, two_letter_source
from labs.core.networks.mlp import MLP
from labs.core.networks.ngram import NGram
from labs.core.networks.training import Training, train
from labs.core.networks.transformer import Transformer

__all__ = [
    "MLP",
    "NGram",
    "Training",
    "Transformer",
    "mixture",
    "replaced",
    "text",
    "train",
    "two_letter_source",
]
