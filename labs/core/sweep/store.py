"""The store: a folder of finished chunks.  The file system is the ledger; there is no other.

A chunk is written under a temporary name, flushed, synced, and renamed: it is there whole or not at all, and
is never changed.  So a run may be killed at any moment, and any number of runs may share a folder: the worst
that two of them do is to compute the same numbers twice.  Every byte is checked when it is read; a file that is
not as it was written is set aside (into the folder `aside`) and its tiles are computed again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labs.core.sweep.chunk import Chunk, decode
from labs.core.sweep.errors import StoreError

# The steps of a run that has a chunk to store, in order: `trace` is told each as it is reached.
STEPS = (
    "before temporary",
    "mid write",
    "before sync",
    "before rename",
    "after rename",
    "before report",
)
Trace = Callable[[str], None]

_SUFFIX = ".npz"
_TEMPORARY = ".writing"
OLD = 86400.0  # seconds after which a file that is still being written is not


def untraced(step: str) -> None:
    """What a run that nobody watches tells its steps to."""


@dataclass
class Scan:
    """What a look at the folder found.

    chunks     the whole files by name: which tiles they hold, what failed, what produced them (no arrays).
    torn       why a file is not as it was written, by name.
    """

    chunks: dict[str, Chunk] = field(default_factory=dict)
    torn: dict[str, str] = field(default_factory=dict)

    @property
    def tiles(self) -> set[int]:
        """The tiles that are there."""
        return {tile for chunk in self.chunks.values() for tile in chunk.tiles}

    @property
    def failed(self) -> dict[int, str]:
        """Host routine: why cells failed, by cell; not those that another chunk has without failure."""
        failed = {cell: why for chunk in self.chunks.values() for cell, why in chunk.reasons.items()}
        if failed:
            for chunk in self.chunks.values():
                for cell in failed.keys() & set(chunk.cells[~chunk.failed].tolist()):
                    del failed[cell]
        return failed

    @property
    def form(self) -> dict[str, str]:
        """The shape and dtype of each output, as far as they are known."""
        return next((chunk.form for chunk in self.chunks.values() if chunk.form), {})


class Store:
    """The folder that holds the chunks of one sweep on one backend, all of them of this key."""

    def __init__(self, folder: Path, key: str, trace: Trace = untraced) -> None:
        self.folder = folder
        self.key = key
        self.trace = trace
        self._checked: dict[str, tuple[tuple[int, int, int], Chunk]] = {}

    def prepare(self, declared: dict[str, Any]) -> int:
        """Make the folder, write what the sweep is into it, remove what a killed run left unfinished.

        Returns how many unfinished files were removed.  Raises StoreError where nothing can be written there.
        """
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            removed = self._remove_unfinished()  # first: it may be what fills the disk
        text = (json.dumps(declared, indent=1, sort_keys=True) + "\n").encode()
        target = self.folder / "sweep.json"
        with _explained(self.folder):
            written = target.is_file() and target.read_bytes() == text
        if not written:
            self._replace(target, text, untraced)
        else:
            self._probe()
        return removed

    def write(self, data: bytes, tiles: list[int]) -> str:
        """Store the chunk of these tiles and return its name.  Raises StoreError where it cannot be written."""
        mark = hashlib.sha256(",".join(map(str, tiles)).encode()).hexdigest()[:8]
        name = f"tiles-{tiles[0]:07d}-{tiles[-1]:07d}-{mark}{_SUFFIX}"
        self.trace("before temporary")
        self._replace(self.folder / name, data, self.trace)
        return name

    def scan(self) -> Scan:
        """Read every chunk that is there, and check every byte of those not yet seen by this object."""
        found = Scan()
        with _explained(self.folder):
            names = sorted(os.listdir(self.folder)) if self.folder.is_dir() else []
            for name in names:
                if not name.endswith(_SUFFIX) or name.startswith("."):
                    continue
                try:
                    found.chunks[name] = self._read(name)
                except FileNotFoundError:  # another run has set it aside meanwhile
                    continue
                except StoreError as error:
                    found.torn[name] = str(error)
        return found

    def _read(self, name: str) -> Chunk:
        path = self.folder / name
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_ino, state.st_size)
        if name not in self._checked or self._checked[name][0] != stamp:
            chunk = self.read(name)
            outputs = {output: array[:0].copy() for output, array in chunk.outputs.items()}
            self._checked[name] = (stamp, replace(chunk, axes={}, outputs=outputs))
        return self._checked[name][1]

    def read(self, name: str) -> Chunk:
        """A chunk with its arrays.

        Raises StoreError unless every byte is as written, by this sweep; FileNotFoundError where another run has
        set it aside meanwhile.
        """
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
            data = path.read_bytes()  # on NFS: another run has just put the same chunk in its place
        chunk = decode(data)
        key = chunk.produced.get("key")
        if key != self.key:
            raise StoreError(f"it holds results of the sweep with the key {key}")
        return chunk

    def set_aside(self, name: str, *, whole: bool = False) -> bool:
        """Move a file into the folder `aside`; whether it was moved.

        Meanwhile another run may have replaced a torn file by a whole one: unless `whole` files are meant, that
        one is put back.
        """
        aside = self.folder / "aside"
        target = aside / f"{name}.{secrets.token_hex(4)}"
        with _explained(self.folder):
            aside.mkdir(exist_ok=True)
            try:
                os.replace(self.folder / name, target)
            except FileNotFoundError:
                return False
            if not whole:
                with suppress(StoreError):
                    self.read(target.relative_to(self.folder).as_posix())
                    os.replace(target, self.folder / name)
                    return False
        self._checked.pop(name, None)
        return True

    def _replace(self, target: Path, data: bytes, trace: Trace) -> None:
        """Write `data` under a temporary name, sync it, and rename it to `target`."""
        temporary = self.folder / f".{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY}"
        with _explained(self.folder):
            try:
                with open(temporary, "xb", buffering=0) as file:
                    _write_all(file, data[: len(data) // 2])
                    trace("mid write")
                    _write_all(file, data[len(data) // 2 :])
                    trace("before sync")
                    os.fsync(file.fileno())
                trace("before rename")
                try:
                    os.replace(temporary, target)
                except FileNotFoundError:
                    # NFS may lose the answer, ask again, and not find what it has renamed.
                    if not target.is_file():
                        raise
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
            trace("after rename")
            _sync_folder(self.folder)

    def _probe(self) -> None:
        """Raise StoreError unless a file can be made in the folder."""
        probe = self.folder / f".{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}{_TEMPORARY}"
        with _explained(self.folder):
            probe.touch(exist_ok=False)
            probe.unlink()

    def _remove_unfinished(self) -> int:
        """Remove the temporary files of processes of this machine that are no more, and of any that are old."""
        removed = 0
        for path in self.folder.glob(f".*-*-*{_TEMPORARY}"):
            host, pid, _ = path.name.removeprefix(".").rsplit("-", 2)
            with suppress(FileNotFoundError):  # another run has been quicker
                dead = host == socket.gethostname() and not _alive(int(pid))
                if dead or time.time() - path.stat().st_mtime > OLD:
                    path.unlink()
                    removed += 1
        return removed


def _write_all(file: Any, data: bytes) -> None:
    """Write all of `data`: an unbuffered file may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems sync no folders
            raise
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    if os.name != "posix":  # there the next line would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


_WHY = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
    errno.ENOENT: "the folder has been removed",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EEXIST: "a part of the path is a file",
}


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into one that says what it means for the sweep."""
    try:
        yield
    except OSError as error:
        why = _WHY.get(error.errno or 0, error.strerror or str(error))
        raise StoreError(
            f"{folder}: {why}.  Finished chunks are whole and are kept; the same command goes on from there"
        ) from error
