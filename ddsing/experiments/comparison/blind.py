"""Blind tests: which takes can be told apart (A/B/X), and how each is liked (ratings with a hidden reference).

A test is one JSON file in ``listening/``, beside the takes: its plan, drawn from a stored seed before it begins, and an
answer per trial, written as it is given. What a listener's page is told of a trial (`slots`, `stimulus`) holds no
name, and sounds that are the same come as files that differ.

In a trial of A/B/X, A and B are two takes in random order and X is one of them, by a fair coin. A trial of ratings
has, in random order, every take of one recording and the recording itself, which is also there as the open reference.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import itertools
import json
import random
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ddsing import names
from ddsing.changing import changing
from ddsing.errors import DdsingError, TakeError
from ddsing.experiments.comparison import differences, matching, measure, selection
from ddsing.files import existing, listed, restore, safe_name, trash, write_json
from ddsing.transfer.take import Take
from ddsing.workspace import Workspace

FOLDER = "listening"
KINDS = {"abx": "A/B/X", "rating": "Rating"}
REFERENCE = "reference"  # the recording itself, among the items of a rating
MAX_TRIALS = 200
MAX_ITEMS = 9  # of a rating, a key each
LONG_S = 12.0  # longer sounds are heard in an excerpt of this length, unless chosen otherwise
_FADE_S = 0.01
_VERSION = 1


@dataclass(frozen=True)
class BlindTest:
    """A blind test: the plan, and the answers so far.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        Of the order of everything.
    takes : tuple[str, ...]
        Ids of what is tested.
    names : dict[str, str]
        How the takes were called when the test began.
    excerpt_s : tuple[float, float]
        Start and end of what is heard of each sound.
    trials : tuple[tuple[str, ...], ...]
        Who hides behind the slots of each trial: for A/B/X (A, B, X), else the items of a rating; the first word of a
        rating's trial is the take whose recording is the open reference.
    loudness : str
        What the sounds' loudness is measured by, see `matching.method`; "" for tests begun before it was noted.
    answers : tuple[dict, ...]
        One per trial that was answered: ``answer`` (``A`` or ``B``; the scores), ``seconds``, ``plays``, ``when``.
    """

    id: str
    kind: str
    title: str
    seed: int
    takes: tuple[str, ...]
    names: dict[str, str]
    trials: tuple[tuple[str, ...], ...]
    question: str = ""
    listener: str = ""
    created: str = ""
    excerpt_s: tuple[float, float] = (0.0, 600.0)
    answers: tuple[dict, ...] = ()
    stopped: bool = False
    loudness: str = ""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to answer."""
        return self.stopped or len(self.answers) >= len(self.trials)

    def slots(self, trial: int) -> tuple[str, ...]:
        """What the sounds of a trial are called while nobody may know more."""
        if self.kind == "abx":
            return ("A", "B", "X")
        return ("R", *(str(number) for number in range(1, len(self.trials[trial]))))

    def hidden(self, trial: int, slot: str) -> tuple[str, bool]:
        """(id of a take, whether its original is meant) behind a slot."""
        who = self.trials[trial]
        if self.kind == "abx":
            return who["ABX".index(slot)], False
        item = who[0] if slot == "R" else who[int(slot)]
        return (who[0], True) if slot == "R" or item == REFERENCE else (item, False)

    def to_json(self) -> dict:
        """The content of its file."""
        return {**vars(self), "version": _VERSION}


