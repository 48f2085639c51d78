"""Subscribing: the server samples and queues changes, so that pulses shorter than a scan are caught.

There is no thread here either: the server is given a few Publish requests in advance; its answers wait in the socket
until the next scan, which takes them after a read of its own has shown that the server lives. Scans overlap with what
is still under way in the server, so a scan counts as sent at the moment up to which everything is
reported for certain.
"""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import Deque, Dict, List, Optional, Sequence, Tuple

from ...models import Sample
from ...settings.types import PlcSettings
from ...texts.catalogue import Text, say
from ...timestamps import read_clocks, steady_s
from .browse import to_library
from .clock import ClockOffset
from .library import status_text, ua
from .message import ChannelError
from .poll import VANISHED, Clocks, PolledNode, PollReader, Tagged, bad_sample, check_deadline
from .publish import PUBLISH_REQUEST, PUBLISH_RESPONSE, decode_publish, encode_publish, has_overflow
from .read_plan import SERVICE_FAULT, decode_head
from .session import UaSession
from .ua_values import DataValue

ITEMS_PER_CALL = 200
KEEP_ALIVE_COUNT = 10  # publishing intervals after which a silent server still sends a sign of life
AUDIT_S = 5.0  # how often all nodes are read besides: vanished nodes, and whether source timestamps are times of change
FIRST_AUDITS = 4  # and for as long as FIRST_AUDITS_S: at every scan, so that timestamps are known soon
FIRST_AUDITS_S = 2.0
MARGIN_S = 0.1  # how late a server's own timers may be
PUBLISH_MOST = 10
ROUNDS_MOST = 50
TOO_MANY_PUBLISH = 0x8078_0000


