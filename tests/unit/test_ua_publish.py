"""Publish, as the `opcua` package encodes it, and damaged."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conectpy.drivers.ua.library import ua, ua_binary
from conectpy.drivers.ua.node_id import Malformed
from conectpy.drivers.ua.publish import decode_publish, encode_publish, has_overflow


def response(*notifications: object, more: bool = False) -> bytes:
    answer = ua.PublishResponse()
    answer.Parameters.SubscriptionId = 7
    answer.Parameters.AvailableSequenceNumbers = [1, 2]
    answer.Parameters.MoreNotifications = more
    answer.Parameters.NotificationMessage.SequenceNumber = 3
    answer.Parameters.NotificationMessage.NotificationData = list(notifications)
    return bytes(ua_binary.struct_to_binary(answer))


def changes(*values: object) -> object:
    notification = ua.DataChangeNotification()
    for handle, value in enumerate(values):
        item = ua.MonitoredItemNotification()
        item.ClientHandle = handle
        item.Value = ua.DataValue(ua.Variant(value))
        notification.MonitoredItems.append(item)
    return notification


def test_changes_come_in_order() -> None:
    report = decode_publish(response(changes(True, 1.5, "x"), changes(False), more=True))
    assert [(handle, value.value) for handle, value in report.items] == [(0, True), (1, 1.5), (2, "x"), (0, False)]
    assert report[:3] == (7, 3, True)
    assert report.ended is None


def test_a_sign_of_life_has_no_number_of_its_own() -> None:
    assert decode_publish(response()).sequence is None


def test_the_end_of_a_subscription_is_told() -> None:
    ended = ua.StatusChangeNotification()
    ended.Status = ua.StatusCode(ua.StatusCodes.BadTimeout)
    assert decode_publish(response(ended)).ended == ua.StatusCodes.BadTimeout


def test_acknowledgements_are_what_the_library_encodes() -> None:
    acknowledgement = ua.SubscriptionAcknowledgement()
    acknowledgement.SubscriptionId, acknowledgement.SequenceNumber = 7, 3
    request = ua.PublishRequest()
    request.Parameters.SubscriptionAcknowledgements = [acknowledgement]
    assert ua_binary.struct_to_binary(request).endswith(encode_publish([(7, 3)]))


def test_overflow_is_told_by_the_status() -> None:
    assert has_overflow(0x00000480)
    assert not has_overflow(0x00000080)
    assert not has_overflow(0x80340000)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=6))
def test_damage_is_malformed_or_another_report_but_never_a_crash(at: int, damage: bytes) -> None:
    good = response(changes(True, 1.5, "x"))
    at %= len(good)
    with contextlib.suppress(Malformed):
        decode_publish(good[:at] + damage + good[at + len(damage) :])


def test_a_cut_report_is_malformed() -> None:
    good = response(changes(True, 1.5))
    with pytest.raises(Malformed):
        decode_publish(good[:-12])
