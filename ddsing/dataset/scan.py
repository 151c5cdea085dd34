"""What each recording of a voice is: length, format, levels, clipping, silence. Read once per file and remembered."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsing import files, names
from ddsing.dataset.hearing import QUIETEST_DB, Heard, hear, noise_floor_db
from ddsing.dataset.voices import Voice
from ddsing.errors import AudioError, Cancelled
from ddsing.sound.upper_band import reaches

_VERSION = 4  # 1 knew neither files that are cut short nor a microphone on one channel only, 2 no `reach_hz`, 3 found
# too high ones in upsampled files
_PATIENCE_S = 0.3  # until the progress, which may stop it all, is told again
_PIECE_SAMPLES = 2**16
_N_AT_ONCE = 2  # an hour of sound takes half a gigabyte while it is read


@dataclass(frozen=True)
class RecordingFacts:
    """A recording as it was read.

    Attributes
    ----------
    name : str
        Relative to the voice's folder.
    content_hash : str
        Of the sound, see `ddsing.sound.audio.content_hash`; "" if it can't be read.
    peak_dbfs, rms_dbfs : float
        Of the loudest channel, and of the mono sound; -120 for silence.
    clipped_share, silent_share : float
        Shares of the 4 ms frames, see `ddsing.dataset.hearing`.
    noise_floor_db : float
        The level that the quietest twentieth of the sound stays below; -120 for digital silence.
    voiced_share : float or None
        Share of the frames with a clear pitch, if that is known.
    reach_hz : float or None
        Up to which frequency there is sound, see `ddsing.sound.upper_band.Spectrum`.
    remarks : tuple[str, ...]
        Sentences, such as that the channels cancel each other.
    error : str
        Why it can't be used, or "".
    """

    name: str
    content_hash: str = ""
    duration_s: float = 0.0
    format: str = ""
    sample_rate_hz: int = 0
    n_channels: int = 0
    n_bytes: int = 0
    peak_dbfs: float = QUIETEST_DB
    rms_dbfs: float = QUIETEST_DB
    clipped_share: float = 0.0
    silent_share: float = 1.0
    noise_floor_db: float = QUIETEST_DB
    voiced_share: float | None = None
    reach_hz: float | None = None
    remarks: tuple[str, ...] = ()
    error: str = ""

    @property
    def full_band(self) -> bool:
        """Whether a top can be made from it."""
        return not self.error and reaches(self.reach_hz, self.sample_rate_hz)


class Memory:
    """Facts of a voice's recordings, remembered by name, size and time of the file."""

    def __init__(self, voice: Voice, folder: Path | None = None):
        self._voice = voice
        self._path = _memory_path(voice, folder)
        self._before: dict = {}  # of an older version: all that is still true of a file is how much of it is voiced
        self._entries = self._read()
        self._lock = threading.Lock()

    def get(self, path: Path) -> RecordingFacts | None:
        """Facts of a file that has not changed since, or None."""
        entry = self._entries.get(self._voice.name_of(path))
        if entry is None or entry["stamp"] != stamp(path):
            return None
        facts = {**entry["facts"], "remarks": tuple(entry["facts"]["remarks"])}
        return RecordingFacts(**facts)

    def put(self, path: Path, facts: RecordingFacts) -> None:
        """Remember a file's facts."""
        name = self._voice.name_of(path)
        facts = dataclasses.replace(facts, name=name)
        before = self._before.get(name)
        if facts.voiced_share is None and before is not None and before["stamp"] == stamp(path):
            facts = dataclasses.replace(facts, voiced_share=before["facts"]["voiced_share"])
        with self._lock:
            self._entries[name] = {"stamp": stamp(path), "facts": dataclasses.asdict(facts)}

    def note_voiced(self, path: Path, voiced_share: float) -> None:
        """Remember how much of a recording has a clear pitch."""
        facts = self.get(path)
        if facts is not None:
            self.put(path, dataclasses.replace(facts, voiced_share=voiced_share))

    def save(self) -> None:
        """Write what is remembered; a full disk only means that it will be found out again."""
        with self._lock, contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(self._path, {"version": _VERSION, "recordings": self._entries}, indent=None)

    def _read(self):
        document = files.read_json(self._path) or {}
        try:
            entries = document["recordings"]
            for entry in entries.values():
                RecordingFacts(**entry["facts"])
            if document["version"] == _VERSION:
                return entries
            self._before = entries if document["version"] in (1, 2, 3) else {}
        except (KeyError, TypeError, AttributeError):
            pass
        return {}


