"""The model and a network: what is observed, and when one curvature function is no approximation at all.

A matrix W acts on the inputs x_s of a network's samples.  Perturb it by D = U diag(q) V^T with U and V uniformly
random orthogonal ("Haar").  Then V^T x_s is |x_s| times a uniform point zeta of the sphere, |D x_s| = |x_s| rho(q),
and the direction of D x_s is uniform and independent of its length.  If every sample's loss depends on W through
W x_s alone, that is all the average of the loss can see.

Derivation, for two by two matrices and losses that are polynomials in the entries of D: average over both angles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.isotropic_curvature.dirichlet import moment
from theory.isotropic_curvature.paper import claim

ICM_R1 = claim(
    id="ICM-R1",
    statement="On GPT-2 small the curvature along a perturbation grows like its length squared while it is short, "
    "then faster: with a local log-log slope 2 + alpha, alpha about 0.2 to 0.5.",
    formula="even(r) = (L(W + r D) + L(W - r D))/2 - L(W);  d log even/d log r: 2, then 2 + alpha",
    sense="for all",
    provenance="secondary",
    kind="report",
)

ICM_R2 = claim(
    id="ICM-R2",
    statement="The model's assumption of isotropy, measured on small networks: the curvature is the same along all "
    "directions of one spectrum, random ones and the gradient's own among them.",
    formula="even(r) along D = U diag(q) V^T does not depend on U and V",
    sense="for all",
    provenance="extension",
    kind="report",
)

ICM_R3 = claim(
    id="ICM-R3",
    statement="Measured on small networks: one curvature function, read off along random directions with a flat "
    "spectrum, gives the mean curvature along random directions with other spectra (the gradient's, rank one).",
    formula="mean over D of even(r) = E H(r rho(q)), H(r) = mean of even(r) at q = (1, ..., 1), k = n",
    sense="==",
    provenance="extension",
    kind="report",
)

ICM_N1a = claim(
    id="ICM-N1.a",
    statement="Where every sample's loss depends on W through its own W x_s alone, the mean over random directions "
    "of one spectrum is the model's expectation with one H for all spectra, whatever the inputs are.",
    formula="L(W) = mean_s l_s(W x_s)  =>  E_D L(W + r D) - L(W) = E H(r rho(q)),  "
    "H(x) = mean_s E_omega l_s(W x_s + x |x_s| omega) - l_s(W x_s)",
    sense="==",
    provenance="extension",
    hypotheses=("separate samples", "Haar"),
    proof="V^T x_s = |x_s| zeta with zeta uniform, so |D x_s| = |x_s| rho(q); U makes the direction omega of D x_s "
    "uniform on the sphere of outputs and independent of its length.",
)

ICM_N1b = claim(
    id="ICM-N1.b",
    statement="If every l_s is convex, as for the last layer under cross-entropy, this H satisfies A1.",
    formula="l_s convex  =>  H(0) = H'(0) = 0,  H'' >= 0",
    sense=">=",
    provenance="extension",
    hypotheses=("convex",),
    rests_on=("ICM-N1.a",),
    proof="x -> l_s(z + x |x_s| omega) is convex for each omega, so H is; omega and -omega are alike, so H is even "
    "in x, and H'(0) = 0.",
)

ICM_N1c = claim(
    id="ICM-N1.c",
    statement="At short lengths the spectrum cannot be seen, separate samples or not: the mean over random "
    "directions is the trace of the Hessian times |D|^2.",
    formula="E_D even(r) = r^2 tr(Hessian) |q|^2/(2 m n) + O(r^4)",
    sense="==",
    provenance="extension",
    hypotheses=("Haar",),
    proof="E D_ij D_kl = |q|^2/(m n) where i = k and j = l, and 0 elsewhere: columns of U are orthogonal, and so are "
    "those of V, and each is uniform on its sphere.",
)


def mean_over_directions(loss: Any, entries: Sequence[Any], q: Sequence[Any], *, haar: bool) -> Any:
    """E of a polynomial in the entries (D11, D12, D21, D22) of D = U diag(q) V^T, over U and V in O(2).

    U = (rotation by theta) diag(1, sigma), V a rotation; a reflection in V would change signs that sigma changes
    already.  `haar=False` leaves V at 1.
    """
    import sympy

    c, s, d, e, sigma = angles = sympy.symbols("c s d e sigma")
    first, second = q
    u = [[c, -s * sigma], [s, c * sigma]]
    v = [[d, -e], [e, d]] if haar else [[1, 0], [0, 1]]
    products = [u[i][0] * first * v[j][0] + u[i][1] * second * v[j][1] for i in (0, 1) for j in (0, 1)]
    moved = sympy.expand(loss.subs(dict(zip(entries, products, strict=True)), simultaneous=True))
    total: Any = 0
    for powers, coefficient in sympy.Poly(moved, *angles).terms():
        if not any(power % 2 for power in powers):
            half = [power // 2 for power in powers]
            total += coefficient * moment(half[:2], 2) * moment(half[2:4], 2)
    return sympy.expand(total)


def mean_over_sphere(loss: Any, outputs: Sequence[Any], x: Any) -> Any:
    """E of a polynomial in the outputs y = x omega, omega uniform on their sphere."""
    import sympy

    total: Any = 0
    for powers, coefficient in sympy.Poly(loss, *outputs).terms():
        if not any(power % 2 for power in powers):
            total += coefficient * x ** sum(powers) * moment([p // 2 for p in powers], len(powers))
    return sympy.expand(total)


def curvature_of_ridge(second: Any, t: Any, x: Any, m: Any) -> Any:
    """H''(x) for the loss p(omega_1 component), from p''(t) = `second`, a polynomial in t, on the sphere of R^m.

    H(x) = E p(x omega_1) - p(0): p is integrated twice, odd powers average to zero, and H is differentiated twice.
    """
    import sympy

    p = sympy.integrate(sympy.integrate(second, t), t)
    H: Any = 0
    for (power,), coefficient in sympy.Poly(p, t).terms():
        if power and power % 2 == 0:
            H += coefficient * x**power * moment((power // 2,), m)
    return sympy.expand(sympy.diff(H, x, 2))
