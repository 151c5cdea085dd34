"""The windows of a prepared dataset: a table of them, each one's sound and features, and which are left out.

Windows are called by their row in the table. What is left out is kept in ``selection.json`` by the sound's hash and the
time, so that it outlives another preparation; it holds from the next `prepare` on.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ddsing.changing import changing
from ddsing.constants import FRAME_RATE
from ddsing.dataset import analysis, hearing, manifest, scan, writing
from ddsing.dataset.analysis import WINDOW_FRAMES, WINDOW_SAMPLES
from ddsing.dataset.voices import Voice
from ddsing.errors import AudioError, DatasetError
from ddsing.files import read_json
from ddsing.formats import tfrecord
from ddsing.sound.audio import content_hash
from ddsing.sound.features import CLEAR
from ddsing.units import hz_to_midi

STATES = ("train", "held_out", "guard", "excluded")
_Keys = set[tuple[str, int]]  # of windows: the sound's hash, and the first frame
ORDERS = ("time", "confidence", "silence", "clipping")


@dataclass(frozen=True, eq=False)
class WindowTable:
    """All windows of a dataset, one row each; arrays [shape=(n_windows,)].

    Attributes
    ----------
    file, file_hash : str
        The recording's name, and the hash of its sound; "" in a dataset of 2021.
    start_s : float64
        Where in the recording the window begins; its number in a dataset of 2021, where that is not known.
    state : str
        What the dataset on disk does with it, one of `STATES`. *Guard* windows overlap a held-out one, and so are
        not trained on.
    record : int64
        Its number among the records of its state, -1 if it is in none.
    excluded : bool
        What the user wants; where that differs from `state`, the dataset is to be prepared again.
    confidence, silence, clipping : float64
        Mean confidence of what sounds; shares of the frames that are silent or clipped.
    midi, loudness_db : float64
        Median of the clear pitch, NaN where there is none; mean over what sounds.
    """

    file: np.ndarray
    file_hash: np.ndarray
    start_s: np.ndarray
    state: np.ndarray
    record: np.ndarray
    excluded: np.ndarray
    confidence: np.ndarray
    silence: np.ndarray
    clipping: np.ndarray
    midi: np.ndarray
    loudness_db: np.ndarray

    def __len__(self) -> int:
        return len(self.start_s)

    def order(self, by: str = "time") -> np.ndarray:
        """Row numbers, worst first: by low confidence, by silence, by clipping, or as they are by time."""
        keys = {
            "time": np.zeros(len(self)),
            "confidence": self.confidence,
            "silence": -self.silence,
            "clipping": -self.clipping,
        }
        return np.argsort(keys[by], kind="stable")

    @property
    def changed(self) -> bool:
        """Whether the user wants another selection than the dataset has."""
        return bool(((self.state == "excluded") != self.excluded).any())


@dataclass(frozen=True, eq=False)
class Window:
    """Four seconds of a recording.

    Attributes
    ----------
    audio : np.ndarray [shape=(64000,), float32]
    f0_hz, f0_confidence, loudness_db : np.ndarray [shape=(1000,), float32]
        As the model sees them, see `ddsing.dataset.prepare`.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    file: str
    start_s: float
    state: str


def load(voice: Voice) -> WindowTable:
    """The table of a prepared dataset, ours or one of 2021; raises `DatasetError` if there is none."""
    document = _document(voice)
    if document is None:
        return _foreign_table(str(voice.dataset_folder), _shard_stamps(voice))
    recordings = document["recordings"]
    number = np.array(document["recording"], np.int64)
    hashes = np.array([recording["hash"] for recording in recordings])[number]
    excluded = {tuple(entry) for entry in manifest.read_selection(voice)}
    chosen = [(str(file_hash), frame) in excluded for file_hash, frame in zip(hashes, document["start_frame"])]
    columns = {name: np.array(document[name], np.float64) for name in writing.COLUMNS}  # None becomes NaN
    return WindowTable(
        file=np.array([recording["name"] for recording in recordings])[number],
        file_hash=hashes,
        start_s=np.array(document["start_s"], np.float64),
        state=np.array(document["state"]),
        record=np.array(document["record"], np.int64),
        excluded=np.array(chosen, bool),
        **columns,
    )


def read(voice: Voice, row: int) -> Window:
    """A window's sound and features; of one that is in no record, from its recording."""
    table = load(voice)
    if not 0 <= row < len(table):
        raise DatasetError(f"No window {row}; the dataset of {voice.name!r} has windows 0 to {len(table) - 1}.")
    name, start_s, state = str(table.file[row]), float(table.start_s[row]), str(table.state[row])
    if table.record[row] >= 0:
        with tfrecord.open_all(voice.dataset_folder, state) as found:
            arrays = _arrays(found.read(int(table.record[row])))
    else:
        arrays = _from_recording(voice, str(table.file_hash[row]), name, round(start_s * FRAME_RATE))
    return Window(**arrays, file=name, start_s=start_s, state=state)


def exclude(voice: Voice, rows: Iterable[int], *, seen: WindowTable | None = None) -> None:
    """Leave windows out from the next preparation on; rows of the table that was `seen`, else of that on disk."""
    _select(voice, rows, lambda chosen, keys: chosen | keys, seen)


def include(voice: Voice, rows: Iterable[int], *, seen: WindowTable | None = None) -> None:
    """Take windows back from the next preparation on; see `exclude`."""
    _select(voice, rows, lambda chosen, keys: chosen - keys, seen)


