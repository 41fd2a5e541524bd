"""Step-size schedules: the shapes s(t/T), t = 0..T-1, that are multiplied by the largest step.

The first entry is 1 and none is 0: every step moves.  The last entry decides how far sign descent stays from its
target: |e_T| <= eta_{T-1}.  Cost: T numbers.  Source: the shapes in common use; what they leave is AML-X4.
"""

from __future__ import annotations

import numpy as np

from labs.associative_memory._drifts import check_numbers
from labs.core.arrays import check_nonnegative, require_host


def constant(steps: int) -> np.ndarray:
    """Host routine: s = 1: (steps,).  Raises ValueError unless steps is an integer >= 1."""
    return polynomial(steps, 0.0)


def polynomial(steps: int, power: float) -> np.ndarray:
    """Host routine: s = (1 - t/T)^power, T = steps, t = 0..T-1; power 0 is constant, 1 linear decay: (steps,).

    The last entry is T^-power.  Raises ValueError unless steps is an integer >= 1 and power is finite, >= 0.
    """
    require_host(power=power)
    check_numbers(power=power)
    check_nonnegative(power=power)
    return _remaining(steps) ** power


def cosine(steps: int) -> np.ndarray:
    """Host routine: s = (1 + cos(pi t/T))/2, as cos(pi t/(2 T))^2: (steps,).

    The last entry is sin(pi/(2 T))^2 = (pi/(2 T))^2 up to a relative T^-2: decay of power 2.
    Raises ValueError unless steps is an integer >= 1.
    """
    # cos(x) = sin(pi/2 - x): near the end the sine has full relative accuracy, the cosine has not.
    return np.sin(np.pi / 2 * _remaining(steps)) ** 2


def halving(stages: int, each: int = 1) -> np.ndarray:
    """Host routine: s = 2^-floor(t/each): `stages` stages of `each` steps: (stages * each,).

    Raises ValueError unless both are integers >= 1.
    """
    _check_count(stages=stages, each=each)
    return np.repeat(0.5 ** np.arange(stages), each)


def _remaining(steps: int) -> np.ndarray:
    """1 - t/T for t = 0..T-1, each correctly rounded."""
    _check_count(steps=steps)
    return np.arange(steps, 0, -1) / steps


def _check_count(**named: int) -> None:
    for name, count in named.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {count!r}")
