"""Every page with hundreds of everything: how long until it is complete, and until it is again after a click.

    python -m benchmarks.pages [--instruments 500] [--takes 500] [--voices 200] [--runs 1000] [--jobs 300]
                               [--only instruments ...] [--workspace DIR] [--repeats 3] [--json]

Makes such a workspace of tiny files, most of them links to one, in a temporary folder (or finds it in DIR, made there
if it is not), and starts the server once. Each page is opened in a tab of its own: *first* is the first time, when
nothing of the page is in the server's memory, *again* the best of the others, *change* from a press in the sidebar of
another page, *click* until the page is complete after one of its controls was used. A page is complete once its figures
and tables are drawn, whose scripts the browser may ask for after the last message. What the pages' scripts alone take
is `benchmarks.reruns`'. Needs Chromium and what the tests need (`make test` installs it).
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import first_page
from ddsing import instrument
from ddsing.formats.event_log import EventWriter
from ddsing.instrument import Instrument, Provenance
from ddsing.instrument.notebook import gin_text
from ddsing.jobs.folder import JobFolder
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.latent_space import LatentSpace
from ddsing.model.statistics import FIELDS, DatasetStatistics
from ddsing.model.weights import random_weights
from ddsing.sound.audio import encode
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

CONFIG = ModelConfig(rnn_channels=16, ch=16, n_harmonics=20, n_noise_bands=17)
WITH_TIMBRE = replace(CONFIG, z=ZConfig(rnn_channels=16, z_dims=4))  # of each tenth instrument
MANY = {"instruments": 500, "takes": 500, "voices": 200, "runs": 1000, "jobs": 300}
PAGES = {  # by name: its address, and what is clicked; a choice is kept, so another one is pressed each time
    "transfer": ("", ".st-key-setting-show_full_output label"),
    "datasets": ("datasets", 'button:has-text("New voice")'),
    "training": ("training", "summary"),
    "instruments": ("instruments", 'summary:has-text("Import")'),
    "takes": ("experiments?view=takes", ".st-key-find input"),
    "blind": ("experiments?view=blind", '.st-key-blind-kind [aria-checked="false"]'),
    "matrix": ("experiments?view=matrix", ".st-key-fitted label"),
    "morph": ("experiments?view=morph", '[class*="st-key-morph-mode"] [aria-checked="false"]'),
    "curves": ("experiments?view=voices", '.st-key-vs_colour [aria-checked="false"]'),
    "parameters": ("experiments?view=parameters", "summary"),
    "latent": ("experiments?view=latent", '.st-key-ls_shift1 [type="range"]'),
}
WATCH = """
window.ends = [];
window.drawn = [];
const ended = () => window.ends.push(performance.now());
new PerformanceObserver((list) => {  // of what the browser does by itself, only what takes long is told
  for (const task of list.getEntries()) window.drawn.push(task.startTime + task.duration);
}).observe({type: 'longtask', buffered: true});
window.WebSocket = class extends window.WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', () => requestAnimationFrame(() => setTimeout(ended)));  // once it is drawn
  }
};
new MutationObserver(() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const state = app && app.getAttribute('data-test-script-state');  // of a short run it does not change
  if (state !== window.last) { window.last = state; if (state === 'notRunning') ended(); }
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
# The last moment at which something came or was drawn; none where nothing came, or is still to be drawn.
SEEN = """began => {
  const came = window.ends.filter((end) => end > began);
  const waits = window.last !== 'notRunning' || document.querySelector('[data-testid="stSkeleton"]');
  return came.length && !waits ? Math.max(...came, ...window.drawn) : null;
}"""
QUIET_S = 0.6  # a page that has stood still for so long is complete
BEGINS_S = 15.0  # a control whose script has not begun by then changes nothing


def tone(duration_s: float = 3.0) -> np.ndarray:
    """A tone that swells and ends [shape=(n_samples,), float32]."""
    time_s = np.arange(round(16_000 * duration_s)) / 16_000
    swell = np.sin(np.pi * time_s / duration_s)
    return (0.15 * swell * sum(np.sin(2 * np.pi * 220.0 * k * time_s) / k for k in range(1, 9))).astype(np.float32)


def furnish(root: Path, many: dict[str, int]) -> Workspace:
    """A workspace at `root` with so many of everything."""
    workspace = Workspace(root)
    for folder in (workspace.audio, workspace.examples, workspace.instruments, workspace.experiments, workspace.jobs):
        folder.mkdir(parents=True)
    (workspace.examples / "a song.wav").write_bytes(encode(tone()))
    _instruments(workspace, many["instruments"])
    _takes(workspace, many["takes"])
    _voices(workspace, many["voices"])
    _runs(workspace, many["runs"])
    _jobs(workspace, many["jobs"])
    return workspace


def _instruments(workspace: Workspace, number: int) -> None:
    values = dict.fromkeys(FIELDS, -40.0)
    for kind in ("pitch", "pitch_note"):
        values |= {f"mean_{kind}": 60.0, f"std_{kind}": 3.0, f"min_{kind}": 50.0, f"mean_min_{kind}": 50.0}
        values |= {f"max_{kind}": 70.0, f"mean_max_{kind}": 70.0}
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 50), np.linspace(-60.0, -20.0, 50))
    latent = LatentSpace(np.zeros(4), np.ones(4), np.eye(4)[:2], np.ones(2), np.full(2, 0.4))
    kinds = [(config, random_weights(config, seed=0), gin_text(config)) for config in (CONFIG, WITH_TIMBRE)]
    began = time.time() - 60.0 * number
    for n in range(number):
        config, weights, text = kinds[n % 10 == 5]
        about = Provenance(voice=f"singer {n % 40}", step=1000 + n, loss=5.0, author="Nobody", date="2026-11-24")
        made = Instrument(
            f"Voice {n:03d}", config, statistics, weights, about, text, latent=latent if config.z else None
        )
        path = workspace.instruments / f"{made.name}.zip"
        path.write_bytes(instrument.to_bytes(made))
        os.utime(path, (began + 60.0 * n,) * 2)


