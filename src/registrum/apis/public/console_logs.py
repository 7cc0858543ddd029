"""What runs print, under the path by which scripts import it."""

from registrum.sdk.run_history import ConsoleLogLine, ConsoleLogs

__all__ = [
    "ConsoleLogLine",
    "ConsoleLogs",
]
