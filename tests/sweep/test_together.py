"""Several runs on one store do no harm: each keeps what another has finished, and nothing is lost between them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from labs.core.sweep import Sweep, Tile, product, results, run, status
from labs.core.sweep.run import Report, folder, store_of
from labs.core.sweep.store import OLD, STEPS, Store, _alive
from tests.sweep.toys import PRODUCTS, SMALL, chunks, contents, undisturbed


@cache
def expected() -> dict[str, bytes]:
    """The bits of SMALL, computed undisturbed."""
    with TemporaryDirectory() as store:
        return undisturbed(SMALL, Path(store))


def test_four_runs_at_once(tmp_path: Path) -> None:
    with TemporaryDirectory() as alone:
        want = undisturbed(PRODUCTS, Path(alone))
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run, PRODUCTS, store=tmp_path, chunk=size) for size in (1, 2, 3, 4)]
        reports = [each.result() for each in runs]
    assert all((report.done, report.torn, report.unfinished) == (66, {}, 0) for report in reports)
    assert contents(PRODUCTS, tmp_path, twice=True) == want
    assert not (folder(PRODUCTS, tmp_path) / "aside").exists()


@pytest.mark.parametrize("step", STEPS)
def test_a_whole_run_within_a_step_of_another(tmp_path: Path, step: str) -> None:
    """At the worst moments, not only at random ones."""
    inner: list[Report] = []

    def trace(reached: str) -> None:
        if reached == step and not inner:
            inner.append(run(SMALL, store=tmp_path, chunk=2))

    outer = run(SMALL, store=tmp_path, chunk=1, trace=trace)
    assert [report.done for report in (outer, *inner)] == [8, 8]
    assert contents(SMALL, tmp_path, twice=True) == expected()
    assert not list(tmp_path.rglob("*.writing"))


def test_what_another_run_takes_away_is_computed_again(tmp_path: Path) -> None:
    """As when it tries failed cells again."""
    taken: list[bool] = []

    def trace(step: str) -> None:
        there = sorted(folder(SMALL, tmp_path).glob("*.npz"))
        if step == "after rename" and len(there) == 3 and not taken:
            taken.append(store_of(SMALL, tmp_path).set_aside(there[0].name, whole=True))

    report = run(SMALL, store=tmp_path, chunk=1, trace=trace)
    assert (report.done, report.chunks) == (8, 5)
    assert contents(SMALL, tmp_path) == expected()


# --- files that are set aside -------------------------------------------------------------------------------


def test_only_torn_files_are_set_aside(tmp_path: Path) -> None:
    run(SMALL, store=tmp_path, chunk=1)
    home = store_of(SMALL, tmp_path)
    first, second, *_ = sorted(home.scan().chunks)
    whole = (home.folder / first).read_bytes()

    assert not home.set_aside(first)  # another run has mended it meanwhile: it is put back
    assert (home.folder / first).read_bytes() == whole
    assert first in home.scan().chunks
    (home.folder / second).write_bytes(whole[:-1])
    assert home.set_aside(second)
    assert not home.set_aside(second)  # another run was quicker
    assert not (home.folder / second).exists()
    assert home.set_aside(first, whole=True)
    assert not (home.folder / first).exists()
    assert sorted(path.name.rsplit(".", 1)[0] for path in (home.folder / "aside").iterdir()) == [
        first,
        second,
    ]


def test_a_chunk_that_goes_while_results_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xarray")
    run(SMALL, store=tmp_path, chunk=1)
    scan = Store.scan

    def then_remove(home: Store) -> Any:
        found = scan(home)
        (home.folder / min(found.chunks)).unlink()
        return found

    monkeypatch.setattr(Store, "scan", then_remove)
    data = results(SMALL, store=tmp_path)
    assert data["state"].values.tolist() == ["missing"] * 2 + ["done"] * 6
    assert np.isnan(data["drawn"].values[:2]).all()


def test_a_chunk_that_goes_while_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SMALL, store=tmp_path, chunk=1)
    names = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*names(path), "gone.npz"])
    assert (status(SMALL, store=tmp_path).done, status(SMALL, store=tmp_path).torn) == (8, {})


ILL = [True]


def fails_at_first(tile: Tile) -> dict[str, Any]:
    """The cell at 1.0 fails as long as something else is wrong."""
    return {"y": tile["x"] * (float("nan") if ILL else 1.0) ** (tile["x"] == 1.0)}


def test_what_one_of_two_runs_has_got_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs have computed the same cells; in one of them a cell failed for a reason of its own."""
    sweep = Sweep("toys/ill", 1, product(x=[0.5, 1.0, 1.5, 2.0]), fails_at_first, tile=1)

    def well(step: str) -> None:
        if step == "before report":
            monkeypatch.setattr(f"{__name__}.ILL", [])
            folder(sweep, tmp_path).rename(tmp_path / "kept")
            run(sweep, store=tmp_path, chunk=2)
            for path in (tmp_path / "kept").glob("*.npz"):
                path.rename(folder(sweep, tmp_path) / path.name)

    assert list(run(sweep, store=tmp_path, chunk=4, trace=well).failed) == [1]
    assert [list(chunk.reasons) for chunk in chunks(sweep, tmp_path)] == [[], [1], []]
    assert status(sweep, store=tmp_path).failed == {}
    pytest.importorskip("xarray")
    data = results(sweep, store=tmp_path)
    assert data["state"].values.tolist() == ["done"] * 4
    assert data["reason"].values.tolist() == [""] * 4
    np.testing.assert_array_equal(data["y"], [0.5, 1.0, 1.5, 2.0])


# --- files that are not finished ----------------------------------------------------------------------------


def test_unfinished_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    """Not those of a run that goes on, here or elsewhere, unless they have been there for a day."""
    run(SMALL, store=tmp_path, shard=(1, 2))
    home = folder(SMALL, tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    here, dead, alive = socket.gethostname(), process.pid, os.getpid()
    files = {
        f".{here}-{dead}-00.writing": False,
        f".{here}-{alive}-00.writing": True,
        f".{here}-{alive}-01.writing": False,  # old
        f".elsewhere-far-{dead}-00.writing": True,
        f".elsewhere-far-{dead}-01.writing": False,  # old
    }
    for name in files:
        (home / name).touch()
        if name.endswith("-01.writing"):
            os.utime(home / name, (path_time := os.stat(home / name).st_mtime - OLD - 60.0, path_time))
        elif "elsewhere" in name:
            os.utime(home / name, (path_time := os.stat(home / name).st_mtime - OLD + 60.0, path_time))
    report = run(SMALL, store=tmp_path)
    assert report.unfinished == 3
    assert "  3 unfinished files of killed runs removed" in str(report)
    assert {name: (home / name).exists() for name in files} == files
    assert contents(SMALL, tmp_path) == expected()
    assert run(SMALL, store=tmp_path).unfinished == 0


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert _alive(1)
