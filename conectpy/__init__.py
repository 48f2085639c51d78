"""conectpy: realtime PLC data collector. Reads PLCs, shows live values in a browser, records when states were TRUE."""

__version__ = "2.0.0.dev"
