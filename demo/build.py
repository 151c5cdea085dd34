"""Make the demo again: `python -m demo.build [--only NAME] [--steps N]`.

Sings the practice and the examples, trains, and writes demo/assets. About half an hour on two cores. The result is the
same kind of voice, not the same bits: training on several threads is not exact.
"""

import argparse
import datetime
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `python demo/build.py` works as well

from ddsing import instrument
from ddsing.constants import FULL_BAND_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.dataset import scan
from ddsing.engine.head_start import head_start
from ddsing.engine.tf.step import Step
from ddsing.model import statistics
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound import audio as recordings
from ddsing.sound import features, loudness
from ddsing.training import top
from demo.singer import ALTO, CELLO, SOPRANO, TENOR, WHISTLER, Note, Voice, practice, sing

ASSETS = Path(__file__).parent / "assets"
CONFIG = ModelConfig(rnn_channels=128, ch=128, layers_per_stack=2, n_harmonics=60, n_noise_bands=33)
EXAMPLE_PEAK = 0.4  # of full scale
LOW, HIGH = 48, 81  # MIDI range of the practice
PRACTICE_MINUTES = 4.0
BATCH_SIZE, WINDOW_FRAMES = 6, 250
LEARNING_RATE = 2e-4  # small, so that what the head start found is not lost again
MEASURE_EVERY = 50  # steps
HELD_OUT_STARTS = range(0, 3500, 250)

# Melodies in the public domain: (MIDI note, beats).
ODE_TO_JOY = [(64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1)]
ODE_TO_JOY += [(60, 1), (60, 1), (62, 1), (64, 1), (64, 1.5), (62, 0.5), (62, 2)]
GREENSLEEVES = [(69, 1), (72, 2), (74, 1), (76, 1.5), (77, 0.5), (76, 1), (74, 2), (71, 1)]
GREENSLEEVES += [(67, 1.5), (69, 0.5), (71, 1)]
GREENSLEEVES += [(72, 2), (69, 1), (69, 1.5), (68, 0.5), (69, 1), (71, 2), (68, 1), (64, 2)]
SCARBOROUGH_FAIR = [(62, 2), (62, 1), (69, 2), (69, 1), (64, 1.5), (65, 0.5), (64, 1), (62, 3)]
SCARBOROUGH_FAIR += [(69, 1), (72, 1), (74, 2), (72, 1), (69, 1), (71, 1), (67, 1), (69, 3)]
SUR_LE_PONT = [(65, 1), (65, 1), (65, 2), (67, 1), (67, 1), (67, 2), (69, 1), (70, 1), (72, 1), (65, 1)]
SUR_LE_PONT += [(64, 1), (65, 1), (67, 1), (60, 2)]
FULL_BAND = "aria full band"  # Aria with a top
FULL_BAND_MINUTES, FULL_BAND_SEED = 1.0, 61


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
    """The recordings to transform, by name: (audio, f0_hz, sounding), at the rate of `rate_hz`."""
    ode = [
        Note(midi - 5, 0.62 * beats, -8.0 + 4.0 * (i % 4 == 0), 0.25 if i == 7 else 0.0)
        for i, (midi, beats) in enumerate(ODE_TO_JOY)
    ]
    green = [Note(midi - 3, 0.36 * beats, -10.0 + 5.0 * (i % 3 == 0)) for i, (midi, beats) in enumerate(GREENSLEEVES)]
    fair = _syllables(SCARBOROUGH_FAIR, ["", "", "", "t", "s", "", "", "f", "", "s", "sh", "", "s", "", "", "t"], 0.38)
    pont = _syllables(SUR_LE_PONT, ["s", "", "t", "", "f", "", "s", "", "sh", "s", "", "sh", "s", "t"], 0.5, -5)
    melodies = {
        "ode-to-joy-tenor": (TENOR, ode, 11),
        "greensleeves-whistle": (WHISTLER, green, 12),
        "scarborough-fair-alto": (ALTO, fair, 13),
        "sur-le-pont-tenor": (TENOR, pont, 14),
    }
    sung = {
        name: sing(voice, _framed(notes), seed=seed, rate_hz=rate_hz(name))
        for name, (voice, notes, seed) in melodies.items()
    }
    return {name: (audio * (EXAMPLE_PEAK / np.abs(audio).max()), *rest) for name, (audio, *rest) in sung.items()}


