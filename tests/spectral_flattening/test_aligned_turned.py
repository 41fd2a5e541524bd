"""SF-K7: what a turned eigenbasis does to the first direction, and to the halving schedule."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from labs.core.polar import msign
from labs.spectral_flattening import aligned
from labs.spectral_flattening.dynamics import descend
from tests.referee import check, control, verifies
from theory.evidence import Evidence, enclosed, every, exact, measured, require
from theory.spectral_flattening import dynamics_aligned
from theory.spectral_flattening.dynamics_aligned import SF_K7d, SF_K7e, SF_K7f, SF_K7g

ONE = Fraction(1)


# --- the first direction -------------------------------------------------------------------------------------------


def root(x: Any) -> Any:
    """The square root of a ball; what is a square, but whose ball straddles 0, is cut off there."""
    return x.nonnegative_part().sqrt()


def turned(a: Any, b: Any, t: Any, sqrt: Any = root) -> tuple[aligned.Matrix, aligned.Matrix]:
    """B and A in the field of t = tan phi."""
    cosine = 1 / sqrt(1 + t * t)
    return aligned.rotated_curvature(a, b, cosine, t * cosine)


@check(SF_K7d)
def angle_formula(sign: int = 1) -> Evidence:
    """The rotation nearest to B A, by differentiation, against labs' formula; det(B A) = 1 > 0."""
    import sympy

    a, b, c, s = sympy.symbols("a b c s", positive=True)
    B, A = dynamics_aligned.turned_curvature(a, b, c, s)
    of_labs = aligned.rotated_curvature(a, b, c, s)
    same = [
        exact(x, y)
        for S, T in zip((B, A), of_labs, strict=True)
        for x, y in zip(S, (*T[0], *T[1]), strict=True)
    ]
    circle = {c: sympy.sqrt(1 - s * s)}
    tangent = aligned.tangent_of_first_step(a, b, c, s)
    return every(
        exact(dynamics_aligned.rotation_angle(B * A), sign * tangent),
        exact(sympy.expand((B * A).det().subs(circle)), 1),
        *same,
    )


@check(SF_K7d)
def angle_of_matrices(a: float, b: float, phi: float, sign: int = 1) -> Evidence:
    """The polar factor of B A in floating point; its angle is right to about eps kappa(B A)^(1/2) <= 1e-13."""
    B, A = aligned.rotated_curvature(a, b, math.cos(phi), math.sin(phi))
    Q = msign(np.array(B) @ np.array(A))
    tangent = sign * aligned.tangent_of_first_step(a, b, math.cos(phi), math.sin(phi))
    return measured([Q[1, 0] / Q[0, 0], Q[0, 0] - Q[1, 1]], [tangent, 0.0], 1e-12 * (1 + abs(tangent)))


@verifies(SF_K7d)
def test_the_first_direction_turns_by_this_angle() -> None:
    angle_formula()
    for a, b in ((2.0, 2.0), (5.0, 0.3), (10.0, 3.0)):
        for phi in (0.1, 0.7, 1.5, -1.0):
            angle_of_matrices(a, b, phi)


@control(SF_K7d, changes="sign of theta")
def test_it_does_not_turn_the_other_way() -> None:
    angle_formula(-1)
    angle_of_matrices(2.0, 2.0, 0.7, -1)


@check(SF_K7e)
def largest_angle(factor: Fraction = ONE) -> Evidence:
    """tan^2 theta <= factor times labs' maximum for all a, b and all t = tan phi; equality where labs says.

    labs' tangent does not change with the length of (cosine, sine), so (1, t) will do.
    """
    import sympy

    a, b, t = sympy.symbols("a b t", positive=True)
    where, most = aligned.worst_tangents_squared(a, b)
    square = aligned.tangent_of_first_step(a, b, 1, t) ** 2
    at_worst = square.subs(t, sympy.sqrt(where))
    # What is left over, as a square: most (p - q t^2)^2/(p + q t^2)^2 with p/q = where.
    room = most * ((where - t * t) / (where + t * t)) ** 2
    near = {a: 2, b: 2, t: Fraction(146, 100)}  # tan phi = sqrt(17/8) at the worst
    return every(
        exact(sympy.cancel(at_worst), most),
        exact(most - square, room),
        exact(room.subs(where, sympy.Symbol("w", positive=True)), 0, ">="),
        exact(square.subs(near), factor * most.subs(near), "<="),
    )


@verifies(SF_K7e)
def test_no_angle_is_larger() -> None:
    largest_angle()


@control(SF_K7e, sharpens="the largest angle -> 0.99 of its tangent squared")
def test_the_largest_angle_is_reached() -> None:
    largest_angle(Fraction(99, 100))


