"""What a transfer at the command line was asked for: the settings and where they come from, and how it is sung."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing import names
from ddsing.cli import actions, pitch_edits, tuning
from ddsing.constants import TRACKERS
from ddsing.errors import SettingsError
from ddsing.files import spelled, write_atomic
from ddsing.transfer.settings import MAX_Z_SHIFTS, Settings
from ddsing.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ddsing.sound.curve.edit import PitchEdit
    from ddsing.sound.recording import Recording
    from ddsing.transfer.morph import Morph
    from ddsing.transfer.take import Take

OFF = "off"  # of the noise gate


@dataclass(frozen=True)
class Asked:
    """A transfer as it was asked for, of whatever recording.

    Attributes
    ----------
    args : argparse.Namespace
        All options.
    settings : Settings
        Before ``--transpose auto``.
    tracker : str
    instrument : str
        A name or a file; the first one of a mixture.
    morph : Morph or None
    edit : PitchEdit or None
        Of what the transfer is like; ``--f0`` and ``--repair-octaves`` come after it.
    z_source : Path or None
        The other recording that timbre comes from.
    """

    args: argparse.Namespace
    settings: Settings
    tracker: str
    instrument: str
    morph: Morph | None
    edit: PitchEdit | None
    z_source: Path | None

    @classmethod
    def of(cls, args: argparse.Namespace, options: Mapping[str, tuple]) -> Asked:
        """What the options say; each of `options` is the field of a setting, its kind and what it does."""
        from ddsing.transfer import morph

        like = _like(args)
        settings, z_source = settings_of(args, options, like.settings)
        mixture = morph.parse(like.instrument, args.morph) if args.morph else like.morph
        if mixture and settings != settings.without_z():
            raise SettingsError("--z-from, --z-shift and --pull can't be used with --morph. Leave one of them out.")
        return cls(args, settings, like.tracker, like.instrument, mixture, like.edit, z_source)

    @property
    def names(self) -> tuple[str, ...]:
        """Names or files of all instruments."""
        return self.morph.names if self.morph else (self.instrument,)

    def check(self, workspace: Workspace) -> None:
        """Refuse what these instruments can't do."""
        if self.args.band == "full":
            actions.require_tops(workspace, self.names)

    def heard(
        self, workspace: Workspace, audio: Path | Recording
    ) -> tuple[Path | Recording, Settings, PitchEdit | None]:
        """A recording, decoded if that was needed, its settings and the edit of its pitch curve."""
        source, edit = pitch_edits.of(self.args, workspace, audio, tracker=self.tracker, edit=self.edit)
        settings = self.settings
        if self.args.transpose == tuning.AUTO:
            singer = self.morph or self.instrument
            settings = tuning.transposed(workspace, source, singer, settings, tracker=self.tracker, edit=edit)
        return source, settings, edit

    def sung(
        self,
        workspace: Workspace,
        audio: Path,
        *,
        keep_controls: bool = False,
        progress: Callable[[str, float], None] | None = None,
    ) -> tuple[Take, Settings]:
        """Transfer a recording; the take, and the settings that it was asked for with."""
        from ddsing.transfer import pipeline

        source, settings, edit = self.heard(workspace, audio)
        options: dict[str, Any] = {"tracker": self.tracker, "keep_controls": keep_controls, "edit": edit}
        options |= {"source_name": names.read(audio.name), "progress": progress}
        if self.morph:
            return pipeline.run(workspace, source, self.morph.names, settings, morph=self.morph, **options), settings
        options["z_source"] = self.z_source
        return pipeline.run(workspace, source, self.instrument, settings, **options), settings


def settings_of(args: argparse.Namespace, options: Mapping[str, tuple], base: Settings) -> tuple[Settings, Path | None]:
    """The settings with what the options change, and the file that timbre comes from, if it is one."""
    fields = ("use_statistics", *(field for field, _, _ in options.values()))
    chosen = {field: getattr(args, field) for field in fields if getattr(args, field) is not None}
    if args.gate_db is not None:
        chosen["gate_db"] = None if args.gate_db == OFF else args.gate_db
    timbre, z_source = _timbre(args.z_from or "recording", args.z_shift)
    timbre = {name: value for name, value in timbre.items() if (args.z_shift if name == "z_shift" else args.z_from)}
    if args.band:
        chosen["full_band"] = args.band == "full"
    return replace(base, **chosen, **timbre, **tuning.chosen(args)), z_source


