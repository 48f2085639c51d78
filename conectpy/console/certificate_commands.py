"""Commands about the certificates of OPC UA servers and our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from ..errors import ConfigError
from ..pki import certificates as pki
from ..texts.catalogue import say
from ..timestamps import to_text, utc_now
from .command_frame import Output, Request
from .text_tables import one_line


def list_all(request: Request) -> Output:
    """`opcua list`"""
    folder = _folder(request)
    data: Dict[str, Any] = {"folder": str(folder.folder)}
    lines: List[str] = []
    for title, place in (("own", folder.own.parent), ("trusted", folder.trusted), ("rejected", folder.rejected)):
        found = [entry for entry in pki.read_certificates(place) if title != "own" or entry[0].suffix == ".der"]
        entries = data[title] = [_describe(path, certificate) for path, certificate in found]
        lines.append(f"{title} ({place}): {len(entries) or 'none'}")
        for entry in entries:
            issuer = ", issued by another certificate" if entry["issued_by_another"] else ""
            uris = ", ".join(entry["application_uris"]) or "no application URI"
            lines.append(one_line(f"  {entry['thumbprint']}  {entry['name']}{issuer}"))
            lines.append(one_line(f"    {uris}, {pki.expiry_text(entry['days_left'])}"))
    return Output(data, lines)


def _describe(path: Path, certificate: Any) -> Dict[str, Any]:
    until_utc = pki.valid_until(certificate)
    return {
        "thumbprint": pki.thumbprint(pki.to_der(certificate)),
        "name": pki.common_name(certificate),
        "issued_by_another": certificate.issuer != certificate.subject,
        "application_uris": pki.application_uris(certificate),
        "valid_until_ts": to_text(until_utc),
        "days_left": (until_utc - utc_now()).days,
        "file": str(path),
    }


def own(request: Request) -> Output:
    """`opcua own`"""
    folder = _folder(request)
    entry = _describe(folder.own.with_suffix(".der"), folder.load_own().certificate)
    lines = [
        entry["file"],
        f"  application URI {', '.join(entry['application_uris'])}",
        f"  thumbprint {entry['thumbprint']}, {pki.expiry_text(entry['days_left'])}",
    ]
    return Output(entry, lines)


def trust(request: Request) -> Output:
    """`opcua trust`"""
    return _move(request, _folder(request).trust, "trusted")


def distrust(request: Request) -> Output:
    """`opcua distrust`"""
    return _move(request, _folder(request).distrust, "no longer trusted")


def _move(request: Request, move: Callable[[str], Tuple[str, Path]], word: str) -> Output:
    name, path = move(request.arguments.thumbprint)
    return Output({"name": name, "file": str(path)}, [one_line(f"{word}: {name} ({path})")])


def _folder(request: Request) -> pki.Pki:
    """`--pki`, else the one folder that the configuration file names. Raises ConfigError when it names several."""
    if request.arguments.pki:
        return pki.Pki(request.arguments.pki)
    if not request.has_file():
        return pki.Pki("pki")
    plcs = request.read_settings().plcs
    names = sorted({plc.opcua.pki_dir for plc in plcs if plc.driver == "opcua"} or {"pki"})
    if len(names) > 1:
        raise ConfigError([say("console.several_pki", names=names)])
    return pki.Pki(names[0])