def rate_hz(name: str) -> int:
    """The sample rate of an example: those with consonants are at 48 kHz."""
    return FULL_BAND_RATE if name in ("scarborough-fair-alto", "sur-le-pont-tenor") else SAMPLE_RATE


def _syllables(melody, onsets, beat_s, shift=0):
    """A melody with its consonants."""
    pairs = enumerate(zip(melody, onsets, strict=True))
    return [
        Note(midi + shift, beat_s * beats, -9.0 + 4.0 * (i % 4 == 0), 0.0, onset) for i, ((midi, beats), onset) in pairs
    ]


def write_examples():
    """The examples, and their pitch by the default tracker, so that a newcomer hears a transfer at once."""
    cache = features.FeatureCache(ASSETS / ".cache" / "features")
    cache.clear()
    (ASSETS / "examples").mkdir(parents=True, exist_ok=True)
    for name, (audio, _, _) in examples().items():
        path = ASSETS / "examples" / f"{name}.flac"
        if rate_hz(name) == SAMPLE_RATE:
            path.write_bytes(recordings.encode(audio, format="FLAC"))
        else:
            soundfile.write(path, audio, rate_hz(name), subtype="PCM_16")  # half as large
        features.extract(recordings.decode(path), cache=cache)


def _framed(notes):
    """A melody with a breath of silence before and after, so that it neither begins nor ends with a click."""
    first, last = notes[0], notes[-1]
    return [replace(first, duration_s=0.0, rest_s=0.15, onset=""), *notes[:-1], replace(last, rest_s=0.3)]


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
    head_start_steps: int

    def practice(self):
        """What the instrument is trained on: (audio, f0_hz, sounding)."""
        notes = practice(minutes=PRACTICE_MINUTES, low=self.low, high=self.high, seed=self.seed)
        return sing(self.voice, notes, seed=self.seed)

    def held_out(self):
        """A quarter of a minute that the training never sees: ``audio``, ``f0_hz``, ``loudness_db``."""
        notes = practice(minutes=0.25, low=self.low, high=self.high, seed=self.seed + 1)
        return recording(*sing(self.voice, notes, seed=self.seed + 1)[:2])


RECIPES = {
    "aria": Recipe(
        "Aria", "A synthetic soprano on an open vowel", SOPRANO, LOW, HIGH, seed=1, steps=600, head_start_steps=1200
    ),
    "cello": Recipe("Cello", "A synthetic cello, bowed", CELLO, 43, 77, seed=21, steps=1000, head_start_steps=500),
}


def cut(sung, start, n_frames) -> dict[str, np.ndarray]:
    """A window of a recording that begins at the frame `start`."""
    rates = {"audio": HOP_SAMPLES, "f0_hz": 1, "loudness_db": 1}
    return {
        name: sung[name][start * rate : (start + n_frames) * rate].astype(np.float32) for name, rate in rates.items()
    }


def windows(sung, starts) -> dict[str, np.ndarray]:
    """Windows of a recording that begin at the frames `starts`, as `Step` takes them."""
    pieces = [cut(sung, start, WINDOW_FRAMES) for start in starts]
    return {name: np.stack([piece[name] for piece in pieces]) for name in pieces[0]}


def _tell(step: int, off_db: float) -> None:
    if step % MEASURE_EVERY == 0:
        print(f"head start, step {step}: levels off by {off_db:.1f} dB", flush=True)


def held_out_losses(recipe: Recipe, models_weights) -> list[float]:
    """The spectral loss of each model's weights on the piece that the training never sees."""
    batch, losses = windows(recipe.held_out(), HELD_OUT_STARTS), []
    step = Step(CONFIG, models_weights[0], batch_size=len(HELD_OUT_STARTS), window_frames=WINDOW_FRAMES)
    for weights in models_weights:
        step.set_state(weights, step.slots(), 0)
        losses.append(step.losses(batch)["spectral_loss"])
    return losses


