"""The pitch trackers: what each takes, and how near each comes to CREPE full.

    python -m benchmarks.pitch [AUDIO ...] [--trackers tiny instant] [--ours] [--cache DIR] [--json]
    python -m benchmarks.pitch --whole [--peer DIR] [--json]
    python -m benchmarks.pitch --map AUDIO ... [--cache DIR]

Without recordings it prints seconds per second of audio, in turn, of each tracker and of CREPE full in Keras, as crepe
runs it; decoding is left out for CREPE, on both sides. Seconds are those of the clock, and of processor time of all
threads together, since a busy machine stretches the clock; ``--ours`` leaves Keras out, which takes most of them.

``--whole`` prints what people wait for, with decoding: CREPE full beside crepe 0.0.16's own path (its Keras network and
hmmlearn's Viterbi, see `benchmarks.peer`) on the same sound in the same run; how many times as long that takes; and the
share of the limit, which is all multiply-adds of our form of the network at the machine's peak on all cores.

With recordings it also prints, for each tracker beside *full*: the share of frames within 50 and 25 cents where full is
confident (0.8 or more), octave errors there (mir_eval's chroma less its pitch accuracy), voicing recall and false alarm
(mir_eval; voiced is a confidence of 0.5 or more), the share of frames in which the note detector agrees, and the lag at
which the pitch is nearest, in frames of 4 ms.

``--map`` fits the map of SwiftF0's confidence onto CREPE's, which `ddsing.sound.pitch.instant` holds: the isotonic
regression of CREPE's squared confidence, since the note detector goes by squares, and prints how well the detector
agrees on each recording with a map that was fitted on all the others.

``--cache`` keeps the tracks, since CREPE full takes a second for each second.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from mir_eval import melody
from scipy import optimize

from benchmarks import limits, peer
from ddsing import hardware
from ddsing.constants import FRAME_RATE, TRACKERS
from ddsing.sound import audio as recordings
from ddsing.sound import features, loudness, notes, pitch
from ddsing.sound.pitch import instant
from ddsing.sound.pitch.network import network

SECONDS, REPEATS = 4, 3
CONFIDENT = 0.8
LAGS = range(-4, 5)
KNOTS = (0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording and what each tracker finds in it."""

    name: str
    audio: np.ndarray
    found: dict[str, features.Features]


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("audio", nargs="*", type=Path, metavar="AUDIO")
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS[1:], default=TRACKERS[1:], help="beside full (all)")
    parser.add_argument("--cache", type=Path, help="a folder that keeps the tracks")
    parser.add_argument("--map", action="store_true", help="fit the map of confidence instead")
    parser.add_argument("--ours", action="store_true", help="without CREPE in Keras")
    parser.add_argument("--whole", action="store_true", help="CREPE full with decoding, beside crepe and the limit")
    parser.add_argument("--peer", type=Path, default=peer.FOLDER, help="crepe's environment")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.whole:
        found = rows(args.peer)
        print(json.dumps([row.to_json() for row in found]) if args.json else "\n".join(row.text() for row in found))
        return
    cache = features.FeatureCache(args.cache) if args.cache else None
    if args.map:
        heard = [_heard(path, cache, ("full",)) for path in args.audio]
        document = {"map": fitted(heard), "note detector agrees": left_out(heard)}
    else:
        document = {"seconds per second of audio": times(keras=not args.ours)}
        if args.audio:
            heard = [_heard(path, cache, ("full", *args.trackers)) for path in args.audio]
            document["beside full"] = {name: beside_full(heard, name) for name in args.trackers}
    print(json.dumps(document) if args.json else json.dumps(document, indent=2))


def times(*, keras: bool = True) -> dict[str, dict[str, float]]:
    """Seconds per second of audio of each tracker's network, and of CREPE full in Keras; medians, in turn."""
    audio = _tone()

    def ours(tracker):
        tracking = pitch.Tracking(audio, tracker=tracker)
        return list(tracking.blocks(range(tracking.n_tracked)))

    work = {name: lambda name=name: ours(name) for name in TRACKERS}
    if keras:
        work = {"Keras full": _theirs(audio), **work}
    clocks = {"clock": time.monotonic, "processor": time.process_time}
    taken = {name: {clock: [] for clock in clocks} for name in work}
    for repeat in range(REPEATS + 1):
        for name, function in work.items():
            began = {clock: now() for clock, now in clocks.items()}
            function()
            for clock, now in clocks.items():
                taken[name][clock] += [(now() - began[clock]) / SECONDS] if repeat else []
    return {
        name: {clock: round(statistics.median(seconds), 4) for clock, seconds in by_clock.items()}
        for name, by_clock in taken.items()
    }


def rows(peer_folder: Path) -> list[limits.Row]:
    """CREPE full with decoding, by the clock and in processor time, beside crepe and the limit."""
    python, audio = peer.make(peer_folder), _tone()
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as temporary:
        out, sound = Path(temporary) / "took.json", Path(temporary) / "tone.wav"
        soundfile.write(sound, audio, 16_000, subtype="FLOAT")
        subprocess.run([python, "-m", "benchmarks.peer", "--pitch", out, sound], cwd=peer.ROOT, check=True)
        theirs = json.loads(out.read_text())
    pitch.track(audio, tracker="full")
    runs = [peer.timed(lambda: pitch.track(audio, tracker="full")) for _ in range(REPEATS)]
    n_multiply_adds = network("full").n_multiply_adds(64) * FRAME_RATE
    found = []
    for clock, n_threads in (("seconds", hardware.n_cores()), ("cpu_seconds", 1)):
        part = limits.Part("products", limits.matrix_product_flops(n_threads), multiply_adds=n_multiply_adds)
        label = "CREPE full" if clock == "seconds" else "the same in processor time"
        ours = min(run[clock] for run in runs)
        found.append(
            limits.Row(
                label,
                ours / SECONDS,
                per="second of audio",
                peer="crepe 0.0.16",
                peer_s=theirs[clock] / SECONDS,
                limit=limits.Limit((part,)),
            )
        )
    return found


