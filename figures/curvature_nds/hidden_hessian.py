"""What the theorem assumes of a curvature, looked at on the exact Hessian of one hidden matrix of a small network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.curvature_nds._language import (
    OPTIMISERS,
    Problem,
    Row,
    Size,
    by_seed,
    median_and_range,
    problem,
    rows_of,
)
from figures.gallery.marks import COMPUTED, key, note, reference
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.curvature_nds.hessian import block_hessian
from labs.curvature_nds.kronecker import joint_diagonalise, kronecker_sum, pair_modes
from theory.curvature_nds import NDS_P1a, NDS_P1b

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The model's assumptions on a hidden matrix: few Kronecker products and common eigenbases nearly, pairs not"
CAPTION = """
The exact Hessian (256 x 256) of the loss in one hidden 16 x 16 matrix of a trigram perceptron, on held-out text: at
the start and after training by Adam and by Muon, a mark or a band for the seeds.  Left: what the best sum of
Kronecker products leaves of it; four of them leave more than a half at the start and a tenth to a third after
training.  Next: the share of squared entries that joint eigenbases bring to the diagonals of the four left and of
the four right factors: 0.7 to 0.98, near what is reported for attention matrices (0.892 and 0.845, dotted);
matrices without structure (grey) reach 0.61, the bars are the share that the first product has by itself.  Then the
curvatures of pairs of modes, matched so that they hold as much of the gradient's energy as they can: one to six of
the 16 are negative (crosses), and the positive ones range over one to six decades (reported: 88 positive ones over
6.4).  Right: the share of the gradient's energy in these pairs, 0.24 to 0.46 after training, against 0.2 in random
bases (grey) and the reported 0.871.  Of the assumptions of the quadratic model, a gradient in the span of the pairs
is the one that is missed most.
"""
CLAIMS = (NDS_P1a, NDS_P1b)

EXPONENT = 1.0
MATRIX = "weight2"
RANK = 4
CHUNK = 128  # pieces of text at a time: the Hessian's memory
SIZES = {
    "smoke": Size(1, 16, 4, (5, 5), 24, 20, (0,), 32, 32, 500, 2, 5),
    "quick": Size(3, 48, 8, (16, 16), 96, 150, (0,), 128, 64, 20_000, 2, 40),
    "full": Size(5, 96, 16, (16, 16), 256, 500, (0,), 512, 64, 40_000, 2, 100),
}
STAGES = {"start": "start", "adam": "after Adam", "muon": "after Muon"}
SCORES = {"A": "left factors $A_k$", "B": "right factors $B_k$"}
# Of the paper's attention matrices, with four Kronecker products.
REPORTED_SCORES = {"A": 0.892, "B": 0.845}
REPORTED_ENERGY = 0.871


def hessians(of: Problem, point: Any, held_out: Any, backend: Backend) -> tuple[np.ndarray, np.ndarray]:
    """The Hessian in the hidden matrix and the gradient, on the held-out pieces: (seeds, mn, mn), (seeds, m, n)."""
    count = of.size.held_out

    def mean(of_chunk: Any, seed: int) -> Any:
        chunks = (held_out[seed, i : min(i + CHUNK, count), :] for i in range(0, count, CHUNK))
        return backend.to_numpy(sum((c.shape[0] / count) * of_chunk(c) for c in chunks))

    found = []
    for seed in range(of.size.seeds):
        # One rate alone: the first axis.
        parameters = {name: x[0, seed, ...] for name, x in point.parameters.items()}

        def gradient(p: Any, tokens: Any) -> Any:
            return of.network.loss_and_gradient(p, tokens)[1][MATRIX]

        def hessian(tokens: Any, at: Any = parameters) -> Any:
            return block_hessian(lambda p: gradient(p, tokens), at, MATRIX)

        found.append((mean(hessian, seed), mean(lambda t, at=parameters: gradient(at, t), seed)))
    return np.stack([H for H, _ in found]), np.stack([G for _, G in found])


def random_scores(shape: tuple[int, ...]) -> np.ndarray:
    """The score of RANK symmetric matrices with normal entries, weighted as equals: (seeds,)."""
    drawn = stream("nds hidden hessian: matrices").standard_normal(shape)
    return joint_diagonalise(drawn + np.swapaxes(drawn, -1, -2)).score


def looked_at(H: np.ndarray, G: np.ndarray) -> dict[str, list[Row]]:
    """Rows of the three tables at one point."""
    m, n = G.shape[1:]
    size = np.sqrt(np.sum(H * H, axis=(-2, -1)))
    rows: dict[str, list[Row]] = {"error": [], "scores": [], "modes": []}
    of = kronecker_sum(H, m, RANK)
    # The norm of what is left by r products; what no symmetric factors can reach is part of it.
    squares = of.singular_values**2
    beyond = of.residual**2 - np.sum(squares[:, RANK:], axis=-1)
    left = np.cumsum(squares[:, ::-1], axis=-1)[:, ::-1]
    bases = {name: joint_diagonalise(X) for name, X in (("A", of.A), ("B", of.B))}
    for seed in range(len(G)):
        error = np.sqrt(np.maximum(left[seed] + beyond[seed], 0.0)) / size[seed]
        rows["error"].append({"seed": seed, "rank": np.arange(error.size), "error": error})
        alone = squares[seed, 0] ** 0.5 / np.sum(squares[seed, :RANK] ** 0.5)
        for name, basis in bases.items():
            rows["scores"].append({"seed": seed, "factors": name, "score": basis.score[seed], "alone": alone})
        draw = stream("nds hidden hessian: bases", seed)
        for name, (left_basis, right_basis) in {
            "joint": (bases["A"].basis[seed], bases["B"].basis[seed]),
            "random": (haar(m, draw), haar(n, draw)),
        }.items():
            found = pair_modes(of.A[seed], of.B[seed], left_basis, right_basis, G[seed])
            columns = {"w": found.w, "energy": found.energy, "mode": 1 + np.arange(found.w.size)}
            rows["modes"].append({"seed": seed, "bases": name} | columns)
    return rows


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "error" (stage, seed, rank), "scores" (stage, seed, factors), "modes" (stage, seed, bases, mode) and
    "random" (factors, draw)."""
    size = SIZES[scale]
    of = problem(size, EXPONENT)
    tables: dict[str, list[Row]] = {"error": [], "scores": [], "modes": []}

    def measure(optimiser: str) -> Any:
        def look(point: Any, held_out: Any) -> list[Row]:
            if point.step > 0 or optimiser == "adam":  # both start at the same point
                stage = optimiser if point.step > 0 else "start"
                found = looked_at(*hessians(of, point, held_out, backend))
                for name, rows in found.items():
                    tables[name] += [{"stage": stage} | row for row in rows]
            return []

        return look

    for optimiser in OPTIMISERS:
        rows_of(of, optimiser, backend, measure(optimiser))
    m, n = of.network.shapes[MATRIX]
    shapes = {"A": (size.seeds, RANK, m, m), "B": (size.seeds, RANK, n, n)}
    random = [
        {"factors": k, "draw": np.arange(size.seeds), "score": random_scores(x)} for k, x in shapes.items()
    ]
    return {name: table(rows) for name, rows in tables.items()} | {"random": table(random)}


