"""What the referee found when it last ran: reads build/ledger.json, which `pytest` writes.

A finding is *stale* when a source of the tests behind it has changed since; it then says nothing about the
code as it is now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from labs.core.sources import ROOT, digest

LEDGER = ROOT / "build" / "ledger.json"


class LedgerError(Exception):
    """The file is there but is not a ledger that this code can read."""


@dataclass(frozen=True)
class Finding:
    """What is known of one claim; `record` is its part of the ledger as written."""

    status: str
    rank: str | None = None
    tightness: float | None = None
    stale: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = self.status if self.rank is None else f"{self.status} ({self.rank})"
        return words + (", stale" if self.stale else "")


NOT_RUN = Finding("not run")


def read(path: Path = LEDGER, root: Path = ROOT) -> dict[str, Finding]:
    """Findings by claim id (none if the referee has not run yet); LedgerError for a file of another kind."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        ledger = json.loads(text)
        if ledger["version"] != 1:
            raise LedgerError(f"{path}: version 1 was expected, got {ledger['version']!r}; run pytest again")
        return {name: _finding(record, root) for name, record in ledger["claims"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"{path} is not a ledger ({error!r}); delete it and run pytest again") from error


def _finding(record: Mapping[str, Any], root: Path) -> Finding:
    files, sources = tuple(record.get("files", ())), record.get("sources")
    stale = sources is not None and _digest_now(files, root) != sources
    return Finding(record["status"], record.get("rank"), record.get("tightness"), stale, record)


@cache
def _digest_now(files: tuple[str, ...], root: Path) -> str | None:
    """The digest of the files as they are now (many claims share one list); None if one has gone."""
    try:
        return digest(frozenset(root / name for name in files), root)
    except FileNotFoundError:
        return None