class SubscribeReader:
    """Reads `nodes` through one subscription. The PLC's thread only."""

    def __init__(
        self, session: UaSession, nodes: Sequence[PolledNode], limit: int, max_items: Optional[int],
        clock: ClockOffset, plc: PlcSettings,
    ) -> None:  # fmt: skip
        self._session, self._nodes, self._clock, self._plc = session, nodes, clock, plc
        self._liveness = PollReader(session, [], limit, clock, 0.0)
        self._audit = PollReader(session, nodes, limit, clock, plc.opcua.sampling_ms / 1000.0)
        self._audited_s = 0.0
        self._audits = 0
        self._started_s = time.monotonic()
        self._lost: Dict[str, Sample] = {}  # tags whose node the audit found bad
        self._samples: Dict[int, Sample] = {}  # index -> what was last reported
        self._publish: Deque[int] = deque()  # request ids, in the order in which they will be answered
        self._acknowledge: List[Tuple[int, int]] = []
        self._sequence: Optional[int] = None
        self._subscription_id = 0
        self._interval_s = self._sampling_s = 0.0
        self._known_s: Optional[float] = None
        self._refused: List[Tagged] = []
        self._heard_s = time.monotonic()
        self._subscribe(min(ITEMS_PER_CALL, max_items or ITEMS_PER_CALL))

    @property
    def frames_per_scan(self) -> int:
        return self._liveness.frames_per_scan

    @property
    def server_state(self) -> Optional[int]:
        """ServerState as of the last scan."""
        return self._liveness.server_state

    # -- setting up ----------------------------------------------------------------------------------------------------

    def _subscribe(self, items_per_call: int) -> None:
        opcua = self._plc.opcua
        queue_s = opcua.sampling_ms / 1000.0 * opcua.queue_size
        wanted_s = max(0.05, min(self._plc.interval_s, queue_s) / 2)
        request = ua.CreateSubscriptionRequest()
        params = request.Parameters
        params.RequestedPublishingInterval = wanted_s * 1000.0
        params.RequestedMaxKeepAliveCount = KEEP_ALIVE_COUNT
        params.RequestedLifetimeCount = max(3 * KEEP_ALIVE_COUNT, int(self._session.timeout_granted_s / wanted_s) + 1)
        params.MaxNotificationsPerPublish = 0
        params.PublishingEnabled = True
        result = self._session.call(request, ua.CreateSubscriptionResponse).Parameters
        self._subscription_id = result.SubscriptionId
        self._interval_s = result.RevisedPublishingInterval / 1000.0
        self._keep_alive_s = self._interval_s * (result.RevisedMaxKeepAliveCount + 1)
        indexes = list(range(len(self._nodes)))
        for start in range(0, len(indexes), items_per_call):
            self._monitor(indexes[start : start + items_per_call])
        ahead = int(self._plc.interval_s / max(0.01, self._interval_s)) + 2
        for _ in range(min(PUBLISH_MOST, ahead)):
            self._send_publish()

    def _monitor(self, indexes: Sequence[int]) -> None:
        """Have the server watch these nodes; what it refuses becomes a bad sample of its own."""
        opcua = self._plc.opcua
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = self._subscription_id
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
        for index in indexes:
            item = ua.MonitoredItemCreateRequest()
            item.ItemToMonitor.NodeId = to_library(self._nodes[index].node)
            item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
            item.MonitoringMode = ua.MonitoringMode.Reporting
            item.RequestedParameters.ClientHandle = index
            item.RequestedParameters.SamplingInterval = float(opcua.sampling_ms)
            item.RequestedParameters.QueueSize = opcua.queue_size
            item.RequestedParameters.DiscardOldest = True
            item.RequestedParameters.Filter = None
            request.Parameters.ItemsToCreate.append(item)
        results = self._session.call(request, ua.CreateMonitoredItemsResponse).Results
        if len(results) != len(indexes):
            raise ChannelError(say("ua.items", count=len(indexes), found=len(results)))
        for index, result in zip(indexes, results):
            if result.StatusCode.value >> 30:
                sample = bad_sample(result.StatusCode.value)
                self._samples[index] = sample
                self._refused.append((self._nodes[index].tag, sample))
            else:
                self._sampling_s = max(self._sampling_s, max(0.0, result.RevisedSamplingInterval) / 1000.0)

    def _send_publish(self) -> None:
        session = self._session
        tail = encode_publish(self._acknowledge)
        self._acknowledge = []
        # no timeout hint: the server may hold the request for as long as nothing changes
        self._publish.append(session.send_body(PUBLISH_REQUEST, tail, session.deadline(), timeout_hint_s=0.0))

    # -- one scan ------------------------------------------------------------------------------------------------------

    def read(self) -> Tuple[List[Tagged], float]:
        """What was reported since the last scan, and the moment (steady clock) up to which nothing is missing.

        Raises DriverError when the server has fallen silent, or Malformed.
        """
        samples, self._refused = self._refused, []
        started_s = steady_s()
        is_first = self._known_s is None
        end_s = time.monotonic() + self._interval_s + self._sampling_s + self._session.timeout_s
        for _ in range(ROUNDS_MOST):
            asked_s = steady_s()
            self._liveness.read()
            has_more = self._take_reports(samples)
            is_waiting = is_first and len(self._samples) < len(self._nodes) and time.monotonic() < end_s
            if is_waiting:
                self._wait_for_report()
            elif not has_more:
                break
        if time.monotonic() - self._heard_s > self._keep_alive_s + self._session.timeout_s:
            raise ChannelError(say("ua.silent", seconds=round(time.monotonic() - self._heard_s)))
        if is_first:
            samples += self._fill_missing()
        samples += self._look_after_nodes()
        delay_s = self._interval_s + self._sampling_s + MARGIN_S
        known_s = started_s if is_first else asked_s - delay_s
        self._known_s = known_s if self._known_s is None else max(known_s, self._known_s)
        return samples, self._known_s

    def _fill_missing(self) -> List[Tagged]:
        found = []
        for index, node in enumerate(self._nodes):
            if index not in self._samples:
                self._samples[index] = Sample(None, say("ua.not_reported"))
                found.append((node.tag, self._samples[index]))
        return found

    def _wait_for_report(self) -> None:
        """At the start, until the first values are here."""
        session = self._session
        if self._publish:
            body = session.receive_for(self._publish[0], time.monotonic() + self._interval_s + session.timeout_s)
            session.put_back(self._publish[0], body)

    def _take_reports(self, samples: List[Tagged]) -> bool:
        """Take what has come in; whether the server may have more that only waits for Publish requests."""
        was_waiting = len(self._publish)
        taken, has_more = 0, False
        received = read_clocks()
        for _ in range(was_waiting):
            body = self._session.take_early(self._publish[0])
            if body is None:
                break
            self._publish.popleft()
            taken += 1
            has_more = self._take(body, samples, received) or has_more
            self._send_publish()
        return has_more or (taken > 0 and taken == was_waiting)

    def _take(self, body: bytes, samples: List[Tagged], received: Clocks) -> bool:
        head = decode_head(body)
        self._heard_s = time.monotonic()
        if head.type_id == SERVICE_FAULT or head.status >> 30:
            if head.status & 0xFFFF_0000 == TOO_MANY_PUBLISH and self._publish:
                self._publish.popleft()
                return False
            raise ChannelError(say("ua.subscription_over", fault=status_text(head.status)), head.status)
        if head.type_id != PUBLISH_RESPONSE:
            raise ChannelError(say("ua.publish_type", type=head.type_id))
        report = decode_publish(body, partial(check_deadline, self._session.deadline()))
        if report.ended is not None and report.ended & 0xFFFF_0000 in VANISHED:
            self._audits = 0  # some servers say so when one node was removed: the audit finds which
        elif report.ended is not None and report.ended >> 30:
            raise ChannelError(say("ua.subscription_ended", fault=status_text(report.ended)), report.ended)
        if report.sequence is None or report.subscription_id != self._subscription_id:
            return False
        expected = 1 if self._sequence is None else self._sequence % 0xFFFF_FFFF + 1
        if report.sequence != expected:
            raise ChannelError(say("ua.report_missing", number=expected, got=report.sequence))
        self._sequence = report.sequence
        self._acknowledge.append((report.subscription_id, report.sequence))
        for handle, value in report.items:
            if handle < len(self._nodes):
                samples.append(self._make_sample(handle, value, received))
        return report.has_more

    def _make_sample(self, index: int, value: DataValue, received: Clocks) -> Tagged:
        tag, _, is_state = self._nodes[index]
        overflow = has_overflow(value.status)
        if value.status >> 30 or value.value is None or isinstance(value.value, Text):
            sample = bad_sample(value.status, value.value)._replace(overflow=overflow)
        else:
            sample = Sample(value.value, overflow=overflow)
            if is_state:
                is_proven = self._audit.times.has_proven(index)
                sample = self._audit.with_device_time(sample, value.source_ticks, received, is_proven=is_proven)
                sample = sample._replace(sampling_s=max(sample.sampling_s, self._sampling_s))
        self._samples[index] = sample
        self._audit.explained.add(index)
        self._lost.pop(tag, None)
        return tag, sample

    # -- the audit -----------------------------------------------------------------------------------------------------

    def _look_after_nodes(self) -> List[Tagged]:
        """Every few seconds, all nodes are read: a subscription does not tell everything.

        A node that is bad now is a bad sample whatever was reported last; one that is back is watched anew.
        """
        now_s = time.monotonic()
        is_early = self._audits < FIRST_AUDITS or now_s - self._started_s < FIRST_AUDITS_S
        if not is_early and now_s - self._audited_s < AUDIT_S:
            return []
        self._audited_s = now_s
        self._audits += 1
        found: List[Tagged] = []
        back: List[int] = []
        index_of = {node.tag: index for index, node in enumerate(self._nodes)}
        audited, _ = self._audit.read()
        self._audit.explained.clear()
        for tag, sample in audited:
            index = index_of[tag]
            if sample.error is not None and self._samples[index].error is None:
                self._lost[tag] = sample
                self._samples[index] = sample
                found.append((tag, sample))
            elif sample.error is None and (tag in self._lost or self._samples[index].is_vanished):
                self._lost.pop(tag, None)
                back.append(index)
        if back:
            self._monitor(back)
        return found
