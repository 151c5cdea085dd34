"""What takes were made with, side by side, and where they differ."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from ddsing.constants import TRACKER_WORDS
from ddsing.experiments.comparison.measure import MELODY, Metrics
from ddsing.transfer.settings import SHOWN, shown, text, words
from ddsing.transfer.take import Take

SETTINGS = {name: words(name).title for name in SHOWN if words(name).heard}
METRICS = {  # field: what people read, and what it means
    "f0_cents": ("Pitch error", "Median distance from the target f0 over voiced frames; the result is re-analysed."),
    "f0_within_50": ("Pitch within 50 cents", "Share of voiced frames."),
    "raw_pitch_accuracy": (
        "Raw pitch accuracy",
        "Share of voiced frames whose pitch is within 50 cents of the target.",
    ),
    "raw_chroma_accuracy": ("Raw chroma accuracy", "The same, ignoring octave errors."),
    "voicing_recall": ("Voicing recall", "Share of voiced frames in which the result is voiced too."),
    "voicing_false_alarm": (
        "Voicing false alarm",
        "Share of unvoiced frames in which the result is voiced.",
    ),
    "loudness_db": ("Loudness error", "Mean distance from the target loudness over voiced frames."),
    "spectral": ("Spectral distance", "ddsp's multi-scale spectral loss between the result and the recording."),
    "harmonic_share": ("Harmonic energy", "Share of the energy in the harmonic part; the rest is noise."),
}


@dataclass(frozen=True)
class Row:
    """A quality of every take, in words; `differs` where they are not all the same."""

    label: str
    values: tuple[str, ...]
    differs: bool


def table(takes: Sequence[Take], *, labels: bool = False) -> tuple[Row, ...]:
    """Instrument, recording, tracker and every setting of some takes; with `labels`, as the pages call the trackers."""
    reasons = [take.settings.disabled() for take in takes]
    rows = [
        ("Instrument", [take.morph.said() if take.morph else take.instrument for take in takes]),
        ("Recording", [take.source for take in takes]),
        ("Tracker", [TRACKER_WORDS.get(take.tracker, take.tracker) if labels else take.tracker for take in takes]),
    ]
    listed = {name for take in takes for name in shown(take.settings)}
    for field, label in SETTINGS.items():
        values = [
            "no effect" if field in reason else text(field, getattr(take.settings, field))
            for take, reason in zip(takes, reasons)
        ]
        if field in listed:
            rows.append((label, values))
    contents = {
        "Instrument": [take.instrument_digest for take in takes],
        "Timbre": [take.timbre_hash for take in takes],
    }
    rows = [(label, _told_apart(values, contents[label]) if label in contents else values) for label, values in rows]
    return tuple(Row(label, tuple(values), len(set(values)) > 1) for label, values in rows)


def apart(takes: Sequence[Take]) -> tuple[str, ...]:
    """What tells each take from the others, on one line: ``octave shift +1, autotune 0.5``; for one take, its tags."""
    rows = [row for row in table(takes, labels=True) if row.differs and row.label not in ("Recording",)]
    lines = []
    for place, take in enumerate(takes):
        said = [
            row.values[place] if row.label == "Instrument" else f"{row.label.lower()} {row.values[place]}"
            for row in rows
            if row.values[place] != "no effect"
        ]
        lines.append(", ".join([*said, *take.tags]))
    return tuple(lines)


def names(takes: Sequence[Take]) -> tuple[str, ...]:
    """The takes' names; those of the same name with what tells them apart, or with a number where nothing does."""
    named = []
    for place, take in enumerate(takes):
        twins = [other for other in takes if other.name == take.name]
        number = sum(other.name == take.name for other in takes[:place])
        told = apart(twins)
        differs = told[number] if len(set(told)) == len(twins) else ""
        named.append(take.name if len(twins) == 1 else f"{take.name} ({differs or number + 1})")
    return tuple(named)


def metric_fields(measured: Sequence[Metrics | None]) -> tuple[str, ...]:
    """The fields of `METRICS` that are shown of some takes.

    The share within 50 cents is mir_eval's raw pitch accuracy by another name; it is shown for takes that only have it.
    """
    kept = [metrics for metrics in measured if metrics is not None]
    left_out = set(MELODY) if not any(metrics.complete for metrics in kept) else set()
    if all(metrics.complete for metrics in kept):
        left_out.add("f0_within_50")
    return tuple(field for field in METRICS if field not in left_out)


def metric(field: str, metrics: Metrics | None) -> str:
    """A metric's value for people; "" where it is not known."""
    value = getattr(metrics, field) if metrics else None
    if value is None:
        return "" if metrics is None or (field in MELODY and not metrics.complete) else "none"
    if field == "f0_cents":
        return f"{value:.1f} cents" if value < 10 else f"{value:.0f} cents"
    if field == "loudness_db":
        return f"{value:.1f} dB"
    return f"{value:.2f}" if field == "spectral" else f"{100 * value:.1f} %"


def to_csv(takes: Sequence[Take], measured: Sequence[Metrics | None]) -> str:
    """A row per take with every metric as a number, in the units of `Metrics`; empty where it is not known."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = [*METRICS, "sung_s", "melody_by"]
    writer.writerow(["take", "name", *columns])
    for take, metrics in zip(takes, measured):
        values = [getattr(metrics, column) if metrics else None for column in columns]
        writer.writerow([take.id, spreadsheet_text(take.name), *("" if value is None else value for value in values)])
    return buffer.getvalue()


def spreadsheet_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _told_apart(names: list[str], digests: list[str]) -> list[str]:
    """Names with a few digits where what is called the same differs in content; "" stands for one not known."""
    told = []
    for name, digest in zip(names, digests):
        twins = {other for one, other in zip(names, digests) if one == name}
        told.append(f"{name} ({digest[:6]})" if len(twins) > 1 and digest else name)
    return told
