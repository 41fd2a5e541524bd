"""The cache of numbers: what it is keyed by, and that a damaged or half-written entry is never served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from figures.gallery import cache
from tests.gallery.conftest import Toy

KEY = "k" * 64


def tables() -> dict[str, dict[str, np.ndarray]]:
    return {"b": {"y": np.asarray([0.1, np.nan]), "x": np.asarray([1, 2])}, "a": {"t": np.asarray(["one"])}}


def test_what_is_written_is_read_back_bit_for_bit_and_in_order(tmp_path: Path) -> None:
    record = cache.write(tmp_path, KEY, tables(), figure="toy/plain")
    back = cache.read(tmp_path, KEY)
    assert back is not None
    assert [(t, list(c)) for t, c in back.items()] == [("b", ["y", "x"]), ("a", ["t"])]
    assert cache.hash_tables(back) == cache.hash_tables(tables()) == record["data"]
    assert cache.lookup(tmp_path, KEY) == record
    assert record["figure"] == "toy/plain"


def test_a_missing_entry_is_a_miss(tmp_path: Path) -> None:
    assert cache.lookup(tmp_path, KEY) is None
    assert cache.read(tmp_path, KEY) is None


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "gone"])
def test_a_damaged_entry_is_a_miss(tmp_path: Path, suffix: str, damage: str) -> None:
    cache.write(tmp_path, KEY, tables())
    path = tmp_path / f"{KEY}{suffix}"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"truncated": content[:-9], "flipped": flipped, "emptied": b""}[damage])
    assert cache.read(tmp_path, KEY) is None


def test_the_hash_of_tables_sees_names_types_and_bits() -> None:
    base = {"t": {"x": np.asarray([1.0, 2.0])}}
    others = [
        {"u": base["t"]},
        {"t": {"y": base["t"]["x"]}},
        {"t": {"x": np.asarray([1.0, np.nextafter(2.0, 3.0)])}},
        {"t": {"x": np.asarray([1, 2])}},
        {"t": {"x": np.asarray([1.0]), "y": np.asarray([2.0])}},
    ]
    assert len({cache.hash_tables(t) for t in [base, *others]}) == 6


def test_the_data_key_follows_scale_backend_name_and_sources(toy: Toy) -> None:
    helper = toy.root / "labs" / "helper.py"
    helper.parent.mkdir()
    helper.write_text("A = 1\n")
    figure = toy.plain(replace=("import numpy as np", "import numpy as np\n    import labs.helper"))
    other = toy.plain("other")

    def key(scale: str = "quick", backend: str = "numpy") -> str:
        return cache.data_key(figure, scale, backend, toy.root)

    before = key()
    assert before == key()
    assert (
        len({before, key("full"), key(backend="cupy"), cache.data_key(other, "quick", "numpy", toy.root)})
        == 4
    )

    other.path.write_text(other.path.read_text() + "# another figure\n")
    (toy.root / "figures" / "gallery" / "style.py").write_text("# drawing is no part of the numbers\n")
    assert key() == before
    helper.write_text("A = 2\n")
    changed = key()
    assert changed != before
    figure.path.write_text(figure.path.read_text() + "# its own text\n")
    assert key() not in (before, changed)


def test_the_picture_key_follows_data_module_and_style(toy: Toy) -> None:
    figure = toy.plain()
    sheet = toy.root / "figures" / "gallery" / "style.mplstyle"
    keys = [cache.picture_key(figure, "data", toy.root), cache.picture_key(figure, "other data", toy.root)]
    sheet.write_text("font.size: 10\n")
    keys.append(cache.picture_key(figure, "data", toy.root))
    figure.path.write_text(figure.path.read_text() + "# changed\n")
    keys.append(cache.picture_key(figure, "data", toy.root))
    assert len(set(keys)) == 4


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted() -> None:
        with cache.replacing(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
