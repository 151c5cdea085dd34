"""Many recordings as a background job (kind ``batch``): its order, and what it does.

What it needs lies in a folder of its own in the workspace's ``.batches``, until it is done: the recordings, and the
instruments as they were when it was ordered. So it depends on nothing that is changed or deleted meanwhile, its options
name no place outside, and it can be stopped, killed and resumed.

Public: `Source`, `claimed_s`, `order`, `discard`, `run`, `outcomes`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ddsing.constants import MAX_TRANSFER_S, TRACKERS
from ddsing.errors import AudioError, Cancelled, DdsingError, DiskFull, SettingsError, TakeError
from ddsing.files import listed, write_atomic
from ddsing.instrument.models import Models
from ddsing.instrument.opening import open_any
from ddsing.jobs import time_left
from ddsing.jobs.context import Reporter, earlier
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.order import SPARE_BYTES, Order
from ddsing.jobs.status import JobStatus
from ddsing.sound import audio as recordings
from ddsing.sound import features, recording
from ddsing.sound.curve.edit import PitchEdit
from ddsing.transfer import band, batch, edited
from ddsing.transfer.batch import FAILED, Choir, Course, Outcome, summary
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.units import format_duration
from ddsing.workspace import Workspace

KIND = "batch"
FOLDER = ".batches"
MAX_RECORDINGS = 200
_TIMBRE, _EDIT = "timbre", "pitch_edit.json"
_TOKEN = re.compile(r"[0-9a-f]{32}")
_UNUSED_S = 600.0  # a folder of no job this old was left by a crash
_LOW_DISK_BYTES = 50_000_000
_MORE_BYTES = 20_000_000  # by which the files together may be wrong about their lengths
_MAX_SAID = 400


@dataclass(frozen=True)
class Source:
    """A recording to be transferred: what it is called, and its file or its content."""

    name: str
    content: Path | bytes

    @property
    def identity(self) -> list[Any]:
        """The same for the same recording."""
        if isinstance(self.content, bytes):
            return [self.name, hashlib.sha256(self.content).hexdigest()]
        try:
            facts = self.content.stat()
        except OSError:  # it is said of the recording later
            return [self.name]
        return [self.name, facts.st_size, facts.st_mtime_ns]


def order(
    workspace: Workspace,
    instrument: Path | Sequence[Path],
    sources: Sequence[Source],
    settings: Settings,
    *,
    name: str,
    tracker: str,
    morph: Morph | None = None,
    repair_octaves: bool = False,
    edit: PitchEdit | None = None,
    z_source: Path | None = None,
    most_s: float = MAX_TRANSFER_S,
) -> Order:
    """The job that transfers recordings; its folder is made here.

    Parameters
    ----------
    instrument : Path or Sequence[Path]
        A zip, wherever it lies; of a morph those of all its instruments.
    name : str
        What the instrument is called, or the mixture.
    morph : Morph or None
        With the names that the instruments will have.
    repair_octaves : bool
        Whether each pitch curve is sung with the octave slips repaired that are found in it.
    edit : PitchEdit or None
        Of a pitch curve, before the repairs; recordings and trackers that it is not of are sung without it, and say so.
    z_source : Path or None
        The recording that timbre comes from, where the settings name one; else the example of that name.
    most_s : float
        The longest recording that is transferred.
    """
    if not 1 <= len(sources) <= MAX_RECORDINGS:
        raise SettingsError(f"There are {len(sources)} recordings; choose 1 to {MAX_RECORDINGS} at a time.")
    files = [instrument] if isinstance(instrument, Path) else list(instrument)
    called = [name] if morph is None else morph.names
    opened = [open_any(file, name=one) for file, one in zip(files, called, strict=True)]
    z_source = batch.require(workspace, opened, settings, morph=morph, z_source=z_source)
    rate_hz = band.planned_rate_hz(settings, opened)
    durations_s = [min(claimed_s(source.content), most_s) for source in sources]
    needs_bytes = round(sum(durations_s) * band.bytes_per_s(rate_hz))
    _sweep(workspace)
    how: dict[str, Any] = {} if morph is None else {"morph": morph.to_json()}
    how |= {"repair_octaves": True} if repair_octaves else {}
    options = {
        "folder": _fill(workspace, files, sources, z_source, edit),
        "instrument": name,
        "recordings": [source.name for source in sources],
        "settings": settings.to_json(),
        "tracker": tracker,
        "most_s": most_s,
        "room_bytes": needs_bytes,
        **how,
    }
    said = f"{len(sources)} recordings" if len(sources) > 1 else sources[0].name
    digests = [one.digest for one in opened]
    identity = [digests[0], settings.to_json(), tracker, [source.identity for source in sources]]
    identity += [digests[1:], how] if how else []
    identity += [["pitch edit", edit.digest]] if edit else []
    identity += [["timbre", Source(z_source.name, z_source).identity]] if z_source else []
    return Order(
        kind=KIND,
        title=f"Transfer {said} to {name}",
        options=options,
        key=f"{KIND}:{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]}",
        needs_bytes=needs_bytes + SPARE_BYTES,
        spare_bytes=SPARE_BYTES,
    )


def claimed_s(content: Path | bytes) -> float:
    """How long a recording is, as its file says; of one that will be refused, 0."""
    try:
        return recordings.probe(content).duration_s
    except AudioError:
        return 0.0


def _instrument(number: int) -> str:
    return f"instrument{number or ''}.zip"


def _fill(
    workspace: Workspace,
    files: Sequence[Path],
    sources: Sequence[Source],
    z_source: Path | None,
    edit: PitchEdit | None,
) -> str:
    """Make the job's folder; returns what it is called."""
    token = secrets.token_hex(16)
    folder = workspace.root / FOLDER / token
    try:
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            write_atomic(folder / _instrument(number), file.read_bytes())
        if z_source is not None:
            _copy(z_source, folder / _TIMBRE)
        if edit:
            write_atomic(folder / _EDIT, json.dumps(edit.to_json()).encode())
        for number, source in enumerate(sources):
            _copy(source.content, folder / _file(number))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise TakeError(f"The recordings can't be saved for the job: {error.strerror or error}.") from None
    return token


