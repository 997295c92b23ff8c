"""For those who write nodes: a harness, leak checks and the conformance kit.

Public; never imported by the engine itself.
"""

from pipeline.testing.conformance import conformance
from pipeline.testing.harness import Bench, Outcome, root_stamp
from pipeline.testing.leaks import Leak, no_leaks, share
from pipeline.testing.run_node import run_node

__all__ = ["Bench", "Leak", "Outcome", "conformance", "no_leaks", "root_stamp", "run_node", "share"]