def _memory_path(voice: Voice, folder: Path | None = None) -> Path:
    return (folder or voice.cache / "recordings") / f"{names.on_disk(voice.name)}.json"


def memory_stamp(voice: Voice) -> tuple[int, ...]:
    """Changes whenever something was found out about a voice's recordings, such as how much of one is voiced."""
    return tuple(stamp(_memory_path(voice)))


def stamp(path: Path) -> list[int]:
    """`files.stamp`, as it is in JSON; [-1, -1] if the file is not there."""
    try:
        return list(files.stamp(path))
    except OSError:
        return [-1, -1]


def examine(
    source: Path | bytes, name: str, *, check: Callable[[], None] = lambda: None
) -> tuple[RecordingFacts, Heard | None]:
    """Facts of a recording, and its sound; one that can't be read has its reason as `error`."""
    n_bytes = len(source) if isinstance(source, bytes) else max(stamp(source)[0], 0)
    try:
        heard = hear(source, check=check)
    except AudioError as error:
        return RecordingFacts(name, n_bytes=n_bytes, error=str(error)), None
    power = _power(heard.audio)
    facts = RecordingFacts(
        name=name,
        content_hash=heard.content_hash,
        duration_s=heard.duration_s,
        format=heard.info.format,
        sample_rate_hz=heard.info.sample_rate_hz,
        n_channels=heard.info.n_channels,
        n_bytes=n_bytes,
        peak_dbfs=_db(heard.peak**2),
        rms_dbfs=_db(power),
        clipped_share=float(heard.clipped.mean()),
        silent_share=float(heard.silent.mean()),
        noise_floor_db=noise_floor_db(heard.level_db),
        reach_hz=heard.reach_hz,
        remarks=heard.remarks,
        error=heard.fault,
    )
    return facts, heard


def scan(
    voice: Voice,
    *,
    cache: Path | None = None,
    progress: Callable[[float], None] | None = None,
    offer: Callable[[str, Heard, list[int]], None] | None = None,
) -> list[RecordingFacts]:
    """Facts of all recordings of a voice, by name; one that can't be read has its reason as `error`.

    Folders that can't be looked into stand at the end, as ``tutti/``, with their reasons.

    Parameters
    ----------
    cache : Path, optional
        Folder that remembers facts by file name, size and time; else the workspace's own.
    progress : callable, optional
        Told the fraction done; what it raises passes through.
    offer : callable, optional
        Given what had to be read and can be used, on threads of its own: the name, the sound, and `stamp` of the file.
    """
    memory = Memory(voice, cache)
    paths = voice.recordings()
    new = [path for path in paths if memory.get(path) is None]
    if new:
        _examine_all(voice, new, memory, progress or (lambda fraction: None), offer or (lambda *_: None))
    found = []
    for path in paths:
        name = voice.name_of(path)
        found.append(memory.get(path) or RecordingFacts(name, error="It changed while it was being read."))
    return found + [RecordingFacts(name, error=why) for name, why in voice.unreadable().items()]


def _examine_all(
    voice: Voice,
    paths: list[Path],
    memory: Memory,
    progress: Callable[[float], None],
    offer: Callable[[str, Heard, list[int]], None],
):
    stopped = threading.Event()

    def check():
        if stopped.is_set():
            raise Cancelled

    def one(path: Path):
        name, read_at = voice.name_of(path), stamp(path)
        facts, heard = examine(path, name, check=check)
        memory.put(path, facts)
        if heard is not None and not facts.error:
            offer(name, heard, read_at)

    sizes = {path: max(stamp(path)[0], 1) for path in paths}
    with ThreadPoolExecutor(_N_AT_ONCE) as pool:
        try:
            waiting = {pool.submit(one, path): sizes[path] for path in paths}
            while waiting:
                for future in wait(waiting, timeout=_PATIENCE_S, return_when=FIRST_COMPLETED).done:
                    future.result()
                    del waiting[future]
                progress(1.0 - sum(waiting.values()) / sum(sizes.values()))
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            memory.save()


def _power(audio: np.ndarray) -> float:
    """The mean square, a piece at a time: squares of it all would take twice the memory of the sound itself."""
    pieces = (audio[first : first + _PIECE_SAMPLES] for first in range(0, len(audio), _PIECE_SAMPLES))
    return sum(float(np.square(piece, dtype=np.float64).sum()) for piece in pieces) / len(audio)


def _db(power: float):
    return float(10.0 * np.log10(max(power, 10.0 ** (QUIETEST_DB / 10.0))))
