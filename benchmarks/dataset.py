"""Preparing a dataset, ours beside ddsp's own `ddsp_prepare_tfrecord`, on the same recordings, one after the other.

    python -m benchmarks.dataset [AUDIO ...] [--seconds 20] [--peer DIR] [--json]
    python -m benchmarks.dataset --long 3 [--tracker instant]

Without recordings, on the demo's voice. The first 20 s of each are taken: ddsp's pipeline fills the last chunk of 20 s
with zeros and analyses them too, so that with whole chunks it computes nothing that ours doesn't. Both get 16-bit,
16 kHz, mono wav files, and run in a process of their own; the time is that of the preparation, without the imports.
ddsp's pipeline runs with its defaults (see `benchmarks.peer`), ours with the tracker ``full``, and once more with
``instant``. CPU time is given too: on a busy machine its ratio is the steadier one. ``--long`` prints what some hours
take, ours alone: time, memory, and the share of the cores that is busy.

Then the windows of both are compared where they coincide. At the ends of ddsp's chunks its frames look into zeros (16
of f0, 8 of loudness), where ours look into the sound that follows; those frames are left out. Exit status 1 if ours is
less than 15 times as fast, or the result is another.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import limits, peer
from benchmarks.memory import peak_memory_bytes
from ddsing import hardware
from ddsing.constants import FRAME_RATE, SAMPLE_RATE, TRACKERS
from ddsing.formats import tfrecord
from ddsing.sound.audio import decode
from ddsing.sound.pitch.network import network

VOICE = Path(__file__).resolve().parents[1] / "demo" / "assets" / "audio" / "Mira"
WANTED_RATIO = 15.0
CHUNK_SAMPLES = 20 * SAMPLE_RATE
_LOOK_AHEAD = {"f0_hz": 16, "f0_confidence": 16, "loudness_db": 8}  # frames


def run_ours(workspace: Path, voice_name: str, tracker: str = "full") -> dict:
    """Our preparation, in this process: seconds, processor time, and the peak of memory."""
    from scipy import interpolate  # noqa: F401 - imports are not what is measured

    from ddsing.dataset import prepare, voices
    from ddsing.sound.pitch import instant
    from ddsing.workspace import Workspace

    if tracker == "instant":
        instant.network()
    voice = voices.get(Workspace(workspace), voice_name)
    before = peak_memory_bytes()
    took = peer.timed(lambda: prepare.prepare(voice, tracker=tracker))
    return took | {"peak_bytes": peak_memory_bytes(), "peak_bytes_before": before}


def measure_long(hours: float, tracker: str) -> dict:
    """Ours alone, for as much sound as is asked for: the demo's voice over and over, in files of ten minutes."""
    sound = decode(sorted(VOICE.glob("*.flac"))[0])
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as temporary:
        folder = Path(temporary) / "w" / "audio" / "voice"
        folder.mkdir(parents=True)
        for number in range(max(1, round(6 * hours))):
            piece = np.resize(sound, 600 * SAMPLE_RATE) * (1.0 - 0.001 * number)  # each another sound
            soundfile.write(folder / f"{number:03d}.wav", piece, SAMPLE_RATE, subtype="PCM_16")
        ours = _in_child(Path(temporary) / "w", tracker)
    audio_s = 600.0 * max(1, round(6 * hours))
    busy = ours["cpu_seconds"] / ours["seconds"] / hardware.n_cores()
    return ours | {"audio_s": audio_s, "tracker": tracker, "busy": busy}


