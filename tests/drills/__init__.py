"""Whole graphs with faults on purpose."""
