"""What goes wrong around a sweep is said clearly, leaves nothing half-written, and keeps what is finished."""

from __future__ import annotations

import builtins
import errno
import os
import re
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from labs.core.sweep import StoreError, SweepError, executors, run, status
from labs.core.sweep import store as store_module
from labs.core.sweep.run import folder
from tests.sweep.test_bits import cluster
from tests.sweep.toys import DEADLY, SMALL, contents, undisturbed


@cache
def expected() -> dict[str, bytes]:
    """The bits of SMALL, computed without a mishap."""
    with TemporaryDirectory() as store:
        return undisturbed(SMALL, Path(store))


def nothing_is_half_written(store: Path) -> bool:
    """Whether every file is whole, and none is unfinished."""
    return not status(SMALL, store=store).torn and not list(store.rglob("*.writing"))


# --- a disk that is full, or refuses ------------------------------------------------------------------------


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may become larger: the kernel refuses to write, in the middle of a file too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 1024, 2048])
def test_a_file_that_the_kernel_cuts_short(tmp_path: Path, size: int) -> None:
    (tmp_path / "bytes").write_bytes(bytes(4096))
    with largest_file(size), pytest.raises(OSError, match="too large"):
        (tmp_path / "control").write_bytes(bytes(4096))
    store = tmp_path / "store"
    with (
        largest_file(size),
        pytest.raises(StoreError, match=r"the file would be larger than allowed.*goes on"),
    ):
        run(SMALL, store=store, chunk=1)
    assert nothing_is_half_written(store)
    run(SMALL, store=store, chunk=1)
    assert contents(SMALL, store) == expected()


Fault = Callable[[pytest.MonkeyPatch, Callable[[], None]], None]


def before(module: Any, name: str) -> Fault:
    """Let something happen before each call of a function."""

    def spoil(patch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
        function = getattr(module, name, None) or getattr(builtins, name)

        def spoilt(*arguments: Any, **options: Any) -> Any:
            happens()
            return function(*arguments, **options)

        patch.setattr(module, name, spoilt, raising=False)

    return spoil


# What can fail; how often it is called; the most chunks that there are when the last call fails.
FAULTS: dict[str, tuple[Fault, int, int]] = {
    "open": (before(store_module, "open"), 3, 1),
    "write": (before(store_module, "_write_all"), 6, 1),
    "sync": (before(os, "fsync"), 6, 2),
    "rename": (before(os, "replace"), 3, 1),
    "list": (before(os, "listdir"), 2, 2),
}
SAID = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
    errno.EIO: os.strerror(errno.EIO),
}


@pytest.mark.parametrize(
    ("call", "number"),
    [(call, errno.ENOSPC) for call in FAULTS]
    + [("write", number) for number in SAID if number != errno.ENOSPC],
)
def test_an_error_at_each_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """The n-th call of the file system fails, for every n that there is; then the run goes on from there."""
    spoil, calls, chunks = FAULTS[call]
    stored = []
    for nth in range(calls + 1):
        store = tmp_path / str(nth)
        counted = count()

        def happens(nth: int = nth, counted: Iterator[int] = counted) -> None:
            if next(counted) == nth:
                raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            spoil(patch, happens)
            if nth == calls:  # no call is left to fail
                assert run(SMALL, store=store, chunk=2).done == 8
                assert next(counted) == calls
                break
            with pytest.raises(StoreError) as raised:
                run(SMALL, store=store, chunk=2)
        assert str(raised.value) == (
            f"{folder(SMALL, store)}: {SAID[number]}.  Finished chunks are whole and are kept; the same command"
            " goes on from there"
        )
        assert nothing_is_half_written(store)
        stored.append(len(list(store.rglob("*.npz"))))
        run(SMALL, store=store, chunk=2)
        assert contents(SMALL, store) == expected()
    assert max(stored) == chunks


def test_a_file_system_that_syncs_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "no folders")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    assert run(SMALL, store=tmp_path).done == 8


def test_a_rename_whose_answer_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS: it is done, and asked for again; then the temporary file is not there."""
    rename = os.replace

    def twice(source: Path, target: Path) -> None:
        rename(source, target)
        rename(source, target)

    monkeypatch.setattr(os, "replace", twice)
    assert run(SMALL, store=tmp_path).done == 8
    assert contents(SMALL, tmp_path) == expected()


def test_a_handle_that_has_gone_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS: another run has put the same chunk in the place of the one that is read."""
    run(SMALL, store=tmp_path, chunk=1)
    read, calls = Path.read_bytes, count()

    def stale(path: Path) -> bytes:
        if path.suffix == ".npz" and next(calls) == 1:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", stale)
    report = run(SMALL, store=tmp_path)
    assert (report.done, report.chunks, report.torn) == (8, 0, {})


def test_a_store_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/below/toys/small/.*: a part of the path is a file"):
        run(SMALL, store=tmp_path / "file" / "below")
    with pytest.raises(StoreError, match="a part of the path is a file"):
        run(SMALL, store=tmp_path / "file")
    assert status(SMALL, store=tmp_path / "file").done == 0


def test_a_finished_store_on_a_read_only_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SMALL, store=tmp_path)

    def refuse() -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    before(Path, "touch")(monkeypatch, refuse)
    with pytest.raises(StoreError, match="the file system is read-only"):
        run(SMALL, store=tmp_path)
    assert status(SMALL, store=tmp_path).done == 8


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    run(SMALL, store=tmp_path)
    home = folder(SMALL, tmp_path)
    home.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="there is no permission"):
            run(SMALL, store=tmp_path)
    finally:
        home.chmod(0o755)


