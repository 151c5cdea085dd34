"""What sessions cost the server: memory of one that is idle, processor time of opening one and of a rerun of its page.

    python -m benchmarks.sessions [--sessions 50] [--wait 30] [--json]

Starts the server on a new workspace and opens sessions over its websocket, as a browser does, without the browser: each
runs the first page once and stays open. What a browser fetches beside it, such as scripts and fonts, is not counted.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import first_page

N_RERUNS = 20
N_BEFORE = 2  # sessions that are opened before anything counts: they load what all share


@dataclass(frozen=True)
class Sessions:
    """What was measured, per session where it says so: bytes and processor seconds of the server."""

    n_sessions: int
    server_bytes: int
    session_bytes: float
    open_cpu_s: float
    rerun_cpu_s: float
    sent_bytes: float
    idle_s: float
    idle_cpu_share: float


async def measure(workspace: Path, n_sessions: int, wait_s: float) -> Sessions:
    """Open so many, run the page of one of them again and again, then leave them all alone."""
    port = first_page.free_port()
    server = first_page.start(workspace, port)
    try:
        await asyncio.to_thread(first_page.wait_for, f"http://127.0.0.1:{port}/_stcore/health", server)
        watched, open_ones = psutil.Process(server.pid), []

        async def opened(number: int) -> int:
            sent = 0
            for _ in range(number):
                open_ones.append(await _connected(port))
                sent += await _run_page(open_ones[-1])
            return sent

        await opened(N_BEFORE)
        await asyncio.sleep(wait_s)  # until the warm-up is over
        before_bytes, began = watched.memory_info().rss, _spent(watched)
        sent = await opened(n_sessions)
        after_bytes, opening = watched.memory_info().rss, _spent(watched) - began
        for _ in range(N_RERUNS):
            await _run_page(open_ones[-1])
        rerunning = _spent(watched) - began - opening
        idle = _spent(watched)
        await asyncio.sleep(wait_s)
        return Sessions(
            n_sessions=n_sessions,
            server_bytes=before_bytes,
            session_bytes=(after_bytes - before_bytes) / n_sessions,
            open_cpu_s=opening / n_sessions,
            rerun_cpu_s=rerunning / N_RERUNS,
            sent_bytes=sent / n_sessions,
            idle_s=wait_s,
            idle_cpu_share=(_spent(watched) - idle) / wait_s,
        )
    finally:
        server.kill()
        server.wait()


async def _connected(port: int) -> websockets.ClientConnection:
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    return await websockets.connect(address, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None)


async def _run_page(session: websockets.ClientConnection) -> int:
    """Ask for a run of the page and wait for its end; returns how many bytes came."""
    message, size = BackMsg(), 0
    message.rerun_script.query_string = ""
    await session.send(message.SerializeToString())
    while True:
        data = await asyncio.wait_for(session.recv(), first_page.PATIENCE_S)
        answer = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
        size += len(data)
        if answer.WhichOneof("type") == "script_finished":
            return size


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def run(n_sessions: int = 50, wait_s: float = 30.0) -> dict:
    """`measure` on a new workspace, as a document."""
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        return asdict(asyncio.run(measure(Path(folder) / "workspace", n_sessions, wait_s)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--wait", type=float, default=30.0, help="seconds")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = run(asked.sessions, asked.wait)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"server: {found['server_bytes'] / 1e6:.0f} MB; each of {asked.sessions} sessions:", end=" ")
    print(f"{found['session_bytes'] / 1e6:.2f} MB, {found['open_cpu_s']:.3f} s to open", end=", ")
    print(f"{found['rerun_cpu_s']:.3f} s a rerun")
    print(f"all idle for {asked.wait:g} s: {found['idle_cpu_share']:.1%} of a core")


if __name__ == "__main__":
    main()
