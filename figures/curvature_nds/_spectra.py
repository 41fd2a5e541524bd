"""What the figures of spectra need; the name begins with "_": this is no figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from labs.core.arrays import Backend
from labs.curvature_nds.quadratic import descend

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def decades(axis: Axis, exponents: Iterable[int]) -> None:
    """Ticks at these powers of ten on an axis that shows decimal logarithms."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    shown = list(exponents)
    axis.set_major_locator(FixedLocator(shown))
    axis.set_major_formatter(FixedFormatter(["1" if n == 0 else f"$10^{{{n}}}$" for n in shown]))


def decimal_logs(log_loss: np.ndarray, lowest: float) -> np.ndarray:
    """log10(loss/loss at the start), at least `lowest`; the last axis is the step."""
    start = log_loss[..., :1]
    return np.maximum((log_loss - start) / np.log(10.0), lowest)


def mode_losses(
    w: np.ndarray, sigma: np.ndarray, rule: str, steps: int, step: str, on: Backend
) -> np.ndarray:
    """The loss of each mode after 0, ..., steps steps, (modes, steps + 1).

    Once the lengths of the steps are known the modes move alone: a batch of problems of one mode.
    """
    w, sigma = on.asarray(w), on.asarray(sigma)
    whole = descend(w, sigma, rule, steps, step)
    # GD: <R, R>/<R, H[R]>.  Muon: the norm of an update of q unit entries.
    lengths = 1.0 / whole.nds if rule == "gd" else whole.update_norm / w.shape[0] ** 0.5
    alone = descend(w[:, None], sigma[:, None], rule, steps, lengths)
    return on.to_numpy(alone.loss)
