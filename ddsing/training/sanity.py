"""The sanity check: windows that the training has not seen, and what the model makes of them, side by side."""

from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine import render
from ddsing.errors import TrainingError
from ddsing.formats import tfrecord as record_files
from ddsing.formats.tfrecord import Records
from ddsing.sound import distance
from ddsing.training import choice, evaluation, folder
from ddsing.training import listening as listenings
from ddsing.training.listening import Listening
from ddsing.workspace import Workspace

_USUAL_WINDOWS = 3


@dataclass(frozen=True, eq=False)
class Comparison:
    """A window and its reconstruction.

    Attributes
    ----------
    window : int
        Its number among the held-out windows, or among the training windows where none is held out.
    held_out : bool
    step : int
        Of the checkpoint.
    original, reconstruction : np.ndarray [shape=(n_samples,), float32]
        16 kHz.
    f0_hz, f0_hz_again : np.ndarray [shape=(n_frames,), float32]
        Of the recording, and tracked in the reconstruction.
    loudness_db, loudness_db_again : np.ndarray [shape=(n_frames,), float32]
        On the scale of the model's generation.
    voiced : np.ndarray [shape=(n_frames,), bool]
    spectral_loss : float
    f0_cents : float or None
        Median distance over voiced frames; None without any.
    loudness_error_db : float
    """

    window: int
    held_out: bool
    step: int
    original: np.ndarray
    reconstruction: np.ndarray
    f0_hz: np.ndarray
    f0_hz_again: np.ndarray
    loudness_db: np.ndarray
    loudness_db_again: np.ndarray
    voiced: np.ndarray
    spectral_loss: float
    f0_cents: float | None
    loudness_error_db: float

    def distances(self) -> dict:
        """The three distances, and which window at which step; plain values."""
        names = ("window", "held_out", "step", "spectral_loss", "f0_cents", "loudness_error_db")
        return {name: getattr(self, name) for name in names}


def n_windows(workspace: Workspace, voice_name: str) -> int:
    """How many windows `check` can compare."""
    with _records(folder.locate(workspace, voice_name))[0] as records:
        return len(records)


def check(
    workspace: Workspace, voice_name: str, *, windows: tuple[int, ...] | None = None, step: str | int = choice.CHOSEN
) -> tuple[Comparison, ...]:
    """Compare held-out windows with their reconstruction, training windows where none is held out; usually three."""
    where = folder.locate(workspace, voice_name)
    trained = folder.config(where.path)
    if trained is None:
        raise TrainingError(f"{voice_name!r} has not been trained yet, so there is nothing to compare.")
    checkpoint = choice.choose(where.path, step, trained.model).checkpoint
    model = render.load(trained.model, checkpoint.state(trained.model).weights)
    opened, held_out = _records(where)
    with opened as records:
        if not len(records):
            raise TrainingError(
                f"The dataset of {where.source.name!r} has no windows to compare with. Prepare it first."
            )
        listening = listenings.of(where.source, records, trained)
        if windows is None:
            windows = tuple(np.unique(np.linspace(0, len(records) - 1, _USUAL_WINDOWS).round().astype(int)).tolist())
        compared = []
        for number in windows:
            if not 0 <= number < len(records):
                raise TrainingError(f"No window {number}; there are {len(records)}, numbered from 0.")
            compared.append(_compared(model, records.read(number), listening, number, held_out, checkpoint.step))
    return tuple(compared)


def _records(where: folder.Where) -> tuple[Records, bool]:
    held_out = record_files.open_all(where.source.dataset_folder, "held_out")
    if len(held_out):
        return held_out, True
    held_out.close()
    return record_files.open_all(where.source.dataset_folder, "train"), False


def _compared(
    model: render.Renderer, record: dict, listening: Listening, number: int, held_out: bool, step: int
) -> Comparison:
    window = listening.window(record)
    again = evaluation.resynthesised(model, window)
    n_frames = len(again) // HOP_SAMPLES
    f0_again, loudness_again = listening.f0_hz(again)[:n_frames], listening.loudness_db(again)[:n_frames]
    confidence = window.get("f0_confidence", np.ones(n_frames, np.float32))
    return Comparison(
        window=number,
        held_out=held_out,
        step=step,
        original=window["audio"],
        reconstruction=again,
        f0_hz=window["f0_hz"],
        f0_hz_again=f0_again,
        loudness_db=window["loudness_db"],
        loudness_db_again=loudness_again,
        voiced=distance.voiced_frames(window["f0_hz"], confidence),
        spectral_loss=distance.spectral_loss(window["audio"], again),
        f0_cents=distance.f0_cents(window["f0_hz"], confidence, f0_again),
        loudness_error_db=distance.loudness_db(window["loudness_db"], loudness_again),
    )
