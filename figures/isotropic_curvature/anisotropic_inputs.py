"""Inputs whose covariance decays: what each update achieves, and whether low effective rank homogenises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.gallery.marks import COMPUTED, THIN, key, plain_ticks
from figures.gallery.tables import table, where
from labs.core.arrays import Backend
from labs.core.spectrum import effective_rank, haar, power_law
from labs.core.streams import stream
from labs.isotropic_curvature import PiecewiseWeight, Power, minimal_kink
from labs.isotropic_curvature.anisotropic import solve_anisotropic
from labs.isotropic_curvature.efficiency import best_step, efficiency
from theory.isotropic_curvature import ICM_X1d, ICM_X16a, ICM_X16b, ICM_X16c

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "With anisotropic inputs the updates to compare are the whitened ones"
CAPTION = """
Inputs with covariance eigenvalues i^-s in a random basis, and gradients G = Z C^(1/2), Z Gaussian with twice as
many rows as columns, as such inputs make them: a gradient is a sum of output errors times inputs.  Each draw is
a point.  First four panels: the decrease of F with a tuned step, as a share of the best one, against the decay
s, for H = x^p and for a curvature that is flat up to 1 and rises there 1.2 times as steeply as the whitened
gradient needs to be orthogonalised.  Gradient descent and Muon lose more and more; gradient descent loses
faster, so that from s = 1 on Muon wins even for the quadratic, for which gradient descent is the optimum of the
isotropic model.  Whitened, G C^-1 and polar(G C^-1/2) C^-1/2, both keep the share that the isotropic model
gives them for the spectrum of Z (lines), at every s.  Last two panels: do inputs of low effective rank bring
back homogenisation, cond(G C^-1/2)/cond(Q C^1/2)?  Not for a gradient that these inputs made: whitened it is Z
whatever C is (lines).  For a gradient that has nothing to do with them it rises, because the weak input
directions dominate what is whitened, but stays far below the limit p - 1 (thick).
"""
CLAIMS = (ICM_X16a, ICM_X16b, ICM_X16c, ICM_X1d)
GAPS = ("share.isotropic", "factor.isotropic")

SHAPES = {"smoke": (10, 5), "quick": (16, 8), "full": (64, 32)}
DECAYS = {
    "smoke": (0.0, 3.0),
    "quick": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0),
    "full": tuple(np.linspace(0, 4, 17)),
}
SEEDS = {"smoke": 1, "quick": 3, "full": 5}
EXPONENTS = (2.0, 4.0, 8.0)
STEEP = (4.0, 8.0)
SHARPER = 1.2
KINK = "kink"
DIRECTIONS = ("gradient", "muon", "whitened gradient", "whitened muon")
MADE, UNRELATED = "made by the inputs", "unrelated to the inputs"


def inputs(n: int, decay: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """C and its eigenvalues: n i^-s / sum i^-s, so that inputs keep their mean square, in a random basis."""
    values = power_law(n, decay)
    values = n * values / np.sum(values)
    frame = haar(n, stream("anisotropic inputs, basis", n, seed=seed))
    return (frame * values) @ frame.T, values


def root(C: np.ndarray) -> np.ndarray:
    """C^(1/2)."""
    values, vectors = np.linalg.eigh(C)
    return (vectors * np.sqrt(values)) @ vectors.T


def polar(X: np.ndarray) -> np.ndarray:
    """U V^T."""
    u, _, vt = np.linalg.svd(X, full_matrices=False)
    return u @ vt


def decrease(D: np.ndarray, G: np.ndarray, R: np.ndarray, H: Any) -> float:
    """max_t (-F(t D)) with inputs R zeta: the isotropic model for the spectrum of D R, and the gain <D, G>.

    `best_step` asks for a gradient with that gain along the spectrum; any will do.
    """
    spectrum = np.linalg.svd(D @ R, compute_uv=False)
    gain = float(np.sum(D * G))
    return best_step(gain * spectrum / float(spectrum @ spectrum), H, spectrum)[1]


def data(scale: str, backend: Backend) -> dict[str, dict[str, np.ndarray]]:
    """Tables "share" (a row per H, decay, seed, direction) and "factor" (per p, decay, seed, kind of gradient)."""
    return {
        "share": table(_shares(scale, backend)),
        "factor": table(_factors(scale, backend)),
    }


def _updated(G: np.ndarray, H: Any, C: np.ndarray, backend: Backend) -> np.ndarray:
    """The optimal update; on NumPy where H is no sum of powers."""
    if H.terms is None:
        return solve_anisotropic(G, H, C)
    return backend.to_numpy(solve_anisotropic(backend.asarray(G), H, backend.asarray(C)))


def _shares(scale: str, backend: Backend) -> Iterator[dict[str, Any]]:
    m, n = SHAPES[scale]
    for seed in range(SEEDS[scale]):
        Z = stream("anisotropic inputs, gradient", m, n, seed=seed).standard_normal((m, n))
        z = np.linalg.svd(Z, compute_uv=False)
        curvatures: dict[str, Any] = {f"{p:g}": Power(p) for p in EXPONENTS}
        curvatures[KINK] = PiecewiseWeight((1.0,), (0.0, SHARPER * minimal_kink(z)[0]))
        isotropic = {
            name: (np.nan, np.nan, efficiency(z, H, "gd"), efficiency(z, H, "muon"))
            for name, H in curvatures.items()
        }
        for decay in DECAYS[scale]:
            C, _ = inputs(n, decay, seed)
            R = root(C)
            G, inverse = Z @ R, np.linalg.inv(R)
            directions = (G, polar(G), G @ inverse @ inverse, polar(G @ inverse) @ inverse)
            for name, H in curvatures.items():
                best = decrease(_updated(G, H, C, backend), G, R, H)
                yield {
                    "curvature": name,
                    "decay": decay,
                    "seed": seed,
                    "direction": np.array(DIRECTIONS),
                    "share": np.array([decrease(D, G, R, H) / best for D in directions]),
                    "isotropic": np.array(isotropic[name]),
                }


def _factors(scale: str, backend: Backend) -> Iterator[dict[str, Any]]:
    m, n = SHAPES[scale]
    for seed in range(SEEDS[scale]):
        Z = stream("anisotropic inputs, gradient", m, n, seed=seed).standard_normal((m, n))
        isotropic = {p: _factor(Z, np.eye(n), Power(p), backend) for p in STEEP}
        for decay in DECAYS[scale]:
            C, values = inputs(n, decay, seed)
            for kind, G in ((MADE, Z @ root(C)), (UNRELATED, Z)):
                for p in STEEP:
                    yield {
                        "p": p,
                        "decay": decay,
                        "seed": seed,
                        "kind": kind,
                        "rank": float(effective_rank(values)),
                        "factor": _factor(G, C, Power(p), backend),
                        "isotropic": isotropic[p] if kind == MADE else np.nan,
                    }


def _factor(G: np.ndarray, C: np.ndarray, H: Any, backend: Backend) -> float:
    """cond(G C^-1/2) / cond(Q C^1/2), for G of full rank."""
    R = root(C)
    spectra = (
        np.linalg.svd(X, compute_uv=False) for X in (G @ np.linalg.inv(R), _updated(G, H, C, backend) @ R)
    )
    gradient, update = (s[0] / s[-1] for s in spectra)
    return float(gradient / update)


def draw(tables: Any) -> Figure:
    """Four panels of shares, colours are directions; two of homogenisation factors, colours are exponents."""
    from figures.gallery import style

    share, factor = tables["share"], tables["factor"]
    figure, axes = style.panels(2, 3, width=13.6, height=8.2)
    titles = {f"{p:g}": f"$H = x^{p:g}$" for p in EXPONENTS} | {KINK: "a sharp kink"}
    for panel, (name, title) in zip(axes[: len(titles)], titles.items(), strict=True):
        for number, direction in enumerate(DIRECTIONS):
            rows = where(share, curvature=name, direction=direction)
            style.computed(panel, rows["decay"], rows["share"], number, label=direction.replace(" ", "\n"))
            for value in np.unique(rows["isotropic"][np.isfinite(rows["isotropic"])]):
                reach = np.array([np.min(rows["decay"]), np.max(rows["decay"])])
                style.predicted(panel, reach, np.full(2, value), number, linewidth=0.8)
        panel.set(title=title, xlabel="decay s of the input covariance", ylim=(-0.03, 1.05))
    for panel in (axes[0], axes[3]):
        panel.set_ylabel("share of the best decrease")
    for panel, kind in zip(axes[4:], (MADE, UNRELATED), strict=True):
        for number, p in enumerate(STEEP, start=len(DIRECTIONS)):
            rows = where(factor, kind=kind, p=p)
            style.computed(panel, rows["rank"], rows["factor"], number, label=f"{p:g}")
            reach = np.array([np.min(rows["rank"]), np.max(rows["rank"])])
            for value in np.unique(rows["isotropic"][np.isfinite(rows["isotropic"])]):
                style.predicted(panel, reach, np.full(2, value), number, linewidth=0.8)
            style.predicted(panel, reach, np.full(2, p - 1), number, linewidth=2.2, linestyle="-")
        panel.set(xscale="log", yscale="log", xlabel="effective rank of the inputs", ylim=(0.93, 9))
        panel.set_title(f"gradient {kind}")
        plain_ticks(panel.xaxis, [c for c in (1, 2, 4, 8, 16, 32) if reach[0] / 1.1 <= c <= reach[1] * 1.1])
        plain_ticks(panel.yaxis, (1, 2, 3, 5, 7))
    axes[4].set_ylabel("homogenisation factor, whitened")
    style.legend_outside(axes[2], "tuned step along")
    key(axes[2], **{"computed": COMPUTED, "isotropic model": THIN})
    style.legend_outside(axes[5], "exponent p")
    key(axes[5], **{"optimum": COMPUTED, "isotropic model": THIN, "limit p - 1": {"linewidth": 2.2}})
    return figure
