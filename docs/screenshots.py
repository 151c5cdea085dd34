"""Take the README's screenshots again: `python docs/screenshots.py [--workspace DIR] [--only PAGE]`.

Makes a workspace with the demo, some takes and a short training of the demo's voice (some minutes, with what is there
already kept), opens the dashboard on it and photographs each page. Needs Chromium and the packages of the tests.
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import mido
from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).resolve().parent / "screenshots"
WIDTH = 1360
TAKES = (  # example, instrument, settings
    ("greensleeves-whistle", "cello", Settings()),
    ("ode-to-joy-tenor", "aria", Settings(octave_shift=1, use_statistics=True, autotune=0.6, show_full_output=True)),
)
TRAINING = ("--config", "singing_small", "--steps", "300", "--batch-size", "8", "--save-every", "50")
REPORT, SCORE = "Make the report", "Edit the notes"
TUNE = "A4 1, C5 2, D5 1, E5 1.5, F5 0.5, E5 1, D5 2, B4 1, G4 1.5, A4 0.5, B4 1"  # notes and beats
PAGES = {  # file: address, height of the window, colour scheme, button that is pressed or text that is looked up before
    "timbre-transfer": ("", 1700, "light", ""),
    "timbre-transfer-full-output": ("", 1300, "dark", "Full output"),
    "score": ("", 800, "light", SCORE),
    "datasets": ("datasets", 1450, "light", REPORT),
    "training": ("training", 1330, "light", ""),
    "instruments": ("instruments", 980, "light", ""),
    "experiments": ("experiments", 1000, "dark", ""),
}


def ddsing(*arguments: str, workspace: Path) -> None:
    """Run the command line on the workspace."""
    subprocess.run([sys.executable, "-m", "ddsing", *arguments, "--workspace", str(workspace)], cwd=ROOT, check=True)


def fill(root: Path) -> None:
    """Takes, a dataset and a training; what is there already is kept."""
    workspace = open_workspace(root)
    if not any(workspace.experiments.iterdir()):
        for example, instrument, settings in TAKES:
            pipeline.run(workspace, workspace.examples / f"{example}.flac", instrument, settings)
    ddsing("dataset", "prepare", "Mira", "--tracker", "tiny", workspace=root)
    if not any(workspace.audio.glob("Mira_checkpoints/ckpt-*.index")):
        ddsing("train", "Mira", *TRAINING, workspace=root)


class Dashboard:
    """A dashboard on a free port, for a `with` block."""

    def __init__(self, workspace: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
        environment = os.environ | {"DDSING_WORKSPACE": str(workspace), "HOME": str(workspace.parent)}  # ~ is shown
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the dashboard does not answer")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()


def chromium() -> str | None:
    """Where the browser is; None where it is not on the PATH."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def both_takes(root: Path) -> str:
    """What an address adds to say that all takes are compared."""
    return "?" + urllib.parse.urlencode([("take", take.id) for take in TakeStore(open_workspace(root)).list()])


def photograph(page: Page, name: str) -> None:
    """Save what the window shows as a small PNG."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


def settled(page: Page) -> None:
    """Wait until the page stands still and no work runs."""
    page.wait_for_timeout(3000)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    for passing in (page.get_by_text("Measuring how fast"), page.get_by_test_id("stProgress").first):
        passing.wait_for(state="hidden", timeout=180_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=180_000)
    page.wait_for_timeout(1500)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)


def edit_a_score(page: Page) -> None:
    """Choose the tune, open its piano roll and draw over its curves."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100))])
    for name, beats in (note.split() for note in TUNE.split(", ")):
        key = "C D EF G A B".index(name[0]) + 12 * (int(name[1]) + 1)
        track.append(mido.Message("note_on", note=key, velocity=80))
        track.append(mido.Message("note_off", note=key, time=round(480 * float(beats))))
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=file)
    page.get_by_role("radio", name="Score").click()
    settled(page)
    tune = {"name": "Greensleeves.mid", "mimeType": "audio/midi", "buffer": file.getvalue()}
    page.locator('input[type="file"]').first.set_input_files(tune)
    settled(page)
    stage = page.locator(".stage")
    if not stage.count():
        page.get_by_text(SCORE).click()
    settled(page)
    page.locator("summary", has_text=SCORE).evaluate("element => element.scrollIntoView()")
    page.mouse.wheel(0, -70)  # the heading is under the page's own
    page.wait_for_timeout(500)
    box = stage.bounding_box()
    for tool, line in (
        ("Draw pitch", ((0.31, 0.36), (0.34, 0.27), (0.37, 0.236))),
        ("Draw loudness", ((0.505, 0.89), (0.63, 0.83))),
    ):
        page.get_by_role("button", name=tool).click()
        for number, (x, y) in enumerate(line):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
            if not number:
                page.mouse.down()
        page.mouse.up()
    page.get_by_role("button", name="Notes", exact=True).click()
    settled(page)


def main() -> None:
    """Fill the workspace, and photograph all pages or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=ROOT / "build" / "singing")
    parser.add_argument("--only", choices=tuple(PAGES))
    arguments = parser.parse_args()
    fill(arguments.workspace.absolute())
    FOLDER.mkdir(exist_ok=True)
    with Dashboard(arguments.workspace.absolute()) as dashboard, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name in (arguments.only,) if arguments.only else PAGES:
            address, height, scheme, opened = PAGES[name]
            page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme=scheme)
            page.goto(f"{dashboard.url}/{address}" + (both_takes(arguments.workspace) if name == "experiments" else ""))
            page.get_by_role("heading", level=1).wait_for()
            settled(page)
            if opened == REPORT and (ask := page.get_by_role("button", name=REPORT)).count():
                ask.click()
                settled(page)
            elif opened == SCORE:
                edit_a_score(page)
            elif opened and opened != REPORT:
                page.locator("summary", has_text=opened).first.evaluate("element => element.scrollIntoView()")
                settled(page)
            photograph(page, name)
            if opened == SCORE:
                page.get_by_role("radio", name="Examples").click()  # or the other pages' pictures would have the score
                settled(page)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
