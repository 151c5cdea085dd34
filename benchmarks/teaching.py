"""What a voice is taught with: the same voice, seed and number of steps, once for each way of teaching.

    python -m benchmarks.teaching RECORDING ... [--ways no-z z-125 ...] [--sources FILE ...] [--steps 300]
                                  [--workspace DIR] [--json]

Trains the small models. Each way is measured as it is played, with the windows that were held out: the spectral loss of
ddsp, whatever it was taught by; the loudness error; the harmonics that are lost above the eighth. And on transfers of
the sources, recordings of other singers: how far the long-term spectrum of what is voiced lies from that of the voice's
own recordings, and from that of the source, in dB over 40 mel bands; of a model that follows timbre, with the timbre of
the source. A voice that is itself is close to the first and far from the second.

A workspace that is named keeps the dataset, and the instrument and the figures of each way; what is there is not done
again.
"""

import argparse
import contextlib
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.voice import N_LOW, harmonics
from ddsing.dataset import prepare, voices
from ddsing.engine import render
from ddsing.formats import tfrecord
from ddsing.instrument import format as files
from ddsing.sound import audio as recordings
from ddsing.sound import distance
from ddsing.sound.features import FeatureCache, extract
from ddsing.sound.spectrum import frames, magnitudes
from ddsing.training import evaluation, export, run
from ddsing.training.listening import Listening
from ddsing.training.recipe import Recipe
from ddsing.transfer import conditioning
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

VOICE = "voice"
Z = "singing_z_small"
WAYS: dict[str, dict] = {
    "no-z": {"config": "singing_small"},
    "z-125": {"config": Z},
    "z-250": {"config": Z, "z_time_steps": 250},
    "z-500": {"config": Z, "z_time_steps": 500},
    "z-125-of-8": {"config": Z, "z_dims": 8},
    "z-125-of-4": {"config": Z, "z_dims": 4},
    "z-250-of-8": {"config": Z, "z_time_steps": 250, "z_dims": 8},
    "z-500-of-8": {"config": Z, "z_time_steps": 500, "z_dims": 8},
    "z-500-of-4": {"config": Z, "z_time_steps": 500, "z_dims": 4},
    "z-500-mel": {"config": Z, "z_time_steps": 500, "macros": {"loss_mel": 0.5}},
    "z-500-loudness": {"config": Z, "z_time_steps": 500, "macros": {"loudness_augmentation_db": 6.0}},
    "z-500-noise": {"config": Z, "z_time_steps": 500, "macros": {"z_noise": 0.5}},
    "z-500-dropout": {"config": Z, "z_time_steps": 500, "macros": {"z_dropout": 0.3}},
    "z-500-random": {"config": Z, "z_time_steps": 500, "macros": {"loss_random": 0.5}},
    "z-500-room": {"config": Z, "z_time_steps": 500, "macros": {"room_ms": 100.0}},
    "z-500-voicing": {"config": Z, "z_time_steps": 500, "voicing": True},
    "z-500-mel-noise": {"config": Z, "z_time_steps": 500, "macros": {"loss_mel": 0.5, "z_noise": 0.5}},
}
_N_MELS, _SIZE, _HOP, _CLEAR = 40, 1024, 256, 0.8


def taught(workspace: Workspace, name: str, steps: int) -> dict:
    """Train one way anew; leaves its instrument in the workspace's folder ``ways``, and returns its figures."""
    path = voices.get(workspace, VOICE).checkpoints_folder
    shutil.rmtree(path, ignore_errors=True)
    recipe = Recipe(**WAYS[name], steps=steps, save_every=steps)
    seconds: list[float] = []
    began = time.monotonic()

    def note(progress):
        if progress.stage == "training":
            seconds.append(time.monotonic())

    run.train(workspace, VOICE, recipe, report=note, make_instrument=False)
    took = np.diff(np.array(seconds))
    made = export.instrument(workspace, VOICE, step="latest")
    (workspace.root / "ways").mkdir(exist_ok=True)
    files.write(made, workspace.root / "ways" / f"{name}.zip")
    last = [save for save in _history(path) if "held_out" in save][-1]
    return {
        "way": name,
        "steps": steps,
        "training_loss": last["loss"],
        "step_s": float(np.median(took[took > 0.01])),
        "seconds": time.monotonic() - began,
    }


def _history(path: Path) -> list[dict]:
    return [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]


def played(made, held_out: list[dict], listening: Listening) -> dict:
    """An instrument's measures on the held-out windows."""
    model = render.load(made.config, made.weights)
    losses, loudness_db, lost = [], [], []
    for window in held_out:
        again = evaluation.resynthesised(model, window)
        losses.append(distance.spectral_loss(window["audio"], again))
        heard_db = listening.loudness_db(again)[: len(window["f0_hz"])]
        loudness_db.append(distance.loudness_db(window["loudness_db"], heard_db))
        wanted, found = (harmonics(x, window["f0_hz"], window["f0_confidence"]) for x in (window["audio"], again))
        gone = np.where(np.isfinite(wanted), ~np.isfinite(found), np.nan)[:, N_LOW:]
        lost.extend(gone[np.isfinite(gone)])
    return {
        "loss": float(np.mean(losses)),
        "loudness_db": float(np.mean(loudness_db)),
        "lost": float(np.mean(lost)) if lost else None,
    }


