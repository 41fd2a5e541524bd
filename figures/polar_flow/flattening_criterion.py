"""When the self-polar flow flattens a spectrum: three flows, three spreads, and the sign criterion."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.streams import stream
from labs.polar_flow.diagonal_model import diagonal_flow
from labs.polar_flow.ensembles import gaussian_sensing
from labs.polar_flow.reduced import commuting_flow
from labs.polar_flow.self_polar import self_polar_flow
from labs.polar_flow.sliding import sliding_velocity
from labs.polar_flow.spreads import spread
from theory.polar_flow import POL_T1iii_a, POL_T1iii_e, POL_T1iii_f, POL_X3_j, POL_X4_b, POL_X4_d

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The self-polar flow flattens a spectrum only while large singular values decay faster, relatively"
CAPTION = """
Three self-polar flows (eta = 1).  Top: three measures of flatness, each 1 for equal singular values (entropy over
its largest value, participation over r, least pairwise spread over the present one), and the singular values
themselves (thin grey lines, right axis).  Bottom: how fast these measures change.  Markers: difference quotients of
the curves above; lines: what the criterion says, -sum alpha_i q_i with the decay vector alpha and the gradient q.
Shaded: the criterion holds for the entropy.  Left: two singular values, one direction left unmeasured; they meet at
t = 5/3 (dotted), pass through each other and part again, until one of them vanishes at t = 5 (not shown).  Middle:
a regression whose singular values go from 10, 5, 3 to the same limit 1; until t = 4.4531 (dotted) its entropy falls
all the same, because values above sqrt 3 part, in ratio.  Right: Gaussian sensing, 8 x 8 with 32 measurements, from
a Gaussian start: but for a moment near t = 4 entropy falls, and singular values vanish one after the other; where
one does, the rate jumps.
"""
CLAIMS = (POL_T1iii_a, POL_T1iii_e, POL_T1iii_f, POL_X4_b, POL_X4_d, POL_X3_j)

CASES = ("passing through", "dip", "generic")
SPREADS = (("entropy", 1), ("participation", 1), ("pairwise", 1))
POINTS = {"smoke": 9, "quick": 49, "full": 121}
STEP = {"smoke": 0.2, "quick": 0.02, "full": 0.005}  # of the proximal flow
ENDS = {"passing through": 4.8, "dip": 12.0, "generic": 5.0}
NAMES = {
    "passing through": "one direction left, r = 2",
    "dip": "regression, r = 3, flat limit",
    "generic": "Gaussian sensing, r = 8",
}
MARKS = {"passing through": 5 / 3, "dip": 4.4531}


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Table "flow": per case, time and spread, flatness, its rate by differences and by the criterion; "sigma"."""
    flows, values = [], []
    for case in CASES:
        t = np.linspace(0.0, ENDS[case], POINTS[scale])
        sigma, alpha = (
            _generic(t, STEP[scale]) if case == "generic" else (_passing if case == CASES[0] else _dipping)(t)
        )
        for i in range(sigma.shape[1]):
            values.append({"case": case, "i": i, "t": t, "sigma": sigma[:, i]})
        for kind, power in (
            SPREADS[:2] if case == "generic" else SPREADS
        ):  # pairs of zeros have no finite spread
            value, q = spread(sigma, kind, power)
            rate = -np.sum(alpha * q, axis=-1)
            flat, slope = _flatness(kind, sigma.shape[1], value, rate)
            quotient = np.gradient(flat, t, edge_order=2)
            flows.append(
                {"case": case, "kind": kind, "t": t, "flatness": flat, "quotient": quotient, "rate": slope}
            )
    return {"flow": table(flows), "sigma": table(values)}


