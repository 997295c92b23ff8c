"""Benchmarks. Each states what it does not measure."""
