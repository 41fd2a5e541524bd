"""The kernels of labs.core, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

import math

import numpy as np

from labs.core import spectrum
from labs.core.streams import stream
from tests.kernels import Kernel, vectors

# A batch of batches: two scales (one near the ends of the range), every spectrum of the zoo, and zeros.
_ZOO = spectrum.zoo(6, stream("kernel contract: spectra"))
SPECTRA = np.stack([np.stack([*_ZOO.values(), np.zeros(6)]) * scale for scale in (1.0, 1e-150)])


def _measure(function, launches, bad=(), **static):
    """A measure of spectra: one array of vectors in, one number (or vector) per vector out."""
    return Kernel(
        function,
        example=lambda _: {"s": SPECTRA, **static},
        core={"s": 1},
        bad=(*vectors("s", SPECTRA, nonnegative=True), *bad),
        launches=launches,
        syncs=1,
    )


_POWERS = tuple(({"power": power}, "power") for power in (0.0, -1.0, math.inf, math.nan))
_TOLERANCES = tuple(({"tolerance": tolerance}, "tolerance") for tolerance in (-0.1, 1.0, math.nan))

KERNELS = [
    _measure(spectrum.normalized, launches=8),
    _measure(spectrum.stable_rank, launches=10),
    _measure(spectrum.nuclear_rank, launches=16),
    _measure(spectrum.participation_ratio, launches=16, bad=_POWERS, power=2.0),
    _measure(spectrum.entropy, launches=22, bad=_POWERS, power=1.0),
    _measure(spectrum.effective_rank, launches=23, bad=_POWERS, power=1.0),
    _measure(spectrum.rank, launches=10, bad=_TOLERANCES, tolerance=1e-3),
    _measure(spectrum.condition_number, launches=17),
]
