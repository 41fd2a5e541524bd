"""The ledger: what a run of the tests says about every claim.

Pure functions of the claims, the tests' results and the ledger before; the plugin (tests/referee.py) gathers
the results.  A claim's status is computed here and nowhere else:

    verified      every bound test passed, at least one @verifies, and a control that counts
    uncontrolled  the same without such a control
    refuted       its @refutes tests passed
    reported      its @reports tests passed
    broken        a bound test failed, or did not come to its end
    skipped       a bound test was skipped
    not run       the tests that decide it were deselected
    unbound       no test decides it
"""

from __future__ import annotations

import contextlib
import graphlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import instances
from tests.bindings import Binding
from theory.claims import Claim
from theory.evidence import HOLDS, RANK_NAMES, VIOLATED

VERSION = 1
STATUSES = ("verified", "refuted", "reported", "uncontrolled", "broken", "skipped", "unbound", "not run")

Entry = dict[str, Any]


@dataclass
class Result:
    """One collected test: its bindings, and what became of it (outcome None: nothing was heard of it)."""

    nodeid: str
    bindings: Sequence[Binding]
    long: bool = False
    selected: bool = True
    outcome: str | None = None  # passed | failed | skipped
    message: str = ""
    seconds: float = 0.0
    records: list[dict[str, Any]] = field(default_factory=list)

    def claims(self) -> set[str]:
        return {binding.claim for binding in self.bindings}

    def share(self) -> float:
        """Seconds per claim, so that the claims' seconds add up to the tests'."""
        return self.seconds / len(self.bindings)


Bound = list[tuple[Binding, Result]]


def bound_to(claim: str, results: Iterable[Result]) -> Bound:
    """The tests bound to a claim, each with its binding."""
    return [(binding, result) for result in results for binding in result.bindings if binding.claim == claim]


# --- one claim ---------------------------------------------------------------------------------------------


def judge(bound: Bound) -> tuple[str, str]:
    """The status of a claim, and why, from the tests bound to it."""
    if not any(binding.role in ("verifies", "refutes", "reports") for binding, _ in bound):
        return "unbound", "no test verifies, refutes or reports it"
    ran = [(binding, result) for binding, result in bound if result.selected]
    for status, outcomes in (("broken", ("failed", None)), ("skipped", ("skipped",))):
        for _, result in ran:
            if result.outcome in outcomes:
                return status, f"{result.nodeid}: {result.message or 'did not come to its end'}"
    roles = {binding.role for binding, _ in ran}
    if "refutes" in roles and roles & {"verifies", "restates"}:
        return "broken", "it is both verified and refuted"
    if "refutes" in roles:
        return "refuted", ""
    if "reports" in roles:
        return "reported", ""
    if "verifies" not in roles:
        return "not run", "only long tests verify it" if _only_long(bound) else "its tests were deselected"
    verifying = _checks(ran, "verifies")
    controlling = _checks(ran, "control")
    if verifying & controlling:
        return "verified", ""
    if controlling:
        return "uncontrolled", f"its control runs {', '.join(sorted(controlling))}, which verifies nothing"
    return "uncontrolled", "it has no control"


def _only_long(bound: Bound) -> bool:
    return all(result.long for binding, result in bound if binding.role in ("verifies", "refutes", "reports"))


def _checks(bound: Bound, role: str) -> set[str]:
    """The checks of the claim that ran in this role."""
    return {
        record["check"]
        for binding, result in bound
        for record in result.records
        if binding.role == role and record["claim"] == binding.claim
    }


def entry(bound: Bound) -> Entry:
    """What the ledger says about a claim, but for where and when."""
    status, reason = judge(bound)
    ran = [(binding, result) for binding, result in bound if result.selected]
    telling = {
        "verified": ("verifies", "restates"),
        "uncontrolled": ("verifies", "restates"),
        "refuted": ("refutes",),
        "reported": ("reports",),
    }.get(status, ())
    decisive = [r for b, result in ran if b.role in telling for r in result.records if r["claim"] == b.claim]
    ranks = [
        rank
        for record in decisive
        for verdict, rank in record["ranks"].items()
        if status == "reported" or verdict == (VIOLATED if status == "refuted" else HOLDS)
    ]
    seen: dict[str, Any] = {}
    for binding, result in ran:
        for record in result.records:
            if record["claim"] == binding.claim and binding.role != "control":
                _add_instances(seen, record)
    return {
        "status": status,
        "reason": reason,
        "rank": min(ranks, key=RANK_NAMES.index, default=None),
        "tightness": max((r["ratio"] for r in decisive if r["ratio"] is not None), default=None),
        "checks": sorted(seen),
        "instances": dict(sorted(seen.items())),
        "controls": sorted({binding.note for binding, _ in ran if binding.role == "control"}),
        "tests": sorted(result.nodeid for _, result in ran),
        "seconds": round(sum(result.share() for _, result in ran), 3),
    }


def _weakness(rank: str | None) -> int:
    return -1 if rank is None else RANK_NAMES.index(rank)


