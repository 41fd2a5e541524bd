"""Claims in words, as `lab claims` prints them: all of them at a glance, or one explained whole."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from figures.gallery.ledger import NOT_RUN, Finding
from theory.claims import Claim

WIDTH = 100


def overview(claims: Iterable[Claim], findings: Mapping[str, Finding]) -> str:
    """A table by paper (claims by kind and by finding), then a line per claim."""
    papers: dict[str, list[Claim]] = {}
    for claim in claims:
        papers.setdefault(claim.paper.key, []).append(claim)
    if not papers:
        return "No claim is stated yet."
    summary = [("paper", "claims", "kinds", "findings")]
    lines = []
    for key, members in papers.items():
        found = {claim.id: findings.get(claim.id, NOT_RUN) for claim in members}
        kinds, words = Counter(c.kind for c in members), Counter(str(f) for f in found.values())
        summary.append((key, str(len(members)), _counts(kinds), _counts(words)))
        paper = members[0].paper
        lines.append(f"\n{key}  {paper.title} ({paper.authors} {paper.year}, {paper.source})")
        rows = [(c.id, c.kind, c.provenance, str(found[c.id])) for c in members]
        table = _columns(rows)
        lines += [
            f"  {row}  {_first_words(c, WIDTH - len(row) - 4)}" for row, c in zip(table, members, strict=True)
        ]
    if not findings:
        lines.append("\nNo evidence yet: `make test` collects it.")
    elif any(finding.stale for finding in findings.values()):
        lines.append("\nstale: a source behind the evidence has changed since; `make test` renews it.")
    return "\n".join([*(row.rstrip() for row in _columns(summary)), *lines])


def explain(claim: Claim, findings: Mapping[str, Finding]) -> str:
    """Everything that is known of one claim, and the command that checks it again."""
    finding = findings.get(claim.id, NOT_RUN)
    title = f"{claim.id}  ({claim.kind}, {claim.provenance})"
    about: list[tuple[str, str]] = [
        ("statement", claim.statement),
        ("formula", claim.formula),
        ("sense", claim.sense),
        ("hypotheses", ", ".join(claim.hypotheses) or "none"),
        ("paper", f"{claim.paper.authors} {claim.paper.year}, {claim.paper.title} ({claim.paper.source})"),
        (
            "rests on",
            ", ".join(f"{i} [{findings.get(i, NOT_RUN)}]" for i in claim.rests_on) or "nothing else",
        ),
    ]
    if claim.corrects:
        about.append(("corrects", f"{claim.corrects} [{findings.get(claim.corrects, NOT_RUN)}]"))
    about += [("proof", claim.proof or "not given"), ("evidence", str(finding))]
    if finding.record:
        about += _found(finding)
    about.append(("check again", f"pytest --claim {claim.id}"))
    return "\n".join([title, "=" * len(title), *(_entry(label, text) for label, text in about)])


def _entry(label: str, text: str) -> str:
    """One labelled paragraph, or several lines where the text has its own."""
    indent = " " * 14
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        lines += textwrap.wrap(
            paragraph, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False
        ) or [""]
    return f"{label:<14}" + ("\n" + indent).join(lines)


def _found(finding: Finding) -> list[tuple[str, str]]:
    """What the last run found, from the ledger's record of the claim."""
    record = finding.record
    sharp = "not measured" if finding.tightness is None else f"{finding.tightness:.6g} (1 is sharp)"
    tested = [line for name, seen in record["instances"].items() for line in _instances(name, seen)]
    return [
        *([("because", record["reason"])] if record["reason"] else []),
        ("tightness", sharp),
        ("checks", "\n".join(tested) or "none ran"),
        ("controls", "\n".join(record["controls"]) or "none"),
        ("tests", "\n".join(record["tests"])),
        ("run", f"{record['when']}, backend {record['backend']}, {record['seconds']:.2f} s"),
    ]


def _instances(check: str, seen: Mapping[str, Any]) -> Iterator[str]:
    """How often a check ran and how it decided, then the range of each argument."""
    yield f"{check}: {seen['count']} instances, {_counts(Counter(seen['verdicts']))}"
    for name, ranges in seen["arguments"].items():
        words = [
            f"among {', '.join(values)}" if what == "among" else f"{what} {_range(*values)}"
            for what, values in ranges.items()
        ]
        yield f"  {name}: {'; '.join(words) or 'empty'}"


def _range(low: float, high: float) -> str:
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counter.most_common())


def _first_words(claim: Claim, width: int) -> str:
    return textwrap.shorten(claim.statement, max(width, 20), placeholder=" ...")


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The rows as lines, every column as wide as its widest cell."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
