"""Make the demo again: `python -m demo.build [--only NAME] [--steps N]`.

Sings the practice and the examples, trains, and writes demo/assets. About half an hour on two cores. The result is the
same kind of voice, not the same bits: training on several threads is not exact.
"""

import argparse
import datetime
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `python demo/build.py` works as well

from ddsing import audio as recordings
from ddsing import features, instrument, loudness, statistics
from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import training
from ddsing.model_config import ModelConfig
from demo.singer import ALTO, CELLO, SOPRANO, TENOR, WHISTLER, Note, Voice, practice, sing

ASSETS = Path(__file__).parent / "assets"
CONFIG = ModelConfig(rnn_channels=128, ch=128, layers_per_stack=2, n_harmonics=60, n_noise_bands=33)
EXAMPLE_PEAK = 0.4  # of full scale
LOW, HIGH = 48, 81  # MIDI range of the practice
HELD_OUT_STARTS = range(0, 2000, 500)

# Melodies in the public domain: (MIDI note, beats).
ODE_TO_JOY = [(64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1)]
ODE_TO_JOY += [(60, 1), (60, 1), (62, 1), (64, 1), (64, 1.5), (62, 0.5), (62, 2)]
GREENSLEEVES = [
    (69, 1),
    (72, 2),
    (74, 1),
    (76, 1.5),
    (77, 0.5),
    (76, 1),
    (74, 2),
    (71, 1),
    (67, 1.5),
    (69, 0.5),
    (71, 1),
]
GREENSLEEVES += [(72, 2), (69, 1), (69, 1.5), (68, 0.5), (69, 1), (71, 2), (68, 1), (64, 2)]


def recording(audio, f0_hz):
    """What the training reads of a sung piece whose f0 is known."""
    return {
        "audio": audio,
        "f0_hz": f0_hz[::HOP_SAMPLES],
        "loudness_db": loudness.compute(audio)[: len(f0_hz[::HOP_SAMPLES])],
    }


def voice_statistics(audio, f0_hz, sounding):
    """Statistics of the practice in windows of four seconds."""
    n = len(audio) // 64_000
    frames = {name: x[: n * 1000].reshape(n, 1000) for name, x in recording(audio, f0_hz).items() if name != "audio"}
    confidence = np.where(sounding[::HOP_SAMPLES][: n * 1000].reshape(n, 1000), 0.95, 0.05)
    power = 10 * np.log10(np.maximum((audio[: n * 64_000].reshape(n, 1000, HOP_SAMPLES) ** 2).mean(axis=2), 1e-12))
    return statistics.measure(frames["f0_hz"], confidence, frames["loudness_db"], power)


def examples():
    """The two recordings to transform, by name: (audio, f0_hz, sounding)."""
    ode = [
        Note(midi - 5, 0.62 * beats, -8.0 + 4.0 * (i % 4 == 0), 0.25 if i == 7 else 0.0)
        for i, (midi, beats) in enumerate(ODE_TO_JOY)
    ]
    green = [Note(midi - 3, 0.36 * beats, -10.0 + 5.0 * (i % 3 == 0)) for i, (midi, beats) in enumerate(GREENSLEEVES)]
    melodies = {"ode-to-joy-tenor": (TENOR, ode, 11), "greensleeves-whistle": (WHISTLER, green, 12)}
    sung = {name: sing(voice, _framed(notes), seed=seed) for name, (voice, notes, seed) in melodies.items()}
    return {name: (audio * (EXAMPLE_PEAK / np.abs(audio).max()), *rest) for name, (audio, *rest) in sung.items()}


def write_examples():
    """The examples, and their pitch by the default tracker, so that a newcomer hears a transfer at once."""
    cache = features.FeatureCache(ASSETS / ".cache" / "features")
    cache.clear()
    (ASSETS / "examples").mkdir(parents=True, exist_ok=True)
    for name, (audio, _, _) in examples().items():
        path = ASSETS / "examples" / f"{name}.flac"
        path.write_bytes(recordings.encode(audio, format="FLAC"))
        features.extract(recordings.decode(path), cache=cache)


def _framed(notes):
    """A melody with a breath of silence before and after, so that it neither begins nor ends with a click."""
    first, last = notes[0], notes[-1]
    return [replace(first, duration_s=0.0, rest_s=0.15), *notes[:-1], replace(last, rest_s=0.3)]


def voices():
    """The recordings to train from in the tutorial, by voice and name: (audio, f0_hz, sounding)."""
    return {"Mira": {"practice": sing(ALTO, practice(minutes=1.0, low=53, high=76, seed=31), seed=31)}}


