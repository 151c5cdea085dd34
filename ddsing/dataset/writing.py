"""The files of a dataset: records, windows, statistics; written aside and published as one."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES
from ddsing.dataset import analysis, disk, layout, manifest
from ddsing.dataset.analysis import WINDOW_FRAMES, WINDOW_SAMPLES, RecordingFeatures
from ddsing.dataset.layout import Place
from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.sounds import Sounds
from ddsing.errors import DatasetError
from ddsing.files import write_json
from ddsing.formats import tfrecord
from ddsing.model import statistics, statistics_pickle
from ddsing.sound.features import FeatureCache

WINDOWS = "windows.json"
REPLACED = ("train.tfrecord*", "held_out.tfrecord*", WINDOWS, "dataset_statistics.*", manifest.NAME)
KEYS = ("f0_hz", "f0_confidence", "loudness_db")
COLUMNS = ("confidence", "silence", "clipping", "midi", "loudness_db")
_SHARD_BYTES = 100e6


def write(
    plan: manifest.Plan,
    store: FeatureCache,
    sounds: Sounds,
    looked_at: Mapping[str, list[Place]],
    *,
    progress: Callable[[float], None],
) -> dict:
    """Write a dataset whose features are all there, of sounds that are kept or are read now; returns its document.

    Parameters
    ----------
    looked_at : Mapping
        The windows of recordings, by the sound's hash, as far as they are known.
    """
    features = {facts.content_hash: _known(store, facts, plan.tracker) for facts in plan.usable}
    places = [
        place
        for facts in plan.usable
        for place in looked_at.get(facts.content_hash)
        or layout.places(facts.content_hash, n_samples_of(facts), features[facts.content_hash])
    ]
    states = layout.states(places, {(file_hash, start) for file_hash, start in plan.selection})
    rows = {state: [row for row, found in enumerate(states) if found == state] for state in ("train", "held_out")}
    if not rows["train"]:
        raise DatasetError(f"All windows of {plan.voice.name!r} are excluded. Include some.")
    rows["train"] = _mixed(rows["train"], plan.dataset_hash)
    with tfrecord.publishing(plan.voice.dataset_folder, replaces=REPLACED) as aside, ThreadPoolExecutor(2) as beside:
        measuring = beside.submit(_write_statistics, aside, features, [places[row] for row in rows["train"]])
        _require(sounds, plan, lambda fraction: progress(0.3 * fraction))
        total, done = len(rows["train"]) + len(rows["held_out"]), 0
        closing = beside.submit(lambda: None)
        for prefix, chosen in rows.items():
            for path, part in _shards(aside, prefix, chosen):
                with ExitStack() as until_written:
                    writer = until_written.enter_context(tfrecord.RecordWriter(path))
                    for row in part:
                        writer.write(example(sounds, features, places[row]))
                        done += 1
                        progress(0.3 + 0.65 * done / total)
                    closing.result()
                    until_written.pop_all()
                closing = beside.submit(writer.close)  # a file reaches the disk while the next one is written
        closing.result()
        _write_windows(aside, plan, places, states, rows)
        measuring.result()
        document = plan.document(
            files={path.name: path.stat().st_size for path in sorted(aside.iterdir())},
            minutes=sum(facts.duration_s for facts in plan.usable) / 60.0,
            minutes_voiced=sum(int(found.voiced.sum()) for found in features.values()) / FRAME_RATE / 60.0,
            held_out_note=_held_out_note(len(places), len(rows["held_out"])),
            n_windows=len(places),
            **{f"n_{state}": states.count(state) for state in ("train", "held_out", "guard", "excluded")},
        )
        write_json(aside / manifest.NAME, document, durable=False)
    progress(1.0)
    return document


def _known(store: FeatureCache, facts: RecordingFacts, tracker: str) -> RecordingFeatures:
    found = analysis.known(store, facts.content_hash, tracker)
    if found is None:
        raise DatasetError(f"The features of {facts.name!r} have been removed in the meantime. Prepare again.")
    return found


def n_samples_of(facts: RecordingFacts) -> int:
    """Samples of a recording at 16 kHz."""
    return round(facts.duration_s * FRAME_RATE * HOP_SAMPLES)


def example(sounds: Sounds, features: Mapping[str, RecordingFeatures], place: Place) -> dict:
    """What is written of a window; ddsp's keys, and where it comes from."""
    audio = sounds.part(place.file_hash, place.start_frame * HOP_SAMPLES, WINDOW_SAMPLES)
    audio = audio if len(audio) == WINDOW_SAMPLES else cut(audio, 0)
    part = slice(place.start_frame, place.start_frame + WINDOW_FRAMES)
    curves = {name: getattr(features[place.file_hash], name)[part] for name in KEYS}
    origin = {"file_hash": place.file_hash.encode(), "start_s": np.array([place.start_frame / FRAME_RATE])}
    return {"audio": audio, "audio_16k": audio, **curves, **origin}