def draw(tables: Any) -> Figure:
    """Error by rank; scores; curvatures of the pairs; energy of the pairs."""
    from figures.gallery import style

    figure, panels = style.panels(1, 4, width=18.0, height=3.9)
    draw_error(panels[0], tables["error"], style)
    draw_scores(panels[1], tables, style)
    draw_curvatures(panels[2], where(tables["modes"], bases="joint"), style)
    draw_energy(panels[3], tables["modes"], style)
    style.legend_outside(panels[3])
    looks: dict[str, dict[str, Any]] = {
        "negative": {"linestyle": "", "marker": "x"},
        "first product alone": {"linestyle": "", "marker": "_", "markersize": 10},
        "without structure": COMPUTED | {"color": "0.6", "marker": "D"},
        "reported": {"linestyle": ":"},
    }
    key(panels[3], **looks)
    return figure


def draw_error(axes: Axes, rows: Any, style: Any) -> None:
    """What is left of the Hessian."""
    for number, (stage, label) in enumerate(STAGES.items()):
        mine = where(rows, stage=stage)
        error, rank = by_seed(mine, "error"), by_seed(mine, "rank")[0]
        shown = rank <= 32
        median_and_range(axes, rank[shown], error[:, shown], number, label=label, markersize=2.5)
    reference(axes, [RANK, RANK], [0, 1], linestyle=":")
    axes.set(
        xlabel="Kronecker products",
        ylabel="relative error (Frobenius)",
        title="few products?",
        ylim=(0, 1.03),
    )