def _file(number: int) -> str:
    return f"{number:03d}"


def _copy(content: Path | bytes, target: Path) -> None:
    if isinstance(content, bytes):
        write_atomic(target, content)
        return
    with contextlib.suppress(OSError):
        os.link(content.resolve(), target)  # takes no room
        return
    with contextlib.suppress(FileNotFoundError):  # it is said of the recording then
        shutil.copyfile(content, target)


def _folder(workspace: Workspace, options: Mapping[str, Any]) -> Path:
    token = options.get("folder")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TakeError("The job's recordings are missing. Choose them again.")
    return workspace.root / FOLDER / token


def discard(workspace: Workspace, options: Mapping[str, Any]) -> None:
    """Remove the folder of an order that did not become a job."""
    shutil.rmtree(_folder(workspace, options), ignore_errors=True)


def _sweep(workspace: Workspace) -> None:
    """Remove the folders of no job."""
    used = {((JobFolder(path).spec() or {}).get("options") or {}).get("folder") for path in listed(workspace.jobs)}
    for folder in listed(workspace.root / FOLDER):
        with contextlib.suppress(OSError):
            if folder.name not in used and time.time() - folder.stat().st_mtime > _UNUSED_S:
                shutil.rmtree(folder, ignore_errors=True)


def outcomes(job: JobStatus) -> list[Outcome]:
    """What became of the recordings of a job so far, in their order."""
    found = job.extra.get("recordings")
    kept = found if isinstance(found, Mapping) else {}
    return [Outcome.from_json(kept[number]) for number in sorted(kept)]


def run(workspace: Workspace, options: Mapping[str, Any], job: Reporter) -> dict[str, Any]:
    """Transfer the recordings; the function of the job.

    Parameters
    ----------
    job : Reporter
        Told what became of each as ``extra["recordings"]``; asked ``should_stop``.
    """
    whole = _Batch.of(workspace, options, job)
    found = whole.run()
    shutil.rmtree(whole.folder, ignore_errors=True)
    return {"recordings": [one.to_json() for one in found], "message": summary(found)}


