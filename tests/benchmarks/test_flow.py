"""The benchmark of the batched integration runs, at a small size: both sides meet the target."""

from __future__ import annotations

from tests.benchmarks import flow


def test_both_sides_meet_the_target() -> None:
    for row in (flow.scalars(6), flow.matrices(4, 2), flow.flows(2, 4, 2)):
        assert row.our_error <= flow.TARGET
        assert row.their_error <= flow.TARGET
        assert row.ratio > 0