def _select(
    voice: Voice, rows: Iterable[int], change: Callable[[_Keys, _Keys], _Keys], seen: WindowTable | None
) -> None:
    table = load(voice) if seen is None else seen
    if _document(voice) is None or "" in table.file_hash:
        raise DatasetError(
            f"The dataset of {voice.name!r} was prepared elsewhere, so you can't exclude windows from it. "
            "Prepare it first."
        )
    wanted = [int(row) for row in rows]
    unknown = [row for row in wanted if not 0 <= row < len(table)]
    if unknown:
        raise DatasetError(f"No window {unknown[0]}; the dataset of {voice.name!r} has windows 0 to {len(table) - 1}.")
    keys = {(str(table.file_hash[row]), round(table.start_s[row] * FRAME_RATE)) for row in wanted}
    with changing(voice.dataset_folder):
        chosen = {(file_hash, frame) for file_hash, frame in manifest.read_selection(voice)}
        manifest.write_selection(voice, change(chosen, keys))


def _document(voice: Voice):
    """The content of ``windows.json``; None for a dataset of 2021."""
    if not tfrecord.shards(voice.dataset_folder):
        raise DatasetError(f"The voice {voice.name!r} has no dataset yet. Make one with `dataset prepare`.")
    path = voice.dataset_folder / writing.WINDOWS
    if not path.exists():
        return None
    document = read_json(path) or {}
    if document.get("version") == manifest.VERSION and {"recordings", *writing.COLUMNS} <= document.keys():
        return document
    raise DatasetError(f"The dataset of {voice.name!r} is damaged or of another version. Prepare the voice again.")


def _from_recording(voice: Voice, audio_hash: str, name: str, start_frame: int):
    document = manifest.read(voice)
    features = analysis.known(analysis.store(voice), audio_hash, document["tracker"] if document else "")
    gone = DatasetError(f"The recording {name!r} of this window is missing or has changed. Prepare the voice again.")
    if features is None:
        raise gone
    path = voice.path_of(name)
    try:
        audio, found_hash = _sound(path, tuple(scan.stamp(path)))
    except AudioError:
        raise gone from None
    if found_hash != audio_hash:
        raise gone
    part = slice(start_frame, start_frame + WINDOW_FRAMES)
    return {"audio": writing.cut(audio, start_frame), **{key: getattr(features, key)[part] for key in writing.KEYS}}


@functools.lru_cache(maxsize=1)
def _sound(path: Path, stamp: tuple[int, ...]):
    """A recording's sound and its hash; of the last one only, since looking at windows goes from one to the next."""
    audio = hearing.hear(path).audio
    return audio, content_hash(audio)


def _arrays(example: dict[str, np.ndarray]):
    """A record's arrays, those of 2021 with or without a last centred frame, in a window's shape."""
    audio = example.get("audio", example.get("audio_16k"))
    curves = [example[name] for name in writing.KEYS if name in example]
    if audio is None or len(curves) < len(writing.KEYS):
        raise DatasetError(f"A record lacks {', '.join(('audio', *writing.KEYS))}; it has {', '.join(example)}.")
    n_frames = min(len(curve) for curve in curves)
    if len(audio) == WINDOW_SAMPLES and n_frames > WINDOW_FRAMES:
        n_frames = WINDOW_FRAMES
    return {"audio": audio, **{name: curve[:n_frames] for name, curve in zip(writing.KEYS, curves)}}


def _shard_stamps(voice: Voice):
    return tuple((path.name, *scan.stamp(path)) for path in tfrecord.shards(voice.dataset_folder))


@functools.lru_cache(maxsize=2)
def _foreign_table(folder: str, shard_stamps: tuple):
    """The table of a dataset that was prepared elsewhere; every window is looked at once."""
    columns: dict[str, list] = {name: [] for name in writing.COLUMNS}
    with tfrecord.open_all(Path(folder)) as found:
        for number in range(len(found)):
            for name, value in _facts(_arrays(found.read(number))).items():
                columns[name].append(value)
        n_windows = len(found)
    texts = {"file": "", "file_hash": "", "state": "train"}
    assert {field.name for field in fields(WindowTable)} == {*columns, *texts, "start_s", "record", "excluded"}
    return WindowTable(
        **{name: np.full(n_windows, text) for name, text in texts.items()},
        start_s=np.arange(n_windows, dtype=np.float64),
        record=np.arange(n_windows),
        excluded=np.zeros(n_windows, bool),
        **{name: np.array(values, np.float64) for name, values in columns.items()},
    )


def _facts(arrays: dict[str, np.ndarray]):
    n_frames = len(arrays["f0_hz"])
    level_db = hearing.levels_db(arrays["audio"])[:n_frames]
    silent = np.ones(n_frames, bool)
    silent[: len(level_db)] = hearing.silent(level_db)
    sounding = ~silent
    voiced = sounding & (arrays["f0_confidence"] >= CLEAR)
    loud = sounding if sounding.any() else slice(None)
    full = np.abs(arrays["audio"]) >= hearing.FULL_SCALE
    return {
        "confidence": float(arrays["f0_confidence"][sounding].mean()) if sounding.any() else 0.0,
        "silence": float(silent.mean()),
        "clipping": float((full[:-2] & full[1:-1] & full[2:]).mean()),
        "midi": float(np.median(hz_to_midi(arrays["f0_hz"])[voiced])) if voiced.any() else np.nan,
        "loudness_db": float(arrays["loudness_db"][loud].mean()),
    }
