"""Draw one figure: its numbers (from the cache or computed), its pictures, and what is said beside them.

For the figure `paper/name` the folder `out` receives

    paper/name.png, paper/name.pdf    the picture, with script, data hash and claim ids in its metadata
    paper/name.<table>.csv            its numbers
    paper/name.json                   the record that tells whether all this is still current

The record is written last.  Nothing in these files depends on the clock or on the machine's paths, so the
same numbers give the same bytes.
"""

from __future__ import annotations

import csv
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures.gallery import cache
from figures.gallery.contract import ContractError, Figure, check_tables, load
from labs.core.sources import ROOT

if TYPE_CHECKING:
    import matplotlib.figure

    from figures.gallery.contract import Tables


@dataclass(frozen=True)
class Drawn:
    """What was done for a figure: `action` is "current", "drawn" (numbers from the cache) or "computed"."""

    name: str
    action: str
    seconds: float


def record_of(figure: Figure, out: Path) -> dict[str, Any] | None:
    """The record of the picture that lies in `out`, or None if there is none that is whole."""
    try:
        record = json.loads((out / f"{figure.name}.json").read_text(encoding="utf-8"))
        whole = all((out / name).is_file() for name in record["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if whole else None


def is_current(figure: Figure, out: Path, scale: str, backend: str, root: Path = ROOT) -> bool:
    """Whether the picture in `out` is of this scale and backend and younger than all its sources."""
    record = record_of(figure, out)
    if record is None or (record["scale"], record["backend"]) != (scale, backend):
        return False
    entry = cache.lookup(cache_folder(root), cache.data_key(figure, scale, backend, root))
    return entry is not None and record["key"] == cache.picture_key(figure, entry["data"], root)


def cache_folder(root: Path = ROOT) -> Path:
    return root / "build" / "cache" / "figures"


def make(
    figure: Figure, out: Path, scale: str, backend: str, *, force: bool = False, root: Path = ROOT
) -> Drawn:
    """Bring the figure's files in `out` up to date; `force` computes and draws whatever the cache holds."""
    start = time.perf_counter()
    if not force and is_current(figure, out, scale, backend, root):
        return Drawn(figure.name, "current", time.perf_counter() - start)

    folder = cache_folder(root)
    key = cache.data_key(figure, scale, backend, root)
    module = load(figure)  # after its key: what is edited in between is out of date, never current
    tables = None if force else cache.read(folder, key)
    action = "computed" if tables is None else "drawn"
    if tables is None:
        tables = compute(module, figure, scale, backend)
        seconds = round(time.perf_counter() - start, 3)
        cache.write(folder, key, tables, figure=figure.name, scale=scale, backend=backend, seconds=seconds)
    entry = cache.lookup(folder, key)
    assert entry is not None
    record = {
        "key": cache.picture_key(figure, entry["data"], root),
        "data": entry["data"],
        "title": module.TITLE,
        "caption": " ".join(module.CAPTION.split()),
        "claims": [claim.id for claim in module.CLAIMS],
        "script": figure.path.relative_to(root).as_posix(),
        "scale": scale,
        "backend": backend,
        "seconds": entry["seconds"],
        "tables": {table: list(columns) for table, columns in tables.items()},
    }
    picture = draw(module, figure.name, tables)
    files = write_tables(tables, out / figure.name) + write_pictures(picture, out / figure.name, record)
    record["files"] = [path.relative_to(out).as_posix() for path in files]
    cache.write_json(out / f"{figure.name}.json", record)
    return Drawn(figure.name, action, time.perf_counter() - start)


def compute(module: Any, figure: Figure, scale: str, backend: str) -> Tables:
    """The figure's tables, checked; one BLAS thread, as everywhere."""
    import labs.core.arrays as arrays

    with arrays.one_blas_thread():
        tables = module.data(scale, arrays.backend(backend))
    return check_tables(figure.name, tables, getattr(module, "GAPS", ()))


def draw(module: Any, name: str, tables: Tables) -> matplotlib.figure.Figure:
    """The figure's picture in the gallery's style."""
    from matplotlib.figure import Figure as Picture

    from figures.gallery import style

    with style.applied():
        picture = module.draw(tables)
    if not isinstance(picture, Picture):
        raise ContractError(f"{name}: draw must return a matplotlib Figure, got {type(picture).__name__}")
    return picture


def write_pictures(picture: matplotlib.figure.Figure, stem: Path, record: dict[str, Any]) -> list[Path]:
    """Write PNG and PDF, with what `record` says of them in their metadata."""
    from figures.gallery import style

    # Its warnings are about the dates of an embedded font.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    claims = ", ".join(record["claims"])
    about = f"scale {record['scale']}, backend {record['backend']}, data {record['data']}"
    title, script = record["title"], record["script"]
    png = {"Title": title, "Source": script, "Claims": claims, "Description": about}
    # The PDF standard knows no other keys; a date would make every run's bytes different.
    pdf = {"Title": title, "Creator": script, "Keywords": claims, "Subject": about, "CreationDate": None}
    written = []
    with style.applied():
        for suffix, info in ((".png", png), (".pdf", pdf)):
            path = stem.parent / (stem.name + suffix)
            with cache.replacing(path) as temporary:
                picture.savefig(temporary, metadata=info)
            written.append(path)
    return written


def write_tables(tables: Tables, stem: Path) -> list[Path]:
    """One CSV per table; floats in the shortest digits that give the same bits back."""
    written = []
    for table, columns in tables.items():
        path = stem.parent / f"{stem.name}.{table}.csv"
        with cache.replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
        written.append(path)
    return written
