"""How soon and how well a voice is learnt: with and without centred frames, with and without the head start.

    python -m benchmarks.voice [RECORDING ...] [--steps 300] [--tracker full] [--json]

Trains the model ``singing_small`` on the recordings, by default the demo's voice, four times in one run. Each training
is measured as it is played, on the windows that were held out, with centred features as in a transfer: the spectral
loss; and of the harmonics that stand out of the noise in the recording, how many are lost in the voice, up to the
eighth and above. *Seconds* are those from the start of the training, head start included.
"""

import argparse
import itertools
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.dataset import prepare, voices
from ddsing.engine import render
from ddsing.engine.wanted_levels import measure
from ddsing.formats import tfrecord
from ddsing.sound import distance
from ddsing.training import checkpoints, evaluation, run
from ddsing.training.listening import Listening
from ddsing.training.recipe import Recipe, config_file
from ddsing.workspace import Workspace

DEMO = sorted((Path(__file__).parents[1] / "demo" / "assets" / "audio" / "Mira").glob("*.flac"))
MODEL, VOICE = "singing_small", "voice"
N_LOW = 8  # harmonics that even a dull voice has
_SPECTRUM, _EVERY, _EDGE = 2048, 320, 16  # samples, samples, frames of which a centred window does not know all


def harmonics(audio, f0_hz, confidence) -> np.ndarray:
    """The amplitudes that stand out of the noise, where the pitch is clear; NaN for the others."""
    starts = np.arange(_EDGE * 64, len(audio) - _SPECTRUM, _EVERY)
    frames = (starts + _SPECTRUM // 2) // 64
    clear = confidence[frames] > 0.8
    return measure(audio, f0_hz[frames[clear]], starts[clear], config_file(MODEL).model)[0]


def played(path: Path, step: int, held_out: list[dict]) -> dict:
    """A checkpoint's measures on the held-out windows."""
    config = config_file(MODEL).model
    model = render.load(config, checkpoints.get(path, step).state(config).weights)
    losses, lost = [], {"low": [], "high": []}
    for window in held_out:
        again = evaluation.resynthesised(model, window)
        losses.append(distance.spectral_loss(window["audio"], again))
        wanted, found = (
            harmonics(audio, window["f0_hz"], window["f0_confidence"]) for audio in (window["audio"], again)
        )
        gone = np.where(np.isfinite(wanted), ~np.isfinite(found), np.nan)
        for name, part in (("low", gone[:, :N_LOW]), ("high", gone[:, N_LOW:])):
            lost[name].extend(part[np.isfinite(part)])
    shares = {name: float(np.mean(values)) if values else None for name, values in lost.items()}
    return {"step": step, "loss": float(np.mean(losses)), "lost": shares, "n_high": len(lost["high"])}


def train(workspace: Workspace, held_out: list[dict], *, centred: bool, head_start: bool, steps: int) -> dict:
    """Train anew, in the voice's checkpoints folder, and measure each checkpoint."""
    path = voices.get(workspace, VOICE).checkpoints_folder
    shutil.rmtree(path, ignore_errors=True)
    recipe = Recipe(
        config=MODEL,
        steps=steps,
        save_every=max(1, steps // 6),
        keep=6,
        centred_frames=centred,
        head_start_steps=None if head_start else 0,
    )
    began, reached = time.monotonic(), {}

    def note(progress):
        if progress.stage == "saving":
            reached[progress.step] = time.monotonic() - began

    run.train(workspace, VOICE, recipe, report=note, make_instrument=False)
    saves = [played(path, step, held_out) | {"seconds": seconds} for step, seconds in reached.items()]
    return {"centred_frames": centred, "head_start": head_start, "saves": saves}


def text(document: dict) -> str:
    """A table for people."""
    held_out_s = document["n_held_out"] * 64_000 / SAMPLE_RATE
    lines = [f"{document['minutes']:.1f} minutes, {held_out_s:g} s held out"]
    lines.append(f"{'frames':<10}{'head start':<12}{'step':>6}{'seconds':>9}{'loss':>8}{'lost to 8th':>13}{'above':>8}")
    for way in document["ways"]:
        for save in way["saves"]:
            low, high = ("-" if share is None else f"{share:.0%}" for share in save["lost"].values())
            lines.append(
                f"{'centred' if way['centred_frames'] else 'as ddsp':<10}{'yes' if way['head_start'] else 'no':<12}"
                f"{save['step']:>6}{save['seconds']:>9.0f}{save['loss']:>8.2f}{low:>13}{high:>8}"
            )
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="*", type=Path, default=DEMO, help="of one voice (the demo's)")
    parser.add_argument("--steps", type=int, default=300, help="of each training (300)")
    parser.add_argument("--tracker", choices=("full", "fast", "tiny"), default="full", help="of the pitch (full)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        workspace = Workspace(Path(root))
        folder = workspace.audio / VOICE
        folder.mkdir(parents=True)
        for recording in args.recordings:
            shutil.copy(recording, folder)
        voice = voices.get(workspace, VOICE)
        prepared = prepare.prepare(voice, tracker=args.tracker)
        with tfrecord.open_all(voice.dataset_folder, "held_out") as found:
            held_out = evaluation.windows(found, Listening(3, 3, centred=True))
        ways = [
            train(workspace, held_out, centred=centred, head_start=head_start, steps=args.steps)
            for centred, head_start in itertools.product((False, True), (False, True))
        ]
    document = {"minutes": prepared.minutes, "n_held_out": len(held_out), "ways": ways}
    print(json.dumps(document, indent=2) if args.json else text(document))


if __name__ == "__main__":
    main()
