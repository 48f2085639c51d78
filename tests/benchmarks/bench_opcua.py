"""CPU and wall time per value of OPC UA clients on one server in another process, in turns, with ratios.

Ours, the `opcua` package's `get_values` and a `get_value` loop, asyncua's `read_values`. The server changes one value
in a hundred, or all, between two scans. CPU is this process's alone; medians over turns.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from conectpy.drivers.opc_ua import OpcUaPlc
from conectpy.drivers.ua.library import silence_library_warnings
from conectpy.settings.types import OpcUaSettings, PlcSettings, TagSettings

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5


def run(quick: bool) -> None:
    """Print the tables; `quick` takes about 15 s, otherwise about a minute."""
    for count, share in ((100, 0.01), (1000, 0.01), (1000, 1.0)):
        server = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.bench_opcua", str(count), str(share)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            table = measure(url, count, server, 3 if quick else 10)
        finally:
            server.kill()
            server.communicate()
        print(f"\n{count} values (Double), {share:.0%} of them change per scan")
        print(f"  {'client':34} {'CPU us/value':>12} {'ratio':>7} {'ms/scan':>9}")
        ours = table["conectpy"][0]
        for name, (cpu_us, wall_ms) in table.items():
            print(f"  {name:34} {cpu_us:12.3f} {cpu_us / ours:7.1f} {wall_ms:9.2f}")


def measure(url: str, count: int, server: Any, scans: int) -> Dict[str, Tuple[float, float]]:
    """Client -> (median CPU in us per value, median wall time in ms per scan)."""
    silence_library_warnings()
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    clients = make_clients(url, count)
    found: Dict[str, List[Tuple[float, float]]] = {name: [] for name, _, _ in clients}
    for _ in range(ROUNDS):
        for name, read, _ in clients:
            for _ in range(scans):
                server.stdin.write("\n")
                server.stdin.flush()
                server.stdout.readline()
                cpu_s, wall_s = time.process_time(), time.perf_counter()
                read()
                found[name].append((time.process_time() - cpu_s, time.perf_counter() - wall_s))
    for _, _, close in clients:
        close()
    return {
        name: (
            statistics.median(cpu for cpu, _ in times) / count * 1e6,
            statistics.median(wall for _, wall in times) * 1e3,
        )
        for name, times in found.items()
    }


def make_clients(url: str, count: int) -> List[Tuple[str, Callable[[], object], Callable[[], object]]]:
    """(name, one scan, goodbye) of each client, connected."""
    names = [f"ns=2;i={50_000 + number}" for number in range(count)]
    tags = tuple(TagSettings(name, name, node=name, is_state=number < 20) for number, name in enumerate(names))
    ours = OpcUaPlc(PlcSettings(url, "bench", "opcua", tags=tags, opcua=OpcUaSettings(security="none")), {})
    ours.connect()
    ours.read_scan()
    clients: List[Tuple[str, Callable[[], object], Callable[[], object]]] = [("conectpy", ours.read_scan, ours.close)]

    from opcua import Client

    old = Client(url)
    old.connect()
    old_nodes = [old.get_node(name) for name in names]
    clients.append(("opcua get_values", lambda: old.get_values(old_nodes), old.disconnect))
    clients.append(("opcua get_value, one by one", lambda: [node.get_value() for node in old_nodes], lambda: None))

    import asyncua

    loop = asyncio.new_event_loop()
    new = asyncua.Client(url)
    loop.run_until_complete(new.connect())
    new_nodes = [new.get_node(name) for name in names]

    def close() -> None:
        loop.run_until_complete(new.disconnect())
        loop.close()

    clients.append(("asyncua read_values", lambda: loop.run_until_complete(new.read_values(new_nodes)), close))
    return clients


async def serve(count: int, share: float) -> None:
    """The server's side, in its own process: a line on standard input lets its values move."""
    from asyncua import Server, ua

    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:bench")
    nodes = []
    for number in range(count):
        node_id = ua.NodeId(50_000 + number, 2)
        nodes.append(await server.nodes.objects.add_variable(node_id, f"V{number}", float(number)))
    async with server:
        port = server.bserver._server.sockets[0].getsockname()[1]
        print(f"opc.tcp://127.0.0.1:{port}/", flush=True)
        step = 0
        while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            step += 1
            for node in nodes[: max(1, int(count * share))]:
                await node.write_value(step + 0.5)
            print("moved", flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