def spectrum_db(audio, confidence) -> np.ndarray:
    """The long-term spectrum of what is voiced [shape=(n_mels,)], in dB below its mean."""
    from ddsing.engine.encoder import _mel_matrix

    power = magnitudes(frames(np.asarray(audio, np.float32), _SIZE, _HOP)) ** 2
    at = np.minimum((np.arange(len(power)) * _HOP + _SIZE // 2) // 64, len(confidence) - 1)
    mel = power[confidence[at] > _CLEAR].mean(axis=0) @ _mel_matrix(_SIZE // 2 + 1)
    bands_db = 10.0 * np.log10(np.maximum(_bands(mel), 1e-12))
    return bands_db - bands_db.mean()


def _bands(mel: np.ndarray) -> np.ndarray:
    """Fewer bands, of neighbours added up."""
    return np.add.reduceat(mel, np.linspace(0, len(mel), _N_MELS, endpoint=False).astype(int))


def sung(workspace: Workspace, made, source: Path, **settings):
    """A source transferred to an instrument, and the source [shape=(n_samples,)] with its confidence."""
    audio = recordings.read(source).audio
    cache = FeatureCache(workspace.cache / "features")
    features = extract(audio, tracker="tiny", generation=made.config.generation, cache=cache)
    asked = conditioning.condition(features, made.statistics, Settings(use_statistics=True, **settings))
    model = render.load(made.config, made.weights)
    confidence = features.f0_confidence
    rendered = render.render(
        model, asked.f0_hz, asked.loudness_db, n_samples=len(audio), audio=audio, confidence=confidence
    )
    return rendered.audio, audio, confidence


def likeness(workspace: Workspace, made, sources: list[Path]) -> dict:
    """How far transfers are from the voice and from their sources, in dB; means over the sources."""
    own = np.concatenate([recordings.read(path).audio for path in voices.get(workspace, VOICE).recordings()])
    cache = FeatureCache(workspace.cache / "features")
    voice_db = spectrum_db(own, extract(own, tracker="tiny", generation=3, cache=cache).f0_confidence)
    to_voice, to_source = [], []
    for source in sources:
        result, audio, confidence = sung(workspace, made, source)
        result_db = spectrum_db(result, confidence)
        to_voice.append(float(np.abs(result_db - voice_db).mean()))
        to_source.append(float(np.abs(result_db - spectrum_db(audio, confidence)).mean()))
    return {"to_voice_db": float(np.mean(to_voice)), "to_source_db": float(np.mean(to_source))} if sources else {}


def text(rows: list[dict]) -> str:
    """A table for people."""
    lines = [
        f"{'way':<22}{'steps':>6}{'s/step':>8}{'training':>10}{'held-out':>10}{'loudness':>10}{'lost >8':>9}"
        f"{'to voice':>10}{'to source':>11}"
    ]
    for row in rows:
        lost = "-" if row["lost"] is None else f"{row['lost']:.0%}"
        near, far = (f"{row[key]:.1f} dB" if key in row else "-" for key in ("to_voice_db", "to_source_db"))
        lines.append(
            f"{row['way']:<22}{row['steps']:>6}{row['step_s']:>8.2f}{row['training_loss']:>10.2f}{row['loss']:>10.2f}"
            f"{row['loudness_db']:>7.1f} dB{lost:>9}{near:>10}{far:>11}"
        )
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+", type=Path, help="of one voice")
    parser.add_argument("--ways", nargs="*", choices=tuple(WAYS), default=list(WAYS), help="which (all)")
    parser.add_argument("--sources", nargs="*", type=Path, default=[], help="recordings of other singers (none)")
    parser.add_argument("--steps", type=int, default=300, help="of each training (300)")
    parser.add_argument("--tracker", choices=("full", "fast", "tiny"), default="tiny", help="of the pitch (tiny)")
    parser.add_argument("--workspace", type=Path, help="kept (a temporary one)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        root = args.workspace or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = measured(Workspace(root), args)
    print(json.dumps(rows, indent=2) if args.json else text(rows))


def measured(workspace: Workspace, args) -> list[dict]:
    """The figures of each way that was asked for."""
    folder = workspace.audio / VOICE
    folder.mkdir(parents=True, exist_ok=True)
    for recording in args.recordings:
        shutil.copy(recording, folder)
    voice = voices.get(workspace, VOICE)
    prepare.prepare(voice, tracker=args.tracker)
    listening = Listening(3, 3, centred=True)
    with tfrecord.open_all(voice.dataset_folder, "held_out") as found:
        held_out = evaluation.windows(found, listening)
    rows = []
    for name in args.ways:
        kept = workspace.root / f"{name}-{args.steps}.json"
        if not kept.is_file():
            facts = taught(workspace, name, args.steps)
            made = files.read(workspace.root / "ways" / f"{name}.zip")
            row = facts | played(made, held_out, listening) | likeness(workspace, made, args.sources)
            kept.write_text(json.dumps(row))
            print(text([row]), flush=True)
        rows.append(json.loads(kept.read_text()))
    return rows


if __name__ == "__main__":
    main()
