"""Papers, claims and the one registry of them.

A claim is a statement with an address: an id, the paper that makes it, the words and the formula, the
hypotheses it needs, where we have it from, and what it rests on.  It carries no verdict: verdicts come
only from tests that ran (see tests/referee.py).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SENSES = ("==", "<=", "<", ">=", ">", "exists", "for all", "iff")
KINDS = ("theorem", "law", "report")
PROVENANCES = ("paper", "secondary", "reconstructed", "extension")
_ID = re.compile(r"[A-Z]+-[A-Z]+\d*[a-z]*(\.[a-z0-9]+)?")


@dataclass(frozen=True)
class Paper:
    """A paper: `key` begins the ids of its claims, `module` names its part of every top-level folder."""

    key: str
    module: str
    title: str
    authors: str
    year: int
    source: str  # e.g. "arXiv:2511.00674"


@dataclass(frozen=True, eq=False)
class Claim:
    """One statement that the referee can decide.

    statement    in our own words; `formula` beside it in plain text.
    sense        how its two sides compare, or which quantifier it opens with.
    hypotheses   names (short, such as "A2"); a check calls `require(condition, name)` for each.
    provenance   paper | secondary | reconstructed | extension (see PROVENANCES).
    kind         theorem (verified or refuted), law (a regularity over a stated range),
                 report (what a paper observed on a network: measured and drawn, never asserted).
    rests_on     ids of the claims its proof uses.
    corrects     id of the false statement that this one replaces, if any.
    proof        the idea of the proof, in a few sentences.

    Raises ValueError for an id, sense, kind or provenance outside the lists above.
    """

    id: str
    paper: Paper
    statement: str
    formula: str
    sense: str
    provenance: str
    hypotheses: tuple[str, ...] = ()
    kind: str = "theorem"
    rests_on: tuple[str, ...] = ()
    corrects: str | None = None
    proof: str = ""
    module: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name, allowed in (("sense", SENSES), ("kind", KINDS), ("provenance", PROVENANCES)):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"claim {self.id}: {name} must be one of {allowed}, got {value!r}")
        if not _ID.fullmatch(self.id) or not self.id.startswith(self.paper.key + "-"):
            like = f"{self.paper.key}-T1 or {self.paper.key}-X12.b"
            raise ValueError(f"claim id must look like {like}, got {self.id!r}")
        REGISTRY.append(self)


class Registry:
    """Every claim that was stated, in order of statement.  Duplicates are kept: the referee reports them."""

    def __init__(self) -> None:
        self._claims: list[Claim] = []

    def append(self, claim: Claim) -> None:
        self._claims.append(claim)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __getitem__(self, claim_id: str) -> Claim:
        for claim in self._claims:
            if claim.id == claim_id:
                return claim
        raise KeyError(f"no claim has the id {claim_id!r}")

    def select(self, pattern: str) -> list[Claim]:
        """Claims with this id, or below it: "ICM" (a paper), "ICM-X12" (all parts), "ICM-X12.b" (one)."""
        return [c for c in self if c.id == pattern or c.id.startswith((pattern + "-", pattern + "."))]


REGISTRY = Registry()


def load(package: str = "theory") -> Registry:
    """Import every module of `package`, so that the registry is full; return the registry."""
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(getattr(root, "__path__", []), package + "."):
        importlib.import_module(info.name)
    return REGISTRY
