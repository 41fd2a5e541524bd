"""The polynomials by which labs/core/polar/_steps.py brings singular values to one.

All are odd quintics a x + b x^3 + c x^5, positive for x > 0.  In the order in which they act:

    lift     the minimax quintic on [0.12, 1], its largest value scaled to 0.98.  Small values grow by GAIN at
             least, until they reach the first rung.  The steepest choice (on [0, 1], largest value 1) would grow
             them by 4.26 instead of 3.70, but bring values near 0.82 down to 0, and what rounding has done to X by
             then would grow again with them.  With this one nothing large falls below 0.42, so a step magnifies
             errors twice at most.  And it has slope 7.8 at 1: if it brought 1 back to 1, rounding would grow there
             from lift to lift.
    finish   (rung, minimax quintic on [rung, 1], its largest value scaled to 1, but for the last): from one rung
             to the next, in the end to [1 - e, 1 + e].
    the last step is Newton and Schulz's cubic, x + x (1 - x^2)/2, whose error 3/2 e^2 is eps/8 for
             e = sqrt(eps/12).

tests/core/test_polar_ladder.py derives every number here with labs.core.polar.minimax.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from labs.core.arrays import Array, Namespace

Quintic = tuple[float, float, float]

# p(x) >= min(GAIN x, 0.42) for 0 <= x <= 1, p the lift.
GAIN = 3.58
LIFT: Quintic = (3.7010164618760895, -8.831426917200488, 6.1104104553243985)


@dataclass(frozen=True)
class Ladder:
    """For one precision: lifts until all singular values are in [first rung, 1], then `finish`."""

    finish: tuple[tuple[float, Quintic], ...]

    def lifts(self, low: float) -> int:
        """How many lifts take [low, 1] to the first rung."""
        return max(0, math.ceil(math.log(self.finish[0][0] / low) / math.log(GAIN)))

    def count(self, low: Array, xp: Namespace) -> Array:
        """How many steps each of `low` (...) needs, as a float: its lifts, and the rungs above it."""
        first = self.finish[0][0]
        steps = xp.ceil(xp.log(first / xp.where(low < first, low, first)) * (1.0 / math.log(GAIN))) + 1.0
        for rung, _ in self.finish[1:]:
            steps = steps + xp.astype(low < rung, low.dtype)
        return steps

    def steps(self, count: int) -> tuple[Quintic, ...]:
        """The last `count` steps of the infinite ladder."""
        quintics = tuple(quintic for _, quintic in self.finish)
        steps = (LIFT,) * max(0, count - len(quintics)) + quintics
        return steps[len(steps) - count :]


DOUBLE = Ladder(
    (
        (0.262, (3.2595124069098627, -5.966212563692289, 3.7067001567824263)),
        (0.75, (2.1638950783386695, -1.8983867343129726, 0.734491655974303)),
        (0.9963, (1.878478808867355, -1.2569672961691676, 0.37848849128112716)),
    ),
)
SINGLE = Ladder(
    (
        (0.396, (2.860182052810336, -4.1466832559301965, 2.2865012031198604)),
        (0.8972, (1.9798692219560357, -1.46843847347985, 0.4886687780610939)),
    )
)
