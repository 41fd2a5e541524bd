"""Draw many figures: in this process or on several cores, each one on its own feet.

A figure that fails is reported and does not stop the others; what is finished when the run is interrupted
stays finished.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from figures.gallery import render
from figures.gallery.contract import ContractError, Figure
from labs.core.sources import ROOT

# Read by the BLAS libraries when they are loaded, so set before NumPy is imported, here and in the workers.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def draw_all(
    figures: list[Figure],
    out: Path,
    scale: str,
    backend: str,
    *,
    jobs: int = 1,
    force: bool = False,
    root: Path = ROOT,
) -> Iterator[render.Drawn]:
    """Bring `figures` up to date and yield each as it is finished; a failed one has action "failed".

    The traceback of a failure goes to standard error.  Those that are current come first, at no cost.
    """
    for name in THREADS:
        os.environ.setdefault(name, "1")
    todo = []
    for figure in figures:
        if not force and render.is_current(figure, out, scale, backend, root):
            yield render.Drawn(figure.name, "current", 0.0)
        else:
            todo.append(figure)
    arguments = (out, scale, backend, force, root)
    if min(jobs, len(todo)) <= 1:
        for figure in todo:
            yield _report(*_attempt(figure, *arguments))
        return

    # spawn: a fresh interpreter, so that the thread variables count and no lock is inherited half held.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(todo)), context, initializer=_die_quietly)
    try:
        futures: dict[Future[tuple[render.Drawn, str]], Figure] = {
            pool.submit(_attempt, figure, *arguments): figure for figure in todo
        }
        for future in as_completed(futures):
            try:
                yield _report(*future.result())
            except Exception as error:  # the worker itself died: killed, or out of memory
                yield _report(
                    render.Drawn(futures[future].name, "failed", 0.0), f"{type(error).__name__}: {error}\n"
                )
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _die_quietly() -> None:
    """Let Ctrl-C end a worker at once: the parent says what there is to say."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _attempt(
    figure: Figure, out: Path, scale: str, backend: str, force: bool, root: Path
) -> tuple[render.Drawn, str]:
    """Draw one figure; return what was done, and what went wrong if it failed."""
    try:
        return render.make(figure, out, scale, backend, force=force, root=root), ""
    except ContractError as error:
        return render.Drawn(figure.name, "failed", 0.0), f"{error}\n"
    except Exception:
        return render.Drawn(figure.name, "failed", 0.0), traceback.format_exc()


def _report(drawn: render.Drawn, problem: str) -> render.Drawn:
    if problem:
        print(f"{drawn.name} failed:\n{problem}", end="", file=sys.stderr, flush=True)
    return drawn
