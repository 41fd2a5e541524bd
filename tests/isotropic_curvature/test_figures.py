"""What the figures of this paper show, in numbers, at smoke scale: shape, limits, printed values."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from figures.gallery import render
from figures.gallery.tables import table, where
from figures.isotropic_curvature import (
    homogenization_factor,
    local_exponent,
    optimal_spectra,
    subquadratic_polarisation,
    timing_and_error,
)
from figures.isotropic_curvature._shared import optimal, ratio_at_limit
from labs.core import arrays
from labs.core.spectrum import power_law
from labs.isotropic_curvature import Power, conic
from labs.isotropic_curvature.closed_forms import largest_gradient_ratio
from labs.isotropic_curvature.nodes import solve_nodes, sphere_nodes

# The solver's relative error in q is about 1e-14 (its own tests).
ROUNDING = 1e-12

needs_cvxpy = pytest.mark.skipif(not conic.available(), reason="CVXPY or Clarabel is not installed")


@cache
def smoke(module: ModuleType) -> Any:
    return module.data("smoke", arrays.backend())


# --- the shared pieces -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kappa", [-0.8, -0.5, -0.2, 0.0, 0.5, 2.0, 38.0])
def test_the_limit_inverts_the_closed_form(kappa: float) -> None:
    r = np.geomspace(1.0, 1e6, 50)
    t = ratio_at_limit(r, kappa)
    np.testing.assert_allclose(largest_gradient_ratio(t, kappa), r, rtol=1e-13)
    # It lies between the ratio of the gradient and the plain form of the limit.
    low, high = np.sort([r / (1 + kappa), r], axis=0)
    assert np.all((t >= low * (1 - ROUNDING)) & (t <= high * (1 + ROUNDING)))


def test_tables_are_made_of_blocks_and_filtered() -> None:
    rows = table([{"name": "a", "x": np.arange(2.0)}, {"name": "b", "x": np.array([5.0])}])
    assert rows["name"].tolist() == ["a", "a", "b"]
    assert where(rows, name="a", x=1.0)["x"].tolist() == [1.0]


# --- figure by figure ------------------------------------------------------------------------------------


def test_spectra_lie_between_gradient_descent_and_the_limit() -> None:
    spectra = smoke(optimal_spectra)["spectra"]
    previous = np.ones(16)
    for p in np.unique(spectra["p"]):
        rows = where(spectra, p=p)
        limit = 1 / rows["g"] / ratio_at_limit(1 / rows["g"], p - 2)
        assert np.all(np.diff(rows["q"]) < 0)
        assert np.all(rows["gain"] >= previous * (1 - ROUNDING))  # the more, the steeper H
        assert np.all(rows["gain"] <= limit * (1 + ROUNDING))
        assert np.all(limit <= np.minimum(p - 1, 1 / rows["g"]) * (1 + ROUNDING))
        previous = rows["gain"]
    quadratic = where(spectra, p=2.0)
    np.testing.assert_allclose(quadratic["q"], 8 * quadratic["g"], rtol=ROUNDING)  # n g / 2


def test_the_caption_of_the_spectra_states_a_computed_number() -> None:
    q = optimal(power_law(16), Power(40.0), arrays.backend())
    assert f"{q[-1] / q[0]:.2f}" == "0.57"
    assert "moves\nby only 0.57" in optimal_spectra.CAPTION


def test_the_factor_stays_within_its_limit_and_grows_with_the_exponent() -> None:
    factors = smoke(homogenization_factor)["factor"]
    limit = factors["condition_gradient"] / ratio_at_limit(factors["condition_gradient"], factors["p"] - 2)
    assert np.all(factors["factor"] > 1)
    assert np.all(factors["factor"] < limit)
    assert np.all(limit < factors["p"] - 1)
    for s in homogenization_factor.SLOPES:
        for n in homogenization_factor.SIZES["smoke"]:
            rows = where(factors, s=s, n=n)
            assert np.all(np.diff(rows["p"]) > 0)
            assert np.all(np.diff(rows["factor"]) > 0)


def test_the_printed_factor_is_reproduced() -> None:
    row = where(smoke(homogenization_factor)["factor"], s=1.0, n=16, p=4.0)
    values = [row[c][0] for c in ("condition_gradient", "condition_update", "factor")]
    assert [f"{v:.6g}" for v in values] == ["16", "8.75979", "1.82653"]


def test_the_local_exponent_is_the_formula() -> None:
    near = smoke(local_exponent)["near"]
    # The distance is about (log r)^2 / 60 at r = 1.002 and rounding of q over log r.
    np.testing.assert_allclose(near["exponent"], near["theory"], atol=1e-6)
    np.testing.assert_allclose(near["theory"], (near["n"] + 2) / (near["n"] + 2 * near["p"] - 2), rtol=1e-14)


@pytest.mark.parametrize(("n", "p", "expected"), [(3, 4.0, 5 / 9), (6, 5.0, 4 / 7), (10, 3.0, 6 / 7)])
def test_printed_local_exponents(n: int, p: float, expected: float) -> None:
    value = local_exponent.exponent(np.array([local_exponent.NEAR]), n, p, arrays.backend())
    assert value[0] == pytest.approx(expected, abs=1e-6)
    assert value[0] != pytest.approx(n / (n + 2 * p - 4), abs=1e-2)  # n in place of n + 2


def test_the_exponent_leaves_the_formula_quadratically_and_keeps_the_limit() -> None:
    spread = smoke(local_exponent)["spread"]
    for p in local_exponent.EXPONENTS:
        rows = where(spread, p=p)
        logs, distance = np.log(rows["r"]), np.abs(rows["exponent"] - rows["theory"])
        # The next term is smaller by (log r)^2, 0.0022 at the second r, times a number of order 1.
        assert logs[1] < 0.05
        assert distance[1] / distance[0] == pytest.approx((logs[1] / logs[0]) ** 2, rel=0.02)
        assert distance[-1] > 0.1
        assert np.all((rows["exponent"] - rows["limit"]) * (p - 2) > 0)


def test_below_the_quadratic_spectra_widen_within_the_limit() -> None:
    tables = smoke(subquadratic_polarisation)
    previous = np.full(16, np.inf)
    for p in subquadratic_polarisation.BELOW:
        rows = where(tables["spectra"], p=p)
        limit = rows["g"] * ratio_at_limit(1 / rows["g"], p - 2)
        weak = rows["g"] < 1
        assert np.all(np.diff(rows["q"]) < 0)  # the order is kept
        assert np.all((rows["widening"] > 1)[weak])
        assert np.all((rows["widening"] < limit)[weak])
        assert np.all(limit <= (1 + ROUNDING) / (p - 1))
        assert np.all((rows["widening"] < previous)[weak])
        previous = rows["widening"]


def test_the_direction_turns_at_the_quadratic() -> None:
    rows = smoke(subquadratic_polarisation)["through"]
    side = np.sign(np.round(2 - rows["p"], 9))
    np.testing.assert_array_equal(np.sign(np.round(np.log(rows["widening"]), 9)), side)
    assert set(side) == {-1.0, 0.0, 1.0}
    assert np.all(np.abs(np.log(rows["widening"])) <= np.abs(np.log(rows["p"] - 1)) + ROUNDING)


# --- timing and error ------------------------------------------------------------------------------------


def test_the_mean_identity_is_the_identity_summed_over_third_directions() -> None:
    H, nodes = Power(3.0), sphere_nodes(5, 200)
    q = np.array([1.4, 1.0, 0.7, 0.3, 0.1])
    pairs = [[timing_and_error.identity_difference(H, q, nodes, i, j) for j in range(5)] for i in range(5)]
    total = np.sum(timing_and_error.plain_weights(H, q, nodes))  # E w, as sum u = 1
    expected = (total + np.sum(pairs, axis=1)) / 5
    np.testing.assert_allclose(timing_and_error.identity_weights(H, q, nodes), expected, rtol=1e-13)


def test_both_ways_to_solve_on_nodes_tend_to_the_optimum_and_the_identity_faster() -> None:
    update = smoke(timing_and_error)["update"]
    plain, identity = (where(update, route=route)["error"] for route in ("nodes", "identity"))
    assert np.all(identity < plain / 3)
    assert np.all(np.diff(plain) < 0)
    assert np.all(np.diff(identity) < 0)
    assert where(update, route="exact")["error"][0] < 1e-13
    assert np.all(update["seconds"] > 0)


def test_the_identity_helps_neighbours_in_the_spectrum() -> None:
    rows = smoke(timing_and_error)["difference"]
    plain, pairwise, mean = (
        where(rows, pair="neighbours", estimator=name)["error"]
        for name in ("plain", "identity", "mean identity")
    )
    assert np.all(pairwise < plain / 10)
    assert np.all(mean < plain / 3)


@needs_cvxpy
@pytest.mark.parametrize("formulation", conic.FORMULATIONS)
def test_every_formulation_is_the_problem_on_nodes(formulation: str) -> None:
    g, nodes = np.array([1.0, 0.5, 0.2]), sphere_nodes(3, 30)
    p = 4.0 if formulation == "moments" else 3.0
    answer = conic.conic_solver(nodes, p, formulation)(g)
    ours = solve_nodes(g, Power(p), nodes)
    assert answer.accurate
    # Clarabel at its defaults: about 1e-8 in the value, and F is flat at its optimum: a relative error e of the
    # smallest entry, which makes up 5 % of <g, q>, costs about 0.05 e^2 of F, so e is up to 4.5e-4.
    assert answer.value == pytest.approx(float(ours.value), rel=1e-6)
    np.testing.assert_allclose(answer.q, ours.q, rtol=1e-3)


@needs_cvxpy
def test_an_unknown_formulation_is_refused() -> None:
    for p, formulation in ((3.0, "moments"), (3.0, "other")):
        with pytest.raises(ValueError, match=f"got '{formulation}'"):
            conic.conic_solver(sphere_nodes(3, 9), p, formulation)


@needs_cvxpy
def test_the_conic_route_stands_beside_the_others() -> None:
    tables = smoke(timing_and_error)
    assert set(tables["timing"]["route"]) == set(timing_and_error.ROUTES)
    # On one and the same node set the two routes make the same error, about 0.1; q itself differs by 1e-5.
    g, q = power_law(16), optimal(power_law(16), Power(3.0), arrays.backend())
    found = solve_nodes(g, Power(3.0), sphere_nodes(16, 32)).q
    error = where(tables["update"], route="conic", nodes=32)["error"]
    np.testing.assert_allclose(error, np.max(np.abs(found / q - 1)), rtol=1e-3)


def test_without_cvxpy_the_figure_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_and_error, "available", lambda: False)
    tables = timing_and_error.data("smoke", arrays.backend())
    assert "conic" not in tables["timing"]["route"]
    assert "conic" not in tables["update"]["route"]
    picture = render.draw(timing_and_error, "isotropic_curvature/timing_and_error", tables)
    legend = picture.axes[1].get_legend()
    assert legend is not None
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["exact", "nodes", "identity", "conic (not installed)"]
