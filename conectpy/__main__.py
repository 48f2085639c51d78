"""`python -m conectpy`: the commands around the collector; without one it lists them."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .console.command_frame import run_command
from .settings.types import Settings


class MonitorScript:
    """The monitor's script as the commands see it; it is imported only when one needs it."""

    def own_document(self) -> Dict[str, Any]:
        """PLCS and TAG_LABELS."""
        from .ROCWELL import plc_realtime_demo as script

        return script.own_document()

    def start_simulators(self, settings: Settings) -> Tuple[Settings, List[Any]]:
        """The simulated PLCs among the configured ones."""
        from .ROCWELL import plc_realtime_demo as script

        return script.start_simulators(settings)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command; the exit status: 0 done, 1 failed, 2 wrong arguments."""
    return run_command(sys.argv[1:] if argv is None else argv, MonitorScript())


if __name__ == "__main__":
    sys.exit(main())
