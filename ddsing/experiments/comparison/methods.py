"""A methods paragraph for a paper, from the facts that the workspace holds, and what it does not know.

Nothing is guessed: what is not recorded is left out of the text, and named in `Methods.unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddsing.constants import FRAME_RATE, FULL_BAND_RATE, SAMPLE_RATE
from ddsing.dataset import manifest, voices
from ddsing.experiments.comparison import differences, measure
from ddsing.files import read_json
from ddsing.instrument.library import Entry, Library
from ddsing.sound import gate, voicing
from ddsing.sound.highpass import CROSSOVER_HZ
from ddsing.training import folder
from ddsing.transfer.take import Take
from ddsing.workspace import Workspace

CITATIONS = (
    "J. Engel, L. Hantrakul, C. Gu, and A. Roberts, “DDSP: Differentiable Digital Signal Processing,” in Proc. "
    "International Conference on Learning Representations (ICLR), 2020.",
    "J. W. Kim, J. Salamon, P. Li, and J. P. Bello, “CREPE: A Convolutional Representation for Pitch Estimation,” in "
    "Proc. IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP), 2018.",
    "J. Alonso and C. Erkut, “Latent Space Explorations of Singing Voice Synthesis using DDSP,” in Proc. Sound and "
    "Music Computing Conference (SMC), 2021.",
)
SWIFT_F0 = "the SwiftF0 network"
LIBRARIES = {  # cited after those where they were used
    "mir_eval": "C. Raffel, B. McFee, E. J. Humphrey, J. Salamon, O. Nieto, D. Liang, and D. P. W. Ellis, “mir_eval: A "
    "Transparent Implementation of Common MIR Metrics,” in Proc. International Society for Music Information Retrieval "
    "Conference (ISMIR), 2014.",
    "SwiftF0": "L. Nieradzik, “SwiftF0: Fast and Accurate Monophonic Pitch Detection,” arXiv:2508.18440, 2025.",
    "pyloudnorm": "C. J. Steinmetz and J. D. Reiss, “pyloudnorm: A Simple Yet Flexible Loudness Meter in Python,” in "
    "Proc. 150th Convention of the Audio Engineering Society, 2021.",
}
_TRACKERS = {
    "full": "the full CREPE network [2] at every frame",
    "fast": "the full CREPE network [2] at 100 frames/s, interpolated",
    "tiny": "the tiny CREPE network [2]",
    "instant": f"{SWIFT_F0} at 62.5 frames/s, interpolated",
}


@dataclass(frozen=True)
class Methods:
    """A paragraph, what it could not say, and the works that it cites as [1], [2] and so on."""

    text: str
    unknown: tuple[str, ...]
    citations: tuple[str, ...] = CITATIONS

    def whole(self) -> str:
        """All of it as plain text."""
        cited = "\n".join(f"[{number}] {citation}" for number, citation in enumerate(self.citations, start=1))
        unknown = f"Not recorded: {'; '.join(self.unknown)}.\n\n" if self.unknown else ""
        return f"{self.text}\n\n{unknown}{cited}\n"


def compose(workspace: Workspace, takes: Sequence[Take], *, listening: Sequence[str] = ()) -> Methods:
    """The paragraph for some takes; `listening` are sentences about blind tests of them."""
    unknown: list[str] = []
    recordings = dict.fromkeys(take.source for take in takes)
    entries = {entry.name: entry for entry in Library(workspace).list() if not entry.error}
    names = dict.fromkeys(name for take in takes for name in (take.morph.names if take.morph else (take.instrument,)))
    sentences = [_rendering(takes, recordings), _tracking(takes)]
    sentences += [_instrument(workspace, name, entries.get(name), unknown) for name in names]
    sentences += [
        _settings(takes),
        *_morphs(takes),
        *_kept(takes),
        *_gated(takes),
        *_topped(takes),
        _metrics(takes, unknown),
        *listening,
    ]
    unknown.append(f"the computers that trained the instruments and rendered the takes (this one has {machine()})")
    text, citations = _with_libraries(" ".join(sentence for sentence in sentences if sentence))
    return Methods(text, tuple(dict.fromkeys(unknown)), citations)


def _with_libraries(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with a citation where a library is first named, ``mir_eval 0.8.2 [4]``, and all that is cited."""
    citations = list(CITATIONS)
    for name, citation in LIBRARIES.items():
        text, n_named = re.subn(rf"\b{name} [\w.]+\w", rf"\g<0> [{len(citations) + 1}]", text, count=1)
        citations += [citation] * n_named
    return text, tuple(citations)


