"""Find sweeps: those that the laboratory comes with, and those in a file of the user's.

Every `labs.<paper>.sweeps` is looked into; each Sweep that it names is found by the sweep's own name.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from labs.core.sources import ROOT
from labs.core.sweep.declaration import Sweep
from labs.core.sweep.errors import SweepError


def every() -> dict[str, Sweep]:
    """The sweeps that the laboratory comes with, by name."""
    found: dict[str, Sweep] = {}
    for path in sorted((ROOT / "labs").glob("*/sweeps.py")):
        found |= sweeps_of(importlib.import_module(f"labs.{path.parent.name}.sweeps"))
    return found


def in_file(path: Path) -> dict[str, Sweep]:
    """The sweeps in a Python file, by name.  Raises SweepError where it has none, or cannot be run."""
    import cloudpickle

    name = f"sweep_{path.stem}"  # a file called like a module that is in use must not stand in for it
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SweepError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)  # workers need not find the file
    found = sweeps_of(module)
    if not found:
        raise SweepError(f"{path} has no sweep: no name in it stands for a Sweep")
    return found


def sweeps_of(module: ModuleType) -> dict[str, Sweep]:
    """The sweeps that a module names."""
    return {thing.name: thing for thing in vars(module).values() if isinstance(thing, Sweep)}
