"""Every command of `python -m conectpy`, in the order and the groups in which they are listed.

A command is a line here and a function in its group's module, `(Request) -> Output`, imported when it is called.
documentation.md lists the same commands; a test compares them.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Tuple

from ..texts.catalogue import Text, say


class Argument(NamedTuple):
    """What `argparse` takes: the option's spellings or a positional's name, and how it is read."""

    names: Tuple[str, ...]
    details: Dict[str, Any]


class Entry(NamedTuple):
    """One command: the words that call it, what it does, and where its function is: `module:function` in console/."""

    name: str
    group: Text
    help: Text
    function: str
    arguments: Tuple[Argument, ...] = ()


def argument(*names: str, help: Text, **details: Any) -> Argument:
    return Argument(names, {**details, "help": help})


COMMON = (
    argument("--config", metavar="FILE.yml", help=say("help.config")),
    argument("--db", metavar="FILE", help=say("help.db")),
    argument("--json", action="store_true", help=say("help.json")),
)

_PKI = argument("--pki", metavar="DIR", help=say("help.pki"))
_THUMBPRINT = argument("thumbprint", metavar="THUMBPRINT", help=say("help.thumbprint"))

_FILE = argument("file", metavar="FILE", nargs="?", help=say("help.file"))
_TO = argument("--to", metavar="COPY", help=say("help.to"))
_CERTIFICATES = say("group.certificates")

COMMANDS = (
    Entry("once", say("group.plcs"), say("help.once"), "plc_commands:scan"),
    Entry("status", say("group.program"), say("help.status"), "program_commands:show_status"),
    Entry("downgrade", say("group.file"), say("help.downgrade"), "file_commands:downgrade", (_FILE, _TO)),
    Entry("opcua list", _CERTIFICATES, say("help.opcua_list"), "certificate_commands:list_all", (_PKI,)),
    Entry("opcua own", _CERTIFICATES, say("help.opcua_own"), "certificate_commands:own", (_PKI,)),
    Entry("opcua trust", _CERTIFICATES, say("help.opcua_trust"), "certificate_commands:trust", (_THUMBPRINT, _PKI)),
    Entry(
        "opcua distrust",
        _CERTIFICATES,
        say("help.opcua_distrust"),
        "certificate_commands:distrust",
        (_THUMBPRINT, _PKI),
    ),
)
