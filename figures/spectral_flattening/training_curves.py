"""A small perceptron trained by SGD, normalised SGD and Muon at identical step sizes, several seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from figures.spectral_flattening._training import MARK, RULES, SIZES, epochs_to_mark, measures, trained
from labs.core.arrays import Backend
from theory.spectral_flattening import SF_C5, SF_E1, SF_E2, SF_T3a, SF_T6a, SF_T7b

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = (
    "Training at the same step size: what survives, what is faster, and what the unit of the loss does to it"
)
CAPTION = """
A relu perceptron 32-64-64-10 (half as wide at quick scale), cross-entropy, 600 samples of ten Gaussian classes,
batches of 60, momentum 0.9, fixed step sizes; every matrix by the rule, biases by Adam at 0.01; bands are the range
of the seeds (3; 5 at full scale).  Top: accuracy on the training data at a small and at a large step size, and at
the end of the run. SGD falls to chance somewhere between 0.2 and 1, normalised SGD a little later, Muon (exact, or
with five Newton-Schulz steps) nowhere in this range: of what Muon survives beyond SGD, normalisation explains a
part and flattening the rest. Bottom left: epochs to 95 %.  At 0.001 and 0.003 Muon is the slowest, at 0.01 they are
level, at the largest steps it is the only one left.  Bottom middle: the loss multiplied by c.  SGD's points move by
1/c (lines: c = 1, moved), Muon's do not: "earlier at equal step size" is a choice of units.  Bottom right:
eta/eta_exact in the first two epochs, all matrices moved at once, median over steps; above 1 (grey) a quadratic
loss would rise.  As the step size grows Muon levels off at one to two, an edge of stability in its own geometry,
where SGD shoots past it and dies.
"""
CLAIMS = (SF_E1, SF_E2, SF_C5, SF_T3a, SF_T6a, SF_T7b)
GAPS = ("marks.epochs",)  # not reached

SCALED = ("gd", "muon-ns5")
SCALES = (0.1, 10.0)
STATIONS = {"smoke": 2, "quick": 12, "full": 24}  # steps at which measures are taken


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "accuracy" (rule, rate, seed, epoch), "marks" (rule, c, rate, seed) and "steps" (measures)."""
    size = SIZES[scale]
    steps = size.epochs * size.an_epoch
    stations = tuple(int(s) for s in np.unique(np.geomspace(1, steps, STATIONS[scale]).astype(int) - 1))
    accuracy, marks, seen = [], [], []
    for rule in RULES:
        multiples = (1.0, *SCALES) if rule in SCALED else (1.0,)
        for c in multiples:
            log, right = trained(size, rule, backend, c, stations if c == 1.0 else ())
            for i, rate in enumerate(size.rates):
                same = {"rule": rule, "rate": rate, "seed": np.arange(size.seeds)}
                final = right[i, :, -1]
                marks.append(same | {"c": c, "epochs": epochs_to_mark(right[i]), "final": final})
                if c == 1.0:
                    for epoch in range(size.epochs):
                        accuracy.append(same | {"epoch": epoch + 1, "accuracy": right[i, :, epoch]})
            if c == 1.0:
                seen += [{"rule": rule} | row for row in measures(log, size, backend)]
    return {"accuracy": table(accuracy), "marks": table(marks), "steps": table(seen)}


