"""What the blueprints share: the data they show and the few facts about this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, cast

from flask import current_app

from ...events.reader import EventReader
from ...live.realtime import RealtimeData
from ...live.recent_history import History
from ...plant.current import Plant
from ...settings.types import PlcSettings, Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ...serving.stream import StreamHub

EXTENSION = "conectpy"

HealthCheck = Callable[[], Tuple[bool, Dict[str, Any]]]


@dataclass(frozen=True)
class WebContext:
    """Everything a view may need."""

    realtime: RealtimeData
    reader: EventReader
    plant: Plant
    health: HealthCheck
    history: History
    registry: Optional[CollectorRegistry]
    zone: tzinfo
    zone_name: str
    hub: StreamHub

    @property
    def settings(self) -> Settings:
        """The settings in force now."""
        return self.plant.current


def context() -> WebContext:
    """The context of the running application; only inside a request or an application context."""
    return cast(WebContext, current_app.extensions[EXTENSION])


def configured_plcs() -> Tuple[PlcSettings, ...]:
    """The PLCs of the configuration, in its order; only inside a request."""
    return context().settings.plcs


def find_plc(name: str) -> Optional[PlcSettings]:
    """The configured PLC with this address, or this name."""
    return context().plant.find_plc(name)