def test_a_folder_that_is_removed_meanwhile(tmp_path: Path) -> None:
    def remove(step: str) -> None:
        if step == "before temporary":
            shutil.rmtree(tmp_path)

    with pytest.raises(StoreError, match="the folder has been removed"):
        run(SMALL, store=tmp_path, trace=remove)
    assert run(SMALL, store=tmp_path).done == 8


# --- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be an integer, at least 1, got 0"),
        ({"workers": 1.5}, "workers must be an integer, at least 1, got 1.5"),
        ({"workers": "2"}, "workers must be an integer, at least 1, got '2'"),
        ({"workers": 2, "dask": "tcp://x"}, "workers must be left out where dask is given"),
        ({"shard": (0, 2)}, "shard must be (i, N) with 1 <= i <= N, got (0, 2)"),
        ({"shard": (3, 2)}, "shard must be (i, N) with 1 <= i <= N, got (3, 2)"),
        ({"shard": (1,)}, "shard must be (i, N) with 1 <= i <= N, got (1,)"),
        ({"shard": "1/2"}, "shard must be (i, N) with 1 <= i <= N, got '1/2'"),
        ({"shard": (0.5, 2)}, "shard must be (i, N) with 1 <= i <= N, got (0.5, 2)"),
        ({"chunk": 0}, "chunk must be a number of tiles, at least one, got 0"),
        ({"chunk": 2.0}, "chunk must be a number of tiles, at least one, got 2.0"),
        ({"backend": "torch"}, "backend must be one of ('numpy', 'cupy', 'strict'), got 'torch'"),
    ],
)
def test_bad_arguments_touch_nothing(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        run(SMALL, store=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_more_shards_than_tiles(tmp_path: Path) -> None:
    report = run(SMALL, store=tmp_path, shard=(7, 9))
    assert (report.done, report.cells, report.chunks) == (0, 0, 0)


# --- who computes -------------------------------------------------------------------------------------------


def test_a_worker_that_dies(tmp_path: Path) -> None:
    pytest.importorskip("loky")
    with pytest.raises(
        SweepError, match=r"a worker died: killed, or out of memory .*the same command goes on"
    ):
        run(DEADLY, store=tmp_path, workers=2, chunk=1)
    assert not list(tmp_path.rglob("*.writing"))
    assert not status(DEADLY, store=tmp_path).torn


def test_an_error_in_a_worker_is_the_error_here(tmp_path: Path) -> None:
    pytest.importorskip("loky")
    sweep = replace(SMALL, function=asks_for_more)
    with pytest.raises(SweepError, match="sweep 'toys/small' has no axis 'y'; its axes are x"):
        run(sweep, store=tmp_path, workers=2, chunk=1)
    assert status(sweep, store=tmp_path).done in (2, 4, 6)


def asks_for_more(tile: Any) -> dict[str, Any]:
    """From the fourth tile on, for an axis that is not there."""
    return {"y": tile["y"] if float(tile["x"][0]) == 6.0 else tile["x"]}


def test_no_dask_scheduler_there(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(SweepError, match="no Dask scheduler answers at 'nonsense'"):
        run(SMALL, store=tmp_path, dask="nonsense")
    assert not list(tmp_path.rglob("*.npz"))


def test_no_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        SweepError, match=r"needs the package distributed: pip install 'muon-laboratory\[cluster\]'"
    ):
        run(SMALL, store=tmp_path, dask="tcp://127.0.0.1:1")


def test_no_worker_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")

    class Client(AbstractContextManager["Client"]):
        """A scheduler answered, and no worker ever will."""

        def __init__(self, address: str, **_: object) -> None:
            assert address == "tcp://127.0.0.1:8786"

        def __exit__(self, *_: object) -> None:
            pass

        def wait_for_workers(self, n_workers: int, timeout: float) -> None:
            raise TimeoutError(f"Only 0/{n_workers} workers arrived after {timeout}")

    monkeypatch.setattr(distributed, "Client", Client)
    with pytest.raises(
        SweepError, match=r"at 'tcp://127\.0\.0\.1:8786' has no workers, and none came within"
    ):
        run(SMALL, store=tmp_path, dask="tcp://127.0.0.1:8786")


@pytest.mark.long
def test_a_dask_cluster_without_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "PATIENCE", 0.1)
    with (
        cluster(processes=False, n_workers=0, protocol="tcp://") as address,
        pytest.raises(SweepError, match="has no workers, and none came within"),
    ):
        run(SMALL, store=tmp_path, dask=address)


@pytest.mark.long
def test_no_dask_scheduler_at_an_address(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(SweepError, match="no Dask scheduler answers at 'tcp://"):
        run(SMALL, store=tmp_path, dask="tcp://127.0.0.1:1")


@pytest.mark.long
def test_workers_of_a_dask_cluster_that_die(tmp_path: Path) -> None:
    with (
        cluster(processes=True, n_workers=1, threads_per_worker=1) as address,
        pytest.raises(SweepError, match=r"the Dask cluster at .* broke: .*Finished chunks are kept"),
    ):
        run(DEADLY, store=tmp_path, dask=address, chunk=1)
    assert not status(DEADLY, store=tmp_path).torn
