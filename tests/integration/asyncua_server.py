"""Another implementation's server (asyncua) in a process of its own: `python -m tests.integration.asyncua_server PORT`.

Every built-in type as scalar and array, 300 more values, Basic256Sha256 with a user when a certificate folder is given.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Dict, Tuple

from asyncua import Server, ua
from asyncua.server.user_managers import User, UserManager, UserRole

URI = "urn:conectpy:independent"
UTC = datetime.timezone.utc
KINDS = ua.VariantType

SCALARS: Dict[str, Tuple[Any, Any]] = {
    "Boolean": (True, KINDS.Boolean),
    "SByte": (-128, KINDS.SByte),
    "Byte": (255, KINDS.Byte),
    "Int16": (-32768, KINDS.Int16),
    "UInt16": (65535, KINDS.UInt16),
    "Int32": (-(2**31), KINDS.Int32),
    "UInt32": (2**32 - 1, KINDS.UInt32),
    "Int64": (-(2**63), KINDS.Int64),
    "UInt64": (2**64 - 1, KINDS.UInt64),
    "Float": (1.25, KINDS.Float),
    "Double": (3.141592653589793, KINDS.Double),
    "String": ("ñandú €", KINDS.String),
    "DateTime": (datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=UTC), KINDS.DateTime),
    "Guid": (uuid.UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63"), KINDS.Guid),
    "ByteString": (b"\x01\x02\xff", KINDS.ByteString),
    "XmlElement": (ua.XmlElement("<a/>"), KINDS.XmlElement),
    "NodeId": (ua.NodeId("x", 3), KINDS.NodeId),
    "ExpandedNodeId": (ua.ExpandedNodeId(7, 2), KINDS.ExpandedNodeId),
    "StatusCode": (ua.StatusCode(0x808C0000), KINDS.StatusCode),
    "QualifiedName": (ua.QualifiedName("q", 2), KINDS.QualifiedName),
    "LocalizedText": (ua.LocalizedText("hola", "es"), KINDS.LocalizedText),
    "ExtensionObject": (ua.Range(1.0, 2.0), KINDS.ExtensionObject),
}
ARRAYS: Dict[str, Tuple[Any, Any]] = {
    "Booleans": ([True, False], KINDS.Boolean),
    "Int32s": ([1, -2, 3], KINDS.Int32),
    "Doubles": ([0.5, -1.5], KINDS.Double),
    "Strings": (["a", "ñ"], KINDS.String),
    "Empty": ([], KINDS.Int16),
    "Matrix": ([[1, 2], [3, 4], [5, 6]], KINDS.Int32),
}
COUNT = 300
STATES = 25


class Users(UserManager):
    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        print(f"login {username} {password}", flush=True)
        return User(role=UserRole.User) if (username, password) == ("op", "geheim") else None


async def run(port: int, folder: str) -> None:
    server = Server(user_manager=Users() if folder else None)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    await server.set_application_uri(URI)
    policies = [ua.SecurityPolicyType.NoSecurity]
    if folder:
        policies = [ua.SecurityPolicyType.Basic256Sha256_Sign, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
        await server.load_certificate(str(Path(folder) / "server.der"))
        await server.load_private_key(str(Path(folder) / "server.pem"))
    server.set_security_policy(policies)
    index = await server.register_namespace("urn:test")
    for name, (value, kind) in {**SCALARS, **ARRAYS}.items():
        await server.nodes.objects.add_variable(ua.NodeId(name, index), name, ua.Variant(value, kind))
    values = [
        await server.nodes.objects.add_variable(
            ua.NodeId(50_000 + number, index), f"V{number}", float(number), KINDS.Double
        )
        for number in range(COUNT)
    ]
    states = {}
    for number in range(STATES):
        name = f"P{number:02d}_ST"
        states[name] = await server.nodes.objects.add_variable(ua.NodeId(name, index), name, False, KINDS.Boolean)
    async with server:
        print("ready", flush=True)
        step = 0
        while True:
            line = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            if not line:
                return
            if line.startswith("write "):  # a tag and 0 or 1: stamped and told with the time at which it happened
                _, name, value = line.split()
                data = ua.DataValue(ua.Variant(value == "1", KINDS.Boolean))
                at_s = time.time()
                data.SourceTimestamp = datetime.datetime.fromtimestamp(at_s, UTC)
                await states[name].write_value(data)
                print(f"{at_s!r}", flush=True)
                continue
            step += 1
            for node in values:
                await node.write_value(1000.0 + step)
            print("stepped", flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(run(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
