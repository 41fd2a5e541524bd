"""A linear memory of a long tail: how imbalance of the data becomes a gap in sharpness.

N facts u_i -> v_i with frequencies f_i and the loss sum_i f_i |W u_i - v_i|^2/2, u_i and v_i orthonormal, at W = 0.
The gradient is -sum_i f_i v_i u_i^T and H[Z] = Z sum_i f_i u_i u_i^T: curvatures and gradients are both f.
Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labs.core.arrays import (
    Array,
    array_namespace,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
)
from labs.curvature_nds._checks import check_orthonormal


@dataclass(frozen=True)
class Memory:
    """Sharpness (NDS) of the first update, and what its line-searched step gains; frequencies add up to one.

    nds_muon   1/N, whatever the frequencies are; sign descent has it too where the u_i are coordinate vectors and no
               v_i has a zero entry
    nds_gd     sum f^3/sum f^2
    nds_sign   sign descent where u_i and v_i are Haar: (2/pi) nds_gd + (1 - 2/pi) nds_muon, the first order of the
               law of `rotated_sign_sharpness`; above it, by 6 % to 21 % for N = 64 and Zipf exponents 1/2 to 3/2
    ratio      nds_gd/nds_muon = N sum f^3/sum f^2
    gain_gd    the share of the loss that GD's first step removes, (sum f^2)^2/sum f^3; Muon's removes all of it
    """

    nds_muon: Array
    nds_gd: Array
    nds_sign: Array
    ratio: Array
    gain_gd: Array


def long_tail_memory(f: Array) -> Memory:
    """Kernel: closed forms of the memory's first step, for GD, sign descent and Muon.

    f  (..., N), frequencies, >= 0 and not all 0 (their sum does not matter); Muon moves the facts with f_i > 0 alone,
       and N counts these
    Cost O(N).  Raises ValueError for bad f.
    """
    check_shape((None,), f=f)
    check_nonnegative(f=f)
    xp = array_namespace(f)
    top = xp.max(f, axis=-1, keepdims=True)
    if not bool(xp.all(top > 0.0)):
        raise ValueError("f must have a positive entry in every item, got all zeros")
    f = f / top  # the cubes of small frequencies would underflow
    f = f / xp.sum(f, axis=-1, keepdims=True)
    N = xp.sum(xp.astype(f > 0.0, f.dtype), axis=-1)
    squares, cubes = xp.sum(f**2, axis=-1), xp.sum(f**3, axis=-1)
    gd = cubes / squares
    return Memory(
        nds_muon=1.0 / N,
        nds_gd=gd,
        nds_sign=2.0 / math.pi * gd + (1.0 - 2.0 / math.pi) / N,
        ratio=N * gd,
        gain_gd=squares**2 / cubes,
    )


def rotated_sign_sharpness(f: Array, inputs: Array) -> Array:
    """Kernel: mean NDS of sign descent's first update over Haar outputs v_i, for the given inputs u_i.

        (2/pi) sum_kl M_kl arcsin(C_kl/sqrt(C_kk C_ll))/N,   M = sum f_i u_i u_i^T,  C = sum f_i^2 u_i u_i^T

    f       (..., N), frequencies > 0 (they are divided by their sum)
    inputs  (..., N, N), orthogonal: the columns are the u_i
    Exact: a row of the update is sgn(sum_i f_i v_i(row) u_i), and the row of v is spherical (NDS-X11.f).
    Cost O(N^3).  Raises ValueError for bad arguments.
    """
    check_shape((None,), f=f)
    N = f.shape[-1]
    check_shape((N, N), inputs=inputs)
    check_positive(f=f)
    check_finite(inputs=inputs)
    check_orthonormal(inputs=inputs)
    xp = array_namespace(f, inputs)
    f = f / xp.sum(f, axis=-1, keepdims=True)
    transposed = xp.matrix_transpose(inputs)
    M, C = ((inputs * power[..., None, :]) @ transposed for power in (f, f * f))
    size = xp.sqrt(xp.sum((inputs * f[..., None, :]) ** 2, axis=-1))
    correlation = C / (size[..., :, None] * size[..., None, :])
    angles = xp.asin(xp.clip(correlation, -1.0, 1.0))
    return 2.0 / math.pi * xp.sum(M * angles, axis=(-2, -1)) / N
