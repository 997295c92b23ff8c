"""Faults on purpose: a file says what goes wrong in which node and when, and any graph can be run with it.

chaos:
  - {node: tts, fault: no_output, from: 8s, until: 18s}
  - {node: asr, fault: latency, latency: 3s}
  - {node: chat, fault: error, category: network, chance: 0.3}
seed: 7

`read_chaos(file)`, then `inject_faults(plan, chaos)`: the same plan, in which the members that are
meant are of a subclass that misbehaves. Neither the engine nor the nodes know of it.
"""
