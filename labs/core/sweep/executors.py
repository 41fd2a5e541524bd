"""Who computes: this process, this machine's cores, a Dask cluster.  All by one loop over futures.

Any `concurrent.futures.Executor` will do: tiles go out in groups, their chunks come back as bytes in whatever
order, and only the process that asked writes them.
"""

from __future__ import annotations

import pickle
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from labs.core.arrays import backend as find_backend
from labs.core.arrays import one_blas_thread
from labs.core.sweep.chunk import agreed, encode
from labs.core.sweep.declaration import Plan, Sweep
from labs.core.sweep.errors import SweepError
from labs.core.sweep.provenance import code, produced
from labs.core.sweep.tile import Work, compute, forms

# Read by the BLAS libraries when they are loaded, so set before a worker imports NumPy.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


PATIENCE = 60.0  # seconds until a Dask cluster must have a worker


@dataclass(frozen=True)
class Done:
    """A chunk as it comes from whoever computed it: the bytes of its file, and what the report needs.

    seconds    of each tile.
    """

    data: bytes
    tiles: list[int]
    form: dict[str, str]
    cells: int
    failed: int
    seconds: list[float]


def compute_chunk(plans: list[Plan], work: Work, backend: str) -> Done:
    """Host routine: compute some tiles on the backend of this name, with one BLAS thread."""
    import scipy.linalg  # noqa: F401  (SciPy's own BLAS must be there when the threads are limited)

    on = find_backend(backend)
    computed, clock = [], [time.perf_counter()]
    with one_blas_thread(), np.errstate(all="ignore"):  # what is not finite is found and named afterwards
        for plan in plans:
            computed.append(compute(plan, work, on))
            clock.append(time.perf_counter())
    about = produced(work, on) | {"seconds": clock[-1] - clock[0]}
    form: dict[str, str] = {}
    for one in computed:
        form = agreed(form, forms(one.outputs, 1))
    return Done(
        encode(computed, about),
        [plan.index for plan in plans],
        form,
        sum(len(plan.cells) for plan in plans),
        sum(len(one.reasons) for one in computed),
        [after - before for before, after in pairwise(clock)],
    )


def in_process(groups: Iterator[list[Plan]], task: Callable[[list[Plan]], Done]) -> Iterator[Done]:
    """The chunks of `groups`, one after another, computed here."""
    for group in groups:
        yield task(group)


def by_executor(
    groups: Iterator[list[Plan]],
    task: Callable[[list[Plan]], Done],
    executor: Executor,
    ahead: Callable[[], int],
) -> Iterator[Done]:
    """The chunks of `groups` as they are finished, at most `ahead()` groups under way at once.

    Groups are asked for as late as possible: how large they should be is learnt meanwhile.
    """
    import cloudpickle

    packed = cloudpickle.dumps(task)  # once; and the function itself travels where its module is a loose file
    under_way: set[Future[Done]] = set()
    try:
        while True:
            room = ahead()
            while len(under_way) < room and (group := next(groups, None)) is not None:
                under_way.add(executor.submit(_unpacked, packed, group))
            if not under_way:
                return
            finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in sorted(
                finished, key=lambda future: future.exception() is not None
            ):  # failures last
                yield future.result()
    finally:
        for future in under_way:
            future.cancel()


def _unpacked(packed: bytes, group: list[Plan]) -> Done:
    """What a worker does: one BLAS thread for good, as another thread of it may compute when this one ends."""
    import scipy.linalg  # noqa: F401  (loads SciPy's BLAS)

    threadpool_limits(1, "blas")
    return pickle.loads(packed)(group)


@contextmanager
def cores(workers: int) -> Iterator[Executor]:
    """This machine's cores: `workers` processes with one BLAS thread each.

    Raises SweepError where one of them dies (killed, or out of memory).
    """
    from loky import ProcessPoolExecutor
    from loky.process_executor import BrokenProcessPool

    one_each = dict.fromkeys(THREADS, "1")
    executor = ProcessPoolExecutor(workers, initializer=_ignore_interrupts, env=one_each)
    with ExitStack() as stack:
        stack.callback(executor.shutdown, wait=True, kill_workers=True)
        try:
            yield executor
        except BrokenProcessPool as error:
            raise SweepError(
                "a worker died: killed, or out of memory (fewer workers, or smaller tiles, need less)."
                "  Finished chunks are kept; the same command goes on from there"
            ) from error


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; the one that asked decides for all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def dask(address: str) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """The workers of the Dask scheduler at this address, as an executor, and how many threads they have now.

    Raises SweepError where Dask is missing, nobody answers, no worker comes, or the cluster breaks.
    """
    try:
        from distributed import Client
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise SweepError(
            "a Dask cluster needs the package distributed: pip install 'muon-laboratory[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SweepError(f"no Dask scheduler answers at {address!r}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise SweepError(
                f"the Dask scheduler at {address!r} has no workers, and none came within {PATIENCE:g} s"
            ) from error
        try:
            yield client.get_executor(pure=False), lambda: sum(client.nthreads().values())
        except (KilledWorker, CancelledError, CommClosedError) as error:
            raise SweepError(
                f"the Dask cluster at {address!r} broke: {str(error) or 'its scheduler is gone'}."
                "  Finished chunks are kept; the same command goes on from there"
            ) from error


def work_of(sweep: Sweep, backend: str) -> Work:
    """What the tiles of a sweep share."""
    return Work(
        sweep.name,
        sweep.function,
        sweep.seed,
        sweep.dtype,
        tuple(sweep.infinite),
        sweep.taken,
        sweep.key(backend),
        code(sweep.function),
    )
