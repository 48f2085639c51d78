"""`python -m conectpy opcua ...`: look at and decide on OPC UA certificates.

python -m conectpy opcua list
python -m conectpy opcua trust <thumbprint>
python -m conectpy opcua distrust <thumbprint>
python -m conectpy opcua own
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, List, Optional, Sequence

from .console.command_line import ArgumentParser, set_up_output
from .errors import ConectpyError
from .timestamps import utc_now


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command; the exit status: 0 done, 1 failed, 2 wrong arguments."""
    parser = ArgumentParser(prog="python -m conectpy", description="Tools around the collector.")
    areas = parser.add_subparsers(dest="area", metavar="opcua", parser_class=ArgumentParser)
    area = areas.add_parser("opcua", help="certificates of OPC UA servers and our own")
    commands = area.add_subparsers(dest="command", metavar="COMMAND", parser_class=ArgumentParser)
    for name, text in (
        ("list", "the certificates: our own, trusted, rejected"),
        ("trust", "trust a rejected certificate"),
        ("distrust", "trust a certificate no longer"),
        ("own", "our own certificate, for the PLC's list of trusted clients; made if there is none"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--pki", default="pki", metavar="DIR", help="folder of the certificates (pki)")
        if name in ("trust", "distrust"):
            command.add_argument("thumbprint", help="at least 8 of its 40 hexadecimal digits")
    arguments = parser.parse_args(argv)
    if arguments.area is None or arguments.command is None:
        parser.error("write: opcua list, opcua trust THUMBPRINT, opcua distrust THUMBPRINT or opcua own")
    set_up_output("WARNING")
    try:
        _run(arguments)
    except ConectpyError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return exc.exit_status
    except OSError as exc:
        print(f"error: {exc.filename}: {exc.strerror or exc}", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    from .pki import certificates as pki

    folder = pki.Pki(arguments.pki)
    if arguments.command == "list":
        print("\n".join(_list(folder)))
    elif arguments.command == "own":
        own = folder.load_own()
        print(f"{folder.own.with_suffix('.der')}\n  application URI {own.application_uri}")
        print(f"  thumbprint {pki.thumbprint(own.der)}, {pki.expiry_text(own.days_left)}")
    else:
        is_trust = arguments.command == "trust"
        name, path = folder.trust(arguments.thumbprint) if is_trust else folder.distrust(arguments.thumbprint)
        print(f"{'trusted' if is_trust else 'no longer trusted'}: {_clean(name)} ({path})")


def _list(folder: Any) -> List[str]:
    from .pki import certificates as pki

    lines = []
    for title, place in (("own", folder.own.parent), ("trusted", folder.trusted), ("rejected", folder.rejected)):
        found = [entry for entry in pki.read_certificates(place) if title != "own" or entry[0].suffix == ".der"]
        lines.append(f"{title} ({place}): {len(found) or 'none'}")
        for _, certificate in found:
            days = (pki.valid_until(certificate) - utc_now()).days
            issuer = "" if certificate.issuer == certificate.subject else ", issued by another certificate"
            uris = ", ".join(pki.application_uris(certificate)) or "no application URI"
            lines.append(f"  {pki.thumbprint(pki.to_der(certificate))}  {_clean(pki.common_name(certificate))}{issuer}")
            lines.append(f"    {_clean(uris)}, {pki.expiry_text(days)}")
    return lines


def _clean(text: str) -> str:
    """Text of the other side, harmless on a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


if __name__ == "__main__":
    sys.exit(main())
