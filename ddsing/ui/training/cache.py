"""What the Training page keeps in memory about a training; keyed by what lies on disk, so each save is seen once."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from ddsing.constants import SAMPLE_RATE
from ddsing.dataset.voices import Voice
from ddsing.ui.dataset import cache
from ddsing.ui.shell import caches, looks, opened, per_workspace, trackers

if TYPE_CHECKING:
    from ddsing.experiments.comparison.heard import Heard
    from ddsing.training.history import History
    from ddsing.training.recipe import Recipe

HISTORIES, FORMINGS, FIGURES, PREVIEWS = 4, 4, 8, 32
GAP_S = 0.35  # between two previews in a row


def history_stamp(voice: Voice) -> tuple:
    """Changes with every point and every save."""
    return looks.once(("history", opened.key(), voice.name), partial(_history_stamp, voice))


def _history_stamp(voice: Voice) -> tuple:
    folder = voice.checkpoints_folder
    return (
        voice.name,
        *cache.stamps(folder, suffixes=(".jsonl", ".json")),
        *cache.stamps(folder / "summaries" / "train"),
        *(path.name for path in sorted(folder.glob("*.index"))),
    )


def history(voice: Voice):
    """The training's history."""
    return _history(history_stamp(voice), voice)


@per_workspace.resource(max_entries=HISTORIES, show_spinner=False)
def _history(stamp: tuple, _voice: Voice):
    from ddsing.training import history

    return history.read(_voice.checkpoints_folder)


def course(history: History, *, total_steps: int | None = None):
    """A history as the figures take it; `total_steps` while it is being trained until then."""
    from ddsing.plots.training import Course

    measured = [save for save in history.saves if save.spectral_loss is not None]

    def column(name: str) -> np.ndarray:
        return np.array(
            [getattr(save, name) if getattr(save, name) is not None else np.nan for save in measured], float
        )

    return Course(
        steps=history.steps,
        loss=history.loss,
        held_out_steps=np.array([save.step for save in measured]),
        held_out={name: column(name) for name in ("spectral_loss", "f0_cents", "loudness_db", "timbre_db")},
        preview_steps=np.array([save.step for save in history.saves if save.preview is not None]),
        best_step=history.verdict.step if history.verdict else None,
        total_steps=total_steps,
        speed_steps=history.speed_steps,
        steps_per_s=history.steps_per_s,
    )


def loss_figure(
    voice: Voice, history: History, *, total_steps: int | None, window: tuple[float, float] | None
) -> tuple:
    """The loss curve and its words, drawn once for each new point."""
    return _loss_figure(history_stamp(voice), total_steps, window, history)


@per_workspace.resource(max_entries=FIGURES, show_spinner=False)
def _loss_figure(stamp: tuple, total_steps: int | None, window: tuple | None, _history: History) -> tuple:
    from ddsing.plots import training as plot

    shown = course(_history, total_steps=total_steps)
    return plot.loss_figure(shown, window=window), plot.loss_alt(shown)


def held_out_figure(
    voice: Voice, history: History, *, total_steps: int | None, window: tuple[float, float] | None
) -> tuple:
    """The curves of the held-out part and their words, drawn once for each new point."""
    return _held_out_figure(history_stamp(voice), total_steps, window, history)


@per_workspace.resource(max_entries=FIGURES, show_spinner=False)
def _held_out_figure(stamp: tuple, total_steps: int | None, window: tuple | None, _history: History) -> tuple:
    from ddsing.plots import training as plot

    shown = course(_history, total_steps=total_steps)
    return plot.held_out_figure(shown, window=window), plot.held_out_alt(shown)


def forming(previews: tuple[Path, ...]) -> bytes:
    """Previews one after another, as WAV."""
    return _forming(tuple(map(caches.stamp, previews)))


@per_workspace.data(max_entries=FORMINGS, show_spinner=False)
def _forming(stamps: tuple) -> bytes:
    parts, rate = [], SAMPLE_RATE
    for path, _, _ in stamps:
        sound, rate = soundfile.read(path, dtype="float32")
        parts += [sound, np.zeros(round(GAP_S * rate), np.float32)]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(parts[:-1]), rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def preview(path: Path) -> Heard:
    """How loud a preview is, and how it looks."""
    return _heard(caches.stamp(path))


@per_workspace.data(max_entries=PREVIEWS, show_spinner=False)
def _heard(stamp: tuple) -> Heard:
    from ddsing.experiments.comparison import heard, matching
    from ddsing.sound import wave

    sound, _ = soundfile.read(stamp[0], dtype="float32")
    loudness = matching.Loudness(matching.integrated_lufs(sound), float(np.abs(sound).max(initial=0.0)))
    return heard.Heard(loudness, wave.of(sound))


def estimate(recipe: Recipe, *, done: int = 0) -> tuple[float, str]:
    """Seconds that a recipe takes here after the `done` first steps, and where that is known from."""
    from ddsing.training import estimate as estimates

    return estimates.seconds(opened.workspace(), recipe, done=done)


def top_seconds(voice: Voice) -> float:
    """How long the top of a voice's instrument takes to make here, as far as its recordings were read."""
    from ddsing.training import estimate as estimates

    return estimates.top_seconds(trackers.known_paces(), source(voice))


def source(voice: Voice) -> Voice:
    """The voice whose dataset a voice is trained on: itself, but for a branch and the cells of a sweep."""
    from ddsing.training import folder

    look = partial(folder.locate, opened.workspace(), voice.name)
    return looks.once(("trained", opened.key(), voice.name), look).source


def preparing_seconds(source: Voice, tracker: str) -> float | None:
    """How long a dataset's preparation before a training takes with a tracker; None where none is needed."""
    from ddsing.dataset import prepare
    from ddsing.training import preparing

    if not preparing.needed(source):
        return None
    known = cache.stamps(source.dataset_folder / "features")
    new_s, all_s = _sound_to_do((cache.recordings_stamp(source), known), tracker, source)
    return prepare.expected_seconds(trackers.known_paces(), tracker, new_s, all_s)


@per_workspace.data(max_entries=FIGURES, show_spinner=False)
def _sound_to_do(stamp: tuple, tracker: str, _source: Voice) -> tuple[float, float]:
    from ddsing.dataset import prepare

    return prepare.sound_to_do(_source, tracker=tracker)
