"""What the engine knows of itself while it runs."""