def _add_instances(seen: dict[str, Any], record: Mapping[str, Any]) -> None:
    total = seen.setdefault(record["check"], {"rank": None, "count": 0, "verdicts": {}, "arguments": {}})
    total["rank"] = max((total["rank"], *record["ranks"].values()), key=_weakness)
    total["count"] += record["count"]
    for verdict, count in record["verdicts"].items():
        total["verdicts"][verdict] = total["verdicts"].get(verdict, 0) + count
    total["arguments"] = instances.merge(total["arguments"], record["instances"])


# --- all claims --------------------------------------------------------------------------------------------


def violations(claims: Sequence[Claim], entries: Mapping[str, Entry], results: Sequence[Result]) -> list[str]:
    """The structural rules, judged on a whole run: one sentence for each that is broken."""
    found = []
    known = {claim.id for claim in claims}
    for claim_id in sorted({claim.id for claim in claims if sum(c.id == claim.id for c in claims) > 1}):
        found.append(f"{claim_id}: two claims have this id")
    for claim in claims:
        for other in (*claim.rests_on, *([claim.corrects] if claim.corrects else [])):
            if other not in known:
                found.append(f"{claim.id}: refers to {other}, which no claim has as its id")
        if (status := entries[claim.id]["status"]) in ("unbound", "uncontrolled", "skipped", "not run"):
            found.append(f"{claim.id}: {status}: {entries[claim.id]['reason']}")
    for binding in (binding for result in results for binding in result.bindings):
        if binding.role == "refutes" and entries.get(binding.note, {}).get("status") != "verified":
            found.append(f"{binding.claim}: refuted, but its correction {binding.note} is not verified")
    for claim_id in sorted({binding.claim for result in results for binding in result.bindings} - known):
        found.append(f"{claim_id}: a test is bound to it, but the theory does not state it")
    try:
        graphlib.TopologicalSorter({claim.id: claim.rests_on for claim in claims}).prepare()
    except graphlib.CycleError as error:
        cycle = error.args[1]
        found.append(f"{cycle[0]}: rests on itself: {' <- '.join(cycle)}")
    return list(dict.fromkeys(found))


def broken(entries: Mapping[str, Entry]) -> list[str]:
    """One sentence for each broken claim, in a whole run and in a partial one."""
    return [f"{name}: broken: {e['reason']}" for name, e in entries.items() if e["status"] == "broken"]


def papers(claims: Sequence[Claim], entries: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """A row per paper: its claims by kind, the verified ones by best rank, the others by status, seconds."""
    rows: dict[str, dict[str, Any]] = {}
    for claim in claims:
        if claim.id not in entries:
            continue
        found = entries[claim.id]
        row = rows.setdefault(
            claim.paper.key,
            {"claims": {}, "verified": {}, **dict.fromkeys(STATUSES[1:], 0), "seconds": 0.0},
        )
        row["claims"][claim.kind] = row["claims"].get(claim.kind, 0) + 1
        if found["status"] == "verified":
            row["verified"][found["rank"]] = row["verified"].get(found["rank"], 0) + 1
        else:
            row[found["status"]] += 1
        row["seconds"] = round(row["seconds"] + found["seconds"], 3)
    return rows


def table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The rows as lines of text, with a heading."""
    cells: list[tuple[str, ...]] = [("paper", "claims", "verified by best rank", *STATUSES[1:], "seconds")]
    for paper, row in rows.items():
        kinds = ", ".join(f"{count} {kind}{'s'[: count > 1]}" for kind, count in row["claims"].items())
        best = row["verified"]
        ranks = f"{sum(best.values())}: " + ", ".join(f"{best[r]} {r}" for r in RANK_NAMES if r in best)
        others = (str(row[status] or "-") for status in STATUSES[1:])
        cells.append((paper, kinds, ranks if best else "-", *others, f"{row['seconds']:.1f}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells]


# --- the file ----------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """The ledger in a file; an empty one if there is none, or none that this version can read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("version") == VERSION:
            return found
    return {"version": VERSION, "claims": {}, "violations": []}


def write(path: Path, ledger: Mapping[str, Any]) -> None:
    """Write all of it or nothing: a reader never sees half a ledger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(ledger, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    unfinished.replace(path)


def updated_by(bound: Bound, before: Mapping[str, Any], files: Collection[str]) -> bool:
    """Whether a partial run may replace what the ledger said before about a claim.

    It may when every test that is known to be bound to the claim ran (long ones aside), or when one broke:
    from some of its tests nobody can tell whether a claim is verified.  Known are the tests in the collected
    `files`, and of other files those that the ledger names.
    """
    ran = {result.nodeid for _, result in bound if result.selected}
    needed = {result.nodeid for _, result in bound if not result.long}
    needed |= {nodeid for nodeid in before.get("tests", ()) if file_of(nodeid) not in files}
    return bool(ran) and (needed <= ran or judge(bound)[0] == "broken")


def file_of(nodeid: str) -> str:
    """The file of a test, relative to the root."""
    return nodeid.split("::")[0]
