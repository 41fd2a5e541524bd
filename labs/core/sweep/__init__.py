"""Sweeps: a grid of parameters and a pure function of its cells, computed anywhere, stored, resumed, read back.

product, zipped, listed    what cells there are
Sweep                      what is computed over them
run, status, estimate      compute what is missing; how it stands; what it would cost
results, export            named arrays over the grid; files
"""

from labs.core.sweep.cost import Estimate, estimate
from labs.core.sweep.declaration import Sweep
from labs.core.sweep.errors import StoreError, SweepError
from labs.core.sweep.grid import Grid, listed, product, zipped
from labs.core.sweep.results import export, results
from labs.core.sweep.run import Report, run, status
from labs.core.sweep.tile import Tile

__all__ = [
    "Estimate",
    "Grid",
    "Report",
    "StoreError",
    "Sweep",
    "SweepError",
    "Tile",
    "estimate",
    "export",
    "listed",
    "product",
    "results",
    "run",
    "status",
    "zipped",
]
