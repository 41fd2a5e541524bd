"""What produced a chunk: code, libraries, backend, device, precision, threads."""

from __future__ import annotations

import hashlib
import inspect
import platform
import sys
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import labs.core.sweep.tile
from labs.core.arrays import Backend
from labs.core.sources import PACKAGES, ROOT, digest, import_closure
from labs.core.sweep.tile import Work

LIBRARIES = ("numpy", "scipy", "array-api-compat", "array-api-extra")
OF_A_BACKEND = {"cupy": "cupy", "strict": "array_api_strict", "counting": "array_api_strict"}


def produced(work: Work, backend: Backend) -> dict[str, Any]:
    """Host routine: who computes here, as plain data."""
    return {
        "sweep": work.name,
        "key": work.key,
        "code": work.code,
        "libraries": _versions(backend.name),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "backend": backend.name,
        "device": str(backend.device),
        "dtype": work.dtype,
        "threads": 1,
        "blas": _blas(),
    }


def code(function: Callable[..., Any]) -> str:
    """Twelve hexadecimal digits of the sources that `function` is made of, and this package's; "unknown" without.

    Of a function of the project, every module that its own imports, directly or not; of another, its file and
    all of `labs`.
    """
    path = Path(inspect.getsourcefile(function) or "").resolve()
    return _code(path, path.stat().st_mtime_ns) if path.is_file() else "unknown"


@cache
def _code(path: Path, mtime_ns: int) -> str:
    if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES:
        machinery = import_closure(Path(labs.core.sweep.tile.__file__))
        return digest(import_closure(path) | machinery)[:12]
    everything = digest(frozenset((ROOT / "labs").rglob("*.py")))
    return hashlib.sha256(path.read_bytes() + everything.encode()).hexdigest()[:12]


@cache
def _blas() -> list[str]:
    """The BLAS libraries and the kind of processor for which they chose their kernels: that decides bits too."""
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return sorted(
        {f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}" for pool in found}
    )


@cache
def _versions(backend: str) -> dict[str, str]:
    names = [*LIBRARIES, *([OF_A_BACKEND[backend]] if backend in OF_A_BACKEND else [])]
    versions = {}
    for name in names:
        module = sys.modules.get(name.replace("-", "_"))
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # cupy is installed as cupy-cuda12x
            versions[name] = getattr(module, "__version__", "unknown")
    return versions
