"""``transfer`` of several recordings: one after the other into a folder, going on where it was after a stop."""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ddsing import names
from ddsing.cli import Failed, actions, background, tuning
from ddsing.cli.asked import Asked, stem_of, write_stems
from ddsing.cli.quiet import native_messages_hidden
from ddsing.cli.writing import writing
from ddsing.errors import DdsingError, DiskFull, InstrumentError, OutputError, SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.units import format_bytes, format_range
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.instrument.library import Library
    from ddsing.sound.recording import Recording
    from ddsing.transfer.batch import Choir, Course, Item, Outcome

SUFFIX = ".wav"
SPARE_BYTES = 50_000_000
_TELL_S = 2.0


def wanted(args: argparse.Namespace) -> bool:
    """Whether the result is a folder."""
    return len(args.audio) > 1 or spelled(Path(args.audio[0])).is_dir() or Path(args.out).is_dir()


def run(args: argparse.Namespace, options: Mapping[str, tuple]) -> dict:
    """Transfer all recordings, each to its file below the folder."""
    from ddsing.instrument import models
    from ddsing.transfer import batch

    asked, out = Asked.of(args, options), Path(args.out)
    _check(args, out)
    workspace = open_workspace(args.workspace)
    gathered = batch.gather(map(Path, args.audio), but=out)
    store = models.shared()
    opened = [store.open(workspace, name) for name in asked.names]
    asked.check(workspace)
    batch.require(workspace, opened, asked.settings, morph=asked.morph, z_source=asked.z_source)
    choir = batch.Choir(workspace, opened, asked.tracker, store, asked.morph, asked.z_source)
    with writing(args.out):
        out.mkdir(exist_ok=True)
    outcomes = [batch.Outcome(name, batch.FAILED, error=why) for name, why in gathered.refused.items()]
    with native_messages_hidden():
        outcomes += _Many(workspace, asked, choir, out, gathered.items).run()
    document = {
        "out": args.out,
        **{result.replace(" ", "_"): sum(one.result == result for one in outcomes) for result in batch.RESULTS},
        "recordings": [one.to_json() for one in outcomes],
    }
    if document["failed"]:
        counted = f"{document['failed']} of {len(outcomes)}"
        raise Failed(f"{counted} could not be transferred; the report says why.", document)
    return document


def start(args: argparse.Namespace, options: Mapping[str, tuple]) -> dict:
    """Leave the recordings to a job, which only keeps the takes."""
    from ddsing.instrument.library import Library
    from ddsing.jobs.store import JobStore
    from ddsing.transfer import batch, job

    asked = Asked.of(args, options)
    given = {"--out": args.out, "--controls": args.controls, "--f0": args.f0, "--stems": args.stems}
    given["--transpose auto"] = args.transpose == tuning.AUTO
    for option, value in given.items():
        if value:
            raise SettingsError(
                f"{option} can't be used with --background, which keeps the takes. Leave one of them out."
            )
    workspace = open_workspace(args.workspace)
    gathered = batch.gather(map(Path, args.audio))
    if gathered.refused:
        place, why = next(iter(gathered.refused.items()))
        raise SettingsError(f"{place[:200]!r}: {why}")
    asked.check(workspace)
    files, called = zip(*(_file_and_name(Library(workspace), one) for one in asked.names))
    morph = None if asked.morph is None else replace(asked.morph, names=called)
    sources = [job.Source(item.name, item.path) for item in gathered.items]
    order = job.order(
        workspace,
        files,
        sources,
        asked.settings,
        name=" and ".join(called),
        tracker=asked.tracker,
        morph=morph,
        repair_octaves=args.repair_octaves,
        edit=asked.edit,
        z_source=asked.z_source,
    )
    try:
        started = background.start(workspace, order, args)
    except DdsingError:
        job.discard(workspace, order.options)
        raise
    if JobStore(workspace).status(started["job"]).options != order.options:  # one does the same already
        job.discard(workspace, order.options)
    return started


def _file_and_name(library: Library, name: str) -> tuple[Path, str]:
    """The file of an instrument, given as such or by its name, and what it is called."""
    entry = library.find(name)
    path = Path(name) if entry is None else entry.path
    if not path.is_file():
        raise InstrumentError(f"No instrument {name[:80]!r}; `instrument list` shows all.")
    return path, names.read(path.stem) if entry is None else entry.name


def _check(args: argparse.Namespace, out: Path) -> None:
    """Refuse what can't be done with several recordings."""
    if out.is_file() or (out.suffix.lower() in (SUFFIX, ".flac") and not out.is_dir()):
        raise SettingsError(f"--out is {args.out[:200]!r}; several recordings need a folder.")
    if not out.absolute().parent.is_dir():
        raise OutputError(f"The folder of {args.out[:200]!r} does not exist. Create it or choose another one.")
    for option, value in (("--controls", args.controls), ("--f0", args.f0)):
        if value:
            raise SettingsError(f"{option} is for one recording. Leave it out, or transfer them one at a time.")
    for given in map(spelled, map(Path, args.audio)):
        if given.is_dir() and given.resolve() == out.resolve():
            raise SettingsError(f"--out is the folder of the recordings, {args.out[:200]!r}. Choose another one.")


