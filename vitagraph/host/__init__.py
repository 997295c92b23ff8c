"""The host: takes calls from browsers and runs a graph for each."""
