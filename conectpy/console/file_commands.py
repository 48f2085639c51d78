"""Commands about the event file itself."""

from __future__ import annotations

from ..events import downgrade as older_copy
from ..texts.catalogue import say
from .command_frame import Output, Request
from .text_tables import one_line


def downgrade(request: Request) -> Output:
    """`downgrade`: a copy of FILE, else of the configured database, for an older program; the file stays as it is."""
    path = request.arguments.file or request.read_settings().database.path
    name = older_copy.downgrade(path, request.arguments.to)
    line = say("downgrade.copied", copy=name, path=path)
    return Output({"file": path, "copy": name}, [one_line(line, request.language)])
