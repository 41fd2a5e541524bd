"""The sweep over optimisers: every cell against a run of its own, on every backend; its memory; what fails."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labs.associative_memory.dense import simulate
from labs.associative_memory.embeddings import embeddings
from labs.associative_memory.sweeps import OPTIMISER_GRID, OPTIMISERS, POLAR
from labs.core.polar import POLAR_EXPRESS, TUNED, iterate
from labs.core.streams import stream
from labs.core.sweep import Sweep, listed, product, results, run

QUICK = OPTIMISER_GRID.at("quick")
PURPOSE = "sweep associative_memory/optimisers"


def ran(sweep: Sweep, store: Path, backend: str = "numpy") -> Any:
    report = run(sweep, store=store, backend=backend)
    assert not report.failed, report
    return results(sweep, store=store, backend=backend)


def alone(axes: dict[str, Any]) -> Any:
    """The run of one cell, its step size and embeddings made here."""
    K, steps, momentum = axes["facts"], axes["steps"], axes["momentum"]
    masses = np.arange(1.0, K // axes["each"] + 1) ** -axes["beta"]
    p = np.repeat(masses / np.sum(masses) / axes["each"], axes["each"])
    p /= np.sum(p)
    rule = {"muon-ns10": "muon-ns5"}.get(axes["optimiser"], axes["optimiser"])
    unit = math.log(K) / steps
    unit = {"gd": (1 - momentum) / p[0], "ngd": (K - 1) ** 0.5 * unit, "signgd": unit / 2}.get(rule, unit)
    options: dict[str, Any] = {"momentum": momentum, "depth": 10 if axes["optimiser"] == "muon-ns10" else 5}
    if axes["kind"] != "identity":
        draw = keyed(axes, "facts", "kind", "replicate", "share")
        d = round(axes["share"] * K)
        options["queries"], options["answers"] = (embeddings(axes["kind"], d, K, draw) for _ in range(2))
    if axes["batch"]:
        options |= {"batch": axes["batch"], "stream": keyed(axes, "batch", "facts", "replicate")}
    return simulate(p, axes["alpha"], unit * axes["size"], steps, rule, **options)


def keyed(axes: dict[str, Any], *names: str) -> np.random.Generator:
    """The stream of a cell by these axes; a float that is an integer counts as that integer."""
    values = {n: int(v) if isinstance(v := axes[n], float) and v.is_integer() else v for n in names}
    return stream(PURPOSE, *(part for name in names for part in (name, values[name])))


def cells(found: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(axes, outputs) of each cell."""
    flat = found.stack(cell=[d for d in found.dims if d != "place"])
    names = [*QUICK.grid.names]
    return [
        (
            {name: one[name].item() for name in names},
            {name: one[name].to_numpy() for name in ("excess", "least", "margins", "polar_error")},
        )
        for _, one in flat.groupby("cell", squeeze=False)
        for one in [one.isel(cell=0)]
    ]


def test_every_cell_is_a_run_of_its_own(tmp_path: Path) -> None:
    part = QUICK.with_axes(steps=[9], momentum=[0.9], batch=[0, 64], alpha=[0.2], size=[1.0])
    part = part.with_axes(optimiser=["gd", "ngd", "signgd", "muon", "muon-ns10", "polar-express"])
    checked = cells(ran(part, tmp_path))
    assert len(checked) == part.grid.size == 36
    for axes, got in checked:
        run_alone = alone(axes)
        # A batch adds up in another order; ten quintics amplify that a thousandfold a step where it is new.
        excess = run_alone.excess
        np.testing.assert_allclose(got["excess"], np.mean(excess[-2:]), rtol=1e-6, err_msg=str(axes))
        np.testing.assert_allclose(got["least"], np.min(excess), rtol=1e-6, err_msg=str(axes))
        groups = np.mean(run_alone.margins[-1].reshape(8, 2), axis=-1)
        kept = [0, 0, 1, 1, 2, 3, 5, 7]  # 8^(i/7), rounded, less one
        np.testing.assert_allclose(got["margins"], groups[kept], rtol=1e-6, atol=1e-9, err_msg=str(axes))


