"""Commands to the running program."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from ..control.control_client import make_command, send
from ..texts.catalogue import Text, say
from .command_frame import Output, Request
from .text_tables import format_table, one_line


def show_status(request: Request) -> Output:
    """`status`: failed unless a program answers and everything in it is well."""
    health = send(request.read_settings().database.path, make_command("status", {}))
    return Output(health, _describe(health, request.language), 0 if health["ok"] else 1)


def _describe(health: Dict[str, Any], language: str) -> List[str]:
    store = health["store"]
    lines: List[str] = [one_line(say("status.of", word=_word(health["ok"]), path=store["path"]), language), ""]
    rows: List[Sequence[str]] = [
        [say("head.plc"), say("head.address"), say("head.quality"), say("head.last_good"), say("head.error")]
    ]
    for address, plc in health["plcs"].items():
        age_s = plc["last_good_age_s"]
        age = say("status.never") if age_s is None else say("status.ago", seconds=f"{age_s:.1f}")
        rows.append((plc["name"], address, plc["quality"], age, plc["last_error"] or ""))
    lines += [*format_table(rows, language), ""]
    threads: List[Sequence[str]] = [
        [say("head.thread"), say("head.state"), say("head.restarts"), say("head.last_error")]
    ]
    for name, thread in health["threads"].items():
        state = say("status.runs" if thread["alive"] else "status.dead")
        threads.append((name, state, str(thread["restarts"]), thread["last_error"] or ""))
    lines += [*format_table(threads, language), ""]
    stores: List[Sequence[str]] = [
        [say("head.store"), say("head.queued"), say("head.lost"), say("head.last_commit"), say("head.error")]
    ]
    commit, error = store["last_commit_ts"] or "", store["error"] or ""
    stores.append((_word(store["ok"]), str(store["queued"]), str(store["lost"]), commit, error))
    return [*lines, *format_table(stores, language)]


def _word(is_ok: bool) -> Text:
    return say("status.well" if is_ok else "status.not_well")
