"""Alerts of a host: rules over its metrics, evaluated in the process, and exported for Prometheus.

docs/observability.md describes the file format.
"""
