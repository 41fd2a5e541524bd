"""Which module may import which: the arrows of the house, read from the import statements.

    tests -> figures -> {labs, theory}      labs -> labs.core      papers never -> another paper

`theory` and `labs` do not know each other: statement and computation are independent witnesses.  One
exception, by name: `labs.__main__` imports figures, theory and the benchmarks inside its subcommands.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

BELOW = {
    "theory": {"theory"},
    "labs": {"labs"},
    "figures": {"figures", "labs", "theory"},
    "tests": {"tests", "figures", "labs", "theory"},
}
# What the command line may import inside its subcommands.
COMMAND_LINE, SUBCOMMANDS = "labs.__main__", ("figures", "theory", "tests.benchmarks")
ARRAYS = "labs.core.arrays"

# The ground floor of theory, and what each of its modules may import of the project.
GROUND = {
    "theory.claims": (),
    "theory.hypotheses": (),
    "theory.signs": (),
    "theory.evidence": ("theory.hypotheses", "theory.signs"),
}

# Packages that are imported inside the functions that use them: slow to load, or perhaps not installed.
HEAVY = {
    *(
        "cloudpickle",
        "cupy",
        "cupyx",
        "cvxpy",
        "dask",
        "distributed",
        "flint",
        "loky",
        "matplotlib",
        "pandas",
    ),
    *("sympy", "xarray"),
}
OPTIONAL = HEAVY - {"matplotlib", "sympy"}
# All of this module is drawing, and it is itself imported where something is drawn.
DRAWING = "figures.gallery.style"

ARRAY_LIBRARIES = {"array_api_compat", "array_api_strict", "cupy", "cupyx"}

# A check gets its evidence from theory.evidence.exact and its like; nobody makes one by hand.
KINDS = {f"theory.evidence.{kind}" for kind in ("Exact", "Enclosed", "Certified", "Measured", "Sampled")}


@dataclass(frozen=True)
class Import:
    """An imported name (`from a import b` is a.b), and when it is imported: `module`, `call` or `typing`."""

    name: str
    when: str = "module"


def imports_of(source: str, module: str, *, package: bool = False) -> list[Import]:
    """Every import in the text of a module, also `importlib.import_module("...")` and `importorskip("...")`."""
    here = module.split(".") if package else module.split(".")[:-1]

    def names(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "importorskip", "__import__"):
                yield str(node.args[0].value)

    def visit(node: ast.AST, when: str) -> Iterator[Import]:
        yield from (Import(name, when) for name in names(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            when = "call"
        guarded = node.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) else ()
        for child in ast.iter_child_nodes(node):
            yield from visit(child, "typing" if child in guarded else when)

    return list(visit(ast.parse(source), "module"))


def forbidden(module: str, imported: Import, papers: Collection[str]) -> str | None:
    """Why `module` may not import this, or None if it may."""
    top, target = module.split(".")[0], imported.name.split(".")[0]
    if target in BELOW:
        return _against_the_arrows(module, imported, papers)
    if imported.when == "module":
        if target in HEAVY and top != "tests" and (module, target) != (DRAWING, "matplotlib"):
            return f"{target} is imported inside the function that uses it"
        if target in OPTIONAL:
            return f"{target} may be missing, and its tests must be collected all the same"
    if top == "labs" and target in ARRAY_LIBRARIES and module != ARRAYS:
        return f"only {ARRAYS} knows which array library is in use"
    return None


def _against_the_arrows(module: str, imported: Import, papers: Collection[str]) -> str | None:
    top, target = module.split(".")[0], imported.name.split(".")[0]
    called = imported.when != "module" and any(_within(imported.name, name) for name in SUBCOMMANDS)
    excepted = module == COMMAND_LINE and called
    if target not in BELOW[top] and not excepted:
        return f"{top} does not import {target}"
    if _within(imported.name, COMMAND_LINE) and top != "tests":
        return "nothing imports the command line"
    if module in GROUND and not any(_within(imported.name, allowed) for allowed in GROUND[module]):
        return f"{module} is the ground floor"
    if _within(module, "labs.core") and target == "labs" and not _within(imported.name, "labs.core"):
        return "labs.core imports nothing above it"
    mine, theirs = _paper(module, papers), _paper(imported.name, papers)
    if theirs and theirs != mine and (mine or top != "tests"):
        return f"{mine or 'what papers share'} does not import the paper {theirs}"
    if imported.name in KINDS and module != "theory.evidence":
        return "evidence is made by exact, enclosed, certified, measured and sampled alone"
    return None


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _paper(name: str, papers: Collection[str]) -> str | None:
    """The paper that a module belongs to, if any."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in papers else None