def write_stems(take: Take, out: Path) -> None:
    """Write the harmonic part and the noise of a take beside its file."""
    for stem in ("harmonic", "noise"):
        write_atomic(stem_of(out, stem), (take.folder / f"{stem}.wav").read_bytes())


def stem_of(out: Path, stem: str) -> Path:
    """Where a part of the result is written."""
    return out.with_name(f"{out.stem}_{stem}.wav")


@dataclass(frozen=True)
class _Like:
    """What a transfer begins from: the defaults, or what a take was made with."""

    settings: Settings
    tracker: str
    instrument: str
    morph: Morph | None
    edit: PitchEdit | None


def _like(args: argparse.Namespace) -> _Like:
    if args.like is None:
        if args.instrument is None:
            raise SettingsError("A transfer needs an instrument: choose one with --instrument, or a take with --like.")
        settings, tracker = base_of(args)
        settings = settings.without_z() if args.morph else settings
        return _Like(settings, args.tracker or tracker, args.instrument, None, None)
    if args.preset is not None:
        raise SettingsError("--like and --preset both say what to start from. Leave one of them out.")
    like = _of_recipe(_recipe(args))
    mixture = like.morph if args.instrument is None else None
    return replace(
        like, tracker=args.tracker or like.tracker, instrument=args.instrument or like.instrument, morph=mixture
    )


def base_of(args: argparse.Namespace) -> tuple[Settings, str]:
    """Settings and tracker to begin with: those of ``--like``, of ``--preset``, or by default."""
    from ddsing.transfer.presets import Presets

    if args.like is not None:
        like = _of_recipe(_recipe(args))
        return like.settings, like.tracker
    if args.preset is None:
        return Settings(), "full"
    preset = Presets(open_workspace(args.workspace)).get(args.preset)
    return preset.settings, preset.tracker


def _of_recipe(recipe: Mapping) -> _Like:
    from ddsing.transfer import take

    settings, tracker, instrument = take.read_recipe(recipe)
    tracker = tracker if tracker in TRACKERS else "full"  # of a take that was sung from a score
    return _Like(settings, tracker, instrument, take.read_morph(recipe), take.read_edit(recipe))


def _recipe(args: argparse.Namespace) -> Mapping:
    from ddsing.experiments.comparison import selection
    from ddsing.sound import audio
    from ddsing.transfer.takes import TakeStore

    path = Path(args.like)
    if not path.is_file():
        take = selection.only(open_workspace(args.workspace), args.like)
        return TakeStore(open_workspace(args.workspace), take.folder.parent).get(take.id).recipe()
    recipe = audio.read_recipe(path)
    if recipe is None:
        raise SettingsError(f"{args.like[:200]!r} has no recipe: it was not made by ddsing, or it was converted.")
    return recipe


def _timbre(z_from: str, moved: list[str]) -> tuple[dict[str, Any], Path | None]:
    """The settings of z, and the other recording that it comes from."""
    shifts = [0.0] * MAX_Z_SHIFTS
    for entry in moved:
        number, _, amount = entry.partition("=")
        try:
            place = int(number) - 1
            if not 0 <= place < MAX_Z_SHIFTS:
                raise ValueError
            shifts[place] = float(amount)
        except ValueError:
            raise SettingsError(
                f"--z-shift is {entry[:80]!r}; write for example 1=+1.5, with 1 to {MAX_Z_SHIFTS} before the =."
            ) from None
    if z_from in ("recording", "mean"):
        return {"z_from": z_from, "z_shift": tuple(shifts)}, None
    path = spelled(Path(z_from))
    if not path.is_file():
        raise SettingsError(f"--z-from is {z_from[:200]!r}; it must be recording, mean, or a recording's file.")
    return {"z_from": "other", "z_recording": names.read(path.name)[:300], "z_shift": tuple(shifts)}, path
