"""Commands about the certificates of OPC UA servers and our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from ..errors import ConfigError
from ..pki import certificates as pki
from ..texts.catalogue import Text, say
from ..timestamps import to_text, utc_now
from .command_frame import Output, Request
from .text_tables import one_line


def list_all(request: Request) -> Output:
    """`opcua list`"""
    folder = _folder(request)
    data: Dict[str, Any] = {"folder": str(folder.folder)}
    lines: List[str] = []
    for title, kind, place in (
        ("own", say("certificates.own"), folder.own.parent),
        ("trusted", say("certificates.trusted"), folder.trusted),
        ("rejected", say("certificates.rejected"), folder.rejected),
    ):
        found = [entry for entry in pki.read_certificates(place) if title != "own" or entry[0].suffix == ".der"]
        entries = data[title] = [_describe(path, certificate) for path, certificate in found]
        count = len(entries) or say("certificates.none")
        lines.append(one_line(say("certificates.place", kind=kind, place=str(place), count=count), request.language))
        for entry in entries:
            lines += _lines_of(entry, request.language)
    return Output(data, lines)


def _lines_of(entry: Dict[str, Any], language: str) -> List[str]:
    name, uris = entry["name"], entry["application_uris"] or say("certificates.no_uri")
    first = say("certificates.issued", name=name) if entry["issued_by_another"] else name
    second = say("certificates.uris", uris=uris, expiry=pki.expiry_text(entry["days_left"]))
    return [f"  {entry['thumbprint']}  {one_line(first, language)}", f"    {one_line(second, language)}"]


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
    expiry = pki.expiry_text(entry["days_left"])
    lines = [
        say("certificates.own_uri", uris=entry["application_uris"]),
        say("certificates.own_thumbprint", thumbprint=entry["thumbprint"], expiry=expiry),
    ]
    return Output(entry, [entry["file"], *(f"  {one_line(line, request.language)}" for line in lines)])


def trust(request: Request) -> Output:
    """`opcua trust`"""
    name, path = _folder(request).trust(request.arguments.thumbprint)
    return _moved(request, name, path, say("certificates.now_trusted", name=name, path=str(path)))


def distrust(request: Request) -> Output:
    """`opcua distrust`"""
    name, path = _folder(request).distrust(request.arguments.thumbprint)
    return _moved(request, name, path, say("certificates.no_longer", name=name, path=str(path)))


def _moved(request: Request, name: str, path: Path, line: Text) -> Output:
    return Output({"name": name, "file": str(path)}, [one_line(line, request.language)])


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
