"""Test tools for authors of nodes: a harness, leak checks and the conformance kit.

Public; the engine itself never imports it.
"""

from pipeline.testing.conformance import conformance
from pipeline.testing.harness import Harness, RunResult, root_stamp, run_node
from pipeline.testing.leaks import Leak, no_leaks, share

__all__ = ["Harness", "Leak", "RunResult", "conformance", "no_leaks", "root_stamp", "run_node", "share"]