def _passing(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """POL-X1': ker A spanned by diag(2, -1), from diag(2, 1), in rational numbers."""
    flow = diagonal_flow([[1, 2]], [2, 1])
    states, rates = [], []
    for time in t:
        moment = Fraction(float(time))
        event = max((e for e in flow.events if e.time <= moment), key=lambda e: e.time)
        states.append([float(x) for x in flow.at(moment)])
        rates.append([-float(v) for v in event.velocity])
    return np.array(states), np.array(rates)


def _dipping(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """POL-X4: kappa = 1, from (10, 5, 3)."""
    sigma = commuting_flow(np.array([10.0, 5.0, 3.0]), np.ones(3), t[:, None])
    return sigma, 1 - sigma**-2


def _generic(t: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian sensing; where rank is lost the velocity is the flow's own, not that of the canonical factor."""
    random = stream("figure: flattening criterion")
    operator, start = gaussian_sensing(32, (8, 8), random), random.standard_normal((8, 8))
    flow = self_polar_flow(operator, start, t, "proximal", step=step)
    u, sigma, vt = np.linalg.svd(flow.states)
    velocity = sliding_velocity(operator, flow.states, rtol=1e-6).velocity
    alpha = -np.sum((np.swapaxes(u, -1, -2) @ velocity) * vt, axis=-1)
    vanished = sigma <= 1e-6 * sigma[:, :1]
    return np.where(vanished, 0.0, sigma), np.where(vanished, 0.0, alpha)


def _flatness(kind: str, r: int, value: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A measure of flatness, 1 for flat spectra, and its rate, from the spread and its rate."""
    if kind == "pairwise":
        least = math.comb(r, 2) * math.sqrt(r) / 2
        return -least / value, least * rate / value**2
    top = math.log(r) if kind == "entropy" else r
    return value / top, rate / top


def draw(tables: Any) -> Figure:
    """A column for each flow: flatness above its rate."""
    from figures.gallery import style

    figure, panels = style.panels(2, 3, width=15.0, height=7.0)
    for column, case in enumerate(CASES):
        upper, lower = panels[column], panels[3 + column]
        values = upper.twinx()
        rows = where(tables["sigma"], case=case)
        for i in np.unique(rows["i"]):
            one = where(rows, i=i)
            values.plot(one["t"], one["sigma"], color="0.72", linewidth=0.9, linestyle="-", marker="")
        values.set_ylim(0, None)
        values.grid(False)
        values.tick_params(colors="0.5")
        values.set_ylabel("singular values (grey)", color="0.5")
        values.spines["right"].set_visible(True)
        for number, (kind, _) in enumerate(SPREADS):
            points = where(tables["flow"], case=case, kind=kind)
            if not points["t"].size:
                continue
            style.predicted(upper, points["t"], points["flatness"], number)
            inner = slice(1, -1)  # central differences
            style.computed(
                lower,
                points["t"][inner],
                points["quotient"][inner],
                number,
                markevery=max(1, points["t"].size // 24),
            )
            style.predicted(lower, points["t"], points["rate"], number)
        entropy = where(tables["flow"], case=case, kind="entropy")
        fine = np.linspace(0.0, ENDS[case], 1000)
        lower.axhline(0, color="0.4", linewidth=0.8)
        for panel in (values, lower):
            panel.fill_between(
                fine,
                0,
                1,
                where=np.interp(fine, entropy["t"], entropy["rate"]) >= 0,
                transform=panel.get_xaxis_transform(),
                color="0.92",
                zorder=0,
                linewidth=0,
            )
        for panel in (upper, lower):
            panel.set_xlim(0, ENDS[case])
            if case in MARKS:
                panel.axvline(MARKS[case], color="0.35", linewidth=1.0, linestyle=":")
        upper.set(title=NAMES[case], ylim=(0, 1.05))
        upper.set_zorder(values.get_zorder() + 1)
        upper.patch.set_visible(False)
        upper.set(xlabel="time $\\eta t$", ylabel="flatness, 1 for equal values")
        lower.set(xlabel="time $\\eta t$", ylabel="rate of change of flatness")
    for number, (kind, _) in enumerate(SPREADS):
        style.predicted(panels[2], np.array([]), np.array([]), number, label=kind)
    panels[2].legend(loc="upper left", bbox_to_anchor=(1.16, 1.0), borderaxespad=0.0, title="measure")
    key(panels[5], difference_quotient=COMPUTED, criterion={"linestyle": "-"})
    return figure
