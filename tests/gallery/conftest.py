"""A toy project with a figure of its own, on which the gallery's machinery is tried."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

import figures
from figures.gallery.contract import Figure, find
from theory.claims import REGISTRY

PLAIN = '''
    """A parabola and its prediction."""

    import numpy as np

    from theory.claims import Claim, Paper

    TITLE = "A parabola"
    CAPTION = """Points x^2 <on> a
        parabola."""
    PAPER = Paper("TOY", "toy", "A toy", "Nobody", 2000, "nowhere")
    CLAIMS = (Claim("TOY-T1", PAPER, "squares are squares", "x x = x^2", "==", "extension"),)
    ROWS = {"smoke": 4, "quick": 8, "full": 16}


    def data(scale, backend):
        x = np.linspace(0.1, 1.0, ROWS[scale])
        y = backend.to_numpy(backend.asarray(x) ** 2)
        return {"points": {"x": x, "y": y}, "about": {"what": np.asarray(["a", "b"])}}


    def draw(tables):
        from figures.gallery import style

        figure, (axes,) = style.panels()
        points = tables["points"]
        style.computed(axes, points["x"], points["y"], 0, label="computed")
        style.predicted(axes, points["x"], points["x"] ** 2, 0, label="$x^2$")
        axes.set_xlabel("$x$")
        axes.set_ylabel("$y$")
        style.legend_outside(axes)
        return figure
'''


@dataclass(frozen=True)
class Toy:
    """A project root with figures of its own, importable as figures.toy."""

    root: Path

    @property
    def out(self) -> Path:
        return self.root / "build" / "figures"

    def write(self, name: str, source: str) -> Figure:
        """(Over)write the figure toy/<name> and return it, forgetting what was imported of it."""
        path = self.root / "figures" / "toy" / f"{name}.py"
        path.write_text(dedent(source), encoding="utf-8")
        sys.modules.pop(f"figures.toy.{name}", None)
        importlib.invalidate_caches()
        return next(f for f in find(self.root) if f.path == path)

    def plain(self, name: str = "plain", replace: tuple[str, str] = ("", "")) -> Figure:
        """The parabola, with one piece of its text replaced."""
        assert replace[0] in PLAIN
        return self.write(name, PLAIN.replace(*replace) if replace[0] else PLAIN)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    folder = tmp_path / "figures"
    for package in (folder, folder / "toy", folder / "gallery"):
        package.mkdir()
        (package / "__init__.py").touch()
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(folder)])
    monkeypatch.setattr(
        sys, "dont_write_bytecode", True
    )  # a file may be rewritten within one tick of its clock
    # Claims of the toy are forgotten afterwards: the referee would ask for their tests.
    monkeypatch.setattr(REGISTRY, "_claims", list(REGISTRY))
    yield Toy(tmp_path)
    for name in [m for m in sys.modules if m.startswith("figures.toy")]:
        del sys.modules[name]
    if hasattr(figures, "toy"):
        del figures.toy