def plan_abx(takes: Sequence[str], *, n_trials: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """(A, B, X) of every trial: all pairs equally often, in random order; X is A or B by a fair coin."""
    if len(set(takes)) < 2:
        raise TakeError("An A/B/X test needs two different takes; choose another one.")
    if not 1 <= n_trials <= MAX_TRIALS:
        raise TakeError(f"An A/B/X test can have 1 to {MAX_TRIALS} trials, not {n_trials}.")
    draw = random.Random(seed)
    pairs = list(itertools.combinations(dict.fromkeys(takes), 2))
    draw.shuffle(pairs)  # where they don't come out even, which pairs are heard once more is a matter of chance
    order = list(itertools.islice(itertools.cycle(pairs), n_trials))
    draw.shuffle(order)
    trials = []
    for pair in order:
        a, b = draw.sample(pair, 2)
        trials.append((a, b, draw.choice((a, b))))
    return tuple(trials)


def plan_rating(takes: Sequence[Take], *, repeats: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """(a take of the recording, items …) of every trial: a trial per recording and repeat, all in random order.

    That take is one that has kept the recording at the highest rate.
    """
    if not takes or not 1 <= repeats <= 10:
        raise TakeError("A rating needs takes, and 1 to 10 repeats.")
    draw = random.Random(seed)
    by_recording: dict[str, list[Take]] = {}
    for take in takes:
        by_recording.setdefault(take.source_hash, []).append(take)
    if max(map(len, by_recording.values())) >= MAX_ITEMS:
        raise TakeError(f"At most {MAX_ITEMS - 1} takes of one recording can be rated at once; choose fewer.")
    trials = []
    for _ in range(repeats):
        for group in draw.sample(list(by_recording.values()), len(by_recording)):
            items = [*(take.id for take in group), REFERENCE]
            widest = max(group, key=lambda take: take.rate_hz)
            trials.append((widest.id, *draw.sample(items, len(items))))
    return tuple(trials)


def unsuitable(kind: str, takes: Sequence[Take]) -> str | None:
    """Why takes are no good for a test of a kind, in a sentence; None if they are."""
    if not takes or (kind == "abx" and len(takes) < 2):
        return "Choose two takes or more, of one recording best." if kind == "abx" else "Choose a take or more."
    if kind == "abx" and len({take.source_hash for take in takes}) > 1:
        return "These takes are of different recordings, which anyone can hear. Choose takes of one recording."
    return None


def excerpt_of(takes: Sequence[Take]) -> tuple[float, float]:
    """Start and end in s of what is heard of takes, unless chosen otherwise: differences are heard best in a loop."""
    return 0.0, min(round(max((take.duration_s for take in takes), default=LONG_S), 1), LONG_S)


class BlindTests:
    """The tests of a workspace."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self.folder = workspace.experiments / FOLDER

    def begin(
        self,
        kind: str,
        takes: Sequence[Take],
        *,
        n_trials: int = 16,
        repeats: int = 1,
        title: str = "",
        question: str = "",
        listener: str = "",
        excerpt_s: tuple[float, float] = (0.0, 600.0),
        seed: int | None = None,
    ) -> BlindTest:
        """Draw a test and keep its plan; the seed is random unless one is given."""
        if kind not in KINDS:
            raise TakeError(f"Unknown kind of blind test {kind!r}; use {' or '.join(KINDS)}.")
        if not 0.0 <= excerpt_s[0] < excerpt_s[1]:
            raise TakeError(
                f"The excerpt runs from {excerpt_s[0]:g} to {excerpt_s[1]:g} s; its end must come after its start."
            )
        seed = secrets.randbits(48) if seed is None else seed
        ids = [take.id for take in takes]
        if kind == "abx":
            trials = plan_abx(ids, n_trials=n_trials, seed=seed)
        else:
            trials = plan_rating(takes, repeats=repeats, seed=seed)
        now = datetime.datetime.now(datetime.UTC)
        test = BlindTest(
            id="",
            kind=kind,
            title=" ".join(title.split())[:120] or f"{KINDS[kind]} of {len(takes)} takes",
            seed=seed,
            takes=tuple(ids),
            names=dict(zip(ids, differences.names(takes))),
            trials=trials,
            question=question.strip()[:300],
            listener=" ".join(listener.split())[:120],
            created=now.isoformat(timespec="seconds"),
            excerpt_s=excerpt_s,
            loudness=matching.method(),
        )
        while True:
            test_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
            with contextlib.suppress(FileExistsError):
                return self._write(replace(test, id=test_id), new=True)

    def list(self) -> tuple[BlindTest, ...]:
        """All tests that can be read, the newest first."""
        found = []
        for path in sorted(_files(self.folder), reverse=True):
            try:
                found.append(_read(path))
            except DdsingError:
                continue
        return tuple(found)

    def get(self, test_id: str) -> BlindTest:
        """The test with an id."""
        return _read(self._path(test_id))

    def answer(self, test_id: str, trial: int, answer: Any, *, seconds: float = 0.0, plays: int = 0) -> BlindTest:
        """Keep the answer to a trial; one that comes twice counts once."""
        with changing(self.folder):
            test = self.get(test_id)
            if trial != len(test.answers) or test.finished:
                return test
            return self._write(replace(test, answers=(*test.answers, _entry(test, trial, answer, seconds, plays))))

    def stop(self, test_id: str) -> BlindTest:
        """End a test before its last trial; what was answered counts, and the result says that it was stopped."""
        with changing(self.folder):
            return self._write(replace(self.get(test_id), stopped=True))

    def delete(self, test_id: str) -> str:
        """Move a test to the trash; returns what `undo` takes."""
        with changing(self.folder):
            self.get(test_id)
            return str(trash(self._path(test_id)))

    def undo(self, token: str) -> BlindTest:
        """Bring a deleted test back."""
        path = Path(token)
        if path.parent.parent != self.folder / ".trash":
            raise TakeError("This test can't be restored: it was not deleted here.")
        return _read(restore(path))

    def _path(self, test_id: str) -> Path:
        there = existing(self.folder, test_id, ".json")
        return there or self.folder / f"{safe_name(test_id)}.json"

    def _write(self, test: BlindTest, *, new: bool = False) -> BlindTest:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self._path(test.id), test.to_json(), new=new)
        except OSError as error:
            if isinstance(error, FileExistsError) and self._path(test.id).exists():
                raise
            raise TakeError(f"The test can't be saved: {error.strerror}. Free some disk space.") from None
        return test


def stimulus(workspace: Workspace, test: BlindTest, trial: int, slot: str) -> bytes:
    """The sound of a slot as a WAV that gives nothing away: equally loud, no metadata, never twice the same file."""
    slots = test.slots(trial)
    sounds = _sounds(workspace, test, trial)
    heard = [matching.of(take, name, excerpt_s=test.excerpt_s) for take, name in sounds]
    place = slots.index(slot)
    gain = matching.matched_gains_db(heard)[place]
    rate = rate_hz(workspace, test, trial)
    part = matching.excerpt(measure.sound(*sounds[place], rate_hz=rate), test.excerpt_s, rate)
    part = _faded(part * np.float32(10.0 ** (gain / 20.0)), rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, part, rate, format="WAV", subtype="PCM_24")
    return _salted(buffer.getvalue())


def rate_hz(workspace: Workspace, test: BlindTest, trial: int) -> int:
    """The sample rate of all sounds of a trial, so that none is told by it."""
    return max(take.rate_hz for take, _ in _sounds(workspace, test, trial))


def _sounds(workspace: Workspace, test: BlindTest, trial: int) -> list[tuple[Take, str]]:
    """The takes of a trial's slots, and which of a take's sounds each is."""
    hidden = [test.hidden(trial, name) for name in test.slots(trial)]
    return [(selection.find(workspace, take_id), "original" if original else "result") for take_id, original in hidden]


def _faded(part: np.ndarray, rate_hz: int) -> np.ndarray:
    n_fade = min(round(_FADE_S * rate_hz), len(part) // 2)
    faded = np.array(part, np.float32)
    if n_fade:
        ramp = np.linspace(0.0, 1.0, n_fade, dtype=np.float32)
        faded[:n_fade] *= ramp
        faded[-n_fade:] *= ramp[::-1]
    return faded


def _salted(wav: bytes) -> bytes:
    """The WAV with 16 random bytes in a chunk that players skip, so that its name, a hash, tells nothing."""
    chunk = b"JUNK" + struct.pack("<I", 16) + secrets.token_bytes(16)
    size = struct.unpack("<I", wav[4:8])[0] + len(chunk)
    return wav[:4] + struct.pack("<I", size) + wav[8:] + chunk


def _entry(test: BlindTest, trial: int, answer: Any, seconds: float, plays: int) -> dict[str, Any]:
    return {
        "answer": _checked(test, trial, answer),
        "seconds": round(float(seconds), 2),
        "plays": int(plays),
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _checked(test: BlindTest, trial: int, answer: Any) -> Any:
    if test.kind == "abx":
        if answer not in ("A", "B"):
            raise TakeError(f"The answer {answer!r} is neither A nor B.")
        return answer
    n_items = len(test.trials[trial]) - 1
    numbers = [score for score in answer if isinstance(score, int | float) and not isinstance(score, bool)]
    if len(numbers) != n_items or not all(0 <= score <= 100 for score in numbers):
        raise TakeError(f"The trial has {n_items} items, each to be rated from 0 to 100.")
    return [round(float(score), 1) for score in numbers]


def _files(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.suffix == ".json"]


def _read(path: Path) -> BlindTest:
    try:
        data = names.mended(json.loads(path.read_text("utf-8")))
        if data["version"] != _VERSION or data["kind"] not in KINDS:
            raise TakeError("another version")
        return BlindTest(
            id=names.read(path.stem),
            kind=data["kind"],
            title=str(data["title"]),
            seed=int(data["seed"]),
            takes=tuple(map(str, data["takes"])),
            names={str(key): str(value) for key, value in data["names"].items()},
            trials=tuple(tuple(map(str, trial)) for trial in data["trials"]),
            question=str(data["question"]),
            listener=str(data["listener"]),
            created=str(data["created"]),
            excerpt_s=(float(data["excerpt_s"][0]), float(data["excerpt_s"][1])),
            answers=tuple(dict(answer) for answer in data["answers"]),
            stopped=data["stopped"] is True,
            loudness=str(data.get("loudness", "")),
        )
    except FileNotFoundError:
        raise TakeError(f"No blind test {names.read(path.stem)[:80]!r}; it may have been deleted.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, TakeError):
        raise TakeError(f"The blind test {names.read(path.stem)[:80]!r} is damaged and can't be read.") from None