def _takes(workspace: Workspace, number: int) -> None:
    from ddsing.transfer import pipeline

    if not number:
        return
    first = pipeline.run(workspace, workspace.examples / "a song.wav", "Voice 000", Settings(), tracker="tiny")
    document = json.loads((first.folder / "take.json").read_text())
    for n in range(1, number):
        folder = workspace.experiments / f"20260101-{n // 3600:02d}{n // 60 % 60:02d}{n % 60:02d}-000-a song-{n:04x}"
        changed = document | {"instrument": f"Voice {n % 50:03d}", "name": f"a song → Voice {n % 50:03d}"}
        changed["settings"] = document["settings"] | {"octave_shift": n % 3 - 1}
        linked(first.folder, folder, {"take.json": json.dumps(changed)})


def _voices(workspace: Workspace, number: int) -> None:
    for n in range(number):
        folder = workspace.audio / f"Singer {n:03d}"
        folder.mkdir()
        for name in ("one", "two"):
            os.link(workspace.examples / "a song.wav", folder / f"{name}.wav")


def _runs(workspace: Workspace, number: int, n_steps: int = 300) -> None:
    """The first ones of the voices, the others of voices that have nothing else."""
    model = workspace.root / "a run"
    writer = EventWriter(model / "summaries" / "train")
    for step in range(1, n_steps + 1):
        writer.add(step, {"losses/total_loss": 5.0 + 100.0 / (step + 20), "steps_per_sec": 2.0})
    writer.close()
    (model / "operative_config-0.gin").write_text(gin_text(CONFIG))
    saves = [
        {"step": n, "loss": 6.0, "held_out": {"spectral_loss": 6.0, "f0_cents": 20.0, "loudness_db": 2.0}}
        for n in (100, 200, 300)
    ]
    (model / "history.jsonl").write_text("".join(json.dumps(save) + "\n" for save in saves))
    (model / "recipe.json").write_text(json.dumps({"recipe": {"steps": n_steps}}))
    for n in range(number):
        linked(model, workspace.audio / f"Singer {n:03d}_checkpoints", {})
    shutil.rmtree(model)


def _jobs(workspace: Workspace, number: int) -> None:
    for n in range(number):
        folder, at = JobFolder(workspace.jobs / f"20260101-000000-train-{n:06x}"), 1.7e9 + n
        options = {"voice": f"Singer {n % 200:03d}"}
        folder.create({"kind": "train", "title": f"Train {options['voice']}", "options": options, "created": at})
        folder.write_record({"state": "done", "started": at, "ended": at + 1, "message": "Done."}, durable=False)


def linked(source: Path, target: Path, changed: dict[str, str]) -> None:
    """A folder like another one, of links to its files but for those that are `changed`."""
    for path in source.rglob("*"):
        place = target / path.relative_to(source)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.name in changed:
                place.write_text(changed[path.name])
            else:
                os.link(path, place)