def write_instrument(recipe: Recipe, path: Path, *, practised, measured, weights, step, losses):
    """Write an instrument as it is after a step; `losses` are those of the last steps and of the held-out piece."""
    provenance = instrument.Provenance(
        voice=recipe.description,
        step=step,
        loss=round(losses[0], 3),
        author="The ddsing authors",
        licence="CC0-1.0",
        notes=f"Trained on {PRACTICE_MINUTES:g} minutes of synthetic sound (demo/singer.py). "
        f"Spectral loss on a held-out part: {losses[1]:.2f}.",
        date=datetime.date.today().isoformat(),
        dataset_hash=recordings.content_hash(practised),
    )
    made = instrument.Instrument(
        name=recipe.name, config=CONFIG, statistics=measured, weights=weights, provenance=provenance
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    instrument.write(made, path)


def train(key: str, *, steps: int | None, folder: Path):
    """Sing the practice, learn its harmonics, train, and keep the instrument that does best on the held-out piece."""
    recipe = RECIPES[key]
    practised, *rest = recipe.practice()
    measured, sung = voice_statistics(practised, *rest), recording(practised, rest[0])
    weights = random_weights(CONFIG, seed=recipe.seed)
    practice_windows = [cut(sung, start, 1000) for start in range(0, len(sung["f0_hz"]) - 999, 1000)]
    weights = head_start(
        CONFIG, weights, practice_windows, steps=recipe.head_start_steps, centred=True, seed=recipe.seed, report=_tell
    )
    steps = steps or recipe.steps
    step = Step(
        CONFIG,
        weights,
        batch_size=BATCH_SIZE,
        window_frames=WINDOW_FRAMES,
        learning_rate=LEARNING_RATE,
        lr_decay_steps=max(steps // 10, 1),
        lr_decay_rate=0.8,
        seed=recipe.seed,
    )
    held_out, random = windows(recipe.held_out(), HELD_OUT_STARTS), np.random.default_rng(recipe.seed)
    last, best, recent = len(sung["f0_hz"]) - WINDOW_FRAMES, np.inf, []
    for number in range(1, steps + 1):
        recent.append(step.run(windows(sung, random.integers(0, last + 1, BATCH_SIZE))))
        if number % MEASURE_EVERY and number != steps:
            continue
        losses = float(np.mean(recent[-MEASURE_EVERY:])), step.losses(held_out)["spectral_loss"]
        print(f"{recipe.name}, step {number}: loss {losses[0]:.3f}, held out {losses[1]:.3f}", flush=True)
        if losses[1] < best:
            best = losses[1]
            write_instrument(
                recipe,
                folder / f"{key}.zip",
                practised=practised,
                measured=measured,
                weights=step.weights(),
                step=number,
                losses=losses,
            )


def write_full_band(folder: Path):
    """Aria with a top, made from a minute of the same singer at 48 kHz; below 8 kHz she is as she was."""
    aria = instrument.read(folder / "aria.zip")
    notes = practice(minutes=FULL_BAND_MINUTES, low=LOW, high=HIGH, seed=FULL_BAND_SEED)
    practised = sing(SOPRANO, notes, seed=FULL_BAND_SEED, rate_hz=FULL_BAND_RATE)[0]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "practice.wav"
        soundfile.write(path, practised, FULL_BAND_RATE, subtype="PCM_24")
        source = top.Source(path, scan.examine(path, path.name)[0])
        given = top.teach(
            aria, [source], kept=features.FeatureCache(Path(place), padding=features.SAME), tracker="tiny"
        )
    about = f"{aria.provenance.notes} Its top: from a minute of the same singer at 48 kHz."
    made = aria.replaced(name="Aria full band", top=given, provenance=replace(aria.provenance, notes=about))
    instrument.write(made, folder / f"{FULL_BAND}.zip")


def main():
    """Build everything, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("examples", "voices", *RECIPES, FULL_BAND), help="build just this")
    parser.add_argument("--steps", type=int, help="training steps instead of the recipe's")
    parser.add_argument("--instruments", type=Path, default=ASSETS / "instruments", help="where they are written")
    arguments = parser.parse_args()
    wanted = (arguments.only,) if arguments.only else ("examples", "voices", *RECIPES, FULL_BAND)
    if "examples" in wanted:
        write_examples()
    for voice, sung in voices().items() if "voices" in wanted else ():
        (ASSETS / "audio" / voice).mkdir(parents=True, exist_ok=True)
        for name, (audio, _, _) in sung.items():
            soundfile.write(ASSETS / "audio" / voice / f"{name}.flac", audio, SAMPLE_RATE, subtype="PCM_16")
    for key in wanted:
        if key in RECIPES:
            train(key, steps=arguments.steps, folder=arguments.instruments)
    if FULL_BAND in wanted:
        write_full_band(arguments.instruments)


if __name__ == "__main__":
    main()
