"""Drills: inject every applicable fault into every node of a graph and check that turns are still answered.

A cell is one replay that asks the same question before, during and after one fault.
`invariants` defines what must hold in every cell; tests check the engine against the same.
"""