def _tone() -> np.ndarray:
    """Some seconds of a tone in noise at 16 kHz."""
    t = np.arange(SECONDS * 16_000) / 16_000
    return (0.2 * np.sin(2 * np.pi * 220 * t) + np.random.default_rng(0).normal(0, 0.01, t.size)).astype(np.float32)


def _theirs(audio: np.ndarray) -> Callable[[], object]:
    """CREPE full in Keras on the same sound."""
    from benchmarks.keras_crepe import keras_crepe

    keras = keras_crepe("full")

    def track():
        padded = np.pad(audio, 512)
        frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::64].copy()
        frames -= frames.mean(axis=1, keepdims=True)
        frames /= np.maximum(frames.std(axis=1, keepdims=True), 1e-8)
        return keras.predict(frames, verbose=0)

    return track


def beside_full(heard: list[Heard], tracker: str) -> dict[str, float]:
    """A tracker's figures over all frames of all recordings together."""
    confident = _joined([one.found["full"].f0_confidence for one in heard]) >= CONFIDENT
    full, own = (_joined([one.found[name].f0_hz for one in heard]) for name in ("full", tracker))
    cents = 1200.0 * np.abs(np.log2(own / full))[confident]
    tracks = confident.astype(float), melody.hz2cents(full), np.ones(len(full)), melody.hz2cents(own)
    accuracy, chroma = melody.raw_pitch_accuracy(*tracks), melody.raw_chroma_accuracy(*tracks)
    voiced = [
        (_joined([one.found[name].f0_confidence for one in heard]) >= features.CLEAR).astype(float)
        for name in ("full", tracker)
    ]
    agree = [_notes(one, "full") == _notes(one, tracker) for one in heard]
    lags = [np.mean(np.minimum(1200.0 * np.abs(np.log2(np.roll(own, -lag) / full))[confident], 50.0)) for lag in LAGS]
    return {
        "within 50 cents": float(np.mean(cents < 50.0)),
        "within 25 cents": float(np.mean(cents < 25.0)),
        "within 50 cents, both confident": float(np.mean(cents[_sure(heard, tracker)[confident]] < 50.0)),
        "median cents": float(np.median(cents)),
        "octave errors": float(chroma - accuracy),
        "voicing recall": float(melody.voicing_recall(*voiced)),
        "voicing false alarm": float(melody.voicing_false_alarm(*voiced)),
        "note detector agrees": float(np.mean(_joined(agree))),
        "lag, frames": LAGS[int(np.argmin(lags))],
    }


def fitted(heard: list[Heard]) -> list[tuple[float, float]]:
    """The map, as pairs of SwiftF0's confidence and CREPE's, rising from 0."""
    own = _joined([_own_confidence(one) for one in heard])
    squared = _joined([one.found["full"].f0_confidence for one in heard]).astype(np.float64) ** 2
    order = np.argsort(own, kind="stable")
    rising = optimize.isotonic_regression(squared[order]).x
    return [(0.0, 0.0), *((knot, round(float(np.interp(knot, own[order], rising)) ** 0.5, 3)) for knot in KNOTS)]


def left_out(heard: list[Heard]) -> dict[str, float]:
    """The share of frames in which the note detector agrees, by recording, with a map from all others."""
    shares = {}
    for one in heard:
        scale = np.array(fitted([other for other in heard if other.name[:3] != one.name[:3]]))  # one voice, one name
        mapped = np.interp(_own_confidence(one), *scale.T)
        shares[one.name] = float(np.mean((_ratio(one, mapped) >= 1.0) == _notes(one, "full")))
    return shares


def _heard(path: Path, cache: features.FeatureCache | None, trackers: tuple[str, ...]) -> Heard:
    audio = recordings.read(path).audio
    return Heard(path.stem, audio, {name: features.extract(audio, tracker=name, cache=cache) for name in trackers})


def _own_confidence(one: Heard) -> np.ndarray:
    """SwiftF0's confidence before it is mapped, at 250 frames a second."""
    tracking = pitch.Tracking(one.audio, tracker="instant")
    rows = np.concatenate(list(tracking.blocks(range(tracking.n_tracked))))
    return np.interp(np.arange(tracking.n_frames) * (64 / instant.HOP), np.arange(len(rows)), rows[:, 1])


def _sure(heard: list[Heard], tracker: str) -> np.ndarray:
    return _joined([one.found[tracker].f0_confidence for one in heard]) >= CONFIDENT


def _notes(one: Heard, tracker: str) -> np.ndarray:
    return _ratio(one, one.found[tracker].f0_confidence) >= 1.0


def _ratio(one: Heard, confidence: np.ndarray) -> np.ndarray:
    return notes.note_on_ratio(loudness.compute(one.audio, generation=3), confidence, min_db=-80.0)


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays)


if __name__ == "__main__":
    main()