def _in_child(workspace: Path, tracker: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.dataset", "--child", str(workspace), "--tracker", tracker]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, cwd=peer.ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def measure(files: list[Path], peer_folder: Path, seconds: float = 20.0) -> dict:
    """Run both, ours first, and compare."""
    python = peer.make(peer_folder)
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as temporary:
        folder = Path(temporary)
        sounds = _write_recordings(files, folder / "w" / "audio" / "voice", seconds)
        at_once, ours = (_in_child(folder / "w", tracker) for tracker in ("instant", "full"))
        paths = [str(path) for path in sorted((folder / "w" / "audio" / "voice").iterdir())]
        command = [python, "-m", "benchmarks.peer", folder / "peer.json", folder / "peer.tfrecord", *paths]
        done = subprocess.run(list(map(str, command)), cwd=peer.ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"ddsp's preparation failed:\n{done.stderr[-2000:]}")
        theirs = json.loads((folder / "peer.json").read_text())
        audio_s = sum(map(len, sounds)) / SAMPLE_RATE
        return {
            "audio_s": audio_s,
            "ours_s": ours["seconds"],
            "ddsp_s": theirs["seconds"],
            "ours_cpu_s": ours["cpu_seconds"],
            "ddsp_cpu_s": theirs["cpu_seconds"],
            "ratio": theirs["seconds"] / ours["seconds"],
            "ratio_cpu": theirs["cpu_seconds"] / ours["cpu_seconds"],
            "instant_s": at_once["seconds"],
            "busy": ours["cpu_seconds"] / ours["seconds"] / hardware.n_cores(),
            **_compare(folder, sounds),
        }


def _write_recordings(files, folder, seconds):
    folder.mkdir(parents=True)
    sounds = []
    for number, file in enumerate(files):
        path = folder / f"{number}.wav"
        soundfile.write(path, decode(file)[: round(seconds * SAMPLE_RATE)], SAMPLE_RATE, subtype="PCM_16")
        sounds.append(soundfile.read(path, dtype="int16")[0])
    return sounds


def _compare(folder, sounds):
    ours = {}
    for prefix in ("train", "held_out"):
        with tfrecord.open_all(folder / "w" / "audio" / "voice_dataset", prefix) as found:
            for example in map(found.read, range(len(found))):
                ours[np.round(example["audio"] * 32768.0).astype(np.int16).tobytes()] = example
    at_chunk_ends = {
        sound[end - 64_000 : end].tobytes()
        for sound in sounds
        for end in range(CHUNK_SAMPLES, len(sound), CHUNK_SAMPLES)
    }
    differences: dict[str, list] = {name: [] for name in _LOOK_AHEAD}
    n_theirs = n_same = 0
    (path,) = folder.glob("peer.tfrecord*")
    file = tfrecord.RecordFile(path)
    for theirs in map(file.read, range(len(file))):
        n_theirs += 1
        sound = np.round(theirs["audio"] * 32767.0).astype(np.int16).tobytes()
        if sound not in ours:
            continue
        n_same += 1
        voiced = theirs["f0_confidence"] >= 0.5
        for name, look_ahead in _LOOK_AHEAD.items():
            part = slice(0, 1000 - look_ahead if sound in at_chunk_ends else 1000)
            a, b = ours[sound][name][part], theirs[name][part]
            far = 1200.0 * np.abs(np.log2(a / b))[voiced[part]] if name == "f0_hz" else np.abs(a - b)
            differences[name].append(far)
    cents, confidence, loudness = (np.concatenate(differences[name]) for name in _LOOK_AHEAD)
    return {
        "n_windows_ours": len(ours),
        "n_windows_ddsp": n_theirs,
        "n_windows_compared": n_same,
        "n_voiced_frames": len(cents),
        "f0_within_50_cents": float((cents < 50.0).mean()),
        "f0_median_cents": float(np.median(cents)),
        "f0_max_cents": float(cents.max()),
        "confidence_max_difference": float(confidence.max()),
        "loudness_max_difference_db": float(loudness.max()),
    }


def text(document: dict) -> str:
    """The comparison for people."""
    audio_s, ours_s, ddsp_s = (document[name] for name in ("audio_s", "ours_s", "ddsp_s"))
    lines = [
        f"{audio_s:.1f} s of recordings: ddsp {ddsp_s:.1f} s, ours {ours_s:.1f} s "
        f"({ddsp_s / audio_s:.2f} and {ours_s / audio_s:.2f} s per second): {document['ratio']:.1f} times as fast",
        f"CPU time: ddsp {document['ddsp_cpu_s']:.0f} s, ours {document['ours_cpu_s']:.1f} s: "
        f"{document['ratio_cpu']:.1f} times less",
        f"windows: ddsp {document['n_windows_ddsp']}, ours {document['n_windows_ours']}, "
        f"of the same sound {document['n_windows_compared']}; there,",
        f"f0 is within 50 cents on {document['f0_within_50_cents']:.2%} of {document['n_voiced_frames']} voiced frames "
        f"(median {document['f0_median_cents']:.3f} cents, at most {document['f0_max_cents']:.2f});",
        f"confidence differs by at most {document['confidence_max_difference']:.1e}, "
        f"loudness by {document['loudness_max_difference_db']:.1e} dB",
    ]
    return "\n".join([*lines, *(row.text() for row in rows(document))])


def rows(document: dict) -> list[limits.Row]:
    """What a second of recordings takes beside ddsp, and the limit: CREPE's products on all cores."""
    peak = limits.matrix_product_flops(hardware.n_cores())
    products = limits.Part("products", peak, multiply_adds=network("full").n_multiply_adds(64) * FRAME_RATE)
    audio_s = document["audio_s"]
    return [
        limits.Row(
            f"Preparing, {tracker}",
            document[key] / audio_s,
            per="second of audio",
            peer="ddsp",
            peer_s=document["ddsp_s"] / audio_s,
            limit=limit,
        )
        for tracker, key, limit in (("full", "ours_s", limits.Limit((products,))), ("instant", "instant_s", None))
    ]


def text_long(document: dict) -> str:
    """The long preparation for people."""
    audio_s = document["audio_s"]
    return (
        f"{audio_s / 3600:.1f} hours, tracker {document['tracker']}: {document['seconds']:.0f} s "
        f"({document['seconds'] / audio_s:.3g} s per second), cores {document['busy']:.0%} busy, memory at most "
        f"{document['peak_bytes'] / 1e6:.0f} MB ({document['peak_bytes_before'] / 1e6:.0f} before)"
    )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("audio", nargs="*", type=Path, help="recordings (the demo's voice)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each recording (20)")
    parser.add_argument("--peer", type=Path, default=peer.FOLDER, help="its environment")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the text")
    parser.add_argument("--long", type=float, metavar="HOURS", help="ours alone, on so much sound: memory, busy cores")
    parser.add_argument("--tracker", choices=TRACKERS, default="instant", help="of the long preparation (instant)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(run_ours(args.child, "voice", args.tracker)))
        return 0
    if args.long:
        document = measure_long(args.long, args.tracker)
        print(json.dumps(document, indent=2) if args.json else text_long(document))
        return 0
    document = measure(args.audio or sorted(VOICE.glob("*.flac")), args.peer, args.seconds)
    print(json.dumps(document, indent=2) if args.json else text(document))
    same = document["f0_within_50_cents"] >= 0.99 and document["loudness_max_difference_db"] < 0.01
    return int(document["ratio"] < WANTED_RATIO or not same or not document["n_windows_compared"])


if __name__ == "__main__":
    sys.exit(main())