@dataclass(frozen=True)
class Recipe:
    """How an instrument is made: who sings the practice, over which MIDI range, and how long it is trained."""

    name: str
    description: str
    voice: Voice
    low: int
    high: int
    seed: int  # of the practice; the held-out piece takes the next
    steps: int
    minutes: float = 4.0  # of practice
    batch_size: int = 8
    window_frames: int = 500
    loudness_weight: float = 0.0
    starts_from: str | None = None  # the recipe whose instrument lends its weights

    def practice(self):
        """What the instrument is trained on: (audio, f0_hz, sounding)."""
        return sing(
            self.voice, practice(minutes=self.minutes, low=self.low, high=self.high, seed=self.seed), seed=self.seed
        )

    def held_out(self):
        """A quarter of a minute that the training never sees, as `training` reads it."""
        notes = practice(minutes=0.25, low=self.low, high=self.high, seed=self.seed + 1)
        return recording(*sing(self.voice, notes, seed=self.seed + 1)[:2])


RECIPES = {
    "aria": Recipe("Aria", "A synthetic soprano on an open vowel", SOPRANO, LOW, HIGH, seed=1, steps=1200),
    "cello": Recipe(
        "Cello",
        "A synthetic cello, bowed",
        CELLO,
        43,
        77,
        seed=21,
        steps=200,
        minutes=2.0,
        batch_size=4,
        window_frames=250,
        loudness_weight=0.2,
        starts_from="aria",
    ),
}


def write_instrument(recipe, *, practised, measured, weights, step, loss):
    """Write an instrument as it is after a step, and return its loss on the held-out piece."""
    held_out, starts = recipe.held_out(), HELD_OUT_STARTS
    held_out_loss = training.spectral_loss(CONFIG, weights, held_out, starts=starts)
    provenance = instrument.Provenance(
        voice=recipe.description,
        step=step,
        loss=round(loss, 3),
        author="The ddsing authors",
        licence="CC0-1.0",
        notes=f"Trained on {recipe.minutes:g} minutes of synthetic sound (demo/singer.py). "
        f"Spectral loss on a held-out part: {held_out_loss:.2f}.",
        date=datetime.date.today().isoformat(),
        dataset_hash=recordings.content_hash(practised),
    )
    made = instrument.Instrument(
        name=recipe.name, config=CONFIG, statistics=measured, weights=weights, provenance=provenance
    )
    path = ASSETS / "instruments" / f"{recipe.name.lower()}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    instrument.write(made, path)
    return held_out_loss


def train(recipe: Recipe, *, steps: int):
    """Sing the practice, train on it, and write the instrument every 50 steps."""
    sung = recipe.practice()
    measured = voice_statistics(*sung)
    recent: list[float] = []

    def on_step(step, loss, weights):
        recent.append(loss)
        if step % 20 == 0:
            print(f"{recipe.name}, step {step}: {np.mean(recent[-20:]):.3f}", flush=True)
        if step % 50 == 0 or step == steps:
            now = {"weights": weights(), "step": step, "loss": float(np.mean(recent[-50:]))}
            held_out_loss = write_instrument(recipe, practised=sung[0], measured=measured, **now)
            print(f"{recipe.name}, step {step}: loss {now['loss']:.3f}, held out {held_out_loss:.3f}", flush=True)

    options = {
        "batch_size": recipe.batch_size,
        "window_frames": recipe.window_frames,
        "loudness_weight": recipe.loudness_weight,
    }
    if recipe.starts_from:
        options["initial"] = instrument.read(ASSETS / "instruments" / f"{recipe.starts_from}.zip").weights
    training.train(CONFIG, recording(*sung[:2]), steps=steps, on_step=on_step, **options)


def main():
    """Build everything, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("examples", "voices", *RECIPES), help="build just this")
    parser.add_argument("--steps", type=int, help="training steps instead of the recipe's")
    arguments = parser.parse_args()
    wanted = (arguments.only,) if arguments.only else ("examples", "voices", *RECIPES)
    if "examples" in wanted:
        write_examples()
    for voice, sung in voices().items() if "voices" in wanted else ():
        (ASSETS / "audio" / voice).mkdir(parents=True, exist_ok=True)
        for name, (audio, _, _) in sung.items():
            soundfile.write(ASSETS / "audio" / voice / f"{name}.flac", audio, SAMPLE_RATE, subtype="PCM_16")
    for key in wanted:
        if key in RECIPES:
            train(RECIPES[key], steps=arguments.steps or RECIPES[key].steps)


if __name__ == "__main__":
    main()
