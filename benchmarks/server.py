"""How much memory the dashboard's server holds: before anybody looks, with the first page open, and once it is idle.

    python -m benchmarks.server [--wait 30] [--json]

Starts the server on a new workspace; Chromium opens the first page, on which one may sing as soon as it is there. After
`--wait` seconds without a touch, what the warm-up does is over. Linux only for the last line, which tells whether
TensorFlow's library is in the server's memory. Needs Chromium and what the tests need (`make test` installs it).
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import first_page


def measure(browser, workspace: Path, wait_s: float) -> dict:
    """Resident memory in bytes at each moment; seconds to the first page, in all and of the processor."""
    port = first_page.free_port()
    url, began = f"http://127.0.0.1:{port}", time.monotonic()
    server = first_page.start(workspace, port)
    watched = psutil.Process(server.pid)
    try:
        first_page.wait_for(f"{url}/_stcore/health", server)
        found: dict = {"before_bytes": watched.memory_info().rss}
        tab = browser.new_page()
        tab.goto(url)
        tab.get_by_role("heading", name="Timbre transfer").wait_for(timeout=first_page.PATIENCE_S * 1000)
        found["first_page_s"] = time.monotonic() - began
        spent = watched.cpu_times()
        found["first_page_cpu_s"] = spent.user + spent.system
        found["open_bytes"] = watched.memory_info().rss
        _rest(watched, wait_s)
        found["idle_bytes"] = watched.memory_info().rss
        found["tensorflow"] = holds_tensorflow(server.pid)
        tab.close()
    finally:
        server.kill()
        server.wait()
    return found


def holds_tensorflow(pid: int) -> bool | None:
    """Whether a process has TensorFlow's library in its memory; None where the system does not tell."""
    maps = Path(f"/proc/{pid}/maps")
    return "libtensorflow" in maps.read_text() if maps.exists() else None


def _rest(process: psutil.Process, wait_s: float) -> None:
    """Wait for so long, and then until the process is idle."""
    time.sleep(wait_s)
    deadline = time.monotonic() + first_page.PATIENCE_S
    while process.cpu_percent(interval=2.0) > 10.0 and time.monotonic() < deadline:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wait", type=float, default=30.0, help="seconds")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with first_page.chromium() as browser, tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        found = measure(browser, Path(folder) / "workspace", arguments.wait)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"First page after {found['first_page_s']:.1f} s, {found['first_page_cpu_s']:.1f} s of them the server's own")
    for moment in ("before", "open", "idle"):
        print(f"{moment + ':':<8} {found[f'{moment}_bytes'] / 1e6:.0f} MB")
    told = {None: "unknown here", True: "yes", False: "no"}[found["tensorflow"]]
    print(f"TensorFlow in the server: {told}")


if __name__ == "__main__":
    sys.exit(main())
