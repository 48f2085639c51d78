"""What the blueprints share: the data they show and the few facts about this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, cast

from flask import current_app, request

from ...events.reader import EventReader
from ...live.realtime import RealtimeData
from ...live.recent_history import History
from ...plant.current import Plant
from ...serving.stream import IS_GONE
from ...settings.types import PlcSettings, Settings
from .exports import ExportPlaces

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ...serving.stream import StreamHub

EXTENSION = "conectpy"

HealthCheck = Callable[[], Tuple[bool, Dict[str, Any]]]


@dataclass(frozen=True)
class WebContext:
    """Everything a view may need."""

    realtime: RealtimeData
    events: EventReader
    plant: Plant
    health: HealthCheck
    history: History
    registry: Optional[CollectorRegistry]
    zone: tzinfo
    zone_name: str
    hub: StreamHub
    exports: ExportPlaces

    @property
    def reader(self) -> EventReader:
        """The events, read for the current request: what takes long ends when its client has left."""
        return self.events.until(request.environ.get(IS_GONE))

    @property
    def settings(self) -> Settings:
        """The settings in force now."""
        return self.plant.current


def context() -> WebContext:
    """The context of the running application; only inside a request or an application context."""
    return cast(WebContext, current_app.extensions[EXTENSION])


def has_client_left() -> bool:
    """Whether nobody waits for the current request's answer any more."""
    is_gone: Optional[Callable[[], bool]] = request.environ.get(IS_GONE)
    return is_gone is not None and is_gone()


def configured_plcs() -> Tuple[PlcSettings, ...]:
    """The PLCs of the configuration, in its order; only inside a request."""
    return context().settings.plcs


def find_plc(name: str) -> Optional[PlcSettings]:
    """The configured PLC with this address, or this name."""
    return context().plant.find_plc(name)
