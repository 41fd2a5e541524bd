"""The numbers of figures, kept under build/cache until their sources change.

An entry is two files, `<key>.npz` (the tables) and `<key>.json` (what they are, and the checksum of the other
file).  Each is written whole and then moved into place, the .json last, so a run may be killed at any
moment: what has no valid .json, or does not match its checksum, is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures.gallery.contract import Figure
from labs.core.sources import ROOT, digest, import_closure

if TYPE_CHECKING:
    from figures.gallery.contract import Tables

# Part of every key: raise it when the layout of an entry changes.
FORMAT = 1


def data_key(figure: Figure, scale: str, backend: str, root: Path = ROOT) -> str:
    """SHA-256 of all that the numbers come from: figure, scale, backend, and the sources it imports.

    figures/gallery is left out: it stores and draws, and has no part in the numbers.
    """
    gallery = root / "figures" / "gallery"
    sources = frozenset(p for p in import_closure(figure.path, root) if gallery not in p.parents)
    return _sha(str(FORMAT), figure.name, scale, backend, digest(sources, root))


def picture_key(figure: Figure, data_hash: str, root: Path = ROOT) -> str:
    """SHA-256 of all that a picture comes from: its numbers, its sources, and the gallery's own files."""
    gallery = frozenset(
        p for p in (root / "figures" / "gallery").iterdir() if p.suffix in (".py", ".mplstyle")
    )
    return _sha(data_hash, digest(gallery | import_closure(figure.path, root), root))


def hash_tables(tables: Tables) -> str:
    """SHA-256 over names, types and bits of the tables, in their order."""
    sha = hashlib.sha256()
    for table, columns in tables.items():
        for column, values in columns.items():
            sha.update(f"{table}.{column} {values.dtype.str} {values.size}\0".encode())
            sha.update(values.tobytes())
    return sha.hexdigest()


def lookup(folder: Path, key: str) -> dict[str, Any] | None:
    """The record of the entry `key` (its "data" is the hash of the tables), or None if there is none."""
    try:
        record = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(record, dict) and record.get("key") == key and (folder / f"{key}.npz").is_file()
    return record if known else None


def read(folder: Path, key: str) -> Tables | None:
    """The tables of the entry `key`; None if it is missing, incomplete or damaged."""
    import numpy as np

    record = lookup(folder, key)
    if record is None:
        return None
    path = folder / f"{key}.npz"
    if hashlib.sha256(path.read_bytes()).hexdigest() != record.get("checksum"):
        return None
    tables: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            table, column = name.split(".")
            tables.setdefault(table, {})[column] = archive[name]
    return tables if hash_tables(tables) == record.get("data") else None


def write(folder: Path, key: str, tables: Tables, **about: Any) -> dict[str, Any]:
    """Store `tables` under `key`, with what is said about them; return the record."""
    import numpy as np

    path = folder / f"{key}.npz"
    arrays: dict[str, Any] = {
        f"{table}.{c}": v for table, columns in tables.items() for c, v in columns.items()
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    record = {"key": key, "data": hash_tables(tables), "checksum": checksum, **about}
    write_json(folder / f"{key}.json", record)
    return record


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place at the end, unless an exception came first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(0o644)  # mkstemp makes it private
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sha(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
