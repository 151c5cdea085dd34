"""How soon the dashboard can be used: from its start to an answer, the first page, and a button that can be pressed.

    python -m benchmarks.first_page [--repeats 3] [--json]

Starts the server on an empty workspace, as a newcomer does, and then again on the same one; Chromium, which is running
already, opens the first page. Needs Chromium and what the tests need (`make test` installs it).
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MOMENTS = ("answers", "first page", "usable")
PATIENCE_S = 120.0
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    # Playwright listens for exceptions, and so V8 reads a script again for the place of each that is thrown and caught:
    # Plotly's takes 0.95 s to be evaluated then, and 0.50 s in a browser that nobody listens to, or with this.
    "--js-flags=--no-enable-lazy-source-positions",
)


def start(workspace: Path, port: int) -> subprocess.Popen:
    """The server, as `make app` starts it but without a browser of its own."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
    environment = os.environ | {"DDSING_WORKSPACE": str(workspace)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(browser, workspace: Path) -> dict[str, float]:
    """Seconds from one start of the server to each of `MOMENTS`."""
    port = free_port()
    url, began = f"http://127.0.0.1:{port}", time.monotonic()
    server = start(workspace, port)
    try:
        wait_for(f"{url}/_stcore/health", server)
        reached = [time.monotonic()]
        tab = browser.new_page()
        tab.goto(url)
        tab.get_by_role("heading", name="Timbre transfer").wait_for(timeout=PATIENCE_S * 1000)
        reached.append(time.monotonic())
        tab.locator('[class*="st-key-transfer-start"] button:not([disabled])').first.wait_for(timeout=PATIENCE_S * 1000)
        reached.append(time.monotonic())
        tab.close()
    finally:
        server.kill()
        server.wait()
    return {moment: at - began for moment, at in zip(MOMENTS, reached)}


@contextlib.contextmanager
def chromium():
    """The browser, running; ends the benchmark with a sentence where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("This benchmark needs Playwright: make test installs it.")
    path = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        sys.exit("This benchmark needs Chromium, on the PATH as chromium or google-chrome.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def run(repeats: int) -> dict[str, list[dict[str, float]]]:
    """`measure` on a workspace that is new, and again on that one, `repeats` times each."""
    found: dict[str, list[dict[str, float]]] = {"first start": [], "later start": []}
    with chromium() as browser:
        for _ in range(repeats):
            with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
                for seconds in found.values():
                    seconds.append(measure(browser, Path(folder) / "workspace"))
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(url: str, server: subprocess.Popen) -> None:
    """Until the address answers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    sys.exit("The server did not start.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = run(arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"Seconds from the start of the server, best and worst of {arguments.repeats}")
    for kind, measured in found.items():
        moments = [f"{moment} {_range([one[moment] for one in measured])}" for moment in MOMENTS]
        print(f"{kind + ':':<13} {', '.join(moments)}")


def _range(seconds: list[float]) -> str:
    return f"{min(seconds):.2f}–{max(seconds):.2f}"


if __name__ == "__main__":
    main()
