"""The page: every figure, its claims with what the referee found, its numbers, and how to draw it again."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from figures.gallery import index, ledger, render
from figures.gallery.contract import Figure, find
from labs.core.sources import digest
from tests.gallery.conftest import Toy
from theory.claims import REGISTRY, Claim


class Links(HTMLParser):
    """Collects what a page points at, and that its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(toy: Toy, findings: dict[str, ledger.Finding] | None = None, failed: tuple[str, ...] = ()) -> str:
    claims: dict[str, Claim] = {claim.id: claim for claim in REGISTRY}
    text = index.page(find(toy.root), toy.out, claims, findings or {}, failed, toy.root)
    parsed = Links(text)
    assert parsed.open == []
    for link in parsed.links:
        assert link.startswith("#") or (toy.out / link).is_file(), link  # nothing from elsewhere
    return text


def draw(toy: Toy, figure: Figure) -> None:
    render.make(figure, toy.out, "smoke", "numpy", root=toy.root)


def test_the_page_shows_picture_caption_claims_numbers_and_command(toy: Toy) -> None:
    draw(toy, toy.plain())
    text = page(toy, {"TOY-T1": ledger.Finding("verified", "exact")})
    for words in (
        '<img src="toy/plain.png" alt="A parabola">',
        "Points x^2 &lt;on&gt; a parabola.",
        "squares are squares",
        "verified (exact)",
        '<a href="toy/plain.points.csv">points</a> (x, y)',
        "<code>figures/toy/plain.py</code>",
        "<code>lab figures toy/plain --scale smoke --backend numpy</code>",
    ):
        assert words in text
    assert 'class="mark"' not in text
    assert "not run" in page(toy)
    assert "stale" in page(toy, {"TOY-T1": ledger.Finding("verified", stale=True)})


def test_the_page_marks_what_is_missing_failed_or_out_of_date(toy: Toy) -> None:
    figure = toy.plain()
    assert "Not drawn yet." in page(toy)
    draw(toy, figure)
    assert "The last attempt to draw it failed." in page(toy, failed=("toy/plain",))
    figure.path.write_text(figure.path.read_text() + "# changed\n")
    assert "Its sources have changed since it was drawn." in page(toy)


def test_a_claim_that_is_no_longer_stated_is_named(toy: Toy) -> None:
    draw(toy, toy.plain())
    REGISTRY._claims.pop()
    assert re.search(r"TOY-T1</td>\s*<td>no longer stated", page(toy))


def test_findings_are_read_and_marked_stale_when_a_source_changes(tmp_path: Path) -> None:
    source, path = tmp_path / "labs.py", tmp_path / "ledger.json"
    source.write_text("A = 1\n")
    now = digest(frozenset({source}), tmp_path)

    def write(claims: dict[str, object]) -> None:
        path.write_text(json.dumps({"version": 1, "claims": claims}))

    record = {"status": "verified", "rank": "exact", "tightness": 0.97, "sources": now, "files": ["labs.py"]}
    write({"A-1": record, "A-2": record | {"sources": "0" * 64}, "A-3": record | {"files": ["gone.py"]}})
    found = ledger.read(path, tmp_path)
    assert (str(found["A-1"]), found["A-1"].tightness) == ("verified (exact)", 0.97)
    assert str(found["A-2"]) == str(found["A-3"]) == "verified (exact), stale"
    write({"A-1": {"status": "not run"}})
    assert str(ledger.read(path, tmp_path)["A-1"]) == "not run"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 2, "claims": {}}', '{"version": 1, "claims": {"A-1": 3}}']
)
def test_a_file_that_is_no_ledger_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ledger.json"
    assert ledger.read(path, tmp_path) == {}
    path.write_text(text)
    with pytest.raises(ledger.LedgerError, match=r"ledger\.json.* run pytest again"):
        ledger.read(path, tmp_path)
