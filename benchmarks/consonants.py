"""What is kept of consonants and breath, and how much buzz is left, on recordings of one's own.

    python -m benchmarks.consonants AUDIO... [--instrument ZIP ...] [--tracker full] [--amounts 0 0.5 1] [--json]

Each recording is transferred with each instrument (the demo's two, unless others are named) at each amount. The rows
have the share of the recording's energy in unvoiced frames that the result has too, counted from 2 kHz and from 250 Hz
up (`ddsing.sound.unvoiced.energy_kept`); the harmonics' power there against the voiced frames (`buzz_db`); and how far
the result's loudness is off the target there, on average and at all.

On 27 November 2026, full tracker, both instruments of the demo, lowest to highest of two speakers or singers, a
saxophone, a voice and a voice of a model of 2021 (`singing-female`, `speech-female`, `carnatic`, `sax-phrase`,
`pitch_original`, `bel_z_rainbow`):

| amount | kept from 2 kHz | kept from 250 Hz | buzz, dB | loudness off there, dB |
|---|---|---|---|---|
| 0 | 0.01 to 0.42 | 0.58 to 0.97 | -36.7 to -0.9 | 0.5 to 5.5 |
| 0.5 | 0.45 to 0.81 | 0.74 to 0.93 | -39.7 to -3.5 | 0.6 to 1.1 |
| 1 | 0.90 to 1.00 | 0.64 to 0.93 | -94.1 to -50.1 | 0.5 to 1.1 |

From 250 Hz up less is kept than from 2 kHz, as below 2 kHz only the strength in each band is the recording's; at 0 the
instrument's buzz counts as energy there.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from ddsing.constants import TRACKERS
from ddsing.instrument.models import Models
from ddsing.resources import resource
from ddsing.sound import loudness, unvoiced
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

COLUMNS = ("recording", "instrument", "amount", "unvoiced", "kept 2 kHz", "kept 250 Hz", "buzz dB", "off dB", "bias dB")


@dataclass(frozen=True)
class Row:
    """What one take keeps; None where a recording has no unvoiced frames."""

    recording: str
    instrument: str
    amount: float
    unvoiced: float
    kept_2000: float | None
    kept_250: float | None
    buzz_db: float | None
    loudness_off_db: float
    loudness_bias_db: float

    def line(self) -> str:
        """The row for a person."""
        numbers = ["" if value is None else f"{value:.3f}" for value in list(asdict(self).values())[2:]]
        return _line(self.recording, self.instrument, *numbers)


def _line(recording: str, instrument: str, *numbers: str) -> str:
    return "  ".join([f"{recording[:20]:20}", f"{instrument[:10]:10}", *(f"{number:>10}" for number in numbers)])


def rows(recordings: list[Path], instruments: list[Path], amounts: list[float], tracker: str) -> Iterator[Row]:
    """Transfer everything in a workspace of its own, and measure."""
    models = Models()
    with tempfile.TemporaryDirectory() as root:
        workspace = Workspace(Path(root))
        for folder in (workspace.instruments, workspace.experiments):
            folder.mkdir()
        for recording in recordings:
            for instrument in instruments:
                for amount in amounts:
                    settings = Settings(keep_unvoiced=amount)
                    take = pipeline.run(workspace, recording, instrument, settings, tracker=tracker, models=models)
                    yield measured(take.folder, take.curves(), recording.stem, instrument.stem, amount)


def measured(folder: Path, curves: dict[str, np.ndarray], recording: str, instrument: str, amount: float) -> Row:
    """The row of a take that lies in a folder."""
    names = ("result", "harmonic", "original")
    result, harmonic, original = (soundfile.read(folder / f"{name}.wav", dtype="float32")[0] for name in names)
    confidence = curves["f0_confidence"]
    frames = unvoiced.frames(original, confidence).unvoiced
    off_db = (loudness.compute(result) - curves["loudness_db_used"])[frames]
    return Row(
        recording,
        instrument,
        amount,
        float(frames.mean()),
        unvoiced.energy_kept(result, original, confidence),
        unvoiced.energy_kept(result, original, confidence, from_hz=250.0),
        unvoiced.buzz_db(harmonic, original, confidence),
        float(np.abs(off_db).mean()) if len(off_db) else 0.0,
        float(off_db.mean()) if len(off_db) else 0.0,
    )


def main() -> None:
    """Print the rows as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", nargs="+", type=Path)
    parser.add_argument("--instrument", nargs="+", type=Path)
    parser.add_argument("--amounts", nargs="+", type=float, default=[0.0, 0.5, 1.0])
    parser.add_argument("--tracker", choices=TRACKERS, default="full")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    demo = sorted(resource("demo/assets/instruments").glob("*.zip"))
    found = rows(args.audio, args.instrument or demo, args.amounts, args.tracker)
    if args.json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return
    print(_line(*COLUMNS))
    for row in found:
        print(row.line(), flush=True)


if __name__ == "__main__":
    main()
