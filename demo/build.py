"""Make the demo again: `python -m demo.build [--steps N]` sings the practice and the examples, trains, and writes demo/assets.

About fifteen minutes on two cores. The result is the same kind of voice, not the same bits: training on several threads is not exact.
"""

import argparse
import datetime
from pathlib import Path

import numpy as np

from ddsing import audio as recordings
from ddsing import instrument, loudness, statistics
from ddsing.constants import HOP_SAMPLES
from ddsing.engine import training
from ddsing.model_config import ModelConfig
from demo.singer import SOPRANO, TENOR, WHISTLER, Note, practice, sing

ASSETS = Path(__file__).parent / "assets"
CONFIG = ModelConfig(rnn_channels=128, ch=128, layers_per_stack=2, n_harmonics=60, n_noise_bands=33)
LOW, HIGH = 48, 81  # MIDI range of the practice
HELD_OUT_STARTS = range(0, 2000, 500)

# Melodies in the public domain: (MIDI note, beats).
ODE_TO_JOY = [(64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1)]
ODE_TO_JOY += [(60, 1), (60, 1), (62, 1), (64, 1), (64, 1.5), (62, 0.5), (62, 2)]
GREENSLEEVES = [(69, 1), (72, 2), (74, 1), (76, 1.5), (77, 0.5), (76, 1), (74, 2), (71, 1), (67, 1.5), (69, 0.5), (71, 1)]
GREENSLEEVES += [(72, 2), (69, 1), (69, 1.5), (68, 0.5), (69, 1), (71, 2), (68, 1), (64, 2)]


def recording(audio, f0_hz):
    """What the training reads of a sung piece whose f0 is known."""
    return {"audio": audio, "f0_hz": f0_hz[::HOP_SAMPLES], "loudness_db": loudness.compute(audio)[: len(f0_hz[::HOP_SAMPLES])]}


def voice_statistics(audio, f0_hz, sounding):
    """Statistics of the practice in windows of four seconds."""
    n = len(audio) // 64_000
    frames = {name: x[: n * 1000].reshape(n, 1000) for name, x in recording(audio, f0_hz).items() if name != "audio"}
    confidence = np.where(sounding[::HOP_SAMPLES][: n * 1000].reshape(n, 1000), 0.95, 0.05)
    power = 10 * np.log10(np.maximum((audio[: n * 64_000].reshape(n, 1000, HOP_SAMPLES) ** 2).mean(axis=2), 1e-12))
    return statistics.measure(frames["f0_hz"], confidence, frames["loudness_db"], power)


def examples():
    """The two recordings to transform, by name: (audio, f0_hz, sounding)."""
    ode = [Note(midi - 5, 0.62 * beats, -8.0 + 4.0 * (i % 4 == 0), 0.25 if i == 7 else 0.0) for i, (midi, beats) in enumerate(ODE_TO_JOY)]
    green = [Note(midi - 3, 0.36 * beats, -10.0 + 5.0 * (i % 3 == 0)) for i, (midi, beats) in enumerate(GREENSLEEVES)]
    return {"ode-to-joy-tenor": sing(TENOR, ode, seed=11), "greensleeves-whistle": sing(WHISTLER, green, seed=12)}


def main():
    """Build everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--minutes", type=float, default=4.0)
    arguments = parser.parse_args()
    for name, (audio, _, _) in examples().items():
        (ASSETS / "examples" / f"{name}.flac").write_bytes(recordings.encode(audio, format="FLAC"))
    sung = sing(SOPRANO, practice(minutes=arguments.minutes, low=LOW, high=HIGH, seed=1), seed=1)
    held_out = recording(*sing(SOPRANO, practice(minutes=0.25, low=LOW, high=HIGH, seed=2), seed=2)[:2])
    measured = voice_statistics(*sung)

    def save(step, loss, weights):
        held_out_loss = training.spectral_loss(CONFIG, weights, held_out, starts=HELD_OUT_STARTS)
        instrument.write(
            instrument.Instrument(
                name="Aria",
                config=CONFIG,
                statistics=measured,
                weights=weights,
                provenance=instrument.Provenance(
                    voice="A synthetic soprano on an open vowel",
                    step=step,
                    loss=round(loss, 3),
                    author="The ddsing authors",
                    licence="CC0-1.0",
                    notes=f"Trained on {arguments.minutes:g} minutes of synthetic singing (demo/singer.py). "
                    f"Spectral loss on held-out singing: {held_out_loss:.2f}.",
                    date=datetime.date.today().isoformat(),
                    dataset_hash=recordings.content_hash(sung[0]),
                ),
            ),
            ASSETS / "instruments" / "aria.zip",
        )
        print(f"step {step}: loss {loss:.3f}, held out {held_out_loss:.3f}", flush=True)

    recent = []

    def on_step(step, loss, weights):
        recent.append(loss)
        if step % 20 == 0:
            print(f"step {step}: {np.mean(recent[-20:]):.3f}", flush=True)
        if step % 250 == 0 or step == arguments.steps:
            save(step, float(np.mean(recent[-50:])), weights())

    training.train(CONFIG, recording(*sung[:2]), steps=arguments.steps, on_step=on_step)


if __name__ == "__main__":
    main()
