"""Drills: every fault that a node can have, in every node of a graph, and whether people still get their answers.

A cell of the table is a replay of the same question before, during and after one fault.
`invariants` says what must hold whatever goes wrong; tests hold the engine to the same.
"""
