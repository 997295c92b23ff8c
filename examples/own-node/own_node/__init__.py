"""A third party's nodes."""
