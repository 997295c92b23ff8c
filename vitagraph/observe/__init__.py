"""What an operator sees of a host: the metrics of its calls, its models and its event loop."""