class Stuck(RuntimeError):
    """What can't be measured: a control that changes nothing, or a page that does not become complete."""


def complete(tab, began_ms: float) -> float:
    """Seconds from a moment of the page's clock until it stood still."""
    deadline, before = time.monotonic() + first_page.PATIENCE_S, None
    while time.monotonic() < deadline:
        tab.wait_for_timeout(1000 * QUIET_S)
        seen = tab.evaluate(SEEN, began_ms)
        if seen is not None and seen == before:
            return (seen - began_ms) / 1000
        before = seen
    raise Stuck(f"The page did not become complete within {first_page.PATIENCE_S:g} s.")


def click(tab, what: str) -> float:
    """Seconds that the page takes for a click, or for the key or the text that the control takes."""
    control = tab.locator(what).first
    control.wait_for(state="attached", timeout=1000 * BEGINS_S)
    is_slider = control.get_attribute("type") == "range"
    began_ms = tab.evaluate("performance.now()")
    if what.endswith("input"):
        control.fill("1")
        control.press("Enter")
    elif is_slider:
        control.press("ArrowRight")
    else:
        control.click(timeout=60_000)
    try:
        tab.wait_for_function(
            "began => window.ends.some((end) => end > began)", arg=began_ms, polling=50, timeout=1000 * BEGINS_S
        )
    except tab_timeout() as error:
        raise Stuck(f"{what} was used, and no script ran within {BEGINS_S:g} s.") from error
    return complete(tab, began_ms)


def tab_timeout() -> type[Exception]:
    """What Playwright raises when something does not come."""
    from playwright.sync_api import TimeoutError

    return TimeoutError


def change(tab, address: str) -> float:
    """Seconds from the press in the sidebar until the page is complete, of one that the tab has shown before."""
    page = address.partition("?")[0]
    other = "instruments" if page == "datasets" else "datasets"
    return [click(tab, f'[data-testid="stSidebarNavLink"][href$="/{one}"]') for one in (other, page)][-1]


def measure(browser, url: str, repeats: int, wanted: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """By page: the seconds of its first time, of the best of the others, of a change to it, of a click; height."""
    for name in wanted:
        address, what = PAGES[name]
        opened: list[float] = []
        changed: list[float] = []
        clicked: list[float] = []
        for _ in range(repeats):
            tab = browser.new_page(viewport={"width": 1366, "height": 768})
            tab.add_init_script(WATCH)
            tab.goto(f"{url}/{address}")
            opened.append(complete(tab, 0.0))
            height_px = tab.evaluate("document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight")
            clicked.append(click(tab, what))
            changed.append(change(tab, address))
            tab.close()
        seconds = {
            "first": opened[0],
            "again": min(opened[1:], default=opened[0]),
            "change": min(changed),
            "click": min(clicked),
        }
        yield name, seconds | {"height_px": height_px}


@contextmanager
def served(workspace: Path) -> Iterator[str]:
    """A dashboard on a workspace; its address."""
    port = first_page.free_port()
    server = first_page.start(workspace, port)
    try:
        first_page.wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def asked_for(description: str | None, *, repeats: int) -> argparse.Namespace:
    """What is asked for on the command line: how many of everything, which pages, how often."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for what, number in MANY.items():
        parser.add_argument(f"--{what}", type=int, default=number)
    parser.add_argument("--only", nargs="+", choices=tuple(PAGES), default=list(PAGES))
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def workspace_of(asked: argparse.Namespace) -> Iterator[Path]:
    """The workspace that is asked for; made if it is not there, and removed again if it was not named."""
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        root = (asked.workspace or Path(folder) / "many").absolute()
        if not root.exists():
            furnish(root, {what: getattr(asked, what) for what in MANY})
        yield root


def main() -> None:
    asked = asked_for(__doc__, repeats=3)
    with workspace_of(asked) as root, first_page.chromium() as browser, served(root) as url:
        if not asked.json:
            print(f"{'seconds':<12} first  again  change  click  height")
        found = {}
        for name, one in measure(browser, url, asked.repeats, asked.only):
            found[name] = one
            if not asked.json:
                times = f"{one['first']:5.2f}  {one['again']:5.2f}  {one['change']:6.2f}  {one['click']:5.2f}"
                print(f"{name:<12} {times}  {one['height_px']:,.0f} px", flush=True)
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
