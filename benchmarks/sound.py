"""How like the singer a voice sounds, before and after a change, in one run; see `SOUND.md` for what it found.

    python -m benchmarks.sound [RECORDINGS] --before SIDE [--after SIDE] [--json]

*RECORDINGS* is a folder with a folder for each voice; a file that lies in it directly is a voice of its own. By default
it is ``../shared/audio``, whose singers are known. A *SIDE* is a workspace in which voices of those names were trained,
or a folder with their instruments, ``NAME.zip``; ``@STEP`` behind it names a checkpoint (``@400``, ``@chosen``,
``@latest``, ``@best``). It can be given several times, for trainings that differ in their seed. ``--settings-after
'{"autotune": 0.5}'`` compares settings of a transfer.

*As played*: windows that were held out of the training (the whole recordings where no workspace tells which those are)
are sung again. *Transfers*: each voice's first recording is sung by each other voice. Identity is the cosine of
embeddings, see `benchmarks.speakers`.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import sound_rows, speakers
from benchmarks.sound_rows import Sung, Value
from ddsing.constants import SAMPLE_RATE, TRACKERS
from ddsing.dataset import voices
from ddsing.formats import tfrecord
from ddsing.instrument import Instrument
from ddsing.instrument.opening import open_any
from ddsing.sound import audio as recordings
from ddsing.sound import features, kinds
from ddsing.training import choice, export
from ddsing.transfer import fit, pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

SHARED = Path(__file__).parents[2] / "shared" / "audio"
SINGERS = {
    "belen": ("belen.wav", "bel_z_never.wav", "bel_z_rainbow.wav", "bel_z_smells.wav"),
    "servando": ("servando.wav",),
    "solo": ("pitch_original.wav",),
}
WINDOW_S = 4.0


@dataclass(frozen=True, eq=False)
class Voice:
    """A singer: recordings, and stretches that no training of the sides has heard, if that is known."""

    name: str
    sounds: tuple[np.ndarray, ...]
    windows: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Side:
    """Instruments of one side: of each voice those of several trainings, and the settings of transfers."""

    instruments: Mapping[str, Sequence[Instrument]]
    settings: Settings


def singers(folder: Path, names: Sequence[str] = ()) -> dict[str, list[Path]]:
    """The recordings of each voice in a folder."""
    known = {name: [folder / file for file in files] for name, files in SINGERS.items()}
    if all(path.is_file() for paths in known.values() for path in paths):
        found = known
    else:
        found = {
            place.stem if place.is_file() else place.name: [place] if place.is_file() else sorted(_sounds(place))
            for place in sorted(folder.iterdir())
            if place.is_dir() or place in set(_sounds(folder))
        }
    return {name: paths for name, paths in found.items() if paths and (not names or name in names)}


def _sounds(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix.lower() in kinds.SUFFIXES]


def instruments(place: str, names: Sequence[str]) -> dict[str, Instrument]:
    """The instruments of a workspace or folder, by their voices."""
    root, _, step = place.partition("@")
    found = {}
    for name in names:
        zipped = Path(root) / f"{name}.zip"
        if zipped.is_file():
            found[name] = open_any(zipped)
        elif (Path(root) / "audio" / f"{name}_checkpoints").is_dir():
            found[name] = export.instrument(Workspace(Path(root)), name, step=choice.named(step or choice.CHOSEN))
    return found


def side(places: Sequence[str], names: Sequence[str], settings: Settings) -> Side:
    """The instruments of all trainings of a side."""
    opened = [instruments(place, names) for place in places]
    together = {name: [one[name] for one in opened if name in one] for name in names}
    return Side({name: found for name, found in together.items() if found}, settings)


def voice(name: str, paths: Sequence[Path], places: Sequence[str], most_windows: int) -> Voice:
    """A singer, with the held-out windows of the first workspace that has some."""
    sounds = tuple(recordings.decode(path) for path in paths)
    for root in (Path(place.partition("@")[0]) for place in places):
        folder = root / "audio" / f"{name}_dataset"
        if folder.is_dir():
            with tfrecord.open_all(voices.Voice.named(root / "audio", name).dataset_folder, "held_out") as found:
                held_out = [found.read(number)["audio"] for number in range(len(found))]
            if held_out:
                return Voice(name, sounds, tuple(_spread(held_out, most_windows)))
    size = round(WINDOW_S * SAMPLE_RATE)
    cut = [sound[start : start + size] for sound in sounds for start in range(0, max(len(sound) - size, 0) + 1, size)]
    return Voice(name, sounds, tuple(_spread(cut, most_windows)))


def _spread(some: list[np.ndarray], at_most: int) -> list[np.ndarray]:
    places = np.unique(np.linspace(0, len(some) - 1, min(at_most, len(some))).round().astype(int))
    return [some[place] for place in places]


class Singing:
    """Sings stretches with instruments, in a workspace that is thrown away; pitch is found once."""

    def __init__(self, workspace: Workspace, tracker: str):
        self.workspace, self.tracker = workspace, tracker

    def sing(self, sound: np.ndarray, instrument: Instrument, settings: Settings, *, again: bool = True) -> Sung:
        """Sing a stretch; without `again` the singing is not analysed."""
        sound = np.asarray(sound, np.float32)
        take = pipeline.run(self.workspace, sound, instrument, settings, tracker=self.tracker)
        sung, harmonic = (recordings.decode(take.folder / name) for name in ("result.wav", "harmonic.wav"))
        found = self.features(sound, instrument)
        heard = self.features(sung, instrument) if again else found
        return Sung(
            *(sound, sung[: len(sound)], harmonic[: len(sound)]),
            *(found.f0_hz, found.f0_confidence, found.loudness_db, heard.f0_hz, heard.loudness_db),
        )

    def features(self, sound: np.ndarray, instrument: Instrument) -> features.Features:
        """The curves of a sound, on the instrument's scale of loudness."""
        cache = features.FeatureCache(self.workspace.cache)
        return features.extract(sound, tracker=self.tracker, generation=instrument.config.generation, cache=cache)

    def best_settings(self, sound: np.ndarray, instrument: Instrument, settings: Settings) -> Settings:
        """The settings, and the shift by octaves that brings most of a sound into the instrument's range."""
        shifts = fit.measure(self.features(sound, instrument), instrument.statistics, settings)
        return replace(settings, octave_shift=shifts.octave_shift)


