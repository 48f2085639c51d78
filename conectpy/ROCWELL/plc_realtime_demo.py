"""The monitor: reads the PLCs below, shows them at http://localhost:5000, records when their states were TRUE.

Put your own PLCs into PLCS (or into a YAML file, see README.md) and run this file.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
import threading
import time
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

# Run by its path, a script has its own folder at the head of sys.path; what it needs there is the checkout. (Windows'
# embeddable Python has neither: its first entry is the standard library, which has to stay.)
if __name__ == "__main__" and not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from prometheus_client import CollectorRegistry

from conectpy.collector.supervisor import Collector, Worker
from conectpy.console.command_line import monitor_arguments, read_settings, set_up_output
from conectpy.console.log_output import LogOutput
from conectpy.console.output import language_of, print_error
from conectpy.console.signals import stop_on_signals
from conectpy.console.single_scan import format_readings, scan_once
from conectpy.control.control_server import ControlServer
from conectpy.errors import ConectpyError
from conectpy.events.store import EventStore
from conectpy.live.metrics import Metrics
from conectpy.live.realtime import realtime_data
from conectpy.live.recent_history import History
from conectpy.plant.current import Plant
from conectpy.serving.server import WebServer
from conectpy.settings.types import Settings
from conectpy.simulator.plants import SIMULATED_PLCS, start_simulated
from conectpy.texts.catalogue import say
from conectpy.web import create_app, hub_of

log = logging.getLogger("conectpy.monitor")

Health = Tuple[bool, Dict[str, Any]]

CONTROL_JOIN_S = 1.3  # commands under way have a second to end, and the store must not end before them

# The PLCs to read: address -> name, tags, state_tags. The address is what pycomm3 calls the path: "192.168.11.10",
# "192.168.11.10:44818", "192.168.11.10/0" (slot) or a route; or an OPC UA URL, "opc.tcp://192.168.11.20:4840".
# tags are shown, state_tags are shown and recorded as events while they are TRUE.
# These three are simulated: this program plays their part, so that there is something to see at once.
PLCS: Dict[str, Dict[str, Any]] = {
    "127.0.0.1:24818": {
        "name": "Costa del Lago",
        "tags": [
            {"tag": "PT117_R_SCADA", "unit": "bar", "decimals": 2},
            {"tag": "FIT003_R_SCADA", "unit": "m³/h", "decimals": 1},
            {"tag": "LIT001_R_SCADA", "unit": "m", "decimals": 3},
            {"tag": "TT001_R_SCADA", "unit": "°C", "decimals": 1},
            {"tag": "WM01_TOT", "unit": "m³", "decimals": 1},
            "Program:Main.SEQ_STEP",
            "STATUS_TEXT",
        ],
        "state_tags": [
            "P001_ST_SCADA",
            "P002_ST_SCADA",
            "P003_ST_SCADA",
            "RETRO_SCADA",
            "VE238_ST",
            "VE239_ST",
            "DOS01_ST",
            "ALARM_X0_1",
        ],
    },
    "127.0.0.1:24819": {
        "name": "Bahía Azul",
        "tags": [
            {"tag": "PT117_R_SCADA", "unit": "bar", "decimals": 2},
            {"tag": "PT118_R_SCADA", "unit": "bar", "decimals": 2},
            {"tag": "FIT003_R_SCADA", "unit": "m³/h", "decimals": 1},
            {"tag": "AIT001_R_SCADA", "unit": "mg/L", "decimals": 2},
            {"tag": "PUMP_P101.Hours", "label": "Horas bomba de filtración", "unit": "h", "decimals": 2},
            {"tag": "FILTER_DP[0]", "label": "Presión diferencial filtro 1", "unit": "bar", "decimals": 2},
        ],
        "state_tags": [
            "P001_ST_SCADA",
            "P002_ST_SCADA",
            "RETRO_SCADA",
            "VE238_ST",
            "VE240_ST",
            "PUMP_P101.Run",
            "ALARM_X0_1",
            "ALARM_X0_2",
        ],
    },
    "127.0.0.1:24820": {
        "name": "Laguna Norte",
        "tags": [
            {"tag": "PT117_R_SCADA", "unit": "bar", "decimals": 2},
            {"tag": "FIT004_R_SCADA", "unit": "m³/h", "decimals": 1},
            {"tag": "AIT002_R_SCADA", "decimals": 2},
            {"tag": "WM01_TOT", "unit": "m³", "decimals": 1},
            "P001_RPM",
        ],
        "state_tags": [
            "P001_ST_SCADA",
            "P002_ST_SCADA",
            "P003_ST_SCADA",
            "RETRO_SCADA",
            {"tag": "ALARMS.2", "label": "Alarma: nivel bajo (2 s)", "on_delay_s": 2},
            "ALARM_X0_3",
        ],
    },
}

TAG_LABELS: Dict[str, str] = {
    "PT117_R_SCADA": "Presión entrada de filtro",
    "PT118_R_SCADA": "Presión salida de filtro",
    "FIT003_R_SCADA": "Caudal de filtración",
    "FIT004_R_SCADA": "Caudal de retorno",
    "LIT001_R_SCADA": "Nivel de la laguna",
    "TT001_R_SCADA": "Temperatura del agua",
    "AIT001_R_SCADA": "Cloro libre",
    "AIT002_R_SCADA": "pH",
    "WM01_TOT": "Medidor de agua, total",
    "Program:Main.SEQ_STEP": "Paso de la secuencia",
    "STATUS_TEXT": "Estado",
    "P001_RPM": "Velocidad bomba de filtración",
    "P001_ST_SCADA": "Bomba de filtración",
    "P002_ST_SCADA": "Bomba de retrolavado",
    "P003_ST_SCADA": "Bomba de retorno",
    "PUMP_P101.Run": "Bomba P101",
    "RETRO_SCADA": "Retrolavado",
    "VE238_ST": "Válvula de filtrado",
    "VE239_ST": "Válvula de retrolavado",
    "VE240_ST": "Válvula de llenado",
    "DOS01_ST": "Dosificadora de cloro",
    "ALARM_X0_1": "Alarma: presión alta en filtro",
    "ALARM_X0_2": "Alarma: falla de bomba de filtración",
    "ALARM_X0_3": "Alarma: nivel bajo",
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run until stopped; returns the exit status."""
    language = language_of(os.environ)
    try:
        arguments = monitor_arguments(argv, language)
        is_once = arguments["once"] or os.environ.get("CONECTPY_ONCE", "").lower() in ("1", "true")
        settings = read_settings(arguments, own_document)
        language = settings.language or language
        output = set_up_output(settings.log_level, language, settings.log_file)
        try:
            realtime_data.language = language
            return start(settings, is_once, output, language)
        finally:
            output.close()
    except ConectpyError as exc:
        return print_error(exc, language)


