"""Fault injection: a file lists faults by node and time, and any graph can be run with them.

chaos:
  - {node: tts, fault: no_output, from: 8s, until: 18s}
  - {node: asr, fault: latency, latency: 3s}
  - {node: chat, fault: error, category: network, chance: 0.3}
seed: 7

`read_chaos(file)` reads the faults. `inject_faults(plan, chaos)` returns the plan with the affected
members replaced by subclasses that misbehave; engine and nodes are unaware of it.
"""
