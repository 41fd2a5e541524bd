"""The matrix form of a polynomial iteration acts on singular values by the scalar form, and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labs.core.polar.newton_schulz import newton_schulz
from labs.core.polar.schedules import CUBIC, PADE5, POLAR_EXPRESS, TUNED, as_schedule, iterate
from labs.core.spectrum import haar, zoo
from labs.core.streams import stream

SHAPES = [(9, 6), (6, 9), (7, 7)]


def _frames(m: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    k = min(m, n)
    return haar(m, stream("newton-schulz: left", m, n), (), k), haar(
        n, stream("newton-schulz: right", m, n), (), k
    )


@pytest.mark.parametrize(("m", "n"), SHAPES)
@pytest.mark.parametrize("schedule", [[CUBIC] * 8, [PADE5] * 5, [TUNED] * 5, POLAR_EXPRESS[:6], TUNED])
def test_singular_values_go_through_the_polynomials(m: int, n: int, schedule: Any) -> None:
    left, right = _frames(m, n)
    for name, s in zoo(min(m, n), stream("newton-schulz: spectra")).items():
        for norm, nu in (("fro", np.linalg.norm(s)), ("op", np.max(s)), (None, 1.0)):
            if norm is None and s.max() > 1.0:
                continue
            got = newton_schulz((left * s) @ right.T, schedule, normalise=norm)
            expected = (left * iterate(schedule, s / nu)) @ right.T
            # A relative error of eps n of the matrix is magnified by the slopes, 3.4445^5 = 485 and 1e3 at most.
            np.testing.assert_allclose(got, expected, atol=1e-10, err_msg=f"{name}, {norm}")


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e-150, 1e150, 1e300])
def test_the_size_of_the_matrix_does_not_matter(scale: float) -> None:
    A = stream("newton-schulz: size").integers(-4, 5, (3, 4, 6)).astype(float)
    for norm in ("fro", "op"):
        np.testing.assert_allclose(
            newton_schulz(A * scale, [TUNED] * 5, normalise=norm),
            newton_schulz(A, [TUNED] * 5, normalise=norm),
            atol=1e-11,
        )


def test_unless_nothing_is_normalised() -> None:
    A = np.diag([0.6, 0.8])
    np.testing.assert_allclose(newton_schulz(A, CUBIC, normalise=None), np.diag([0.792, 0.944]), rtol=1e-15)
    np.testing.assert_allclose(
        newton_schulz(A / 2, CUBIC, normalise=None), np.diag([0.4365, 0.568]), rtol=1e-15
    )
    np.testing.assert_allclose(newton_schulz(A / 2, CUBIC), np.diag([0.792, 0.944]), rtol=1e-15)


def test_zeros_stay_zeros_beside_others() -> None:
    A = np.zeros((2, 3, 2))
    A[1] = [[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]
    got = newton_schulz(A, [PADE5] * 12)
    np.testing.assert_array_equal(got[0], 0.0)
    np.testing.assert_allclose(got[1], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], atol=1e-14)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 4), (4, 1), (1, 1)])
def test_a_converged_classical_iteration_is_the_polar_factor(shape: tuple[int, int]) -> None:
    A = stream("newton-schulz: polar").standard_normal((4, *shape))
    u, _, vt = np.linalg.svd(A, full_matrices=False)
    for schedule in ([CUBIC] * 25, [PADE5] * 15):
        np.testing.assert_allclose(newton_schulz(A, schedule), u @ vt, atol=1e-13)


def test_single_precision_stays_single() -> None:
    A = stream("newton-schulz: float32").standard_normal((4, 6)).astype(np.float32)
    got = newton_schulz(A, [TUNED] * 5)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, newton_schulz(A.astype(float), [TUNED] * 5), atol=2e-3)


def test_transposes_commute_with_it() -> None:
    A = stream("newton-schulz: transpose").standard_normal((2, 5, 3))
    for schedule in ([TUNED] * 5, POLAR_EXPRESS):
        got = newton_schulz(A, schedule)
        np.testing.assert_array_equal(
            newton_schulz(np.swapaxes(A, -1, -2), schedule), np.swapaxes(got, -1, -2)
        )
    assert len(as_schedule(POLAR_EXPRESS)) == 8


@pytest.mark.parametrize("norm", ["nuc", 2, "", False])
def test_other_normalisations_are_refused(norm: Any) -> None:
    with pytest.raises(ValueError, match="normalise must be one of"):
        newton_schulz(np.eye(2), [TUNED], normalise=norm)
