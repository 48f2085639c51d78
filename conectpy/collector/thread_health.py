"""What `/healthz` says of a PLC and of a thread."""

from __future__ import annotations

import time
from typing import Any, Dict

from ..live.realtime import RealtimeData
from .loop import PlcWatch
from .worker import Worker


def plc_health(watch: PlcWatch, realtime: RealtimeData) -> Dict[str, Any]:
    """Whether a PLC is read, and in time; `last_good_age_s` None: it has not been read yet."""
    plc, last_s = watch.plc, watch.stats.last_good_s
    meta = realtime.get(plc.address, {}).get("_meta", {})
    age_s = None if last_s is None else round(time.monotonic() - last_s, 3)
    is_late = age_s is None or age_s > max(3 * plc.interval_s, 3 * plc.timeout_s) + 1
    return {
        "name": plc.name,
        "quality": meta.get("quality"),
        "ok": meta.get("quality") == "OK" and not is_late,
        "last_good_age_s": age_s,
        "last_error": meta.get("last_error"),
    }


def thread_health(worker: Worker) -> Dict[str, Any]:
    """Whether a thread lives, how often it was started again, and why the last time."""
    return {"alive": worker.is_alive, "restarts": worker.restarts, "last_error": worker.last_error}
