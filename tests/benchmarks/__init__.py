"""Benchmarks: ours beside the alternative, time and accuracy of both; no test asserts a time."""
