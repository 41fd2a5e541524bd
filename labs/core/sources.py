"""Which files of the project a module is made of, and their hash (host routine: reads files, no arrays).

The figures' cache and the ledger's staleness both ask: has anything changed that this result came from?
The answer is read from the import statements, without importing anything.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("labs", "theory", "figures", "tests")


def module_file(name: str, root: Path = ROOT) -> Path | None:
    """The file that defines the module `name` of the project, or None if the project has no such module."""
    base = root.joinpath(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports(path: Path, mtime_ns: int, root: Path) -> frozenset[Path]:
    """Files of the project that `path` imports, anywhere in its text (`mtime_ns` keys the cache)."""
    package = path.relative_to(root).parent.parts
    found: set[Path] = set()

    def add(name: str) -> None:
        parts = name.split(".")
        if parts[0] not in PACKAGES:
            return
        # Importing a.b.c runs a/__init__ and a/b/__init__ too.
        for stop in range(1, len(parts) + 1):
            file = module_file(".".join(parts[:stop]), root)
            if file is not None:
                found.add(file)

    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *(node.module.split(".") if node.module else ())))
            add(base)
            for alias in node.names:
                add(f"{base}.{alias.name}")
    return frozenset(found - {path})


def import_closure(path: Path, root: Path = ROOT) -> frozenset[Path]:
    """`path` and every file of the project that it imports, directly or not."""
    seen: set[Path] = set()
    todo = [path.resolve()]
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo.extend(_imports(file, file.stat().st_mtime_ns, root) - seen)
    return frozenset(seen)


def digest(paths: frozenset[Path], root: Path = ROOT) -> str:
    """SHA-256 over the names and contents of `paths`, independent of their order and of where `root` lies."""
    sha = hashlib.sha256()
    for path in sorted(paths):
        sha.update(str(path.relative_to(root)).encode() + b"\0")
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()
