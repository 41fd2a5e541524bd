"""What every test needs: the referee, one BLAS thread, deterministic Hypothesis, and the array library."""

import os
import signal

import pytest
from hypothesis import Phase, settings
from threadpoolctl import threadpool_limits

# Nothing above imports NumPy: a BLAS reads these when it is loaded.  Two test processes with a thread per
# core each were twenty times slower.
for _library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
os.environ["VECLIB_MAXIMUM_THREADS"] = "1"

# In a shell's background (`make test &`) an interrupt is ignored, and every process started here would inherit that:
# what the tests interrupt would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.referee", "pytester"]

# The same examples on every run, and no file written: to see a failure again, run the test again.
settings.register_profile(
    "referee",
    derandomize=True,
    database=None,
    deadline=None,
    phases=(
        Phase.explicit,
        Phase.generate,
        Phase.target,
        Phase.shrink,
    ),  # not "explain": it traces every line
)
settings.load_profile("referee")


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """For a library that was loaded before the variables above were set."""
    import scipy.linalg  # noqa: F401  (loads the BLAS that SciPy brings)

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def backend(request):
    """The array library of this run (--backend, LABS_BACKEND)."""
    from labs.core import arrays

    return arrays.backend(request.config.getoption("--backend"))


@pytest.fixture(scope="session")
def xp(backend):
    """The array namespace of this run."""
    return backend.xp