def start(settings: Settings, is_once: bool, output: LogOutput, language: str) -> int:
    """Scan once, or run; with the simulated PLCs that are configured."""
    settings, simulators = start_simulators(settings)
    try:
        return run_once(settings, language) if is_once else run(settings, output)
    finally:
        for simulator in simulators:
            simulator.stop()


def own_document() -> Dict[str, Any]:
    """The configuration that stands in this script, in the form of a file's."""
    return {"plcs": PLCS, "tag_labels": TAG_LABELS}


def start_simulators(settings: Settings) -> Tuple[Settings, List[Any]]:
    """Start the simulated PLCs whose addresses are configured, and mark them, so that nobody takes them for a plant."""
    wanted = [plc.address for plc in settings.plcs if plc.address in SIMULATED_PLCS]
    if not wanted:
        return settings, []
    simulated = start_simulated(wanted)
    for message in simulated.messages:
        log.info(message)
    plcs = tuple(dataclasses.replace(plc, is_simulated=plc.address in simulated.addresses) for plc in settings.plcs)
    for plc in plcs:
        if plc.is_simulated:
            log.warning(say("monitor.simulated", plc=plc.name, address=plc.address))
    return dataclasses.replace(settings, plcs=plcs), [simulated]


def run_once(settings: Settings, language: str) -> int:
    """One scan of every PLC as a table; 0 when every value is good, else 1."""
    readings = scan_once(settings.plcs)
    print("\n".join(format_readings(readings, language)))
    return 0 if all(reading.is_good for reading in readings) else 1


def run(settings: Settings, output: LogOutput) -> int:
    """The whole collector: one thread per PLC, the store's writer, the web; until a signal asks it to stop."""
    stop = threading.Event()
    with stop_on_signals(stop):
        metrics = Metrics(CollectorRegistry(), output.lost_count)
        plant = Plant(settings)
        store = EventStore(settings.database, plant.names, plant.labels)
        history = History(settings.web.history_mb * 2**20)
        collector = Collector(plant, realtime_data, history, store, metrics)
        health = partial(with_log_lines, collector.health, output)
        app = create_app(
            realtime_data,
            store.reader(),
            plant,
            health=health,
            history=history,
            registry=metrics.registry,
        )
        web = WebServer(app, hub_of(app), settings.web)
        commands = ControlServer(store.path, {"status": lambda _command, _progress: health()[1]})
        control = Worker("control", commands.serve)
        web.bind()  # before the database: a second monitor on the same port must not touch the file
        try:
            store.open()
            store.start()
            collector.start()
            serving = Worker("web", lambda _stop: web.serve())
            collector.add(serving)
            serving.start()
            collector.add(control)
            control.start()
            log.info(say("monitor.open", url=web.url))
            collector.supervise(stop)
            control.stop()
            collector.stop()
        finally:
            control.stop()
            web.stop()
            control.join(time.monotonic() + CONTROL_JOIN_S)
            if not store.stop(deadline_s=1.0):
                log.error(say("monitor.not_stored"))
    log.info(say("monitor.stopped"))
    return 0


def with_log_lines(health: Callable[[], Health], output: LogOutput) -> Health:
    """The collector's health, and how many log lines are lost: which harms no event."""
    is_ok, document = health()
    return is_ok, {**document, "log": {"lines_lost": output.lost_count()}}


if __name__ == "__main__":
    sys.exit(main())
