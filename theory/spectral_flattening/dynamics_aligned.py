"""Claims about alignment: where it holds Muon does not see the condition number; where it fails, whitening helps."""

from __future__ import annotations

from typing import Any

from theory.spectral_flattening.paper import claim

SF_K7a = claim(
    id="SF-K7.a",
    statement="From an aligned start Muon does not see the curvature: it is sign descent, mode by mode.",
    formula="Delta = U_B diag(d) U_A^T:  polar(B Delta A) = U_B sign(diag d) U_A^T  for all A, B > 0",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A4", "aligned"),
    proof="B Delta A = U_B diag(h d) U_A^T with h > 0: signs and frames are those of Delta.",
)

SF_K7b = claim(
    id="SF-K7.b",
    statement="With a step size that halves it converges at a rate that no condition number can spoil.",
    formula="eta_t = R 2^-(t+1), R >= |Delta_0|_op:  |Delta_t|_op <= R 2^-t,  f(W_t) <= 4^-t R^2 sum_i h_i/2",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "A3", "A4", "aligned", "R >= |Delta_0|_op"),
    rests_on=("SF-K7.a",),
    proof="|d| <= R gives |d - (R/2) sign d| <= R/2; induction.",
)

SF_K7c = claim(
    id="SF-K7.c",
    statement="Gradient descent at any fixed step needs a number of steps of the order of the condition "
    "number.",
    formula="max(|1 - eta kappa|, |1 - eta|) >= (kappa-1)/(kappa+1);  log((kappa+1)/(kappa-1)) <= "
    "2/(kappa-1), so at least (kappa-1)/2 log(1/eps) steps",
    sense=">=",
    provenance="extension",
    hypotheses=("A3", "A4", "fixed step"),
    proof="The two factors are equal at eta = 2/(kappa+1), and one of them grows on each side; log(1+x) <= x.",
)

SF_K7d = claim(
    id="SF-K7.d",
    statement="Alignment is needed: turn the eigenbasis of A by phi, and the first direction turns by theta.",
    formula="B = diag(b, 1/b), A = R(phi) diag(a, 1/a) R(phi)^T, Delta_0 = 1:  polar(B A) = R(theta),  tan "
    "theta = -(b - 1/b)(a - 1/a) sin phi cos phi/(cos^2 phi (ab + 1/(ab)) + sin^2 phi (a/b + b/a))",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A4", "a, b > 0"),
    proof="det(B A) > 0, so the polar factor is the rotation R that maximises tr(R^T B A).",
)

SF_K7e = claim(
    id="SF-K7.e",
    statement="The largest such angle, and where it is reached.",
    formula="tan^2 theta <= (a - 1/a)^2 (b - 1/b)^2/(4 (ab + 1/(ab))(a/b + b/a)),  equality at tan^2 phi = "
    "(ab + 1/(ab))/(a/b + b/a)",
    sense="<=",
    provenance="extension",
    hypotheses=("a, b > 0",),
    rests_on=("SF-K7.d",),
    proof="With t = tan phi, tan theta = -K t/(p + q t^2), and (p + q t^2)^2 - 4 p q t^2 = (p - q t^2)^2.",
)

SF_K7f = claim(
    id="SF-K7.f",
    statement="The first step of the halving schedule leaves an error that exceeds the start's once theta is "
    "large.",
    formula="Delta_0 = 1, R = 1:  |Delta_1|_op^2 = 5/4 - cos theta, above 1  <=>  cos theta < 1/4",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A4", "R = 1"),
    rests_on=("SF-K7.d",),
    proof="1 - R(theta)/2 is a multiple of a rotation, by the modulus of 1 - e^(i theta)/2.",
)

SF_K7g = claim(
    id="SF-K7.g",
    statement="Then the halving schedule does not converge: what is left after 60 steps is more than all "
    "later steps together can remove.",
    formula="a = b = 2, 5, 10, 100 at the worst phi: |Delta_60|_op = 0.0792, 0.5204, 0.7939, 0.9898 > 2^-60 = "
    "sum_{t >= 60} eta_t",
    sense=">",
    provenance="extension",
    hypotheses=("A2", "A4", "off alignment"),
    rests_on=("SF-T6.a",),
    proof="Sixty steps in balls; the steps that are left move Delta by at most 2^-60.",
)

SF_K7h = claim(
    id="SF-K7.h",
    statement="Alignment is not stable either: in float64, dense eigenbases and curvatures over six decades, "
    "most aligned starts with four modes or more are led astray by rounding before the error is 2^-40.",
    formula="m = n >= 4, h = 10^U(-3, 3):  P(|Delta_60|_op < 2^-40) < 1/2",
    sense="<",
    provenance="extension",
    kind="law",
)

SF_K10a = claim(
    id="SF-K10.a",
    statement="Muon in whitened coordinates is Muon on the isotropic quadratic.",
    formula="W <- W - eta B^(-1/2) polar(B^(-1/2) G A^(-1/2)) A^(-1/2), Y = B^(1/2) Delta A^(1/2):  Y <- Y - "
    "eta polar(Y),  f = |Y|_F^2/2",
    sense="==",
    provenance="extension",
    hypotheses=("A2", "A3", "A4", "A, B > 0"),
    proof="B^(-1/2) (B Delta A) A^(-1/2) = Y.",
)

SF_K10b = claim(
    id="SF-K10.b",
    statement="So the halving schedule converges for all A, B and from every start: whitening both sides "
    "replaces alignment.",
    formula="eta_t = R 2^-(t+1), R >= |Y_0|_op:  |Y_t|_op <= R 2^-t",
    sense="<=",
    provenance="extension",
    hypotheses=("A2", "A3", "A4", "A, B > 0", "R >= |Y_0|_op", "both sides whitened"),
    rests_on=("SF-K10.a", "SF-K7.b"),
    proof="Y is aligned with H = 1 from every start.",
)


# --- derivations -------------------------------------------------------------------------------------------------


def rotation_angle(M: Any) -> Any:
    """tan of the angle of the rotation R that maximises tr(R^T M): where the derivative vanishes."""
    import sympy

    theta, t = sympy.symbols("theta t", real=True)
    R = sympy.Matrix([[sympy.cos(theta), -sympy.sin(theta)], [sympy.sin(theta), sympy.cos(theta)]])
    slope = sympy.diff((R.T * M).trace(), theta)
    (root,) = sympy.solve(
        sympy.expand(slope / sympy.cos(theta))
        .subs(sympy.tan(theta), t)
        .subs(sympy.sin(theta), t * sympy.cos(theta)),
        t,
    )
    return root


def turned_curvature(a: Any, b: Any, c: Any, s: Any) -> tuple[Any, Any]:
    """B = diag(b, 1/b) and A = R diag(a, 1/a) R^T as sympy matrices; c, s cosine and sine of the angle."""
    import sympy

    R = sympy.Matrix([[c, -s], [s, c]])
    return sympy.diag(b, 1 / b), R * sympy.diag(a, 1 / a) * R.T
