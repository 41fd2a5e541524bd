"""Kantorovich's inequality, on which three claims rest."""

from __future__ import annotations

from labs.spectral_flattening.conditioning_forms import kantorovich
from theory.evidence import Evidence, every, exact
from theory.spectral_flattening.line_search import mode_room


def kantorovich_inequality() -> Evidence:
    """(sum w)^2 >= 4 kappa/(1 + kappa)^2 sum w x sum w/x for 1 <= x <= kappa, any weights and any number of modes.

    Mode by mode x + kappa/x <= 1 + kappa; then 4 X Y <= (X + Y)^2; 1 - 4 kappa/(1 + kappa)^2 is labs' closed form.
    """
    import sympy

    u, v = sympy.symbols("u v", nonnegative=True)
    X, Y, k = sympy.symbols("X Y k", real=True)
    w, x = sympy.symbols("w1:4"), sympy.symbols("x1:4")
    kappa = 1 + u + v
    sums = [sum(weight * y**power for weight, y in zip(w, x, strict=True)) for power in (0, 1, -1)]
    rooms = sum(weight * mode_room(y, k) for weight, y in zip(w, x, strict=True))
    return every(
        exact(rooms, (1 + k) * sums[0] - sums[1] - k * sums[2]),
        exact(mode_room(1 + u, kappa), 0, ">="),
        exact(4 * X * Y, (X + Y) ** 2, "<="),
        exact(1 - 4 * kappa / (1 + kappa) ** 2, kantorovich(kappa)),
    )
