"""Drawing one figure: the files, what is said in them, and what makes them out of date."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figures.gallery import cache, render
from figures.gallery.contract import ContractError, Figure, load
from labs.core.sources import ROOT
from tests.gallery.conftest import Toy


def make(toy: Toy, figure: Figure, scale: str = "smoke", **options: bool) -> str:
    return render.make(figure, toy.out, scale, "numpy", root=toy.root, **options).action


def drawn_files(toy: Toy) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (toy.out / "toy").iterdir()}


def test_a_figure_is_computed_once_and_drawn_once(toy: Toy) -> None:
    figure = toy.plain()
    assert make(toy, figure) == "computed"
    files = drawn_files(toy)
    assert set(files) == {"plain.png", "plain.pdf", "plain.json", "plain.points.csv", "plain.about.csv"}
    assert make(toy, figure) == "current"
    assert drawn_files(toy) == files

    (toy.out / "toy" / "plain.pdf").unlink()
    assert make(toy, figure) == "drawn"
    assert drawn_files(toy) == files  # the same numbers give the same bytes


def test_what_changes_is_done_again_and_no_more(toy: Toy) -> None:
    figure = toy.plain()
    make(toy, figure)
    (toy.root / "figures" / "gallery" / "style.py").write_text("# new style\n")
    assert make(toy, figure) == "drawn"
    assert make(toy, figure, scale="quick") == "computed"
    assert make(toy, figure, scale="smoke") == "drawn"  # its numbers were kept, its picture was not
    assert make(toy, toy.plain(replace=("** 2)", "** 3)"))) == "computed"


def test_force_computes_what_is_current(toy: Toy) -> None:
    figure = toy.plain()
    make(toy, figure)
    assert make(toy, figure, force=True) == "computed"


def test_a_damaged_cache_entry_is_computed_again(toy: Toy) -> None:
    figure = toy.plain()
    make(toy, figure)
    (entry,) = render.cache_folder(toy.root).glob("*.npz")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-20])
    (toy.out / "toy" / "plain.png").unlink()
    assert make(toy, figure) == "computed"
    assert entry.read_bytes() == whole


def test_the_metadata_say_where_a_picture_comes_from(toy: Toy) -> None:
    figure = toy.plain()
    make(toy, figure)
    entry = cache.lookup(render.cache_folder(toy.root), cache.data_key(figure, "smoke", "numpy", toy.root))
    assert entry is not None
    expected = f"scale smoke, backend numpy, data {entry['data']}"
    with Image.open(toy.out / "toy" / "plain.png") as image:
        text = dict(image.info)
        assert image.info["dpi"][0] >= 150
    assert text["Title"] == "A parabola"
    assert text["Source"] == "figures/toy/plain.py"
    assert text["Claims"] == "TOY-T1"
    assert text["Description"] == expected
    pdf = (toy.out / "toy" / "plain.pdf").read_bytes()
    for words in ("A parabola", "figures/toy/plain.py", "TOY-T1", expected):
        assert words.encode() in pdf
    assert b"CreationDate" not in pdf
    record = render.record_of(figure, toy.out)
    assert record is not None
    assert (record["caption"], record["claims"]) == ("Points x^2 <on> a parabola.", ["TOY-T1"])


def test_the_numbers_beside_a_picture_are_exact(toy: Toy) -> None:
    figure = toy.plain()
    make(toy, figure)
    with (toy.out / "toy" / "plain.points.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["x", "y"]
    x, y = np.asarray(rows, dtype=np.float64).T
    np.testing.assert_array_equal(x, np.linspace(0.1, 1.0, 4))
    np.testing.assert_array_equal(y, np.linspace(0.1, 1.0, 4) ** 2)


def test_a_reader_s_own_matplotlib_settings_do_not_count(toy: Toy, tmp_path: Path) -> None:
    # In another process too, so that no hash seed, no setting and no order of imports is shared.
    figure = toy.plain()
    make(toy, figure)
    settings = tmp_path / "matplotlibrc"
    settings.write_text("lines.linewidth: 9\nfont.size: 30\nsavefig.dpi: 40\npdf.fonttype: 3\n")
    code = (
        "import figures, sys; from pathlib import Path; from figures.gallery import contract, render\n"
        f"root = Path({str(toy.root)!r}); figures.__path__.append(str(root / 'figures'))\n"
        "render.make(contract.find(root)[0], root / 'other', 'smoke', 'numpy', root=root)\n"
    )
    environment = {**os.environ, "MATPLOTLIBRC": str(settings), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=60)
    for path in (toy.root / "other" / "toy").iterdir():
        assert path.read_bytes() == (toy.out / "toy" / path.name).read_bytes(), path.name


def test_draw_must_return_a_figure(toy: Toy) -> None:
    figure = toy.plain(replace=("return figure", "return axes"))
    with pytest.raises(ContractError, match="toy/plain: draw must return a matplotlib Figure, got Axes"):
        make(toy, figure)
    assert render.record_of(figure, toy.out) is None


def test_an_unfinished_record_is_no_record(toy: Toy) -> None:
    figure = toy.plain()
    make(toy, figure)
    (toy.out / "toy" / "plain.json").write_text("{")
    assert render.record_of(figure, toy.out) is None
    assert make(toy, figure) == "drawn"


def test_the_backend_reaches_the_data(toy: Toy) -> None:
    pytest.importorskip("array_api_strict")
    figure = toy.plain()
    strict = render.compute(load(figure), figure, "smoke", "strict")
    plain = render.compute(load(figure), figure, "smoke", "numpy")
    np.testing.assert_array_equal(strict["points"]["y"], plain["points"]["y"])
    with pytest.raises(ValueError, match="backend must be one of"):
        render.compute(load(figure), figure, "smoke", "nonsense")
