"""What a sweep would cost: seconds, bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labs.core.sweep import executors
from labs.core.sweep.declaration import Sweep
from labs.core.sweep.run import STORE, cells_in, store_of


@dataclass(frozen=True)
class Estimate:
    """What running a sweep would cost: seconds of one worker, bytes of the store."""

    sweep: Sweep
    cells: int
    tiles: int
    missing: int
    bytes: int
    seconds: float
    timed: int
    kinds: int

    def __str__(self) -> str:
        return (
            f"{self.sweep.name}: {self.cells} cells in {self.tiles} tiles; {self.missing} cells are missing\n"
            f"  about {self.bytes / 2**20:.3g} MiB of results; about {self.seconds:.3g} s on one worker"
            f" (timed: a tile of {self.timed} of {self.kinds} kinds)"
        )


def estimate(sweep: Sweep, *, store: Path | str = STORE, backend: str = "numpy") -> Estimate:
    """What running the sweep would cost, from one timed tile of each kind (until ten seconds are spent).

    Nothing is stored.  Raises as `run`.
    """
    found = store_of(sweep, store, backend).scan()
    missing = sorted(set(range(sweep.tiles)) - found.tiles)
    work = executors.work_of(sweep, backend)
    kinds: dict[int, list[int]] = {}
    for tile in missing:
        kinds.setdefault(sweep.kind(tile), []).append(tile)
    seconds = last = spent = 0.0
    size = timed = 0
    for tiles in kinds.values():
        if spent < 10.0:
            plans = [sweep.plan(tiles[len(tiles) // 2])]
            done = executors.compute_chunk(plans, work, backend)
            if not timed and sum(done.seconds) < 1.0:  # the first call loads things
                done = executors.compute_chunk(plans, work, backend)
            last, size = sum(done.seconds), max(size, len(done.data) // done.cells)
            spent += last
            timed += 1
        seconds += last * len(tiles)
    return Estimate(
        sweep,
        sweep.grid.size,
        sweep.tiles,
        cells_in(sweep, missing),
        size * sweep.grid.size,
        seconds,
        timed,
        len(kinds),
    )
