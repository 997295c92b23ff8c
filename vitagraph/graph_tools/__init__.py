"""Prints graphs: as drawings, with the origin of each line, and the language as a JSON Schema."""
