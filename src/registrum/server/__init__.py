"""The server: everything behind the wire."""
