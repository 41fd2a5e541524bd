"""Files that are not as they were written are found, named, set aside and computed anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from labs.core.sweep import StoreError, run, status
from labs.core.sweep.chunk import DIGEST, _sealed, decode
from labs.core.sweep.run import folder, store_of
from tests.sweep.toys import SMALL, contents, undisturbed

EVERY = 97  # bytes


@cache
def expected() -> dict[str, bytes]:
    """The bits of SMALL, computed without a mishap."""
    with TemporaryDirectory() as store:
        return undisturbed(SMALL, Path(store))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The four chunks of a finished sweep; the store is `tmp_path`."""
    run(SMALL, store=tmp_path, chunk=1)
    found = sorted(folder(SMALL, tmp_path).glob("*.npz"))
    assert len(found) == 4
    return found


def test_a_flipped_bit_is_found_wherever_it_is(files: list[Path], tmp_path: Path) -> None:
    for path in files:
        data = bytearray(path.read_bytes())
        for at in [*range(0, len(data), EVERY), len(data) - DIGEST - 1, len(data) - DIGEST, len(data) - 1]:
            bit = 1 << at % 8
            data[at] ^= bit
            with pytest.raises(StoreError, match=f"its {len(data)} bytes do not have the checksum"):
                decode(bytes(data))
            data[at] ^= bit
        assert decode(bytes(data)).produced["key"] == SMALL.key("numpy")


def spoil_first(change: Callable[[bytes], bytes]) -> Callable[[list[Path]], None]:
    """Change the bytes of the first file."""

    def spoil(files: list[Path]) -> None:
        files[0].write_bytes(change(files[0].read_bytes()))

    return spoil


def from_another_sweep(files: list[Path]) -> None:
    """Put a whole chunk of another sweep in the place of the first."""
    other = replace(SMALL, seed=1)
    with TemporaryDirectory() as store:
        run(other, store=store, chunk=1)
        shutil.copy(folder(other, store) / files[0].name, files[0])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (spoil_first(lambda data: data[:-1]), "do not have the checksum"),
        (spoil_first(lambda data: data[: len(data) // 2]), "do not have the checksum"),
        (spoil_first(lambda data: b""), "its 0 bytes do not have the checksum"),
        (spoil_first(lambda data: data + b"\0"), "do not have the checksum"),
        (spoil_first(lambda data: data + data), "do not have the checksum"),
        (spoil_first(lambda data: bytes(len(data))), "do not have the checksum"),
        (spoil_first(lambda data: _sealed({"cell": np.arange(2)})), "it is whole, but no chunk of this version"),
        (spoil_first(lambda data: _sealed({"cell": np.asarray([{}])})), "Object arrays cannot be loaded"),
        (from_another_sweep, "it holds results of the sweep with the key"),
    ],
)  # fmt: skip
def test_what_is_torn_is_named_and_computed_anew(
    files: list[Path], tmp_path: Path, spoil: Callable[[list[Path]], None], why: str
) -> None:
    spoil(files)
    torn = files[0].read_bytes()

    stands = status(SMALL, store=tmp_path)
    assert (stands.done, list(stands.torn)) == (6, [files[0].name])
    assert files[0].read_bytes() == torn  # looking has changed nothing

    report = run(SMALL, store=tmp_path, chunk=1)
    assert (report.done, report.chunks, list(report.torn)) == (8, 1, [files[0].name])
    assert why in report.torn[files[0].name]
    assert f"torn: {files[0].name}: it" in str(report)
    assert contents(SMALL, tmp_path) == expected()
    (aside,) = (files[0].parent / "aside").iterdir()
    assert aside.name.startswith(files[0].name)
    assert aside.read_bytes() == torn

    again = run(SMALL, store=tmp_path)
    assert (again.chunks, again.torn) == (0, {})


def test_every_file_torn(files: list[Path], tmp_path: Path) -> None:
    for path in files:
        path.write_bytes(path.read_bytes()[:-7])
    report = run(SMALL, store=tmp_path)
    assert sorted(report.torn) == [path.name for path in files]
    assert contents(SMALL, tmp_path) == expected()


def test_names_do_not_matter(files: list[Path], tmp_path: Path) -> None:
    """A chunk says itself what it holds: files that are swapped, or called otherwise, do no harm."""
    files[0].rename(tmp_path / "kept")
    files[1].rename(files[0])
    (tmp_path / "kept").rename(files[1])
    files[2].rename(files[2].with_name("copy of a chunk.npz"))
    report = run(SMALL, store=tmp_path)
    assert (report.done, report.chunks, report.torn) == (8, 0, {})
    assert contents(SMALL, tmp_path) == expected()


def test_a_file_that_tears_while_a_run_goes_on_is_seen(tmp_path: Path) -> None:
    """What has been checked is checked again where it has been written to since."""
    home = store_of(SMALL, tmp_path)
    run(SMALL, store=tmp_path, chunk=1)
    first, *_ = names = sorted(home.scan().chunks)
    path = home.folder / first
    path.write_bytes(path.read_bytes()[:-1])
    found = home.scan()
    assert list(found.torn) == [first]
    assert sorted(found.chunks) == names[1:]


def test_what_has_been_checked_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SMALL, store=tmp_path, chunk=1)
    home = store_of(SMALL, tmp_path)
    first = home.scan()
    monkeypatch.setattr(home, "read", None)
    assert home.scan().tiles == first.tiles == {0, 1, 2, 3}


def test_a_disk_that_spoils_all_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not go on for ever, and says what it could not mend."""
    from labs.core.sweep import store

    monkeypatch.setattr(store, "_write_all", lambda file, data: file.write(data[:-1]))
    report = run(SMALL, store=tmp_path, chunk=4)
    assert (report.done, report.chunks) == (0, 3)
    assert "torn: tiles-0000000-0000003-" in str(report)
    monkeypatch.undo()
    assert run(SMALL, store=tmp_path).done == 8
    assert contents(SMALL, tmp_path) == expected()


def test_a_spoilt_description_is_written_anew(files: list[Path], tmp_path: Path) -> None:
    about = files[0].parent / "sweep.json"
    text = about.read_bytes()
    about.write_bytes(b"\xff\xfe")
    assert run(SMALL, store=tmp_path).chunks == 0
    assert about.read_bytes() == text
    assert b'"name": "toys/small"' in text
