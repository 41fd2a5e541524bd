"""The kernels of the associative memory paper, declared for the contract (see tests/kernels.py)."""

from __future__ import annotations

from tests.associative_memory.kernels_dense import DENSE
from tests.associative_memory.kernels_nets import NETS
from tests.associative_memory.kernels_reduced import REDUCED
from tests.associative_memory.kernels_scalars import SCALARS
from tests.associative_memory.kernels_signs import SIGNS
from tests.kernels import Kernel

KERNELS: tuple[Kernel, ...] = (*DENSE, *NETS, *REDUCED, *SCALARS, *SIGNS)
