"""How a voice sings, learnt from its dataset: vibrato, glides, overshoot, attack, release and the swell of its notes.

What is measured lies in `ddsing.play.measuring`, note by note; here it becomes a style. A number for which too few
notes say anything is that of the style ``classical``, and a warning says so. What was learnt is kept beside the
dataset, with the dataset's hash: another dataset is learnt anew. A dataset of 2021 is never written to, so it is learnt
each time.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ddsing import names
from ddsing.dataset import analysis, facts, manifest, voices, windows
from ddsing.dataset.voices import Voice
from ddsing.errors import DdsingError, ScoreError
from ddsing.files import read_json, write_json
from ddsing.play import measuring
from ddsing.play.measuring import Measured, Singing
from ddsing.play.style import CONTROLS, STYLES, Style, adjusted
from ddsing.workspace import Workspace

FILE = "style.json"  # beside the dataset
MIN_NOTES = 5  # that say something about a number
MAX_WINDOWS = 600  # of a dataset without recordings' features
_VERSION = 1  # of what is measured: another number makes kept styles unused
_BASE = "classical"
_LAG_FRAMES = 4  # in a dataset's frames f0 is 16 ms ahead of the loudness
_SAID = {  # what is measured together, and how it is called
    "vibrato_hz": "long notes with vibrato",
    "portamento_s": "connected notes",
    "attack_s": "notes after a rest",
    "release_s": "notes before a rest",
    "arch_db_per_s": "long notes",
}


@dataclass(frozen=True)
class Learnt:
    """A voice's style.

    Attributes
    ----------
    voice : str
    style : Style
    notes : Mapping[str, int]
        How many notes each number that was measured is from.
    warnings : tuple[str, ...]
        What could not be learnt.
    """

    voice: str
    style: Style
    notes: Mapping[str, int]
    warnings: tuple[str, ...]


def learn(workspace: Workspace, name: str) -> Learnt:
    """The style of a voice; raises `DatasetError` or `ScoreError` where there is no dataset to learn it from."""
    voice = voices.get(workspace, name)
    if not voice.prepared:
        raise ScoreError(
            f"The voice {names.read(voice.name)[:80]!r} has no dataset to learn its style from. Prepare it on the page "
            "Datasets or with dataset prepare."
        )
    key = {"version": _VERSION, "dataset_hash": facts.dataset_hash(voice)}
    known = _kept(voice, key)
    if known is None:
        known = measuring.measure(stretches(voice))
        if facts.made_here(voice):
            with contextlib.suppress(OSError):  # where nothing can be written, it is learnt each time
                write_json(voice.dataset_folder / FILE, key | known.to_json())
    return style_of(voice.name, known)


def style_of(voice: str, measured: Measured) -> Learnt:
    """The style that measurements of a voice make."""
    changes = {name: value for name, value in measured.values.items() if measured.notes[name] >= MIN_NOTES}
    warnings = []
    for name, what in _SAID.items():
        n_notes = measured.notes.get(name, 0)
        if name == "vibrato_hz" and measured.straight(MIN_NOTES):
            changes = {one: value for one, value in changes.items() if not one.startswith("vibrato")}
            changes["vibrato_cents"] = 0.0
            continue
        if n_notes < MIN_NOTES:
            numbers = " and ".join(_words(one) for one in measuring.TOGETHER[name])
            warnings.append(
                f"The recordings of {names.read(voice)[:80]!r} have {n_notes} {what}, and at least {MIN_NOTES} are "
                f"needed, so {numbers} are those of the style {_BASE}."
            )
    bounded = {one: float(np.clip(x, CONTROLS[one].low, CONTROLS[one].high)) for one, x in changes.items()}
    if "vibrato_delay_s" in bounded:
        bounded["vibrato_delay_share"] = 0.0  # the delay was measured whatever the note's length
    return Learnt(voice, adjusted(STYLES[_BASE], bounded), dict(measured.notes), tuple(warnings))


def _words(name: str) -> str:
    return CONTROLS[name].words.label


def _kept(voice: Voice, key: Mapping) -> Measured | None:
    """What was measured before of the same dataset."""
    document = read_json(voice.dataset_folder / FILE)
    if document is None or any(document.get(name) != value for name, value in key.items()):
        return None
    try:
        return Measured.from_json(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def stretches(voice: Voice) -> Iterator[Singing]:
    """The singing of a voice's dataset: its recordings whole where their features are kept, else its windows."""
    document = manifest.read(voice)
    hashes = [] if document is None else [one["hash"] for one in windows_of(voice)]
    found = False
    for audio_hash in hashes:
        known = analysis.known(analysis.store(voice), audio_hash, str((document or {}).get("tracker", "")))
        if known is not None:
            found = True
            yield _singing(known.f0_hz, known.f0_confidence, known.loudness_db)
    if found:
        return
    for row in range(min(MAX_WINDOWS, len(windows.load(voice)))):
        window = windows.read(voice, row)
        yield _singing(window.f0_hz, window.f0_confidence, window.loudness_db)


def windows_of(voice: Voice) -> list[Mapping]:
    """The recordings that a dataset of ours was made from."""
    with contextlib.suppress(DdsingError, KeyError, TypeError):
        return list((read_json(voice.dataset_folder / "windows.json") or {})["recordings"])
    return []


def _singing(f0_hz: np.ndarray, f0_confidence: np.ndarray, loudness_db: np.ndarray) -> Singing:
    n = min(map(len, (f0_hz, f0_confidence, loudness_db)))
    shifted = np.concatenate([loudness_db[_LAG_FRAMES:n], np.full(min(n, _LAG_FRAMES), loudness_db[n - 1])])
    return Singing.of(f0_hz[:n], f0_confidence[:n], shifted)
