"""A package of nodes for tests, laid out as `nodes` is."""
