"""Looking around in a server's address space: types of nodes, and what lies below them."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...errors import DriverError
from ...models import Value
from ...texts.catalogue import say
from .library import status_name, status_text, ua
from .message import ChannelError
from .node_id import NodeId, parse_node_id
from .read_plan import (
    ATTRIBUTE_VALUE,
    READ_REQUEST,
    READ_RESPONSE,
    SERVICE_FAULT,
    TIMESTAMPS_BOTH,
    TOO_MUCH,
    decode_head,
    decode_read,
    encode_read,
)
from .session import UaSession
from .ua_values import TYPE_NAMES, DataValue

BROWSE_NAME, DATA_TYPE, VALUE_RANK, ACCESS_LEVEL = 3, 14, 15, 18  # attribute ids (OPC 10000-6, A.1)
READ_CHUNK = 200
BROWSE_PAGE = 500
HIERARCHICAL = 33  # ReferenceType HierarchicalReferences
NODE_CLASSES = {1: "Object", 2: "Variable", 4: "Method", 8: "ObjectType", 16: "VariableType", 32: "ReferenceType",
                64: "DataType", 128: "View"}  # fmt: skip


class BrowsedNode(NamedTuple):
    """One node of the tree. `type_name`, `access` are empty and `value` None for what is no variable."""

    depth: int
    name: str
    node: str
    node_class: str
    type_name: str = ""
    access: str = ""
    value: Value = None
    error: Optional[str] = None


def read_attributes(session: UaSession, items: Sequence[Tuple[NodeId, int]]) -> List[DataValue]:
    """Single attributes of some nodes, (node, attribute id) each, in as few requests as the server takes.

    Raises ChannelError or Malformed.
    """
    found: List[DataValue] = []
    size, start = READ_CHUNK, 0
    while start < len(items):
        chunk = items[start : start + size]
        try:
            found += _read_chunk(session, chunk)
        except ChannelError as exc:
            if exc.status not in TOO_MUCH or len(chunk) == 1:
                raise
            size = len(chunk) // 2
            continue
        start += len(chunk)
    return found


def _read_chunk(session: UaSession, chunk: Sequence[Tuple[NodeId, int]]) -> List[DataValue]:
    deadline_s = session.deadline()
    request_id = session.send_body(READ_REQUEST, encode_read(chunk, TIMESTAMPS_BOTH), deadline_s)
    body = session.receive_for(request_id, deadline_s)
    head = decode_head(body)
    if head.type_id == SERVICE_FAULT or head.status >> 30:
        raise ChannelError(say("ua.refused", fault=status_text(head.status)), head.status)
    if head.type_id != READ_RESPONSE:
        raise ChannelError(say("ua.read_type", type=head.type_id))
    session.server_ticks = head.server_ticks
    return decode_read(body, head.end, len(chunk))


def read_types(session: UaSession, nodes: Sequence[NodeId]) -> List[str]:
    """The data type of each node for people (`Float`, `Boolean[]`), or why there is none, in brackets."""
    items = [(node, attribute) for node in nodes for attribute in (DATA_TYPE, VALUE_RANK)]
    values = read_attributes(session, items)
    types = [_as_node(value) for value in values[::2]]
    names = _type_names(session, {node for node in types if node is not None})
    found = []
    for node, value, rank in zip(types, values[::2], values[1::2]):
        if node is None:
            found.append(f"({status_name(value.status)})")
            continue
        is_array = isinstance(rank.value, int) and rank.value >= 0 and not rank.status >> 30
        found.append(names.get(node, str(node)) + ("[]" if is_array else ""))
    return found


def _type_names(session: UaSession, types: Set[NodeId]) -> Dict[NodeId, str]:
    names: Dict[NodeId, str] = {}
    others = []
    for node in types:
        number = node.identifier
        if node.namespace == 0 and isinstance(number, int) and 0 < number < len(TYPE_NAMES):
            names[node] = TYPE_NAMES[number]
        else:
            others.append(node)
    for node, value in zip(others, read_attributes(session, [(node, BROWSE_NAME) for node in others])):
        if not value.status >> 30 and isinstance(value.value, str):
            names[node] = value.value.split(":", 1)[-1] if value.value[:1].isdigit() else value.value
    return names


def _as_node(value: DataValue) -> Optional[NodeId]:
    if value.status >> 30 or not isinstance(value.value, str):
        return None
    try:
        return parse_node_id(value.value)[1]
    except ValueError:
        return None


def browse(session: UaSession, start: NodeId, depth: int) -> Iterator[BrowsedNode]:
    """The nodes below `start`, each before its children, down to `depth` levels; a node met again is not entered."""
    seen = {start}
    (name,) = read_attributes(session, [(start, BROWSE_NAME)])
    if name.status >> 30:
        raise DriverError(say("ua.fault", subject=str(start), fault=status_text(name.status)))
    yield BrowsedNode(0, str(name.value), str(start), "")
    stack = [iter(_read_level(session, start, 1))]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        node, shown = entry
        yield shown
        if node not in seen and len(stack) < depth:
            seen.add(node)
            stack.append(iter(_read_level(session, node, len(stack) + 1)))


def _read_level(session: UaSession, parent: NodeId, depth: int) -> List[Tuple[NodeId, BrowsedNode]]:
    children = browse_children(session, parent)
    variables = [node for node, _, kind in children if kind == "Variable"]
    types = dict(zip(variables, read_types(session, variables)))
    items = [(node, attribute) for node in variables for attribute in (ATTRIBUTE_VALUE, ACCESS_LEVEL)]
    values = read_attributes(session, items)
    values_of = {node: (values[2 * place], values[2 * place + 1]) for place, node in enumerate(variables)}
    level = []
    for node, name, kind in children:
        shown = BrowsedNode(depth, name, str(node), kind)
        if node in values_of:
            value, access = values_of[node]
            bad = status_text(value.status) if value.status >> 30 else None
            shown = shown._replace(
                type_name=types[node], access=_access_text(access), value=None if bad else value.value, error=bad
            )
        level.append((node, shown))
    return level


def _access_text(access: DataValue) -> str:
    bits = access.value if isinstance(access.value, int) and not access.status >> 30 else 0
    return ("R" if bits & 1 else "-") + ("W" if bits & 2 else "-")


def browse_children(session: UaSession, parent: NodeId) -> List[Tuple[NodeId, str, str]]:
    """(node, browse name, node class) of what `parent` refers to hierarchically."""
    request = ua.BrowseRequest()
    request.Parameters.RequestedMaxReferencesPerNode = BROWSE_PAGE
    description = ua.BrowseDescription()
    description.NodeId = to_library(parent)
    description.BrowseDirection = ua.BrowseDirection.Forward
    description.ReferenceTypeId = ua.NodeId(HIERARCHICAL)
    description.IncludeSubtypes = True
    description.NodeClassMask = 0
    description.ResultMask = 63
    request.Parameters.NodesToBrowse.append(description)
    results = session.call(request, ua.BrowseResponse).Results
    found: List[Tuple[NodeId, str, str]] = []
    while results:
        result = results[0]
        if result.StatusCode.value >> 30:
            action = say("ua.browsing_node", node=str(parent))
            raise DriverError(say("ua.action_failed", action=action, fault=status_text(result.StatusCode.value)))
        found += [_as_child(reference) for reference in result.References]
        if not result.ContinuationPoint:
            break
        more = ua.BrowseNextRequest()
        more.Parameters.ReleaseContinuationPoints = False
        more.Parameters.ContinuationPoints = [result.ContinuationPoint]
        results = session.call(more, ua.BrowseNextResponse).Parameters.Results
    return found


def _as_child(reference: object) -> Tuple[NodeId, str, str]:
    target, name = reference.NodeId, reference.BrowseName  # type: ignore[attr-defined]
    kind = NODE_CLASSES.get(int(reference.NodeClass), "?")  # type: ignore[attr-defined]
    return from_library(target), str(name.Name), kind


_KINDS = {"i": ua.NodeIdType.Numeric, "s": ua.NodeIdType.String, "g": ua.NodeIdType.Guid, "b": ua.NodeIdType.ByteString}


def to_library(node: NodeId) -> object:
    """The `opcua` package's NodeId."""
    return ua.NodeId(node.identifier, node.namespace, _KINDS[node.kind])


def from_library(node: object) -> NodeId:
    identifier = node.Identifier  # type: ignore[attr-defined]
    kind = "i" if isinstance(identifier, int) else "s" if isinstance(identifier, str) else "b"
    kind = kind if isinstance(identifier, (int, str, bytes)) else "g"
    return NodeId(node.NamespaceIndex, kind, identifier)  # type: ignore[attr-defined]
