"""build/figures/index.html: every figure on one plain page, with what it shows and how far it is proved.

The page stands alone: no script, no font, no picture from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from figures.gallery import cache, render
from figures.gallery.contract import Figure
from figures.gallery.ledger import NOT_RUN, Finding
from labs.core.sources import ROOT
from theory.claims import Claim

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid #ccc; padding: 1rem 0 2rem; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .9rem; }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
code { background: #f3f3f3; padding: 0 .2rem; }
.mark { color: #a33; }
.evidence { white-space: nowrap; }
"""


def page(
    figures: list[Figure],
    out: Path,
    claims: Mapping[str, Claim],
    findings: Mapping[str, Finding],
    failed: tuple[str, ...] = (),
    root: Path = ROOT,
) -> str:
    """The page as text, from the records that lie beside the pictures in `out`."""
    articles = [_article(figure, out, claims, findings, figure.name in failed, root) for figure in figures]
    contents = [f'<li><a href="#{escape(f.name)}">{escape(f.name)}</a></li>' for f in figures]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>Figures of the laboratory</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            "<h1>Figures of the laboratory</h1>",
            "<p>The evidence is what <code>pytest</code> found in its last run.</p>",
            "<ul>",
            *contents,
            "</ul>",
            *articles,
            "</body>\n</html>\n",
        ]
    )


def write(figures: list[Figure], out: Path, *arguments: Any, **options: Any) -> Path:
    """Write the page (arguments as for `page`) and return where it is."""
    path = out / "index.html"
    with cache.replacing(path) as temporary:
        temporary.write_text(page(figures, out, *arguments, **options), encoding="utf-8")
    return path


def _article(
    figure: Figure,
    out: Path,
    claims: Mapping[str, Claim],
    findings: Mapping[str, Finding],
    failed: bool,
    root: Path,
) -> str:
    name, record = escape(figure.name), render.record_of(figure, out)
    parts = [f'<article id="{name}">']
    if record is None:
        parts += [f"<h2>{name}</h2>", '<p class="mark">Not drawn yet.</p>']
    else:
        parts += _shown(figure, record, claims, findings)
        if not render.is_current(figure, out, record["scale"], record["backend"], root):
            parts.append('<p class="mark">Its sources have changed since it was drawn.</p>')
    if failed:
        parts.append('<p class="mark">The last attempt to draw it failed.</p>')
    options = "" if record is None else f" --scale {record['scale']} --backend {record['backend']}"
    parts.append(f"<p>Draw it again: <code>lab figures {name}{escape(options)}</code></p>\n</article>")
    return "\n".join(parts)


def _shown(
    figure: Figure, record: Mapping[str, Any], claims: Mapping[str, Claim], findings: Mapping[str, Finding]
) -> list[str]:
    name, title = escape(figure.name), escape(record["title"])
    rows = [
        f"<tr><td>{escape(i)}</td>"
        f"<td>{escape(claims[i].statement if i in claims else 'no longer stated')}</td>"
        f'<td class="evidence">{escape(str(findings.get(i, NOT_RUN)))}</td></tr>'
        for i in record["claims"]
    ]
    numbers = ", ".join(
        f'<a href="{name}.{escape(table)}.csv">{escape(table)}</a> ({escape(", ".join(columns))})'
        for table, columns in record["tables"].items()
    )
    return [
        f"<h2>{title}</h2>",
        f'<a href="{name}.pdf"><img src="{name}.png" alt="{title}"></a>',
        f"<p>{escape(record['caption'])}</p>",
        "<table><tr><th>Claim</th><th>Statement</th><th>Evidence</th></tr>",
        *rows,
        "</table>",
        f"<p>Numbers: {numbers}.</p>",
        f"<p>Script <code>{escape(record['script'])}</code>, scale {escape(record['scale'])}, "
        f"backend {escape(record['backend'])}, data <code>{record['data'][:12]}</code>, "
        f"computed in {record['seconds']:.1f} s.</p>",
    ]
