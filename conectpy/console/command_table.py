"""Every command of `python -m conectpy`, in the order and the groups in which they are listed.

A command is a line here and a function in its group's module, `(Request) -> Output`, imported when it is called.
documentation.md lists the same commands; a test compares them.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Tuple


class Argument(NamedTuple):
    """What `argparse` takes: the option's spellings or a positional's name, and how it is read."""

    names: Tuple[str, ...]
    details: Dict[str, Any]


class Entry(NamedTuple):
    """One command: the words that call it, what it does, and where its function is: `module:function` in console/."""

    name: str
    group: str
    help: str
    function: str
    arguments: Tuple[Argument, ...] = ()


def argument(*names: str, **details: Any) -> Argument:
    return Argument(names, details)


COMMON = (
    argument("--config", metavar="FILE.yml", help="configuration file, instead of PLCS in the monitor's script"),
    argument("--db", metavar="FILE", help="event database (events.sqlite3)"),
    argument("--json", action="store_true", help="print JSON instead of text"),
)

_PKI = argument("--pki", metavar="DIR", help="folder of the certificates (that of the configuration, else pki)")
_THUMBPRINT = argument("thumbprint", metavar="THUMBPRINT", help="at least 8 of its 40 hexadecimal digits")

_FILE = argument("file", metavar="FILE", nargs="?", help="event file (the configured database)")
_TO = argument("--to", metavar="COPY", help="name of the copy (beside the file)")
_CERTIFICATES = "Certificates of OPC UA"

COMMANDS = (
    Entry("once", "PLCs", "scan every PLC once and print the values", "plc_commands:scan"),
    Entry("status", "The running program", "how the program that uses the database is", "program_commands:show_status"),
    Entry("downgrade", "The event file", "copy it for an older program", "file_commands:downgrade", (_FILE, _TO)),
    Entry("opcua list", _CERTIFICATES, "our own, trusted, rejected", "certificate_commands:list_all", (_PKI,)),
    Entry("opcua own", _CERTIFICATES, "our own; made if there is none", "certificate_commands:own", (_PKI,)),
    Entry("opcua trust", _CERTIFICATES, "trust a rejected one", "certificate_commands:trust", (_THUMBPRINT, _PKI)),
    Entry("opcua distrust", _CERTIFICATES, "trust one no more", "certificate_commands:distrust", (_THUMBPRINT, _PKI)),
)