def draw(tables: Any) -> Figure:
    """Curves at two step sizes, what survives; epochs to the mark, for multiples of the loss too; eta/eta_exact."""
    from figures.gallery import style

    figure, panels = style.panels(2, 3, width=15.4, height=8.6)
    rates = np.unique(tables["accuracy"]["rate"])
    small, large = rates[min(1, rates.size - 2)], rates[-2 if rates.size > 2 else -1]
    for axes, rate in zip(panels[:2], (small, large), strict=True):
        for number, rule in enumerate(RULES):
            rows = where(tables["accuracy"], rule=rule, rate=rate)
            band(axes, rows, "epoch", "accuracy", number, style)
        axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.03), title=f"step size {rate:g}")
        reference(axes, axes.get_xlim(), [MARK, MARK])
    marks = where(tables["marks"], c=1.0)
    for number, rule in enumerate(RULES):
        rows = where(marks, rule=rule)
        band(panels[2], rows, "rate", "final", number, style, label=RULES[rule])
        band(panels[3], rows, "rate", "epochs", number, style)
        band(panels[5], shares(tables["steps"], rule), "rate", "share", number, style)
    for axes in panels[2:]:
        axes.set(xscale="log", xlim=(0.7 * rates[0], 1.4 * rates[-1]), xlabel="step size")
    panels[2].set(ylabel="accuracy", ylim=(0, 1.03), title="at the end")
    panels[3].set(title="epochs to 95 %")
    draw_scaled(panels[4], tables["marks"], style)
    for axes in (panels[3], panels[4]):
        axes.set(yscale="log", ylim=(0.85, 45), ylabel="epochs")
        from_one_to = np.array([1, 2, 3, 5, 10, 20, 40])
        axes.set_yticks(from_one_to, [str(n) for n in from_one_to])
        axes.set_yticks([], minor=True)
    panels[5].set(yscale="log", ylabel="η / η$_{exact}$", title="first two epochs")
    reference(panels[5], [rates[0], rates[-1]], [1, 1])
    note(panels[5], "a quadratic would rise", (rates[0], 1.0), (4, 4))
    style.legend_outside(panels[2])
    markers = {f"loss times {c:g}": COMPUTED | {"marker": m} for c, m in zip(SCALES, "v^", strict=True)}
    key(panels[5], **{"c = 1, moved": {"linestyle": "-"}}, **markers)
    return figure


def band(axes: Axes, rows: Any, x: str, y: str, number: int, style: Any, **options: Any) -> None:
    """Median over the seeds and their range, where most seeds have a value."""
    places = np.unique(rows[x])
    values = [rows[y][rows[x] == place] for place in places]
    known = np.array([2 * np.sum(np.isfinite(v)) > v.size for v in values])
    low, middle, high = (
        np.array([f(v[np.isfinite(v)]) if ok else np.nan for v, ok in zip(values, known, strict=True)])
        for f in (np.min, np.median, np.max)
    )
    color = style.series(number)["color"]
    axes.fill_between(places, low, high, color=color, alpha=0.18, linewidth=0)
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.0, "markersize": 4}
    style.computed(axes, places, middle, number, **(look | options))


def shares(steps: Any, rule: str) -> dict[str, np.ndarray]:
    """The median of eta/eta_exact over the steps of the first two epochs, by rate and seed; positive ones only."""
    chosen = where(steps, rule=rule, matrix="weight1")
    early = chosen["step"] < 20
    rows = []
    for rate in np.unique(chosen["rate"]):
        for seed in np.unique(chosen["seed"]):
            here = early & (chosen["rate"] == rate) & (chosen["seed"] == seed)
            share = float(np.median(chosen["joint_share"][here]))
            rows.append({"rate": rate, "share": share if share > 0 else np.nan})
    return table(rows)


def draw_scaled(axes: Axes, marks: Any, style: Any) -> None:
    """Epochs to the mark for multiples c of the loss; lines: those of c = 1, moved by 1/c for SGD."""
    for rule in SCALED:
        number = list(RULES).index(rule)
        one = where(marks, rule=rule, c=1.0)
        rates = np.unique(one["rate"])
        median = np.array([np.median(one["epochs"][one["rate"] == rate]) for rate in rates])
        for c, marker in zip(SCALES, "v^", strict=True):
            rows = where(marks, rule=rule, c=c)
            middle = np.array([np.median(rows["epochs"][rows["rate"] == rate]) for rate in rates])
            style.predicted(
                axes, rates / (c if rule == "gd" else 1.0), median, number, linestyle="-", linewidth=0.9
            )
            style.computed(axes, rates, middle, number, marker=marker, markersize=5)
    axes.set(
        xlim=(0.7 * np.min(marks["rate"]), 1.4 * np.max(marks["rate"])), title="the loss multiplied by c"
    )