def test_the_polar_error_is_what_the_polynomials_make(tmp_path: Path) -> None:
    part = QUICK.with_axes(
        steps=[20], optimiser=OPTIMISERS, momentum=[0.0], batch=[0], alpha=[0.2], size=[1.0]
    )
    for axes, got in cells(ran(part, tmp_path)):
        error, name = got["polar_error"], axes["optimiser"]
        assert np.isnan(error) == (name not in POLAR)
        if name == "muon":
            assert error < 1e-13  # 15 orthogonal directions of 16, of a matrix of order ten, by differences
        elif name in POLAR:
            rule, depth = OPTIMISERS[name]
            schedule = [TUNED] * depth if rule == "muon-ns5" else POLAR_EXPRESS[:depth]
            values = np.array([float(iterate(schedule, s)) for s in np.geomspace(1e-12, 1.0, 4000)])
            assert error <= max(np.max(values) - 1, 1) + 1e-6
            assert error > 0.01


@pytest.mark.parametrize("backend", ["strict"])
def test_the_sweep_runs_in_any_library(backend: str, tmp_path: Path) -> None:
    part = QUICK.with_axes(facts=[8], steps=[4], optimiser=["gd", "muon", "muon-ns5"], momentum=[0.9])
    part = part.with_axes(batch=[0, 64], alpha=[0.0, 0.2], size=[1.0])
    first, second = (ran(part, tmp_path / name, name) for name in ("numpy", backend))
    for name in ("excess", "least", "margins"):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-6, err_msg=name)


def test_bad_cells_are_named_and_stop_no_other(tmp_path: Path) -> None:
    good: dict[str, Any] = {"facts": 4, "steps": 2, "kind": "identity", "share": 1.0, "each": 2}
    good |= {"optimiser": "gd"}
    grid = listed([good, good | {"each": 3}, good | {"optimiser": "lion"}, good | {"kind": "round"}])
    grid = grid * product(momentum=[0.0], batch=[0], replicate=[0], beta=[1.5], alpha=[0.2], size=[1.0])
    sweep = Sweep(
        name="associative_memory/optimisers",
        version=1,
        grid=grid,
        function=OPTIMISER_GRID.function,
        static=OPTIMISER_GRID.static,
        infinite=OPTIMISER_GRID.infinite,
        dims=OPTIMISER_GRID.dims,
    )
    report = run(sweep, store=tmp_path)
    assert len(report.failed) == 3
    assert report.done == 4


def test_the_full_grid_fits_its_memory() -> None:
    full = OPTIMISER_GRID.at("full")
    assert full.grid.size == 4 * 5 * 4 * 4 * 3 * 12 * 7 * 2 * 2
    part = full.with_axes(each=[1], optimiser=["muon"], momentum=[0.0], batch=[0])
    need = full.cell_bytes
    assert callable(need)
    tiles = {}
    for tile in range(part.tiles):
        plan = part.plan(tile)
        facts = plan.static["facts"]
        assert plan.size * need(plan.static) <= part.memory == 2**33
        tiles[facts] = plan.size
    assert tiles == {256: 48, 512: 48, 1024: 46, 2048: 12}
    sizes = np.array(full.grid.axis("size"), dtype=float)
    np.testing.assert_allclose(np.diff(np.log10(sizes)), 2 / 11, atol=2e-3)  # written with three digits


def test_a_cell_needs_no_more_than_it_says() -> None:
    """The largest allocation of a run, by Python's own count of NumPy's memory."""
    import tracemalloc

    K, steps = 64, 20
    p = np.full(K, 1 / K)
    for rule in ("muon", "muon-ns5", "signgd"):
        tracemalloc.start()
        simulate(p, 0.2, np.full(4, 0.1), steps, rule, momentum=0.9)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        need = OPTIMISER_GRID.cell_bytes
        assert callable(need)
        assert peak <= 4 * need({"facts": K, "steps": steps}), rule