def versions(
    singing: Singing, sound: np.ndarray, name: str, of: Side, seeds: Sequence[int], *, fitted: bool = False
) -> list[Sung]:
    """A stretch sung by each of a voice's instruments with each seed."""
    found = []
    for instrument in of.instruments[name]:
        settings = singing.best_settings(sound, instrument, of.settings) if fitted else of.settings
        found += [singing.sing(sound, instrument, replace(settings, seed=seed), again=not fitted) for seed in seeds]
    return found


def as_played(singing: Singing, singer: Voice, sides: Sequence[Side], seeds: Sequence[int]) -> dict[str, dict]:
    """The rows of one voice singing its own windows."""
    drawn = [
        sound_rows.draws(
            [unit for sound in singer.windows for unit in _units(versions(singing, sound, singer.name, of, seeds))]
        )
        for of in sides
    ]
    rows = {name: _row(measure, drawn) for name, measure in sound_rows.AS_PLAYED.items()}
    by_octave = [[sound_rows.octave_errors_db(some) for some in one] for one in drawn]
    for place, centre in enumerate(sound_rows.closeness.OCTAVES_HZ[: len(by_octave[0][0])]):
        rows[f"octave at {centre:g} Hz, dB"] = _compared([[errors[place] for errors in one] for one in by_octave])
    return rows


def _units(some: Sequence[Sung]) -> list[tuple[Sung, ...]]:
    """The pieces of a stretch, each in all versions."""
    return list(zip(*(one.pieces() for one in some)))


def _row(measure: Callable, drawn: Sequence) -> dict[str, Value]:
    return _compared([[measure(some) for some in one] for one in drawn])


def _compared(values: Sequence[Sequence[float]]) -> dict[str, Value]:
    return sound_rows.compared(values[0], values[1] if values[1:] else None)


def transferred(
    singing: Singing,
    singers_by_name: Mapping[str, Voice],
    sides: Sequence[Side],
    seeds: Sequence[int],
    *,
    seconds: float,
    environment: Path | None,
) -> dict[str, dict]:
    """The rows of each pair of voices, and who is heard: in the target's voice, and in the source's."""
    pairs = [
        (source, target)
        for source, target in itertools.permutations(singers_by_name, 2)
        if all(target in of.instruments for of in sides)
    ]
    size = round(seconds * SAMPLE_RATE)
    sung = {
        pair: [
            versions(singing, singers_by_name[pair[0]].sounds[0][:size], pair[1], of, seeds, fitted=True)
            for of in sides
        ]
        for pair in pairs
    }
    rows: dict[str, dict] = {}
    for pair, by_side in sung.items():
        drawn = [sound_rows.draws(_units(some)) for some in by_side]
        from_target = sound_rows.frechet_to_db(singers_by_name[pair[1]].sounds)
        rows[" → ".join(pair)] = {name: _row(measure, drawn) for name, measure in sound_rows.TRANSFERRED.items()} | {
            "Fréchet distance, dB": _row(from_target, drawn)
        }
    if environment:
        for pair, found in identities(singers_by_name, sung, environment).items():
            rows[" → ".join(pair)] |= found
    return rows


