"""How near an instrument's approximation for ddsp-vst is: on its own phrase, and driven by other voices' recordings.

``python -m benchmarks.vst_approximation [RECORDING ...]``; without recordings, the demo's examples. For each instrument
of the demo, dB: the mean difference of the harmonics, and of the spectrum in 40 bands (`engine.approximation.measure`).
A recording drives the instrument itself by its loudness, the approximation by its power, as the plug-in would, with its
Input Gain set; beside it the instrument 3 dB louder, to compare with.
"""

import sys
from pathlib import Path

import numpy as np

from ddsing.constants import HOP_SAMPLES, POWER
from ddsing.engine import approximation, render
from ddsing.engine.approximation import Approximation
from ddsing.instrument import Instrument, open_any
from ddsing.sound import audio, features, loudness

DEMO = Path(__file__).parents[1] / "demo" / "assets"
SECONDS = 12.0


def main() -> None:
    """Print a table."""
    recordings = [Path(word) for word in sys.argv[1:]] or sorted((DEMO / "examples").glob("*.flac"))
    sounds = {path.stem: audio.decode(path)[: round(SECONDS * 16_000)] for path in recordings}
    print(f"{'instrument':12} {'driven by':28} {'harmonics':>9} {'spectrum':>9} {'3 dB louder':>12}")
    for name in ("aria", "cello"):
        voice = open_any(DEMO / "instruments" / f"{name}.zip", name=name)
        powers = approximation.fit(voice.config, voice.weights, voice.statistics)
        own = approximation.measure(voice.config, voice.weights, powers, voice.statistics)
        print(f"{name:12} {'its own phrase':28} {own.harmonics_db:9.2f} {own.spectrum_db:9.2f}")
        for title, sound in sounds.items():
            harmonics, spectrum, louder = driven(voice, powers, sound)
            print(f"{name:12} {title:28} {harmonics:9.2f} {spectrum:9.2f} {louder:12.2f}")


def driven(voice: Instrument, powers: approximation.PowerMap, sound: np.ndarray) -> tuple[float, float, float]:
    """The differences of the approximation in harmonics and spectrum, and of the louder instrument in spectrum."""
    heard = features.extract(sound, tracker="instant", generation=voice.config.generation)
    n_samples = len(sound) // HOP_SAMPLES * HOP_SAMPLES
    power_db = loudness.compute(sound, generation=POWER)
    # As loud as the instrument in the middle of the recording: what the plug-in's Input Gain is for.
    own_db = powers.at(12.0 * np.log2(heard.f0_hz / 440.0) + 69.0, power_db) - 1.0
    sure = heard.f0_confidence > 0.5
    level_db = np.median((heard.loudness_db - own_db * voice.config.db_range)[sure])
    near = Approximation(voice.config, voice.weights, powers)
    parts = [
        (render.load(voice.config, voice.weights), heard.loudness_db),
        (render.Renderer(near.config, near, None), power_db + level_db),
        (render.load(voice.config, voice.weights), heard.loudness_db + 3.0),
    ]
    exact, other, louder = (
        render.render(part, heard.f0_hz, levels, n_samples=n_samples, keep_controls=True) for part, levels in parts
    )
    return approximation.difference(exact, other).harmonics_db, *(
        approximation.difference(exact, one).spectrum_db for one in (other, louder)
    )


if __name__ == "__main__":
    main()
