"""A minute of playing on the page Play while the page reruns: what drops out of the sound, and what the memory does.

    python -m benchmarks.playing_long [--seconds 60] [--json]

A key is held in Chromium, and every second another style is chosen, which reruns the page. A row per instrument of the
demo: times at which the audio thread was late, and how much sound was missing, as the browser's own statistics of the
context have it (`AudioContext.playbackStats`); the page's JavaScript memory after a first part and at the end, each
after its garbage was collected; and the page's runs. Needs Chromium 140 or newer.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.first_page import chromium, free_port, start, wait_for
from demo import build
from tests.support.dashboard import settled

NAMES = ("aria", "aria full band", "cello")
STYLES = ("Plain", "Pop", "Classical")
CONTEXTS = """
window.contexts = [];
const Context = window.AudioContext;
window.AudioContext = class extends Context {
  constructor(...given) { super(...given); window.contexts.push(this); }
};
"""
STATS = "() => window.contexts.at(-1).playbackStats.toJSON()"


def measured(tab, url: str, name: str, seconds: float) -> dict[str, float]:
    """One instrument, played for some time."""
    tab.goto(f"{url}/play?instrument={name}")
    tab.locator(f'.play[aria-label="Play {name}"][data-state="ready"]').wait_for()
    settled(tab)
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.enable")
    box = tab.locator("[data-midi]").nth(6).bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.8 * box["height"])
    tab.mouse.down()
    tab.locator('.play[data-state="playing"]').wait_for()
    tab.wait_for_timeout(2_000)
    first, before, runs = _heap_mb(tab, session), tab.evaluate(STATS), 0
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < seconds:
        tab.get_by_role("radio", name=STYLES[runs % len(STYLES)]).evaluate("(radio) => radio.click()")
        runs += 1
        tab.wait_for_timeout(1_000)
    after = tab.evaluate(STATS)
    last = _heap_mb(tab, session)
    tab.mouse.up()
    return {
        "seconds": after["totalDuration"] - before["totalDuration"],
        "late": after["underrunEvents"] - before["underrunEvents"],
        "missing ms": 1_000 * (after["underrunDuration"] - before["underrunDuration"]),
        "runs": runs,
        "MB first": first,
        "MB last": last,
    }


def _heap_mb(tab, session) -> float:
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"] / 1e6


def rows(seconds: float) -> dict[str, dict[str, float]]:
    """A row per instrument, each in a tab of its own."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(build.ASSETS / "instruments", Path(folder) / "instruments")
        port = free_port()
        server = start(Path(folder), port)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, server)
            found = {}
            with chromium() as browser:
                for name in NAMES:
                    tab = browser.new_page(viewport={"width": 1366, "height": 900})
                    tab.add_init_script(CONTEXTS)
                    found[name] = measured(tab, url, name, seconds)
                    tab.close()
            return found
        finally:
            server.kill()
            server.wait()


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each instrument (60)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    found = rows(asked.seconds)
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    names = list(next(iter(found.values())))
    print(f"{'':16}" + "".join(f"{name:>12}" for name in names))
    for instrument, row in found.items():
        print(f"{instrument:16}" + "".join(f"{row[name]:12.1f}" for name in names))


if __name__ == "__main__":
    main()
