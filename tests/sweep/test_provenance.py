"""What a chunk says of itself: what produced it; and what a report says when the code has changed."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np
import pytest
import scipy

from labs.core.sources import digest, import_closure
from labs.core.sweep import executors, provenance, run, status
from labs.core.sweep.run import folder
from tests.sweep import toys
from tests.sweep.toys import SMALL, chunks


def test_a_chunk_says_what_produced_it(tmp_path: Path) -> None:
    run(SMALL, store=tmp_path, chunk=4)
    (chunk,) = chunks(SMALL, tmp_path)
    produced = dict(chunk.produced)
    assert 0.0 < produced.pop("seconds") < 60.0
    libraries = produced.pop("libraries")
    assert libraries["numpy"] == np.__version__
    assert libraries["scipy"] == scipy.__version__
    assert libraries["array-api-compat"] == array_api_compat.__version__
    assert list(libraries) == ["array-api-compat", "array-api-extra", "numpy", "scipy"]
    assert produced.pop("blas")
    assert produced == {
        "sweep": "toys/small",
        "key": SMALL.key("numpy"),
        "code": provenance.code(SMALL.function),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "backend": "numpy",
        "device": "cpu",
        "dtype": "float64",
        "threads": 1,
    }


def test_another_backend_and_precision_are_named(tmp_path: Path) -> None:
    single = replace(SMALL, dtype="float32")
    run(single, store=tmp_path, backend="strict")
    produced = next(chunks(single, tmp_path, "strict")).produced
    assert (produced["backend"], produced["dtype"]) == ("strict", "float32")
    assert "device1" in produced["device"]
    assert re.fullmatch(r"\d+\.\d+.*", produced["libraries"]["array_api_strict"])
    assert provenance._versions("cupy").keys() == {*provenance.LIBRARIES, "cupy"}


def test_a_chunk_holds_the_parameters_of_its_cells(tmp_path: Path) -> None:
    run(toys.PRODUCTS, store=tmp_path, chunk=7)
    for chunk in chunks(toys.PRODUCTS, tmp_path):
        grid = toys.PRODUCTS.grid
        assert list(chunk.axes) == grid.names
        for name, column in chunk.axes.items():
            np.testing.assert_array_equal(column, grid.column(name, chunk.cells))


def test_numpy_reads_a_chunk(tmp_path: Path) -> None:
    """Whoever has the files and nothing of this project still has the numbers."""
    run(SMALL, store=tmp_path, chunk=4)
    (path,) = folder(SMALL, tmp_path).glob("*.npz")
    with np.load(path, allow_pickle=False) as archive:
        assert archive["cell"].tolist() == list(range(8))
        assert archive["tile"].tolist() == [0, 1, 2, 3]
        assert archive["axis.x"].tolist() == list(SMALL.grid.axis("x"))
        assert archive["out.drawn"].shape == (8,)
        assert not archive["failed"].any()


# --- sources ------------------------------------------------------------------------------------------------


def test_changed_sources_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(SMALL, store=tmp_path, shard=(1, 2))
    assert first.sources == (provenance.code(SMALL.function),)
    assert "versions of the code" not in str(first)
    monkeypatch.setattr(executors, "code", lambda function: "0123456789ab")
    second = run(SMALL, store=tmp_path)
    assert second.sources == tuple(sorted(["0123456789ab", *first.sources]))
    assert "  by 2 versions of the code (0123456789ab, " in str(second)
    assert "if the numbers have changed, raise the sweep's version" in str(status(SMALL, store=tmp_path))


def loaded(path: Path) -> ModuleType:
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_function_of_the_project_is_made_of_what_it_imports() -> None:
    closure = import_closure(Path(toys.__file__))
    machinery = import_closure(Path(executors.__file__).with_name("tile.py"))
    assert provenance.code(toys.draws) == digest(closure | machinery)[:12]
    assert provenance.code(toys.draws) == provenance.code(toys.products)


def test_a_function_in_a_loose_file_is_made_of_the_file_and_of_the_laboratory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "loose.py"
    codes = []
    for number in (1, 2):
        path.write_text(f"def f(tile):\n    return {number}\n", encoding="utf-8")
        os.utime(path, (number, number))
        codes.append(provenance.code(loaded(path).f))
    assert codes[0] != codes[1]
    monkeypatch.setattr(provenance, "digest", lambda paths: str(len(paths)))
    provenance._code.cache_clear()
    assert provenance.code(loaded(path).f) not in codes
    provenance._code.cache_clear()


def test_a_function_without_a_file_has_unknown_sources() -> None:
    scope: dict[str, Any] = {}
    exec("def f(tile):\n    return {}", scope)
    assert provenance.code(scope["f"]) == "unknown"
