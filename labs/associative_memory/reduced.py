"""The memory with grouped frequencies, solved exactly in M^2 + M numbers however many facts there are.

Every optimiser here commutes with the permutations inside a group, so from W = 0 the logits stay

    What = sum_a x_a (I_a - J_a/C_a) + sum_ab S_ab 1_a 1_b^T/sqrt(C_a C_b),

a contrast x_a per group and a mean block S (M x M).  The gradient has the contrasts p_a r_a and the mean block Gbar,
with the left null vector c_a = sqrt(C_a/K); singular values and norms of the two parts are those of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.associative_memory._blocks import (
    Groups,
    direction,
    entries,
    gradient,
    groups,
    losses,
    schedule_of,
    spectral,
)
from labs.associative_memory._drifts import broadcast, check_numbers
from labs.associative_memory.margins import least_loss, optimal_margin
from labs.core.arrays import (
    Array,
    array_namespace,
    check_double,
    check_finite,
    check_nonnegative,
    check_positive,
    check_shape,
    device,
)

# (x, S): contrasts (..., M) and mean block (..., M, M).
State = tuple[Array, Array]


@dataclass(frozen=True)
class ReducedTrajectory:
    """A run; index 0 of the axis of time is the start.  With last=True that axis has one entry, the end.

    loss          (..., T + 1), L = sum_a ptilde_a L_a
    excess        (..., T + 1), L - L*, to its own size; the loss itself without noise
    margins       (..., T + 1, M), log(K - 1) - log sum_{i != j} exp(What_ij - What_jj) of an item of each group: the
                  margin of a column whose wrong logits agree and that has the same probability of its own answer
    group_excess  (..., T + 1, M), L_a - L*
    contrasts     (..., T + 1, M), x; 0 for groups of one item
    blocks        (..., M, M), S at the end
    """

    loss: Array
    excess: Array
    margins: Array
    group_excess: Array
    contrasts: Array
    blocks: Array

    @property
    def end(self) -> State:
        """The state (x, S) at the end: (..., M) and (..., M, M)."""
        return self.contrasts[..., -1, :], self.blocks


@dataclass(frozen=True)
class Reduced:
    """A memory with groups of `sizes` items, of probability masses (..., M) and label noise alpha (number or (...)).

    An item of group a is asked with frequency masses_a/sizes_a.  Masses and alpha broadcast against each other and
    against the step sizes of a run; alpha = 1 is accepted (nothing can be learned), and so are masses of 0.
    Raises ValueError unless sizes are integers >= 1, masses a float64 array of nonnegative numbers that sum to 1 (to
    1e-12), and alpha is in [0, 1].
    """

    sizes: tuple[int, ...]
    masses: Array
    alpha: Array | float

    def __post_init__(self) -> None:
        sizes = tuple(self.sizes) if np.ndim(self.sizes) == 1 else ()
        if not sizes or any(isinstance(c, bool) or not isinstance(c, int) or c < 1 for c in sizes):
            raise ValueError(f"sizes must be integers >= 1, at least one of them, got {self.sizes!r}")
        object.__setattr__(self, "sizes", sizes)
        check_shape((len(sizes),), masses=self.masses)
        check_double(masses=self.masses)
        check_nonnegative(masses=self.masses, alpha=self.alpha)
        xp = array_namespace(self.masses)
        off = xp.abs(xp.sum(self.masses, axis=-1) - 1.0)
        if not bool(xp.all(off <= 1e-12)):
            raise ValueError(f"masses must sum to 1, got a sum that is off by {float(xp.max(off))}")
        if not isinstance(self.alpha, int | float):
            check_double(alpha=self.alpha)
        if not bool(xp.all(xp.asarray(self.alpha, device=device(self.masses)) <= 1.0)):
            raise ValueError(f"alpha must be at most 1, got {self.alpha}")

    def simulate(
        self,
        eta: Array | float,
        steps: int,
        rule: Any,
        *,
        schedule: Array | None = None,
        momentum: float = 0.0,
        start: State | ReducedTrajectory | None = None,
        last: bool = False,
    ) -> ReducedTrajectory:
        """Kernel: `steps` updates of one optimiser, from What = 0, from start = (x, S), or from the end of a run.

        eta       number or array (...), broadcast against masses (..., M) and alpha (...)
        rule      "gd", "ngd", "tra-signgd" (with an oracle's basis), "muon" (the exact polar factor), "muon-ns5",
                  "polar-express" (five steps each), or a schedule of odd polynomials, applied to G/|G|_F
        schedule  (..., steps): what eta is multiplied by at each step; default 1
        momentum  mu in [0, 1): V <- mu V + G, and the rule is given V (V = 0 at the start of every run)
        last      keep the end only (memory M^2 a run in place of M T)

        Cost: M^2 exponentials a step and, for Muon, one decomposition M x M, whatever K (M = 100: 3 ms, or 7 ms where
        frequencies spread over more than five decades ask for Jacobi's method).  Relative error of the losses as long
        as no sign changes: about steps eps, later that times the instability of the optimiser; excess below about
        1e-30 is rounding of the logits.
        Raises ValueError for a bad argument, RuntimeError if a polar factor misses its certificate.
        Source: Li et al. 2026 (that blocks are preserved); the recursion is derived here (AML-T1).
        """
        name, polynomials = schedule_of(rule)
        check_positive(eta=eta)
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
            raise ValueError(f"steps must be an integer >= 0, got {steps!r}")
        check_numbers(momentum=momentum)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
        g = self._groups()
        xp, home, M = g.xp, device(self.masses), len(self.sizes)
        eta = xp.asarray(eta, dtype=xp.float64, device=home)
        if schedule is not None:
            check_shape((steps,), schedule=schedule)
            check_nonnegative(schedule=schedule)
        x, S = self._start(start, g)
        batch = broadcast(
            eta=eta.shape,
            masses=g.p.shape[:-1],
            alpha=g.noise.shape[:-1],
            schedule=() if schedule is None else schedule.shape[:-1],
            contrasts=x.shape[:-1],
            blocks=S.shape[:-2],
        )
        if schedule is None:
            rates = xp.broadcast_to(eta[..., None], (*eta.shape, max(steps, 1)))
        else:
            rates = eta[..., None] * schedule
        x, S = xp.broadcast_to(x, (*batch, M)), xp.broadcast_to(S, (*batch, M, M))
        alpha = g.noise
        best, least = optimal_margin(g.K, alpha), least_loss(g.K, alpha)
        velocity = 0.0 * S
        found = [] if last else [(x, losses(g, x, S, best))]
        for t in range(steps):
            velocity = momentum * velocity + gradient(g, x, S)
            dx, dS = direction(g, name, polynomials, velocity)
            rate = rates[..., t, None]
            x, S = x - rate * dx, S - rate[..., None] * dS
            if not last:
                found.append((x, losses(g, x, S, best)))
        if last:
            found.append((x, losses(g, x, S, best)))
        excess = xp.stack([item.excess for _, item in found], axis=-2)
        total = xp.sum(self.masses[..., None, :] * excess, axis=-1)
        return ReducedTrajectory(
            loss=total + least,
            excess=total,
            margins=xp.stack([item.margin for _, item in found], axis=-2),
            group_excess=excess,
            contrasts=xp.stack([x for x, _ in found], axis=-2),
            blocks=S,
        )

    def gradient(self, contrasts: Array, blocks: Array) -> tuple[Array, Array]:
        """Kernel: the gradient G in the state (x, S), in the same form: (p_a r_a (..., M), Gbar (..., M, M)).

            r_a = alpha - C_a q_aa - sum_{b != a} C_b q_ba,     c^T Gbar = 0,

        q_ba the probability that a query of group a is given one wrong answer of group b.  Raises ValueError for
        states of another shape, dtype, or not finite.  Cost: M^2 exponentials.  Source: derived here (AML-T1).
        """
        g = self._groups()
        return spectral(g, gradient(g, *self._start((contrasts, blocks), g)))

    def logits(self, contrasts: Array | ReducedTrajectory, blocks: Array | None = None) -> Array:
        """Kernel: the whole matrix What (..., K, K) of a state (x, S), items in the order of their groups.

            What = sum_a x_a (I_a - J_a/C_a) + sum_ab S_ab 1_a 1_b^T/sqrt(C_a C_b)

        contrasts, blocks  x (..., M) and S (..., M, M); or a run alone, whose end is taken: memory.logits(run)

        Raises ValueError for states of another shape, dtype, or not finite.  Cost: K^2 numbers.
        Source: derived here (AML-T1).
        """
        g = self._groups()
        xp, home = g.xp, device(self.masses)
        state = (
            contrasts if isinstance(contrasts, ReducedTrajectory) and blocks is None else (contrasts, blocks)
        )
        own, other = entries(g, *self._start(state, g))
        member = [a for a, count in enumerate(self.sizes) for _ in range(count)]
        group = xp.asarray(member, device=home)
        whole = xp.take(xp.take(other, group, axis=-2), group, axis=-1)
        eye = xp.eye(len(member), dtype=whole.dtype, device=home)
        return whole * (1.0 - eye) + xp.take(own, group, axis=-1)[..., None, :] * eye

    def _groups(self) -> Groups:
        xp, home = array_namespace(self.masses), device(self.masses)
        alpha = xp.asarray(self.alpha, dtype=xp.float64, device=home)
        return groups(xp, home, self.sizes, self.masses, alpha)

    def _start(self, state: State | ReducedTrajectory | None, g: Groups) -> State:
        if state is None:
            return 0.0 * g.C, 0.0 * g.eye
        state = state.end if isinstance(state, ReducedTrajectory) else state
        if not isinstance(state, tuple | list) or len(state) != 2:
            raise ValueError(
                f"start must be a pair (x, S) or a run, got an object of type {type(state).__name__}"
            )
        x, S = state
        M = len(self.sizes)
        check_shape((M,), contrasts=x)
        check_shape((M, M), blocks=S)
        check_double(contrasts=x, blocks=S)
        check_finite(contrasts=x, blocks=S)
        return g.several * x, S