@check(SF_K7f)
def after_one_step(constant: Fraction = Fraction(5, 4)) -> Evidence:
    """|1 - R(theta)/2|_op^2 = constant - cos theta, and the sign of its difference from one; labs' norm."""
    import sympy

    c = sympy.Symbol("c", real=True)
    s = sympy.sqrt(1 - c * c)
    moved = sympy.eye(2) - sympy.Matrix([[c, -s], [s, c]]) / 2
    gram = sympy.expand(moved.T * moved)
    return every(
        exact(gram[0, 0], constant - c),
        exact(gram[1, 1], constant - c),
        exact(gram[0, 1], 0),
        exact(
            aligned.spectral_norm(((1 - c / 2, s / 2), (-s / 2, 1 - c / 2)), sympy.sqrt) ** 2, constant - c
        ),
        exact((constant - c) - 1, Fraction(1, 4) - c),
    )


@verifies(SF_K7f)
def test_the_first_step_can_make_it_worse() -> None:
    after_one_step()


@control(SF_K7f, changes="5/4 -> 1")
def test_another_constant_is_wrong() -> None:
    after_one_step(ONE)


def halved(a: Any, t: Any, steps: int, curvature: Any = None) -> Any:
    """|Delta_steps|_op of the halving schedule from Delta_0 = 1, a = b, at tan phi = t: in balls."""
    from flint import arb

    B, A = turned(a, a, t) if curvature is None else curvature
    one, zero = arb(1), arb(0)
    delta: aligned.Matrix = ((one, zero), (zero, one))
    for step in range(steps):
        delta = aligned.polar_step(B, A, delta, arb(2) ** -(step + 1), root)
    return aligned.spectral_norm(delta, root)


@check(SF_K7g)
def what_is_left(a: int, printed: str, aligned_basis: bool = False) -> Evidence:
    """|Delta_60|_op exceeds all that is to come, 2^-60, and is the number printed, to its last digit; in balls."""
    from flint import arb

    require(not aligned_basis, "off alignment")
    where, _ = aligned.worst_tangents_squared(arb(a), arb(a))
    upright = aligned.rotated_curvature(arb(a), arb(a), arb(1), arb(0)) if aligned_basis else None
    end = halved(arb(a), root(where), 60, upright)
    half_digit = arb("0.00005")
    return every(
        enclosed(end - arb(2) ** -60, ">"),
        enclosed(abs(end - arb(printed)) - half_digit, "<"),
    )


PRINTED = {2: "0.0792", 5: "0.5204", 10: "0.7939", 100: "0.9898"}


@pytest.fixture
def many_digits() -> Any:
    """Sixty steps lose some digits of a ball each."""
    from flint import ctx

    before, ctx.prec = ctx.prec, 400
    yield
    ctx.prec = before


@verifies(SF_K7g)
@pytest.mark.parametrize("a", PRINTED)
def test_halving_does_not_converge_off_alignment(a: int, many_digits: None) -> None:
    what_is_left(a, PRINTED[a])


@control(SF_K7g, drops="off alignment")
def test_aligned_it_does(many_digits: None) -> None:
    what_is_left(5, "0.5204", aligned_basis=True)


def test_printed_angles_and_finals() -> None:
    """theta = 21.10, 58.44, 73.90, 88.38 degrees; by 45 degrees at a = b = 5 the error ends at 0.39495."""
    found = [
        math.degrees(math.atan(math.sqrt(aligned.worst_tangents_squared(a, a)[1])))
        for a in (2.0, 5.0, 10.0, 100.0)
    ]
    assert [f"{theta:.2f}" for theta in found] == ["21.10", "58.44", "73.90", "88.38"]
    ends = []
    for phi in (math.pi / 4, math.pi / 2):
        B, A = aligned.rotated_curvature(5.0, 5.0, math.cos(phi), math.sin(phi))
        run = descend(np.array(B), np.array(A), np.eye(2), "muon", 60, "halving")
        ends.append(np.linalg.norm(run.checkpoints[60], 2))
    assert f"{ends[0]:.5f}" == "0.39495"
    assert ends[1] < 1e-4  # aligned again, but for the rounding of cos 90 degrees, which grows


def test_two_by_two_steps_are_those_of_descend() -> None:
    B, A = aligned.rotated_curvature(3.0, 0.5, 0.6, 0.8)
    delta = ((0.3, -1.0), (0.2, 0.7))
    for sign in (1.0, -1.0):
        start = np.array(delta) * np.array([1.0, sign])
        run = descend(np.array(B), np.array(A), start, "muon", 1, size=0.3)
        moved = aligned.polar_step(
            B, A, ((start[0, 0], start[0, 1]), (start[1, 0], start[1, 1])), 0.3, math.sqrt
        )
        np.testing.assert_allclose(run.checkpoints[1], np.array(moved), atol=1e-14)
        norm = aligned.spectral_norm(moved, math.sqrt)
        assert norm == pytest.approx(np.linalg.norm(run.checkpoints[1], 2), rel=1e-14)
    with pytest.raises(RuntimeError, match=r"^polar_step needs a determinant of certain sign"):
        aligned.polar_step(B, A, ((1.0, 0.0), (0.0, 0.0)), 0.3, math.sqrt)
