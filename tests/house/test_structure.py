"""The house stands as designed: imports go downwards only, every folder is a package, one BLAS thread."""

import subprocess
import sys

import pytest

from labs.core.sources import PACKAGES, ROOT
from tests.house.structure import GROUND, Import, forbidden, imports_of

FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def papers():
    """A paper has a module or a package in theory; so have the ground floor's modules, which are no papers."""
    names = {
        module_name(path) for path in (ROOT / "theory").iterdir() if path.suffix == ".py" or path.is_dir()
    }
    return {name.split(".")[1] for name in names - set(GROUND) if "." in name and "__" not in name}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_downwards_only(path):
    module = module_name(path)
    found = imports_of(path.read_text(encoding="utf-8"), module, package=path.name == "__init__.py")
    reasons = {imported.name: forbidden(module, imported, papers()) for imported in found}
    assert {name: reason for name, reason in reasons.items() if reason} == {}


def test_the_papers_are_known():
    assert "isotropic_curvature" in papers()
    assert not papers() & {"claims", "evidence", "signs", "hypotheses", "core", "gallery", "house"}


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("theory.a", "import labs"),
        ("theory.a", "from labs.core import arrays"),
        ("theory.a", "def f():\n    from labs import a"),
        ("theory.a", "from figures import gallery"),
        ("theory.a", "from tests import referee"),
        ("labs.a", "import theory.claims"),
        ("labs.a", "def f():\n    import theory"),
        ("labs.core.sweep", "from tests.kernels import Kernel"),
        ("figures.a.plot", "import tests.referee"),
        # the command line
        ("labs.__main__", "from figures import gallery"),
        ("labs.__main__", "def f():\n    from tests import mutants"),
        ("labs.__main__", "def f():\n    from theory import a"),
        ("labs.a", "from labs import __main__"),
        ("figures.gallery.run", "def f():\n    from labs.__main__ import main"),
        # floors
        ("theory.claims", "from theory import evidence"),
        ("theory.evidence", "from theory.claims import Claim"),
        ("theory.signs", "import theory.hypotheses"),
        ("labs.core.fit", "from labs import a"),
        ("labs.core.fit", "from .. import a"),
        # papers
        ("theory.a.structure", "from theory import b"),
        ("theory.a", "from theory.b.claims import T1"),
        ("labs.a.solver", "from ..b import solve"),
        ("figures.a.plot", "from labs import b"),
        ("figures.gallery.run", "import figures.a.plot"),
        ("tests.a.test_x", "from theory import b"),
        ("tests.a.test_x", "from tests.b.menu import spectra"),
        ("labs", "from labs import a"),
        # packages from outside
        ("labs.a", "import cvxpy"),
        ("labs.a", "try:\n    import flint\nexcept ImportError:\n    pass"),
        ("theory.a", "from sympy import sqrt"),
        ("theory.a", "class A:\n    import sympy"),
        ("figures.a.plot", "import matplotlib.pyplot as plt"),
        ("tests.a.test_x", "import cupy as cp"),
        ("tests.a.test_x", "flint = pytest.importorskip('flint')"),
        ("labs.a", "def f():\n    import array_api_compat"),
        ("labs.core.polar", "def f():\n    import cupy"),
        ("figures.a.plot", "import importlib\nimportlib.import_module('tests.referee')"),
        # evidence made by hand
        ("tests.a.test_x", "from theory.evidence import Exact"),
    ],
)
def test_an_import_against_the_arrows_is_found(module, statement):
    assert any(forbidden(module, imported, {"a", "b"}) for imported in imports_of(statement, module))


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("theory.a", "from theory.claims import Claim\nfrom theory.a.paper import PAPER\nimport fractions"),
        ("theory.a", "def f():\n    import sympy, flint"),
        ("theory.evidence", "from theory import signs\nfrom theory.hypotheses import require"),
        (
            "labs.a.solver",
            "from labs.core.arrays import array_namespace\nfrom .curvature import Power\nimport numpy",
        ),
        ("labs.core.arrays", "import array_api_compat\ndef f():\n    import cupy"),
        ("labs.__main__", "def f():\n    from figures import gallery\n    from theory.claims import load"),
        ("labs.__main__", "def f():\n    importlib.import_module('tests.benchmarks.harness')"),
        ("labs.__main__", "if TYPE_CHECKING:\n    from figures.gallery import contract"),
        (
            "figures.a.plot",
            "from labs import a, core\nfrom theory import a as claims\nfrom figures.gallery import style",
        ),
        ("figures.a.plot", "if TYPE_CHECKING:\n    from matplotlib.figure import Figure"),
        ("figures.gallery.style", "import matplotlib"),
        (
            "tests.a.test_x",
            "from theory.a import T1\nfrom labs import a\nfrom tests.referee import check\nimport sympy",
        ),
        ("tests.core.test_x", "from labs import a\ndef f():\n    flint = pytest.importorskip('flint')"),
        ("tests.house.test_cli", "from labs.__main__ import main"),
    ],
)
def test_an_import_along_the_arrows_is_left_alone(module, statement):
    assert not any(forbidden(module, imported, {"a", "b"}) for imported in imports_of(statement, module))


def test_imports_are_read_from_the_text():
    text = """
from . import sibling
from ..core import arrays as xp
import a.b, c
if typing.TYPE_CHECKING:
    import d
else:
    import e
def f():
    import g
    lambda: importlib.import_module("h")
"""
    assert imports_of(text, "labs.paper.module") == [
        Import("labs.paper.sibling"),
        Import("labs.core.arrays"),
        Import("a.b"),
        Import("c"),
        Import("d", "typing"),
        Import("e"),
        Import("g", "call"),
        Import("h", "call"),
    ]
    assert imports_of("from . import part", "labs.paper", package=True) == [Import("labs.paper.part")]


def test_every_folder_is_a_package():
    """Without __init__.py, tests/x would be imported as the top-level package x, and might hide it."""
    assert {path.parent for path in FILES if not (path.parent / "__init__.py").exists()} == set()


def test_theory_builds_no_expression_when_it_is_imported():
    heavy = "{'sympy', 'flint', 'numpy', 'scipy', 'labs'}"
    code = f"import sys; from theory.claims import load; load(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_blas_thread():
    import scipy.linalg  # noqa: F401  (brings a BLAS of its own)
    from threadpoolctl import threadpool_info

    pools = threadpool_info()
    assert pools
    assert {pool["num_threads"] for pool in pools} == {1}