def identities(
    singers_by_name: Mapping[str, Voice], sung: Mapping[tuple[str, str], Sequence[Sequence[Sung]]], environment: Path
) -> dict[tuple[str, str], dict]:
    """The likeness of transfers to target and source, all sounds embedded at once."""
    own = [(name, sound) for name, singer in singers_by_name.items() for sound in singer.sounds]
    made = [(pair, place, one) for pair, sides in sung.items() for place, some in enumerate(sides) for one in some]
    parts = speakers.parts([*(sound for _, sound in own), *(one.audio for *_, one in made)], folder=environment)
    centres = {
        name: speakers.centre([part for (owner, _), part in zip(own, parts) if owner == name])
        for name in singers_by_name
    }
    rows = {}
    for pair, sides in sung.items():
        drawn = [
            sound_rows.resampled_parts(
                [part for (of, at, _), part in zip(made, parts[len(own) :]) if (of, at) == (pair, place)]
            )
            for place in range(len(sides))
        ]
        rows[pair] = {
            f"identity, {whose}": _row(lambda some, centre=centres[name]: sound_rows.likeness(some, centre), drawn)
            for whose, name in (("target", pair[1]), ("source", pair[0]))
        }
    return rows


def text(document: Mapping) -> str:
    """Tables for people."""
    lines = []
    for title, rows in [*document["as played"].items(), *document["transfers"].items()]:
        columns = list(next(iter(rows.values()), {}))
        lines += ["", f"{title:<32}" + "".join(f"{name:>26}" for name in columns)]
        lines += [
            f"{name:<32}" + "".join(f"{_written(one[column]):>26}" for column in columns) for name, one in rows.items()
        ]
    return "\n".join(lines[1:])


def _written(one: Mapping[str, float]) -> str:
    return f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})" if np.isfinite(one["value"]) else "–"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "recordings", nargs="?", type=Path, default=SHARED, help="a folder with a folder for each voice"
    )
    parser.add_argument("--voices", nargs="+", default=(), help="only these (all)")
    parser.add_argument("--before", action="append", required=True, help="a workspace or a folder of zips, @STEP")
    parser.add_argument("--after", action="append", default=[], help="the same, after the change")
    for name in ("before", "after"):
        parser.add_argument(f"--settings-{name}", type=json.loads, default={}, help="of transfers, as JSON")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of the noise (0)")
    parser.add_argument("--windows", type=int, default=8, help="of each voice at most (8)")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each recording that is transferred (12)")
    parser.add_argument("--tracker", choices=TRACKERS, default="tiny", help="of the pitch (tiny)")
    parser.add_argument(
        "--environment", type=Path, default=speakers.ENVIRONMENT, help="of resemblyzer; made if need be"
    )
    parser.add_argument("--no-identity", action="store_true", help="without resemblyzer")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    return parser.parse_args()


def main() -> None:
    """Entry point."""
    args = _arguments()
    found = singers(args.recordings, args.voices)
    sides = [side(args.before, list(found), Settings(**args.settings_before))]
    if args.after or args.settings_after:
        sides.append(side(args.after or args.before, list(found), Settings(**args.settings_after)))
    by_name = {name: voice(name, paths, args.before, args.windows) for name, paths in found.items()}
    environment = None if args.no_identity else args.environment
    with tempfile.TemporaryDirectory() as root:
        singing = Singing(Workspace(Path(root)), args.tracker)
        played = {
            name: as_played(singing, singer, sides, args.seeds)
            for name, singer in by_name.items()
            if all(name in of.instruments for of in sides)
        }
        if not played:
            sys.exit("No voice of the recordings has an instrument on each side; they go by the same name.")
        pairs = transferred(singing, by_name, sides, args.seeds, seconds=args.seconds, environment=environment)
    document = json.loads(json.dumps({"as played": played, "transfers": pairs}, default=asdict))
    print(json.dumps(document, indent=2) if args.json else text(document))


if __name__ == "__main__":
    main()
