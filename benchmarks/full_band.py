"""What the full band gains and costs: `python -m benchmarks.full_band ../shared/audio/full_band [--steps N]`.

For each recording at 44.1 kHz or more: a second of every four is held out; a small singing model is trained on the
rest for some steps, as `ddsing train` does; then its top is made from the same seconds. Pitch and loudness of the
held-out seconds are rendered at both rates and compared with them: the level of the octaves around 8 and 16 kHz, and
pitch and loudness error. Beside it, what the top adds to the time of training and of rendering, in seconds of
processor time, which other work on the computer does not change. `benchmarks/FULL_BAND.md` has what was found.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

from ddsing.constants import FULL_BAND_RATE, HOP_SAMPLES
from ddsing.dataset import analysis, prepare, voices
from ddsing.dataset.hearing import hear
from ddsing.engine import full_band, render
from ddsing.experiments.comparison import measure
from ddsing.instrument.library import Library
from ddsing.sound import audio as recordings
from ddsing.sound.features import SAME, FeatureCache
from ddsing.training import run as runs
from ddsing.training import top
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace, open_workspace

OCTAVES_HZ = {"8 kHz": (5_657.0, 11_314.0), "16 kHz": (11_314.0, 22_050.0), "8 to 11 kHz": (8_000.0, 11_314.0)}
PIECE_S, EVERY = 1.0, 4
REPEATS = 15  # of each rendering
FADE_S = 0.01


def split(audio: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """What is learned from, and what is held out: each fourth second, with faded edges."""
    n, fade = int(PIECE_S * rate_hz), int(FADE_S * rate_hz)
    ramp = np.minimum(np.minimum(np.arange(n) + 1, np.arange(n)[::-1] + 1) / fade, 1.0).astype(np.float32)
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for number, start in enumerate(range(0, len(audio) - n + 1, n)):
        parts[number % EVERY == EVERY - 2].append(audio[start : start + n] * ramp)
    return np.concatenate(parts[0]), np.concatenate(parts[1])


def level_db(audio: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The power of a sound at 48 kHz between two frequencies, in dB."""
    hz, power = signal.welch(audio, FULL_BAND_RATE, nperseg=4_096)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum() * (hz[1] - hz[0]) + 1e-20))


def teach(workspace: Workspace, name: str, steps: int) -> dict[str, float]:
    """Train a voice and make its top; seconds of each, and how many times as long training with a top takes."""
    began = time.process_time()
    if steps:
        recipe = Recipe(config="singing_small", steps=steps, tracker="tiny", save_every=steps, seed=0)
        runs.train(workspace, name, recipe, report=lambda progress: None, should_stop=lambda: False)
    else:
        prepare.prepare(voices.get(workspace, name), tracker="tiny")
    trained = time.process_time()
    made = Library(workspace).get(name)
    found, left_out = top.sources(voices.get(workspace, name))
    given = top.teach(made, found, left_out, kept=analysis.store(voices.get(workspace, name)), tracker="tiny")
    topped = time.process_time()
    Library(workspace).put_top(name, given)
    seconds = {"train_s": trained - began, "top_s": topped - trained}
    return seconds | {"training, times": (topped - began) / (trained - began)} if steps else seconds


def compare(workspace: Workspace, name: str, held_out: Path) -> dict[str, float]:
    """How far the rendering of the held-out part is off, at both rates, and the time of rendering."""
    made = Library(workspace).get(name)
    heard = hear(held_out)
    kept = FeatureCache(workspace.cache / "held out", padding=SAME)
    features = analysis.analyse(kept, heard, "tiny")
    n_frames = len(heard.audio) // HOP_SAMPLES
    truth = recordings.read(held_out, rate_hz=FULL_BAND_RATE).audio
    n_samples = n_frames * HOP_SAMPLES
    parts = {
        label: render.solo(
            render.load(made.config, made.weights, given), features.f0_hz, features.loudness_db, n_samples=n_samples
        )
        for label, given in (("16k", None), ("full", made.top))
    }
    sung, found = timed(parts, n_samples)
    low = full_band.upsampled(sung["16k"])
    for octave, (low_hz, high_hz) in OCTAVES_HZ.items():
        want = level_db(truth, low_hz, high_hz)
        for label, sound in (("16k", low), ("full", sung["full"])):
            found[f"{octave} {label}"] = level_db(sound, low_hz, high_hz) - want
    for label in ("16k", "full"):
        found |= {f"{name} {label}": value for name, value in _errors(sung[label], label, features, heard).items()}
    return found


def timed(parts: dict[str, render.Solo], n_samples: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """What is sung at both rates; the medians of the seconds that each took, and of the ratio in each repetition."""
    sung: dict[str, list[np.ndarray]] = {}
    seconds: list[dict[str, float]] = []
    for _ in range(REPEATS):
        seconds.append({})
        for label, part in parts.items():  # in turns, so that both meet the same machine
            make = full_band.blocks if label == "full" else render.blocks
            began = time.process_time()
            sung[label] = [block.audio for block in make(part, n_samples=n_samples)]
            seconds[-1][label] = time.process_time() - began
    found = {f"render_{label}_s": float(np.median([one[label] for one in seconds])) for label in parts}
    found["render_ratio"] = float(np.median([one["full"] / one["16k"] for one in seconds]))
    return {label: np.concatenate(sound) for label, sound in sung.items()}, found


def _errors(sound: np.ndarray, label: str, features, heard) -> dict[str, float]:
    if label == "full":
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, sound, FULL_BAND_RATE, subtype="FLOAT")
            sound = recordings.decode(Path(file.name))
    curves = {
        "f0_confidence": features.f0_confidence,
        "f0_hz_used": features.f0_hz,
        "loudness_db_used": features.loudness_db,
    }
    n = min(len(sound), len(heard.audio))
    found = measure.compare(heard.audio[:n], sound[:n], (sound[:n], 0 * sound[:n]), curves, generation=3)
    return {"pitch, cents": found.f0_cents or 0.0, "loudness, dB": found.loudness_db or 0.0}


def main() -> None:
    """Measure every recording of a folder, and write what was found as JSON lines and as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings at 44.1 or 48 kHz")
    parser.add_argument("--steps", type=int, default=200, help="of training (200)")
    parser.add_argument("--instrument", type=Path, help="give this one a top instead of training one")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="recordings to measure (all)")
    options = parser.parse_args()
    rows = []
    for path in sorted(options.folder.glob("*.wav")):
        if options.only and path.stem not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="full-band-") as place:
            workspace = open_workspace(Path(place) / "ws")
            audio, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            learned, held_out = split(audio.mean(axis=1), rate_hz)
            folder = workspace.audio / path.stem
            folder.mkdir(parents=True)
            soundfile.write(folder / "learned.wav", learned, rate_hz, subtype="PCM_24")
            soundfile.write(Path(place) / "held out.wav", held_out, rate_hz, subtype="PCM_24")
            if options.instrument:
                Library(workspace).import_file(options.instrument, path.stem)
            row = {"recording": path.stem, **teach(workspace, path.stem, 0 if options.instrument else options.steps)}
            row |= compare(workspace, path.stem, Path(place) / "held out.wav")
        rows.append({name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()})
        print(json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()
