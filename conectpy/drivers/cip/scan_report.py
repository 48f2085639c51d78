"""What a scan tells: each tag that differs from what was told before. Pure; used by the PLC's thread alone."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set, Tuple

from ...models import Sample
from .scan_frame import Pair


class ScanReport:
    """Gathers the samples of one scan after the other, for tags with these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.bad: Set[str] = set()
        self._place = {name: number for number, name in enumerate(names)}
        self._told: Dict[str, Sample] = {}
        self._changes: List[Pair] = []
        self._before: Dict[str, Optional[Sample]] = {}  # what was told before, of what was learned in this scan

    def add(self, pairs: List[Pair]) -> None:
        """Good samples that are news: a learned frame tells nothing else. This is the way of almost all of them."""
        self._changes += pairs
        self._told.update(pairs)

    def add_learned(self, pairs: List[Pair]) -> None:
        """Samples of which some may be bad, or no news: a new plan tells everything once more."""
        told = self._told
        for name, sample in pairs:
            if told.get(name) != sample:
                self._before.setdefault(name, told.get(name))
                told[name] = sample
                self._changes.append((name, sample))
                (self.bad.discard if sample.error is None else self.bad.add)(name)

    def take(self) -> Tuple[Pair, ...]:
        """What this scan has told: each tag once, in the order of the configuration where it had to be learned."""
        changes, before = self._changes, self._before
        self._changes, self._before = [], {}
        if before:
            last = dict(changes)
            changes = [(name, last[name]) for name in sorted(last, key=self._place.__getitem__)]
            changes = [(name, sample) for name, sample in changes if name not in before or before[name] != sample]
        return tuple(changes)
