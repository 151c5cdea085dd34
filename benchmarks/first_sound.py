"""How soon a transfer is heard: in a browser, from a click to the first sound that reaches the loudspeaker.

    python -m benchmarks.first_sound [--seconds 120] [--repeats 3] [--json]

*press*: the loudness is moved and Transfer timbre pressed, the recording's pitch is known: the network runs; *moved*:
the formants are moved after that and the button pressed again: the network's controls are recalled; *breath*: the
same with the mix of noise and harmonics; *dropped*: a recording of 20 s that nobody knows is dropped, and the button
pressed as soon as its fit is there, with the tracker Best: both count from the drop. The switch Play at once is on. The
instrument is of the full size, the server starts once. Needs Chromium and what the tests
need (`make test` installs it).
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import first_page
from ddsing import instrument
from ddsing.instrument import Instrument
from ddsing.model.config import ModelConfig
from ddsing.model.statistics import FIELDS, DatasetStatistics
from ddsing.model.weights import random_weights
from ddsing.sound import features
from ddsing.sound.audio import decode, encode
from ddsing.sound.features import FeatureCache
from ddsing.workspace import Workspace
from tests.support import loudspeaker

ROWS = ("press", "moved", "breath", "dropped: fit", "dropped: sound")
SONG, DROPPED_S = "song.wav", 20.0
LISTEN = (
    loudspeaker.TAP
    + """
const signal = new Float32Array(8192);
setInterval(() => {
  if (window.firstSound !== null) return;
  for (const { analyser } of window.taps) {
    analyser.getFloatTimeDomainData(signal);
    if (signal.some((value) => Math.abs(value) > 1e-4)) window.firstSound = performance.now();
  }
}, 4);
window.begin = () => { window.firstSound = null; window.begun = performance.now(); };
window.firstSound = 0;
"""
)
TRANSFER = '[class*="st-key-transfer-start"] button:not([disabled]) >> nth=0'
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def song(duration_s: float, hz: float) -> np.ndarray:
    """A tone with vibrato that glides up an octave [shape=(n_samples,), float32]."""
    time_s = np.arange(round(16_000 * duration_s)) / 16_000
    f0_hz = hz * 2.0 ** (time_s / duration_s) * (1.0 + 0.01 * np.sin(2 * np.pi * 5.0 * time_s))
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16_000
    return (0.12 * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


def furnish(root: Path, seconds: float) -> Workspace:
    """A workspace with an instrument of the full size, and a song whose pitch is known."""
    workspace = Workspace(root)
    for folder in (workspace.audio, workspace.examples, workspace.instruments, workspace.experiments, workspace.jobs):
        folder.mkdir(parents=True)
    values, config = dict.fromkeys(FIELDS, -40.0), ModelConfig(n_harmonics=100)
    for kind in ("pitch", "pitch_note"):
        values |= {f"mean_{kind}": 60.0, f"std_{kind}": 3.0, f"min_{kind}": 50.0, f"mean_min_{kind}": 50.0}
        values |= {f"max_{kind}": 70.0, f"mean_max_{kind}": 70.0}
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 50), np.linspace(-60.0, -20.0, 50))
    made = Instrument("Full size", config, statistics, random_weights(config, seed=0))
    instrument.write(made, workspace.instruments / "Full size.zip")
    (workspace.examples / SONG).write_bytes(encode(song(seconds, 150.0)))
    read = decode(workspace.examples / SONG)
    features.extract(read, tracker="instant", cache=FeatureCache(workspace.cache / "features"))
    return workspace


def measure(browser, url: str, dropped: bytes) -> dict[str, float]:
    """Seconds to each of `ROWS`, in a tab of its own."""
    tab = browser.new_page()
    tab.set_default_timeout(first_page.PATIENCE_S * 1000)
    tab.add_init_script(LISTEN)
    tab.goto(url)
    tab.locator(TRANSFER).wait_for()
    _still(tab)
    tab.get_by_role("radio", name="Instant", exact=True).click()
    switch = tab.get_by_role("switch", name="Play at once")
    if not switch.is_checked():
        switch.focus()
        tab.keyboard.press("Space")
    _still(tab)
    found = {}
    for row, control in (("press", "loudness_shift_db"), ("moved", "formant_shift"), ("breath", "breath_db")):
        tab.locator(f'[class*="st-key-setting-{control}"]').get_by_role("slider").focus()
        tab.keyboard.press("ArrowRight")
        _still(tab)
        found[row] = _pressed(tab)
    tab.get_by_role("radio", name="Best", exact=True).click()
    tab.get_by_role("radio", name="Upload", exact=True).click()
    _still(tab)
    tab.evaluate("() => window.begin()")
    chosen = tab.locator('input[type="file"]').first
    chosen.set_input_files({"name": f"{time.time()}.wav", "mimeType": "audio/wav", "buffer": dropped})
    tab.locator('[class*="st-key-fit"]').get_by_text("Analysing the recording").first.wait_for()  # not of another one
    tab.locator(TRANSFER).wait_for()
    tab.locator('[class*="st-key-fit"]').get_by_text("of the singing is inside").first.wait_for()
    found["dropped: fit"] = tab.evaluate("() => (performance.now() - window.begun) / 1000")
    tab.locator(TRANSFER).click()
    found["dropped: sound"] = _first_sound(tab)
    _end(tab)
    tab.close()
    return found


def _pressed(tab) -> float:
    """Seconds from the click on the button to the first sound; returns when the take is there."""
    button = tab.locator(TRANSFER)
    button.scroll_into_view_if_needed()
    button.evaluate("(button) => { window.begin(); button.click(); }")
    found = _first_sound(tab)
    _end(tab)
    return found


def _first_sound(tab) -> float:
    tab.wait_for_function("() => window.firstSound", polling=20)
    return tab.evaluate("() => (window.firstSound - window.begun) / 1000")


def _end(tab) -> None:
    tab.locator(TRANSFER).wait_for()
    _still(tab)
    tab.keyboard.press("Escape")
    tab.evaluate("() => ddsingPlayers.players.forEach((one) => one.mixer.pause())")


def _still(tab) -> None:
    """Until the script has ended and nothing follows."""
    for _ in range(2):
        tab.wait_for_timeout(400)
        tab.locator(IDLE).wait_for()


def run(seconds: float, repeats: int) -> dict[str, list[float]]:
    """Seconds to each of `ROWS`, `repeats` times in one server; the first time, nothing is in its memory."""
    found: dict[str, list[float]] = {row: [] for row in ROWS}
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder, first_page.chromium() as browser:
        workspace, port = furnish(Path(folder) / "workspace", seconds), first_page.free_port()
        server, url = first_page.start(workspace.root, port), f"http://127.0.0.1:{port}"
        try:
            first_page.wait_for(f"{url}/_stcore/health", server)
            for number in range(repeats):
                dropped = encode(song(DROPPED_S, 180.0 + number))
                for row, took_s in measure(browser, url, dropped).items():
                    found[row].append(took_s)
        finally:
            server.kill()
            server.wait()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="of the song whose pitch is known")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = run(arguments.seconds, arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    how_often = f"{arguments.repeats} times one after the other"
    print(f"Seconds to the first sound, {how_often}; the song has {arguments.seconds:g} s")
    for row, seconds in found.items():
        print(f"{row + ':':<16}" + " ".join(f"{took_s:7.2f}" for took_s in seconds))


if __name__ == "__main__":
    main()
