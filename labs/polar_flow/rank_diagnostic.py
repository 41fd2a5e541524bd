"""Does a layer see enough of its inputs to be determined?  The rank of its activations, against its width."""

from __future__ import annotations

from dataclasses import dataclass

from labs.core import spectrum
from labs.core.arrays import Array, array_namespace, check_finite, check_shape


@dataclass(frozen=True)
class ActivationRank:
    """The spectrum of a layer's inputs and how much of the layer they leave free, (...) each.

    rank            how many singular values exceed `tolerance` times the largest
    stable_rank     |X|_F^2/|X|_op^2
    effective_rank  exponential of the entropy of the singular values over their sum
    free            1 - rank/width: the share of every row of the weights that the layer's outputs do not see
    """

    rank: Array
    stable_rank: Array
    effective_rank: Array
    free: Array


def activation_rank(X: Array, tolerance: float = 1e-3) -> ActivationRank:
    """Kernel: the ranks of a layer's inputs X, one row a sample: (..., samples, width) -> (...) each.

    tolerance  in [0, 1): singular values up to `tolerance` times the largest count as zero

    Where free > 0, the layer W in X W = Y is underdetermined to that tolerance: weights moved along the
    directions that are left out change no output by more than the tolerance times |X|_op.  Inputs that are all
    zero have rank 0.  Cost: one singular value decomposition.  Raises ValueError for bad X or tolerance.
    Source: Beneventano et al. 2026, remark on transformers (the measure is chosen here).
    """
    check_shape((None, None), X=X)
    check_finite(X=X)
    s = array_namespace(X).linalg.svdvals(X)
    rank = spectrum.rank(s, tolerance)
    return ActivationRank(
        rank=rank,
        stable_rank=spectrum.stable_rank(s),
        effective_rank=spectrum.effective_rank(s),
        free=1.0 - rank / float(X.shape[-1]),
    )