@dataclass(eq=False)
class _Batch:
    workspace: Workspace
    folder: Path
    names: Sequence[str]
    settings: Settings
    choir: Choir
    repair_octaves: bool
    edit: PitchEdit | None
    job: Reporter
    most_s: float
    left_bytes: float
    done: dict[str, Outcome]

    @classmethod
    def of(cls, workspace: Workspace, options: Mapping[str, Any], job: Reporter) -> _Batch:
        folder, tracker = _folder(workspace, options), options.get("tracker")
        morph = None if options.get("morph") is None else Morph.from_json(options["morph"])
        called = [str(options["instrument"])] if morph is None else morph.names
        files = [folder / _instrument(number) for number in range(len(called))]
        if tracker not in TRACKERS or not all(file.is_file() for file in files):
            raise TakeError("The job's recordings are missing. Choose them again.")
        opened = [open_any(file).replaced(name=name) for file, name in zip(files, called)]
        timbre = folder / _TIMBRE
        choir = Choir(workspace, opened, tracker, Models(), morph, timbre if timbre.is_file() else None)
        known = earlier(job).get("recordings") or {}
        done = {number: Outcome.from_json(one) for number, one in known.items() if one["result"] != FAILED}
        return cls(
            workspace,
            folder,
            [str(name) for name in options["recordings"]],
            Settings.from_json(options["settings"]),
            choir,
            options.get("repair_octaves") is True,
            _read_edit(folder / _EDIT),
            job,
            min(float(options["most_s"]), MAX_TRANSFER_S),
            float(options["room_bytes"]),
            done,
        )

    def run(self) -> list[Outcome]:
        files = [self.folder / _file(number) for number in range(len(self.names))]
        course = Course([_n_bytes(path) for path in files])
        for number, (name, path) in enumerate(zip(self.names, files)):
            course.begin(number)
            self._report(course, number)
            worked = path.name not in self.done
            if worked:
                self.done[path.name] = self._outcome(name, path, course, number)
            course.over(worked=worked)
            self._report(course, number)
        return [self.done[number] for number in sorted(self.done)]

    def _outcome(self, name: str, path: Path, course: Course, number: int) -> Outcome:
        try:
            return self._sung(name, path, course, number)
        except (Cancelled, DiskFull):
            raise
        except DdsingError as error:
            if shutil.disk_usage(self.workspace.root).free < _LOW_DISK_BYTES:
                raise DiskFull("The disk is nearly full, so this is paused. Free some space, then resume it.") from None
            said = str(error).replace(str(path), name)  # which has no name of its own
            return Outcome(name, FAILED, error=said[:_MAX_SAID])

    def _sung(self, name: str, path: Path, course: Course, number: int) -> Outcome:
        sound = recording.read(path, name=name)
        self._require(sound)
        course.plan(self.choir.parts(sound))

        def progress(stage: str, share: float) -> None:
            course.at(stage, share)
            self._report(course, number)

        take, there = self.choir.sing(sound, self.settings, self._edit(sound, progress), progress=progress)
        if not there:
            self.left_bytes -= take.duration_s * band.bytes_per_s(take.rate_hz)
        made = Outcome.of(name, take, there=there)
        return replace(made, warnings=tuple(one[:_MAX_SAID] for one in made.warnings[:3]))

    def _edit(self, sound: recording.Recording, progress: Callable[[str, float], None]) -> PitchEdit | None:
        if not self.repair_octaves:
            return self.edit
        found = features.extract(
            sound.audio,
            tracker=self.choir.tracker,
            cache=features.FeatureCache(self.workspace.cache / "features"),
            progress=lambda share: progress("features", share),
        )
        return edited.repaired(found, sound.audio, self.edit)

    def _require(self, sound: recording.Recording) -> None:
        if sound.duration_s > self.most_s:
            raise AudioError(
                f"It is {format_duration(sound.duration_s)} long; up to {format_duration(self.most_s)} can be "
                "transferred. Cut it first."
            )
        rate_hz = band.planned_rate_hz(self.settings, self.choir.instruments)
        if sound.duration_s * band.bytes_per_s(rate_hz) > self.left_bytes + _MORE_BYTES:
            raise AudioError("It is longer than its file says, so there is no room for its take. Transfer it alone.")

    def _report(self, course: Course, number: int) -> None:
        if self.job.should_stop():
            raise Cancelled("Stopped.")
        self.job.report(
            stage=f"{number + 1} of {len(self.names)}, {self.names[number]}: {course.stage}",
            step=len(self.done),
            steps=len(self.names),
            fraction=course.fraction,
            extra={"recordings": {number: one.to_json() for number, one in self.done.items()}},
            **time_left.fields(course.left),
        )


def _read_edit(path: Path) -> PitchEdit | None:
    return PitchEdit.from_json(json.loads(path.read_bytes())) if path.is_file() else None


def _n_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
