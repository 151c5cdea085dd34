"""Preparation: from a voice's recordings to the windows that a model is trained on.

In the dataset folder:

- ``train.tfrecord-*`` and ``held_out.tfrecord-*``: the windows, with the keys and shapes of `ddsp_prepare_tfrecord`
  (``audio``, ``audio_16k``, ``f0_hz``, ``f0_confidence``, ``loudness_db``; 4 s, 16 kHz, 250 frames a second), so that
  ddsp's `TFRecordProvider` reads them; in an order that mixes the recordings. Where the windows lie, and which are held
  out: `ddsing.dataset.layout`. Their frames: `ddsing.dataset.analysis`; they are cut from the features of the whole
  recording, so that a window's last frames see the sound that follows it.
- ``windows.json``, ``selection.json``: see `ddsing.dataset.windows`; ``dataset.json``: what it was made from.
- ``dataset_statistics.json`` and, as in the notebooks, ``dataset_statistics.pkl``, of the windows that are trained on.
- ``features/``: what takes long, once per sound and tracker.
- ``.sounds/``: while it lasts, the decoded sounds, see `ddsing.dataset.sounds`.

Everything but the features is replaced as one (`ddsing.formats.tfrecord.publishing`). A dataset of 2021 is left as it
is, and is trained on as it is. Another is made in its place only on request (`replace`), and nothing is lost by that:
the old one is moved, and becomes the dataset of a voice of its own, such as ``alto 2021``.
"""

import dataclasses
import errno
import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from filelock import Timeout

from ddsing.changing import changing
from ddsing.constants import TRACKERS
from ddsing.dataset import analysis, disk, manifest, pipeline, replaced, sounds, writing
from ddsing.dataset.facts import foreign
from ddsing.dataset.scan import RecordingFacts, scan
from ddsing.dataset.sounds import Sounds
from ddsing.dataset.voices import Voice
from ddsing.errors import DatasetError, DiskFull
from ddsing.files import move_exclusively
from ddsing.jobs import paces, shared
from ddsing.jobs.paces import Paces
from ddsing.jobs.time_left import Clock, Part
from ddsing.sound import pitch

READING, PITCH, WRITING = "Reading the recordings", "Finding the pitch", "Writing the windows"
WAITING = "Waiting for another run to prepare the dataset"
_WRITING_S = 0.03  # per second of audio, against which the pitch is weighed
_PITCH_S = {"full": 1.0, "fast": 0.4, "tiny": 0.1, "instant": 0.03}


@dataclass(frozen=True)
class Prepared:
    """A dataset as it is on disk.

    Attributes
    ----------
    reused : bool
        Whether nothing had to be done.
    n_analysed : int
        Recordings whose pitch was computed now.
    refused : tuple[tuple[str, str], ...]
        (name, the sentence that says why) of recordings that were left out.
    kept_as : str
        The voice that the dataset of 2021, which was there when this was first begun, is now the dataset of; "" if
        there was none.
    """

    voice: str
    tracker: str
    dataset_hash: str
    minutes: float
    n_windows: int
    n_train: int
    n_held_out: int
    n_excluded: int
    n_analysed: int
    refused: tuple[tuple[str, str], ...]
    reused: bool
    seconds: float
    kept_as: str = ""


def prepare(
    voice: Voice,
    *,
    tracker: str = "full",
    replace: bool = False,
    progress: Callable[[str, float], None] | None = None,
    clock: Clock | None = None,
    moved: Callable[[str], None] | None = None,
    last: bool = True,
) -> Prepared:
    """Prepare a voice's dataset, or go on where it was stopped; nothing is computed twice.

    Parameters
    ----------
    tracker : str
        See `ddsing.sound.pitch`.
    replace : bool
        Whether to prepare also where a dataset of 2021 is, which is moved then; see above.
    progress : callable, optional
        Told the stage in words and the fraction of it all, by any thread, one at a time; what it raises (`Cancelled`)
        passes through, and what is done by then is kept.
    clock : Clock, optional
        Knows what is left, once the recordings are read.
    moved : callable, optional
        Told `Prepared.kept_as` as soon as that is so, if there was such a dataset.
    last : bool
        Whether the result will be shown to the user; if not, the next preparation says again what was moved.

    Raises
    ------
    DatasetError
        If nothing can be used, the voice is being prepared already, or there is a dataset of 2021 that is to stay.
    DiskFull
        If there is not enough room.
    """
    require_preparable(voice, tracker, replace=replace)
    tell = progress or (lambda stage, fraction: None)
    if foreign(voice):
        _usable(voice, tell)  # before anything is moved
        _keep_foreign(voice)
    kept_as = replaced.kept_as(voice)
    if kept_as and moved:
        moved(kept_as)
    with _alone(voice, tell), _full_disk_said(voice), sounds.kept(voice) as kept:
        done = _prepare(voice, tracker, tell, clock or Clock(), kept)
    if last:
        replaced.forget(voice)
    return dataclasses.replace(done, kept_as=kept_as)


