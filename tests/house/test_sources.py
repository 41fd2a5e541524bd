"""The import closure of a module, and the hash of it."""

import os

import pytest

from labs.core.sources import ROOT, digest, import_closure, module_file


@pytest.fixture
def project(tmp_path):
    """A function that writes the files of a small project and returns its root."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def closure(root, name):
    return {path.relative_to(root).as_posix() for path in import_closure(root / name, root)}


def test_the_closure_follows_imports_through_the_project(project):
    root = project(
        labs__a="import labs.b\nimport numpy",
        labs__b="def f():\n    from theory import c",
        theory__c="",
        theory__unused="",
    )
    assert closure(root, "labs/a.py") == {"labs/a.py", "labs/b.py", "theory/c.py"}
    assert closure(root, "theory/c.py") == {"theory/c.py"}


def test_the_closure_holds_the_packages_on_the_way(project):
    root = project(labs__a="import labs.deep.down.b")
    for folder in ("labs", "labs/deep", "labs/deep/down"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "__init__.py").write_text("")
    (root / "labs/deep/__init__.py").write_text("from .other import x")
    (root / "labs/deep/other.py").write_text("")
    (root / "labs/deep/down/b.py").write_text("")
    assert closure(root, "labs/a.py") == {
        "labs/a.py",
        "labs/__init__.py",
        "labs/deep/__init__.py",
        "labs/deep/other.py",
        "labs/deep/down/__init__.py",
        "labs/deep/down/b.py",
    }


def test_relative_imports_and_submodules(project):
    root = project(
        labs__p__a="from . import b\nfrom .c import value\nfrom ..core import d",
        labs__p__b="",
        labs__p__c="",
        labs__core__d="",
    )
    assert closure(root, "labs/p/a.py") == {"labs/p/a.py", "labs/p/b.py", "labs/p/c.py", "labs/core/d.py"}


def test_a_circle_of_imports_ends(project):
    root = project(labs__a="import labs.b", labs__b="import labs.a")
    assert closure(root, "labs/a.py") == closure(root, "labs/b.py") == {"labs/a.py", "labs/b.py"}


def test_an_edited_file_is_read_again(project):
    root = project(labs__a="", labs__b="")
    assert closure(root, "labs/a.py") == {"labs/a.py"}
    (root / "labs/a.py").write_text("import labs.b")
    os.utime(root / "labs/a.py", ns=(1, 1))  # a clock too coarse to tell the two writes apart
    assert closure(root, "labs/a.py") == {"labs/a.py", "labs/b.py"}


def test_the_hash_depends_on_names_and_contents_only(project, tmp_path):
    root = project(labs__a="x = 1", labs__b="y = 2", other__labs__a="x = 1", other__labs__b="y = 2")
    files = frozenset({root / "labs/a.py", root / "labs/b.py"})
    before = digest(files, root)
    elsewhere = root / "other"
    assert digest(frozenset({elsewhere / "labs/b.py", elsewhere / "labs/a.py"}), elsewhere) == before
    assert digest(frozenset({root / "labs/a.py"}), root) != before
    (root / "labs/a.py").write_text("x = 2")
    changed = digest(files, root)
    (root / "labs/a.py").write_text("y = 2")
    (root / "labs/b.py").write_text("x = 1")
    assert len({before, changed, digest(files, root)}) == 3


def test_the_project_itself():
    files = import_closure(ROOT / "tests/referee.py")
    names = {path.relative_to(ROOT).as_posix() for path in files}
    assert {"tests/ledger.py", "theory/claims.py", "theory/signs.py", "labs/core/sources.py"} <= names
    assert not any(name.startswith("figures/") for name in names)
    assert module_file("labs.core") == ROOT / "labs/core/__init__.py"
    assert module_file("labs.no_such_module") is None
