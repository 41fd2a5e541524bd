"""Many initial value problems: one batched integration beside a loop of SciPy's, at equal measured error.

All problems are flows whose solutions are known in closed form, so that the error is that of the answer.  Each side
gets the loosest tolerance, in quarters of a decade, at which its own error is at most the target; SciPy gets the
better of RK45, the same method as ours, and DOP853.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from labs.core.flow import integrate
from labs.core.spectrum import haar
from labs.core.streams import stream
from labs.polar_flow.operators import regression
from labs.polar_flow.reduced import commuting_flow
from labs.polar_flow.self_polar import self_polar_flow
from tests.benchmarks.harness import Row, compare

TITLE = "Batched integration against a loop"

TARGET = 1e-7
TIMES = np.linspace(0.0, 3.0, 7)
Solver = Callable[[float], np.ndarray]


def rows() -> Iterator[Row]:
    """Singular values one by one (a scalar each); as eigenvalues of a 3 x 3 system; and of the whole 8 x 3 flow."""
    yield scalars(512)
    yield matrices(256, 3)
    yield flows(128, 8, 3)


def scalars(count: int) -> Row:
    """d sigma/dt = -(1 - kappa^2/sigma^2), from `count` starts."""
    drawn = stream("benchmark: flow, scalars")
    kappa = drawn.uniform(0.2, 1.0, count)
    start = kappa + drawn.uniform(0.1, 4.0, count)
    exact = commuting_flow(start[:, None], kappa[:, None], TIMES)

    def ours(tolerance: float) -> np.ndarray:
        def field(t: Any, y: Any) -> Any:
            return kappa[:, None] ** 2 / y**2 - 1.0

        return integrate(field, start[:, None], TIMES, rtol=tolerance, atol=tolerance).states[..., 0]

    def theirs(method: str) -> Solver:
        def solve(tolerance: float) -> np.ndarray:
            found = [
                solve_ivp(
                    lambda t, y, k=k: k * k / y**2 - 1.0,
                    (0.0, TIMES[-1]),
                    [s],
                    method,
                    TIMES,
                    rtol=tolerance,
                    atol=tolerance,
                ).y[0]
                for s, k in zip(start, kappa, strict=True)
            ]
            return np.stack(found)

        return solve

    return _row(f"{count} scalar equations", ours, theirs, exact)


def matrices(count: int, k: int) -> Row:
    """dB/dt = -(B (C + B)^{-1/2} + its transpose), k x k, from `count` starts with C B = B C."""
    drawn = stream("benchmark: flow, matrices", k)
    frames = haar(k, drawn, (count,))
    kappa = drawn.uniform(0.2, 1.0, (count, k))
    start = kappa + drawn.uniform(0.1, 4.0, (count, k))
    C, B0 = ((frames * x[:, None, :]) @ frames.mT for x in (kappa**2, start**2 - kappa**2))
    exact = np.sort(commuting_flow(start[:, None, :], kappa[:, None, :], TIMES[:, None]), axis=-1)

    def pull(C: np.ndarray, B: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(C + B)
        # A trial step may leave the positive matrices; it is rejected.
        root = np.maximum(values, 1e-3) ** -0.5
        pulled = B @ ((vectors * root[..., None, :]) @ vectors.mT)
        return -(pulled + pulled.mT)

    def sigma(C: np.ndarray, B: np.ndarray) -> np.ndarray:
        return np.sqrt(np.linalg.eigvalsh(C + B))

    def ours(tolerance: float) -> np.ndarray:
        run = integrate(lambda t, B: pull(C, B), B0, TIMES, axes=2, rtol=tolerance, atol=tolerance)
        return sigma(C[:, None], run.states)

    def theirs(method: str) -> Solver:
        def solve(tolerance: float) -> np.ndarray:
            found = [
                solve_ivp(
                    lambda t, y, c=c: pull(c, y.reshape(k, k)).ravel(),
                    (0.0, TIMES[-1]),
                    b.ravel(),
                    method,
                    TIMES,
                    rtol=tolerance,
                    atol=tolerance,
                ).y.T.reshape(-1, k, k)
                for c, b in zip(C, B0, strict=True)
            ]
            return sigma(C[:, None], np.stack(found))

        return solve

    return _row(f"{count} systems of {k} x {k} matrices", ours, theirs, exact)


def flows(count: int, d: int, k: int) -> Row:
    """The self-polar flow of d x k matrices under a regression, from `count` starts with C B = B C."""
    drawn = stream("benchmark: flow, self-polar", d, k)
    frame, right = haar(d, drawn), haar(k, drawn, (count,))
    operator = regression(frame[:k])
    kappa = drawn.uniform(0.2, 1.0, (count, k))
    start = kappa + drawn.uniform(0.1, 4.0, (count, k))
    par, Z = (
        frame[i * k : (i + 1) * k].T @ (x[..., None] * right)
        for i, x in enumerate((kappa, (start**2 - kappa**2) ** 0.5))
    )
    W0 = par + Z
    exact = np.sort(commuting_flow(start[:, None, :], kappa[:, None, :], TIMES[:, None]), axis=-1)[..., ::-1]

    def ours(tolerance: float) -> np.ndarray:
        return self_polar_flow(operator, W0, TIMES, tolerance=tolerance).spectra

    def field(t: float, y: np.ndarray) -> np.ndarray:
        u, _, vt = np.linalg.svd(y.reshape(d, k), full_matrices=False)
        pulled = u @ vt
        return -(pulled - operator.basis.T @ (operator.basis @ pulled)).ravel()

    def theirs(method: str) -> Solver:
        def solve(tolerance: float) -> np.ndarray:
            found = [
                solve_ivp(
                    field, (0.0, TIMES[-1]), W.ravel(), method, TIMES, rtol=tolerance, atol=tolerance
                ).y.T.reshape(-1, d, k)
                for W in W0
            ]
            return np.linalg.svd(np.stack(found), compute_uv=False)

        return solve

    return _row(
        f"{count} self-polar flows of {d} x {k} matrices, ours with events and invariants",
        ours,
        theirs,
        exact,
    )


def _row(title: str, ours: Solver, theirs: Callable[[str], Solver], exact: np.ndarray) -> Row:
    def error(answer: np.ndarray) -> float:
        return float(np.max(np.abs(answer / exact - 1)))

    def loosest(solve: Solver) -> float:
        return next(t for t in 10.0 ** -np.arange(6.5, 14.0, 0.25) if error(solve(t)) <= TARGET)

    mine = loosest(ours)
    rivals = [(method, loosest(theirs(method))) for method in ("RK45", "DOP853")]
    found = [
        compare(
            title,
            (f"integrate, rtol {mine:.0e}", partial(ours, mine)),
            (f"solve_ivp, {method}, rtol {tolerance:.0e}", partial(theirs(method), tolerance)),
            error,
            repeat=2,
            note=f"relative errors; target {TARGET:.0e}",
        )
        for method, tolerance in rivals
    ]
    return min(found, key=lambda row: row.ratio)
