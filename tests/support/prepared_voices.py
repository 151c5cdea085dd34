"""A voice to prepare, and what a dataset holds."""

import numpy as np

from ddsing.dataset import voices
from ddsing.formats import tfrecord
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.support import dataset_signals as signals
from tests.support import tiny_workspace


def unprepared(folder):
    """Fifteen seconds in three recordings: one that spans many windows, a short one, and one that can't be used."""
    voice = voices.create(Workspace(tiny_workspace.empty(folder / "w")), "alto")
    (voice.folder / "long.flac").write_bytes(encode(signals.voice(13.53), format="FLAC"))
    (voice.folder / "short.wav").write_bytes(encode(signals.voice(1.5, midi=64, seed=3)))
    (voice.folder / "silence.wav").write_bytes(encode(np.zeros(16_000, np.float32)))
    return voice


def content(voice):
    """Everything of a dataset that counts, by name."""
    files = [*voice.dataset_folder.glob("*.tfrecord*"), voice.dataset_folder / "windows.json"]
    return {path.name: path.read_bytes() for path in files} | {
        path.name: path.read_bytes() for path in (voice.dataset_folder / "features").iterdir()
    }


def all_records(voice):
    with tfrecord.open_all(voice.dataset_folder) as train, tfrecord.open_all(voice.dataset_folder, "held_out") as held:
        return [found.read(number) for found in (train, held) for number in range(len(found))]


def write_2021(folder, n_frames=1000, keys=("audio", "f0_hz", "f0_confidence", "loudness_db")):
    """A dataset as the notebooks of 2021 wrote it: records only."""
    folder.mkdir()
    audio = signals.voice(4.0)
    curve = np.full(n_frames, 220.0, np.float32)
    arrays = {"audio": audio, "f0_hz": curve, "f0_confidence": curve / 240, "loudness_db": curve - 250}
    quiet = {**arrays, "audio": 0 * audio}
    for shard, found in enumerate(([arrays], [arrays, quiet])):
        examples = [{key: example[key] for key in keys} for example in found]
        tfrecord.write(folder / f"train.tfrecord-0000{shard}-of-00002", examples)
