"""The Python package's side of the wire."""
