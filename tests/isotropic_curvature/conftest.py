"""The claims of this paper are checked on the array library of the run."""

import pytest

from tests.isotropic_curvature import device


@pytest.fixture(scope="session", autouse=True)
def on_the_backend_of_the_run(backend):
    """`pytest --backend cupy` asks a GPU."""
    device.use(backend)
