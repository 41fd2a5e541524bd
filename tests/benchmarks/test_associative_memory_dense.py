"""The benchmark of the dense memory at toy size: its errors and its bookkeeping, not its times."""

from __future__ import annotations

import pytest

from tests.benchmarks import associative_memory_dense as benchmark


@pytest.mark.parametrize("rule", benchmark.RULES)
def test_rows_give_the_accuracy_of_both_sides(rule: str) -> None:
    row = benchmark.batch(8, 2, 5, rule)
    assert row.our_error < 1e-12
    assert row.their_error < 1e-9