def require_preparable(voice: Voice, tracker: str, *, replace: bool = False) -> None:
    """Raise `DatasetError` unless there are recordings, such a tracker, and no dataset of 2021 in the way."""
    if tracker not in TRACKERS:
        raise DatasetError(f"Unknown pitch tracker {tracker!r}; use instant, full, fast or tiny.")
    if not voice.recordings():
        for name, why in voice.unreadable().items():
            raise DatasetError(f"{name!r} has no usable recordings. {why}")
        raise DatasetError(f"The voice {voice.name!r} has no recordings. Add some with `dataset add`.")
    if foreign(voice) and not replace:
        raise DatasetError(
            f"The dataset of {voice.name!r} was prepared elsewhere, for example by the 2021 notebooks, and is ready "
            "to train on. To make a new one from the recordings, use --replace. The old one is kept as the "
            f"dataset of the voice {place_of_foreign(voice).name!r}."
        )


def is_current(voice: Voice, *, tracker: str | None = None) -> bool:
    """Whether the dataset is that of the recordings and the selection as they are now; without decoding anything."""
    known = manifest.read(voice)
    return (
        known is not None
        and tracker in (None, known["tracker"])
        and known["stamps"] == manifest.stamps(voice)
        and known["selection"] == manifest.read_selection(voice)
    )


def room_bytes(voice: Voice, *, tracker: str = "full") -> float:
    """Free disk that `prepare` asks for before it begins; nothing where there is nothing to do."""
    if is_current(voice, tracker=tracker):
        return 0.0
    usable, _ = choose(scan(voice))
    return disk.room_bytes(usable, _to_analyse(voice, usable, tracker)[1])


def _parts(known: Paces, tracker: str, new_s: float, all_s: float) -> list[Part]:
    """What comes after reading the recordings: seconds of sound to analyse, and to write."""
    return [
        known.part(PITCH, new_s, pitch.pace_key(tracker), guess_s=_PITCH_S[tracker], turn=0),
        known.part(WRITING, all_s, "prepare/writing", guess_s=_WRITING_S, turn=1),
    ]


def estimate_seconds(voice: Voice, *, tracker: str) -> float:
    """How long `prepare` will take here, where there is something to do."""
    return expected_seconds(paces.of(voice), tracker, *sound_to_do(voice, tracker=tracker))


def sound_to_do(voice: Voice, *, tracker: str) -> tuple[float, float]:
    """Seconds of sound that `prepare` would analyse, and that it would write."""
    usable, _ = choose(scan(voice))
    new = _to_analyse(voice, usable, tracker)[1]
    return _duration_s(new), _duration_s(usable)


def expected_seconds(known: Paces, tracker: str, new_s: float, all_s: float) -> float:
    """How long it takes to analyse and to write so many seconds of sound, at the paces of this computer."""
    return sum(part.expected_s for part in _parts(known, tracker, new_s, all_s))


def _duration_s(some: list[RecordingFacts]) -> float:
    return sum(facts.duration_s for facts in some)


