"""The top of the sphere: where rho is nearly as long as it can be, u_1 is nearly all there is.

sum_j u_j = 1, so that q_1^2 - rho^2 = sum_{j > 1} (q_1^2 - q_j^2) u_j.  Write v_j = q_1^2 - q_j^2 >= 0 and
d = q_1^2 - c^2: on {rho > c} the sum is below d.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def deficit(q_squared: Sequence[Any], u: Sequence[Any]) -> Any:
    """q_1^2 - rho^2 where u_1 = 1 - u_2 - ...; u lists u_2, u_3, ..."""
    first, *rest = q_squared
    rho_squared = first * (1 - sum(u)) + sum(x * y for x, y in zip(rest, u, strict=True))
    return first - rho_squared
