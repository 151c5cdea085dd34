"""What is kept of consonants and breath, and how much buzz is left, on recordings of one's own.

    python -m benchmarks.consonants AUDIO... [--instrument ZIP ...] [--tracker full] [--amounts 0 0.5 1]
                                    [--workspace DIR] [--json]

Each recording is transferred with each instrument (the demo's two, unless others are named) at each amount. The rows
have the share of the recording's energy in unvoiced frames that the result has too, counted from 2 kHz and from 250 Hz
up (`ddsing.sound.unvoiced.energy_kept`); the harmonics' power there against the voiced frames (`buzz_db`); and how far
the result's loudness is off the target there, on average and in balance. Two columns count every frame whose pitch
is not clear as unvoiced, glides and changes of note among them, in which the instrument goes on singing. A workspace
keeps the pitch that was found, and the takes.

On 27 November 2026, full tracker, both instruments of the demo, lowest to highest of seven recordings: a speaker, two
singers, a saxophone (`speech-female`, `singing-female`, `pitch_original`, `sax-phrase`) and three voices of models of
2021 (`bel_z_rainbow`, `eva`, `servando`). An eighth, a singer of gamakas (`carnatic`), has no unvoiced frame, although
the pitch of 37 % of its frames is not clear.

| amount | kept from 2 kHz | kept from 250 Hz | buzz, dB | loudness off, dB | unclear: kept from 2 kHz | buzz, dB |
|---|---|---|---|---|---|---|
| 0 | 0.01 to 0.12 | 0.58 to 0.98 | -37 to -7 | 0.5 to 5.5 | 0.01 to 0.11 | -37 to -7 |
| 0.5 | 0.43 to 0.66 | 0.72 to 0.98 | -40 to -10 | 0.6 to 1.8 | 0.22 to 0.64 | -40 to -10 |
| 1 | 0.80 to 1.00 | 0.64 to 0.98 | -94 to -68 | 0.5 to 1.2 | 0.43 to 1.00 | -94 to -18 |

Against amount 0 of the same recording and instrument, buzz falls by 50 to 60 dB (of all unclear frames by 6 to 57).
What the second definition adds has a pitch mostly, and goes on being sung: of these frames in the first 8 s of
`pitch_original` and `speech-female`, 89 and 84 % repeat themselves from period to period (`periodicity` over 0.5 in
48 ms; white noise has 0.1), of the unvoiced ones, vowels beside them included, 28 and 35 %. That is why the harmonics
don't fall there. What is missed are voiced fricatives and borders of the speaker, whose noise above 2 kHz lies over a
vowel's harmonics; the saxophone has 4 such frames in 8 s, its attacks.
`benchmarks.sound` counts by confidence alone, silences as well, and at all frequencies: its rows are others.

From 250 Hz up the share says less: there the instrument's buzz counts as energy, too, and below 2 kHz only the strength
of each band is the recording's.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from ddsing.constants import HOP_SAMPLES, TRACKERS
from ddsing.instrument.models import Models
from ddsing.resources import resource
from ddsing.sound import loudness, unvoiced
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

COLUMNS = ("recording", "instrument", "amount", "unvoiced", "kept 2 kHz", "kept 250", "buzz dB", "off dB", "bias dB")
UNCLEAR = ("unclear", "kept 2 kHz", "buzz dB", "periodic")  # the same of all frames without a clear pitch
PERIOD_SAMPLES = (20, 267)  # of 60 to 800 Hz
WINDOW_SAMPLES = 768  # 48 ms


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
    unclear: float
    unclear_kept_2000: float | None
    unclear_buzz_db: float | None
    unclear_periodic: float | None  # of the frames that are unclear but not unvoiced, how many are periodic

    def line(self) -> str:
        """The row for a person."""
        numbers = ["" if value is None else f"{value:.3f}" for value in list(asdict(self).values())[2:]]
        return _line(self.recording, self.instrument, *numbers)


def _line(recording: str, instrument: str, *numbers: str) -> str:
    return "  ".join([f"{recording[:20]:20}", f"{instrument[:10]:10}", *(f"{number:>10}" for number in numbers)])


def rows(
    workspace: Workspace, recordings: list[Path], instruments: list[Path], amounts: list[float], tracker: str
) -> Iterator[Row]:
    """Transfer everything in a workspace, and measure."""
    models = Models()
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
    unclear = unvoiced.frames(original, confidence, by_confidence=True).unvoiced
    left_out = np.flatnonzero(unclear & ~frames)
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
        float(unclear.mean()),
        unvoiced.energy_kept(result, original, confidence, by_confidence=True),
        unvoiced.buzz_db(harmonic, original, confidence, by_confidence=True),
        float((periodicity(original, left_out) > 0.5).mean()) if len(left_out) else None,
    )


def periodicity(audio: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How alike a sound is one period later, for the best period: its normalised autocorrelation, up to 1.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    frames : np.ndarray [shape=(n,), int]
        Frame k is centred on sample 64·k.

    Returns
    -------
    np.ndarray [shape=(n,), float64]
    """
    padded, found = np.pad(audio.astype(np.float64), WINDOW_SAMPLES // 2), np.zeros(len(frames))
    for place, frame in enumerate(frames):
        window = padded[frame * HOP_SAMPLES :][:WINDOW_SAMPLES]
        for lag in range(*PERIOD_SAMPLES):
            one, other = window[lag:], window[: len(window) - lag]
            found[place] = max(found[place], one @ other / np.sqrt(one @ one * (other @ other) + 1e-12))
    return found


def main() -> None:
    """Print the rows as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", nargs="+", type=Path)
    parser.add_argument("--instrument", nargs="+", type=Path)
    parser.add_argument("--amounts", nargs="+", type=float, default=[0.0, 0.5, 1.0])
    parser.add_argument("--tracker", choices=TRACKERS, default="full")
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    demo = sorted(resource("demo/assets/instruments").glob("*.zip"))
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Workspace(args.workspace or Path(temporary))
        for folder in (workspace.instruments, workspace.experiments):
            folder.mkdir(parents=True, exist_ok=True)
        found = rows(workspace, args.audio, args.instrument or demo, args.amounts, args.tracker)
        if args.json:
            print(json.dumps([asdict(row) for row in found], indent=1))
            return
        print(_line(*COLUMNS, *UNCLEAR))
        for row in found:
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