def machine() -> str:
    """The computer in a few words."""
    from ddsing import hardware

    here = hardware.look(Path.cwd())
    gpus = ", ".join(gpu.name for gpu in here.gpus) or "no GPU"
    return f"{here.n_cores} CPU cores, {here.memory_total_bytes / 2**30:.0f} GiB of memory, {gpus}"


def _rendering(takes: Sequence[Take], recordings: Mapping[str, Any]) -> str:
    versions = " and ".join(dict.fromkeys(take.version for take in takes if take.version)) or "of unknown version"
    n_takes = f"{len(takes)} takes were" if len(takes) > 1 else "One take was"
    of = f"{len(recordings)} recordings" if len(recordings) > 1 else "one recording"
    minutes = sum({take.source_hash: take.duration_s for take in takes}.values()) / 60.0
    length = f"{minutes:.1f} minutes" if minutes >= 1.0 else f"{60 * minutes:.0f} seconds"
    return (
        f"{n_takes} rendered from {of} ({length} in total) by timbre transfer with differentiable digital signal "
        f"processing (DDSP) [1], as applied to singing in [3], with ddsing {versions}."
    )


def _tracking(takes: Sequence[Take]) -> str:
    names = dict.fromkeys(take.tracker for take in takes if take.score is None)
    found = [f"f0 was tracked with {' or '.join(_TRACKERS.get(name, name) for name in names)}"] if names else []
    if any(take.score is not None for take in takes):
        found.append("f0 and loudness of what was sung from a score were drawn from its notes by rules")
    return (
        f"Audio was mono at {SAMPLE_RATE // 1000} kHz; {', and '.join(found)}, and loudness was A-weighted, both at "
        f"{FRAME_RATE} frames/s."
    )


def _instrument(workspace: Workspace, name: str, entry: Entry | None, unknown: list[str]) -> str:
    if entry is None or entry.config is None:
        unknown.append(f"everything about the instrument {name}, which is no longer in the workspace")
        return ""
    config, origin = entry.config, entry.provenance
    model = (
        f"The instrument {name} has a recurrent decoder (GRU of {config.rnn_channels} units, stacks of "
        f"{config.layers_per_stack} layers of {config.ch}), {config.n_harmonics} harmonics and {config.n_noise_bands} "
        f"noise bands"
    )
    if config.z is not None:
        model += f", and an MFCC encoder with {config.z.z_dims} latent dimensions"
    if config.voicing:
        model += "; it is also given the confidence of f0"
    data = _data(workspace, entry)
    trained = [f"trained for {origin.step:,} steps"] if origin.step is not None else []
    if data.get("minutes"):
        trained.append(f"on {data['minutes']:.1f} minutes of {origin.voice or 'a voice'}")
    elif origin.voice:
        trained.append(f"on recordings of {origin.voice}")
    if data.get("batch_size"):
        trained.append(f"with batches of {data['batch_size']}")
    if data.get("tracker"):
        trained.append(f"with f0 from the {data['tracker']} tracker")
    if origin.loss is not None:
        trained.append(f"to a multi-scale spectral loss of {origin.loss:.2f}")
    missing = {
        "the number of steps": origin.step,
        "the loss": origin.loss,
        "the minutes of data": data.get("minutes"),
        "the tracker of its dataset": data.get("tracker"),
    }
    unknown += [f"{what} of {name}" for what, value in missing.items() if value is None]
    return f"{model}{'; it was ' if trained else ''}{' '.join(trained)}."


def _data(workspace: Workspace, entry: Entry) -> dict[str, Any]:
    """What the voice's folders tell, if the instrument was trained from the dataset that lies there."""
    wanted = entry.provenance.dataset_hash
    for voice in voices.list_voices(workspace) if wanted else ():
        document = read_json(voice.dataset_folder / manifest.NAME) or {}
        if document.get("dataset_hash") != wanted:
            continue
        begun = folder.begun(voice.checkpoints_folder)
        batch_size = begun.recipe.get("batch_size") if begun else None
        found = {"minutes": document.get("minutes"), "tracker": document.get("tracker"), "batch_size": batch_size}
        return {name: value for name, value in found.items() if isinstance(value, int | float | str)}
    return {}


