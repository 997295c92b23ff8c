"""Whole graphs with injected faults."""