def _prepare(voice: Voice, tracker: str, progress: Callable[[str, float], None], clock: Clock, kept: Sounds):
    began = time.monotonic()
    usable, refused = _usable(voice, progress, kept)
    plan = manifest.Plan(voice, tracker, usable, refused)
    known = manifest.read(voice)
    if known is not None and plan.is_that_of(known):
        manifest.confirm(voice, known, plan)
        return _prepared(voice, known, refused, n_analysed=0, reused=True, seconds=time.monotonic() - began)
    store, new = _to_analyse(voice, usable, tracker)
    disk.check(voice, usable, new, kept.free_bytes)
    share = _share_of_pitch(usable, new, tracker)
    from_here = 0.02 + 0.98 * share

    def analysed(fraction: float) -> None:
        clock.at(PITCH, fraction)
        progress(PITCH, 0.02 + (0.98 * share) * fraction)

    def written(fraction: float) -> None:
        clock.at(WRITING, fraction)
        progress(WRITING, from_here + (1.0 - from_here) * fraction)

    known_paces = paces.of(voice)
    clock.plan(_parts(known_paces, tracker, _duration_s(new), _duration_s(usable)))
    try:
        places = pipeline.analyse(voice, store, new, tracker, analysed, kept)
        document = writing.write(plan, store, kept, places, progress=written)
    finally:
        known_paces.learn(clock.took())
    return _prepared(voice, document, refused, n_analysed=len(new), reused=False, seconds=time.monotonic() - began)


def _usable(voice: Voice, progress: Callable[[str, float], None], kept: Sounds | None = None):
    """What `choose` chooses; raises `DatasetError` if that is nothing."""
    offer = None if kept is None else kept.offer
    usable, refused = choose(scan(voice, progress=lambda fraction: progress(READING, 0.02 * fraction), offer=offer))
    if not usable:
        why = "; ".join(f"{name}: {sentence}" for name, sentence in refused[:3])
        raise DatasetError(f"No recording of {voice.name!r} can be used. {why}")
    return usable, refused


def choose(found: list[RecordingFacts]) -> tuple[list[RecordingFacts], list[tuple[str, str]]]:
    """Recordings to use, and (name, why not) of the others; of the same sound only the first is used."""
    usable: dict[str, RecordingFacts] = {}
    refused = []
    for facts in found:
        if facts.error:
            refused.append((facts.name, facts.error))
        elif facts.content_hash in usable:
            refused.append((facts.name, f"It has the same sound as {usable[facts.content_hash].name!r}."))
        else:
            usable[facts.content_hash] = facts
    return list(usable.values()), refused


def _to_analyse(voice: Voice, usable: list[RecordingFacts], tracker: str):
    """Where features are kept, and the recordings whose own are not there yet."""
    store = analysis.store(voice)
    return store, [facts for facts in usable if analysis.known(store, facts.content_hash, tracker) is None]


def _share_of_pitch(usable: list[RecordingFacts], new: list[RecordingFacts], tracker: str):
    """The share of the whole work that finding the pitch is."""
    pitch_s = sum(facts.duration_s for facts in new) * _PITCH_S[tracker]
    return pitch_s / (pitch_s + _WRITING_S * sum(facts.duration_s for facts in usable))


def _prepared(voice: Voice, document: dict[str, Any], refused: list[tuple[str, str]], **facts: Any):
    counts = {name: document[name] for name in ("n_windows", "n_train", "n_held_out", "n_excluded", "minutes")}
    return Prepared(
        voice.name, document["tracker"], document["dataset_hash"], refused=tuple(refused), **counts, **facts
    )


@contextmanager
def _alone(voice: Voice, tell: Callable[[str, float], None]):
    """One preparation of a voice at a time; on an engine, where several runs need it, the others wait."""
    voice.dataset_folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(shared.held(voice.dataset_folder / ".lock"))
                break
            except Timeout:
                if not shared.lock_patience_s():
                    raise DatasetError(
                        f"The voice {voice.name!r} is already being prepared. Wait for it or stop it."
                    ) from None
            tell(WAITING, 0.0)
            time.sleep(1.0)
        yield


def place_of_foreign(voice: Voice) -> Voice:
    """The voice that a dataset of 2021 would become the dataset of, so that another can be prepared."""
    numbered = (voice.beside(f"{voice.name} {number}") for number in itertools.count(2021))
    return next(one for one in numbered if not one.there)


def _keep_foreign(voice: Voice) -> None:
    """Move a dataset that was prepared elsewhere, if there is one, out of the way, and note where it is."""
    with changing(voice.folder.parent):  # another preparation must not move what this one makes
        while foreign(voice):
            place = place_of_foreign(voice)
            replaced.note(voice, place.name)
            with suppress(FileExistsError):
                move_exclusively(voice.dataset_folder, place.dataset_folder)


@contextmanager
def _full_disk_said(voice: Voice):
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            f"The disk of {voice.dataset_folder.name!r} is full. Free some space and prepare again: "
            "finished parts are kept."
        ) from None
