"""Commands to the running program."""

from __future__ import annotations

from typing import Any, Dict, List

from ..control.control_client import make_command, send
from .command_frame import Output, Request
from .text_tables import format_table


def show_status(request: Request) -> Output:
    """`status`: failed unless a program answers and everything in it is well."""
    health = send(request.read_settings().database.path, make_command("status", {}))
    return Output(health, _describe(health), 0 if health["ok"] else 1)


def _describe(health: Dict[str, Any]) -> List[str]:
    store = health["store"]
    lines = [f"{_word(health['ok'])}: {store['path']}", ""]
    rows = [("PLC", "ADDRESS", "QUALITY", "LAST GOOD", "ERROR")]
    for address, plc in health["plcs"].items():
        age_s = plc["last_good_age_s"]
        age = "never" if age_s is None else f"{age_s:.1f} s ago"
        rows.append((plc["name"], address, plc["quality"], age, plc["last_error"] or ""))
    lines += [*format_table(rows), ""]
    threads = [("THREAD", "STATE", "RESTARTS", "LAST ERROR")]
    for name, thread in health["threads"].items():
        state = "runs" if thread["alive"] else "DEAD"
        threads.append((name, state, str(thread["restarts"]), thread["last_error"] or ""))
    lines += [*format_table(threads), ""]
    stores = [("STORE", "QUEUED", "LOST", "LAST COMMIT", "ERROR")]
    commit, error = store["last_commit_ts"] or "", store["error"] or ""
    stores.append((_word(store["ok"]), str(store["queued"]), str(store["lost"]), commit, error))
    return [*lines, *format_table(stores)]


def _word(is_ok: bool) -> str:
    return "well" if is_ok else "NOT WELL"
