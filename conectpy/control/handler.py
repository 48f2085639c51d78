"""What does a command, in the running program or, when none runs, in the process that gives it."""

from __future__ import annotations

import threading
from typing import Any, Callable

from ..models import Command


class Progress:
    """What a handler is given beside its command.

    `report` tells the person in a line how far it is; a handler says something at least every 30 s, for one that is
    silent for a minute is given up. `stop` is set when the program ends: a second later its connection is cut.
    """

    def __init__(self, report: Callable[[str], None], stop: threading.Event) -> None:
        self.report = report
        self.stop = stop


Handler = Callable[[Command, Progress], Any]
"""Does a command and returns a JSON value. Raises ConectpyError, whose text the person gets.

Runs in a thread of the control channel's, several at once. A command whose giver has left goes on.
"""