@dataclass(frozen=True, eq=False)
class _Many:
    """The recordings of a batch and where they go."""

    workspace: Workspace
    asked: Asked
    choir: Choir
    out: Path
    items: tuple[Item, ...]

    def run(self) -> list[Outcome]:
        """What became of each."""
        from ddsing.transfer.batch import FAILED, THERE, Course, Outcome

        course, outcomes = Course([item.n_bytes for item in self.items]), []
        line = _Line(course, len(self.items))
        try:
            for number, item in enumerate(self.items):
                line.begin(number, item.name)
                try:
                    outcome = self._one(item, course, line)
                except DiskFull:
                    raise
                except (DdsingError, OSError) as error:
                    outcome = Outcome(item.name, FAILED, error=_sentence(error))
                course.over(worked=outcome.result != THERE)
                line.end(outcome)
                outcomes.append(outcome)
        except KeyboardInterrupt:
            line.clear()
            print("Stopped. The same command resumes where it stopped.", file=sys.stderr)
            raise
        line.clear()
        return outcomes

    def _one(self, item: Item, course: Course, line: _Line) -> Outcome:
        from ddsing.sound import recording
        from ddsing.transfer import batch
        from ddsing.transfer.takes import TakeStore

        out = self.out / item.place.with_name(item.place.name + SUFFIX)
        if out.resolve() in self._sources:
            raise OutputError(f"{str(out)[:200]!r} is one of the recordings. Choose another folder for the results.")
        sound = recording.read(item.path, name=names.read(item.path.name))
        heard, settings, edit = self.asked.heard(self.workspace, sound)
        key = self.choir.key(sound, settings, edit)
        if self._written(out, key):
            return batch.Outcome(item.name, batch.THERE, out=str(out), duration_s=sound.duration_s)
        self._require_room(sound)
        course.plan(self.choir.parts(sound))
        take, _ = self.choir.sing(sound, settings, edit, progress=line.at)
        with writing(out, f"the take {take.id} is kept"):
            out.parent.mkdir(parents=True, exist_ok=True)
            if self.asked.args.stems:
                write_stems(take, out)
            write_atomic(out, TakeStore(self.workspace).export(take.id, "WAV"))  # the last, which says that it is done
        return batch.Outcome.of(item.name, take, there=False, out=str(out))

    @functools.cached_property
    def _sources(self) -> set[Path]:
        return {item.path.resolve() for item in self.items}

    def _written(self, out: Path, key: str) -> bool:
        """Whether the file is what would be written; raises `OutputError` if somebody else wrote it."""
        from ddsing.sound import audio
        from ddsing.transfer import batch

        if not out.exists():
            return False
        recipe = audio.read_recipe(out)
        if recipe is None:
            raise OutputError(f"{str(out)[:200]!r} is there, but ddsing did not make it. Choose another folder.")
        stems = [stem_of(out, stem) for stem in ("harmonic", "noise")] if self.asked.args.stems else []
        return batch.key_of_recipe(recipe) == key and all(path.exists() for path in stems)

    def _require_room(self, sound: Recording) -> None:
        from ddsing.transfer import band

        needs = SPARE_BYTES + round(2 * sound.duration_s * band.bytes_per_s())
        for folder in (self.workspace.root, self.out):
            free = shutil.disk_usage(folder).free
            if free < needs:
                raise DiskFull(
                    f"{sound.name[:80]!r} needs about {format_bytes(needs)} of disk, but only {format_bytes(free)} are "
                    "free. Free some space, then give the same command again: it resumes where it stopped."
                )


class _Line:
    """The line of progress: in place on a terminal, else a line every now and then."""

    def __init__(self, course: Course, total: int):
        self._course, self._total = course, total
        self._live = sys.stderr.isatty()
        self._number, self._name, self._told_s = 0, "", -_TELL_S

    def begin(self, number: int, name: str) -> None:
        self._number, self._name = number, name
        self._course.begin(number)
        self._tell()

    def at(self, stage: str, share: float) -> None:
        """As `ddsing.transfer.pipeline.run` reports."""
        self._course.at(stage, share)
        self._tell()

    def end(self, outcome: Outcome) -> None:
        if outcome.error:
            self.clear()
            print(names.shown(f"{outcome.name}: {outcome.error}"), file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told_s < (0.2 if self._live else _TELL_S):
            return
        self._told_s, left = now, self._course.left
        said = f"{self._number + 1} of {self._total}, {self._name}: {self._course.stage}"
        said = names.shown(said if left is None else f"{said}; {format_range(*left)} left")
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{said[:width]}", end="", file=sys.stderr, flush=True)
        else:
            print(said, file=sys.stderr, flush=True)


def _sentence(error: Exception) -> str:
    said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return " ".join(said.split())


def text(document: dict) -> str:
    """The report for a person."""
    from ddsing.transfer.batch import Outcome, summary

    said = summary([Outcome.from_json(one) for one in document["recordings"]])
    return "\n".join([report(document["recordings"]), said, f"The results are in {document['out']}."]).strip()


def report(recordings: Sequence[Mapping]) -> str:
    """What became of each recording, as a table."""
    from ddsing.transfer.batch import HEADINGS, Outcome

    outcomes = [Outcome.from_json(one) for one in recordings]
    return actions.table([[*HEADINGS, ""], *([*one.cells, one.said] for one in outcomes)], right=(2, 3))
