"""The README's table: papers, their claims by kind and provenance, their figures.

It holds what can be read from the sources alone and no verdict, because verdicts come from runs.

    python -m figures.gallery.readme      writes it anew (a test compares)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from figures.gallery.contract import Figure, find
from labs.core.sources import ROOT
from theory.claims import KINDS, PROVENANCES, Claim, load

README = ROOT / "README.md"
BEGIN, END = "<!-- table: python -m figures.gallery.readme -->\n", "<!-- end of table -->\n"


def table(claims: Iterable[Claim], figures: Iterable[Figure]) -> str:
    """The table as Markdown: a row per paper, in the order in which the papers were stated."""
    papers: dict[str, list[Claim]] = {}
    for claim in claims:
        papers.setdefault(claim.paper.key, []).append(claim)
    drawn = Counter(figure.name.split("/")[0] for figure in figures)
    rows = [("Paper", "Claims", "By kind", "Known from", "Figures"), ("---",) * 5]
    for key, members in papers.items():
        paper = members[0].paper
        rows.append(
            (
                f"`{key}` {paper.authors} {paper.year}, *{paper.title}* ({paper.source})",
                str(len(members)),
                _counts(KINDS, [claim.kind for claim in members]),
                _counts(PROVENANCES, [claim.provenance for claim in members]),
                str(drawn[paper.module]),
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _counts(order: Iterable[str], found: list[str]) -> str:
    return ", ".join(f"{found.count(word)} {word}" for word in order if word in found)


def renewed(text: str, new_table: str) -> str:
    """`text` with `new_table` between the two marks; raises ValueError if they are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README must hold the lines {BEGIN.strip()!r} and {END.strip()!r}")
    return before + BEGIN + new_table + END + after


def main(path: Path = README) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(renewed(text, table(load(), find())), encoding="utf-8")


if __name__ == "__main__":
    main()