def draw_scores(axes: Axes, tables: Any, style: Any) -> None:
    """A mark a seed; the share that diagonalising the first factor alone guarantees; matrices without structure."""
    width = 0.16
    for place, factors in enumerate(SCORES):
        for number, stage in enumerate(STAGES):
            mine = where(tables["scores"], stage=stage, factors=factors)
            x = np.full(mine["score"].size, place + width * (number - 1))
            style.computed(axes, x, mine["score"], number)
            style.computed(axes, x, mine["alone"], number, marker="_", markersize=10)
        random = where(tables["random"], factors=factors)["score"]
        x = np.full(random.size, place + 2 * width)
        style.computed(axes, x, random, 0, marker="D", color="0.6", markersize=4)
        ends = [place - 2 * width, place + 2.5 * width]
        reference(axes, ends, [REPORTED_SCORES[factors]] * 2, linestyle=":")
    axes.set_xticks(range(len(SCORES)), list(SCORES.values()))
    axes.set(xlim=(-0.5, 1.6), ylim=(0, 1.03), title=f"common eigenbases? ({RANK} products)")
    axes.set(xlabel="matrices diagonalised together", ylabel="share on the diagonals")


def draw_curvatures(axes: Axes, modes: Any, style: Any) -> None:
    """Moduli by falling curvature; negative ones crossed."""
    for number, stage in enumerate(STAGES):
        mine = where(modes, stage=stage)
        for seed in np.unique(mine["seed"]):
            run = where(mine, seed=seed)
            w, i = run["w"], run["mode"]
            top, small = np.max(np.abs(w)), {"markersize": 3.5}
            style.predicted(axes, i, np.abs(w) / top, number, linestyle="-", linewidth=0.5)
            style.computed(axes, i[w > 0], w[w > 0] / top, number, **small)
            style.computed(axes, i[w < 0], -w[w < 0] / top, number, marker="x", **small)
    axes.set(yscale="log", xlabel="pair i, by falling curvature", ylabel="$|w_i|$ / largest")
    axes.set_title("curvature of the pairs")


def draw_energy(axes: Axes, modes: Any, style: Any) -> None:
    """The share of the gradient's energy in the first pairs; in grey the same in random bases."""
    for number, (stage, label) in enumerate(STAGES.items()):
        mine = where(modes, stage=stage, bases="joint")
        total = np.cumsum(by_seed(mine, "energy"), axis=-1)
        median_and_range(axes, by_seed(mine, "mode")[0], total, number, label=label)
    mine = where(modes, bases="random", stage="adam")
    total = np.median(np.cumsum(by_seed(mine, "energy"), axis=-1), axis=0)
    axes.plot(by_seed(mine, "mode")[0], total, color="0.6", marker="D", markersize=3, markerfacecolor="none")
    last = np.max(mine["mode"])
    reference(axes, [1, last], [REPORTED_ENERGY] * 2, linestyle=":")
    note(axes, "reported, all pairs", (1, REPORTED_ENERGY), (2, 4))
    axes.set(
        xlabel="pairs 1 ... i", ylabel="share of $|G|^2$", ylim=(0, 1.03), title="energy in the pairs, $ζ(i)$"
    )
