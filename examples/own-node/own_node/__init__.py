"""Nodes of a third party."""
