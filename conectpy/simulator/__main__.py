"""`python -m conectpy.simulator`: simulated Logix PLCs on ports of their own, until Ctrl+C or SIGTERM."""

from __future__ import annotations

import argparse
import errno
import math
import signal
import sys
import threading
import time
from typing import List, Optional, Sequence

from .commands import serve_commands
from .controller import LogixController
from .faults import Faults
from .lagoon import LIVE_PACE
from .logix_server import LogixServer
from .plants import PLANT_NAMES, LivePlant, LivePlants
from .tables import Churn, make_table
from .truth import TruthLog

EXIT_FAILED = 1
LONGEST_WAIT_S = 0.5
IN_USE = (errno.EADDRINUSE, *((10048, 10013) if sys.platform == "win32" else ()))
"""Windows says WSAEADDRINUSE, or WSAEACCES where the other one holds the port for itself."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run until a signal; the exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if options.plcs < 1 or options.pace <= 0 or not 0 <= options.port <= 65536 - options.plcs:
        parser.error("--plcs must be at least 1, --pace above 0, the ports within 0 to 65535")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    try:
        truth = TruthLog(options.truth)
    except OSError as exc:
        print(f"error: cannot write {options.truth}: {exc.strerror or exc}", file=sys.stderr)
        return EXIT_FAILED
    try:
        return _run(options, truth, stop)
    finally:
        truth.close()


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m conectpy.simulator", description=__doc__.splitlines()[0])
    parser.add_argument("--plcs", type=int, default=3, metavar="N", help="how many PLCs (default 3)")
    parser.add_argument("--port", type=int, default=44818, help="port of the first, the others follow; 0: free ones")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another course of events")
    parser.add_argument("--pace", type=float, default=LIVE_PACE, help="times faster than a real plant (default 600)")
    parser.add_argument("--truth", metavar="FILE", help="append each true transition to FILE, one JSON line each")
    parser.add_argument("--tags", type=int, metavar="N", help="instead of lagoons: N tags of mixed types")
    parser.add_argument("--churn", type=float, default=0.0, metavar="SHARE", help="share of --tags changed each second")
    faults = parser.add_argument_group("faults")
    faults.add_argument("--delay-ms", type=float, default=0.0, help="answer each request this much later")
    faults.add_argument("--freeze-after", type=float, metavar="S", help="stop answering after S seconds")
    faults.add_argument("--shuffle-every", type=float, metavar="S", help="download the program anew every S seconds")
    faults.add_argument("--cut-every", type=float, metavar="S", help="reset all TCP connections every S seconds")
    faults.add_argument("--refuse-forward-open", action="store_true")
    faults.add_argument("--refuse-large-forward-open", action="store_true")
    faults.add_argument("--no-multiple-service", action="store_true")
    faults.add_argument("--no-controller-changes", action="store_true", help="no class 0xAC")
    faults.add_argument("--commands", action="store_true", help="take commands on standard input; `help` lists them")
    faults.add_argument("--micro800", action="store_true", help="behave as a Micro800")
    return parser


def _run(options: argparse.Namespace, truth: TruthLog, stop: threading.Event) -> int:
    ports = [options.port + number if options.port else 0 for number in range(options.plcs)]
    names = [PLANT_NAMES[n] if n < len(PLANT_NAMES) else f"Laguna {n + 1}" for n in range(options.plcs)]
    plants: List[LivePlant] = []
    churns: List[Churn] = []
    servers: List[LogixServer] = []
    for number, (port, name) in enumerate(zip(ports, names)):
        faults = _faults(options)
        if options.tags:
            table = make_table(options.tags, options.seed + number)
            controller = LogixController(table, name=name, seed=options.seed)
            servers.append(LogixServer(controller, options.host, port, faults))
            churns.append(Churn(controller, table, options.churn, seed=options.seed + number))
        else:
            plants.append(LivePlant(name, options.host, port, options.seed, options.pace, truth, faults))
            servers.append(plants[-1].server)
    if options.micro800:
        for server in servers:
            server.controller.product_name = "2080-LC50 conectpy simulator"
    return _serve(options, LivePlants(plants), servers, churns, stop)


def _faults(options: argparse.Namespace) -> Faults:
    faults = Faults(options.seed)
    if options.micro800:
        faults.imitate_micro800()
    faults.delay_s = options.delay_ms / 1000.0
    faults.refuse_forward_open = options.refuse_forward_open
    faults.refuse_large_forward_open |= options.refuse_large_forward_open
    faults.no_multiple_service |= options.no_multiple_service
    faults.no_controller_changes |= options.no_controller_changes
    return faults


def _serve(
    options: argparse.Namespace,
    plants: LivePlants,
    servers: Sequence[LogixServer],
    churns: Sequence[Churn],
    stop: threading.Event,
) -> int:
    try:
        for server in servers:
            try:
                server.start()
            except OSError as exc:
                reason = "port in use" if exc.errno in IN_USE else exc.strerror or exc
                print(f"error: {server.address}: {reason}", file=sys.stderr)
                return EXIT_FAILED
            print(f"{server.address}  {server.controller.name}: simulated Logix PLC", flush=True)
        plants.start()
        for churn in churns:
            churn.start()
        if options.commands:
            threading.Thread(target=serve_commands, args=(servers, stop), name="commands", daemon=True).start()
        _drive_faults(options, servers, stop)
        return 0
    finally:
        for churn in churns:
            churn.stop()
        plants.stop()
        for server in servers:
            server.stop()


def _drive_faults(options: argparse.Namespace, servers: Sequence[LogixServer], stop: threading.Event) -> None:
    """Wait for the end; in between, what is to happen from time to time."""
    elapsed_s = 0.0
    due_s = {name: getattr(options, name) or 0.0 for name in ("freeze_after", "shuffle_every", "cut_every")}
    waiting = {name: at_s for name, at_s in due_s.items() if at_s > 0}
    while waiting:
        name = min(waiting, key=lambda key: waiting[key])
        if _wait(stop, waiting[name] - elapsed_s):
            return
        elapsed_s = waiting[name]
        for server in servers:
            if name == "freeze_after":
                server.faults.is_frozen = True
            elif name == "shuffle_every":
                server.controller.shuffle()
            else:
                server.cut(with_reset=True)
        if name == "freeze_after":
            del waiting[name]
        else:
            waiting[name] += due_s[name]
    _wait(stop, math.inf)


def _wait(stop: threading.Event, seconds: float) -> bool:
    """`stop.wait` in pieces: on Windows a long wait cannot be interrupted by Ctrl+C."""
    end_s = time.monotonic() + seconds
    while not stop.wait(max(0.0, min(LONGEST_WAIT_S, end_s - time.monotonic()))):
        if time.monotonic() >= end_s:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