def cut(audio: np.ndarray, start_frame: int) -> np.ndarray:
    """A window's sound [shape=(64000,), float32], with zeros after the end of the recording."""
    part = np.asarray(audio[start_frame * HOP_SAMPLES :][:WINDOW_SAMPLES], np.float32)
    return np.pad(part, (0, WINDOW_SAMPLES - len(part)))


def _require(sounds: Sounds, plan: manifest.Plan, progress: Callable[[float], None]) -> None:
    """See to it that all sounds are in files, so that windows can be read in any order."""
    total, done = sum(facts.duration_s for facts in plan.usable), 0.0
    for facts in plan.usable:
        tell = functools.partial(progress, done / total)
        tell()
        sounds.require(facts, check=tell)
        done += facts.duration_s


def _mixed(rows: list[int], dataset_hash: str):
    """Rows in an order that depends on the content only."""
    seed = int(dataset_hash[:16], 16)
    return np.random.default_rng(seed).permutation(rows).tolist()


def _shards(folder: Path, prefix: str, rows: list[int]) -> Iterator[tuple[Path, list[int]]]:
    if not rows:
        return
    number = math.ceil(len(rows) * disk.WINDOW_BYTES / _SHARD_BYTES)
    for shard, part in enumerate(np.array_split(rows, number)):
        yield folder / f"{prefix}.tfrecord-{shard:05d}-of-{number:05d}", part.tolist()


def _write_windows(
    folder: Path, plan: manifest.Plan, places: list[Place], states: list[str], rows: dict[str, list[int]]
):
    record = np.full(len(places), -1)
    for chosen in rows.values():
        record[chosen] = np.arange(len(chosen))
    numbers = {facts.content_hash: number for number, facts in enumerate(plan.usable)}
    document = {
        "version": manifest.VERSION,
        "recordings": plan.recordings(),
        "recording": [numbers[place.file_hash] for place in places],
        "start_frame": [place.start_frame for place in places],
        "start_s": [place.start_frame / FRAME_RATE for place in places],
        "state": states,
        "record": record.tolist(),
    }
    for name in COLUMNS:
        values = [getattr(place, name) for place in places]
        document[name] = [round(value, 5) if math.isfinite(value) else None for value in values]
    write_json(folder / WINDOWS, document, indent=None, durable=False)


def _write_statistics(folder: Path, features: dict[str, RecordingFeatures], places: list[Place]):
    names = (*KEYS, "power_db")
    curves = {name: np.empty((len(places), WINDOW_FRAMES), np.float32) for name in names}
    for row, place in enumerate(places):
        for name in names:
            whole = getattr(features[place.file_hash], name)
            curves[name][row] = whole[place.start_frame : place.start_frame + WINDOW_FRAMES]
    measured = statistics.measure(**curves, generation=analysis.GENERATION)
    text = json.dumps(measured.to_json(), allow_nan=False)
    (folder / "dataset_statistics.json").write_text(text, "utf-8")
    (folder / "dataset_statistics.pkl").write_bytes(statistics_pickle.dumps(measured))


def _held_out_note(n_windows: int, n_held_out: int):
    if n_held_out:
        return f"{n_held_out} of {n_windows} windows are held out"
    return f"none of {n_windows} windows are held out; that takes at least {layout.MIN_WINDOWS}"