def _settings(takes: Sequence[Take]) -> str:
    rows = {row.label: row for row in differences.table(takes)}
    labels = [
        label for label in differences.SETTINGS.values() if label in rows and set(rows[label].values) != {"no effect"}
    ]
    same = [f"{label.lower()} {rows[label].values[0]}" for label in labels if not rows[label].differs]
    apart = [
        f"{label.lower()} ({', '.join(dict.fromkeys(rows[label].values))})" for label in labels if rows[label].differs
    ]
    said = f"Settings were {', '.join(same)}" if same else "All settings differed"
    return said + (f"; the takes differ in {', '.join(apart)}." if apart else ".")


def _morphs(takes: Sequence[Take]) -> list[str]:
    morphs = [take.morph.said() for take in takes if take.morph]
    if not morphs:
        return []
    return [
        f"Mixtures of instruments ({'; '.join(dict.fromkeys(morphs))}) were made by interpolating amplitude and noise "
        "magnitudes in dB and the harmonic distribution linearly."
    ]


def _gated(takes: Sequence[Take]) -> list[str]:
    gates = dict.fromkeys(take.settings.gate_db for take in takes if take.settings.gate_db is not None)
    if not gates:
        return []
    thresholds = " or ".join(f"{abs(gate_db):g}" for gate_db in gates)
    return [
        f"A noise gate silenced what was {thresholds} dB softer than the 95th percentile of the recording's loudness "
        f"(hold {1000 * gate.HOLD_S:.0f} ms, release {1000 * gate.FADE_OUT_S:.0f} ms)."
    ]


def _kept(takes: Sequence[Take]) -> list[str]:
    kept = sum(take.settings.keep_unvoiced > 0 for take in takes)
    if not kept:
        return []
    which = "" if kept == len(takes) else f"In {kept} of the takes, "
    crossover_khz = CROSSOVER_HZ / 1000.0
    said = (
        f"{which}consonants and breath of the recording were kept: where the confidence of f0 was below "
        f"{voicing.ENDS:g} (until it reached {voicing.BEGINS:g} again) and the spectrum had no lines, the harmonics "
        f"were faded out, the recording was added above {crossover_khz:g} kHz, and below it the filtered noise "
        "followed the recording's band levels."
    )
    return [said[:1].upper() + said[1:]]


def _topped(takes: Sequence[Take]) -> list[str]:
    topped = sum(take.rate_hz > SAMPLE_RATE for take in takes)
    if not topped:
        return []
    which = "The takes were" if topped == len(takes) else f"{topped} of the takes {'was' if topped == 1 else 'were'}"
    return [
        f"{which} rendered at {FULL_BAND_RATE // 1000} kHz: below {SAMPLE_RATE // 2000} kHz by the model, above it by "
        "noise in bands spaced as the ear hears and harmonics up to 12 kHz, whose levels a regression on the model's "
        "controls gave."
    ]


def _metrics(takes: Sequence[Take], unknown: list[str]) -> str:
    measured = [measure.known(take) for take in takes]
    found = [metrics for metrics in measured if metrics is not None]
    if len(found) < len(takes):
        unknown.append("metrics of " + ("any take" if not found else f"{len(takes) - len(found)} of the takes"))
    if not found:
        return ""
    spans = []
    for field in differences.metric_fields(found):
        label = differences.METRICS[field][0]
        values = [getattr(metrics, field) for metrics in found if getattr(metrics, field) is not None]
        if values:
            ends = [
                differences.metric(field, next(m for m in found if getattr(m, field) == v))
                for v in (min(values), max(values))
            ]
            spans.append(f"{label} {' to '.join(dict.fromkeys(ends))}")
    said = (
        "Each result was re-analysed with the tiny CREPE network and compared with the f0 and loudness that the "
        f"instrument was given, over voiced frames: {', '.join(spans)}."
    )
    return said + _melody(found, unknown)


def _melody(found: Sequence[measure.Metrics], unknown: list[str]) -> str:
    """Who computed the accuracies; versions are those that the figures were computed with."""
    n_missing = sum(not metrics.complete for metrics in found)
    if n_missing:
        unknown.append(f"pitch accuracy and voicing of {n_missing} of the takes, measured before these were computed")
    libraries = " and ".join(dict.fromkeys(metrics.melody_by for metrics in found if metrics.melody_by))
    if not libraries:
        return ""
    return f" Pitch and chroma accuracy, voicing recall and false alarm were computed with {libraries}."
