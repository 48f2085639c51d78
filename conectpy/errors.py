"""The whole exception tree. What a user can cause ends as one clear line, never as a traceback."""

from __future__ import annotations

from typing import Sequence

from .texts.catalogue import as_text, say


class ConectpyError(Exception):
    """Base of every error conectpy raises on purpose; a script prints its text and exits with `exit_status`.

    `text` is what it says, in every language; `str()` of the error is the English of it.
    """

    exit_status = 1

    def __init__(self, text: str) -> None:
        self.text = as_text(text)
        super().__init__(self.text)


class ConfigError(ConectpyError):
    """One or more faults in the configuration; `faults` holds one line for each."""

    exit_status = 2

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(say("lines", items=self.faults))


class DriverError(ConectpyError):
    """A PLC could not be reached or answered wrongly; the driver that raised it must be thrown away."""


class StoreError(ConectpyError):
    """The event database cannot be used; the file is left as it was found."""


class WebError(ConectpyError):
    """The web server cannot be started (address in use, unreadable certificate)."""


class CommandError(ConectpyError):
    """A command did not reach the program that it is for, or was not done."""
