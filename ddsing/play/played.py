"""What was played on keys: its curves, as a browser sends them, rendered in full quality as a take like all others.

Public: `Played`, `render`, `MAX_S`.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ddsing.constants import DB_RANGE, FRAME_RATE, MAX_F0_MIDI, MAX_TRANSFER_S
from ddsing.errors import ScoreError
from ddsing.instrument import Instrument
from ddsing.instrument import models as stores
from ddsing.instrument.models import Models
from ddsing.play import placing, sing
from ddsing.play.expression import TAIL_S, Curves
from ddsing.play.placing import TRACKER
from ddsing.play.style import Style
from ddsing.transfer import fit
from ddsing.transfer.settings import Settings
from ddsing.transfer.stages import Stages
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.transfer.timbre import z_of
from ddsing.units import midi_to_hz, n_frames
from ddsing.workspace import Workspace

SOURCE = "Played"
MAX_S = MAX_TRANSFER_S
NOTHING = "Nothing was played. Press Record, play, and press it again."
UNREADABLE = "What was played can't be read. Reload the page and play it again."
_LEAD_S = 0.1  # kept before the first note
_MAX_BREATH_DB = 24.0


@dataclass(frozen=True, eq=False)
class Played:
    """What was played, and how.

    Attributes
    ----------
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float32]
        250 frames per second, on the loudness scale of the instrument that was played.
    style : Style
        By which it was drawn.
    style_name : str
        What that began as.
    breath_db : float
        By which the noise was louder than the instrument's own.
    timbre : tuple[float, ...]
        Standard deviations along the first directions of z.
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    style: Style
    style_name: str
    breath_db: float = 0.0
    timbre: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        curves = [np.asarray(one, np.float32) for one in (self.f0_hz, self.loudness_db)]
        if curves[0].ndim != 1 or curves[0].shape != curves[1].shape or not all(np.isfinite(c).all() for c in curves):
            raise ScoreError(UNREADABLE)
        if len(curves[0]) > MAX_S * FRAME_RATE:
            raise ScoreError(f"What was played is longer than {MAX_S:g} s, the longest that is rendered at a time.")
        if abs(self.breath_db) > _MAX_BREATH_DB or not np.isfinite(self.timbre).all():
            raise ScoreError(UNREADABLE)
        object.__setattr__(self, "f0_hz", np.clip(curves[0], 1.0, midi_to_hz(MAX_F0_MIDI)).astype(np.float32))
        object.__setattr__(self, "loudness_db", curves[1])

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.f0_hz) / FRAME_RATE

    def to_json(self) -> dict[str, Any]:
        """Plain values, for an order."""
        curves = {name: _text(getattr(self, name)) for name in ("f0_hz", "loudness_db")}
        return curves | {
            "style": self.style.to_json(),
            "style_name": self.style_name,
            "breath_db": self.breath_db,
            "timbre": list(self.timbre),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Played":
        """What `to_json` gave, or a browser; anything else raises `ScoreError`."""
        try:
            f0_hz, loudness_db = curve(data["f0_hz"]), curve(data["loudness_db"])
            breath_db, timbre = float(data["breath_db"]), tuple(map(float, data["timbre"]))
            style, name = Style.from_json(data["style"]), str(data["style_name"])[:200]
        except (KeyError, TypeError, ValueError):
            raise ScoreError(UNREADABLE) from None
        return cls(f0_hz, loudness_db, style, name, breath_db, timbre)

    def curves(self, generation: int) -> Curves:
        """The curves from shortly before the first note until shortly after the last; `ScoreError` without any."""
        silence_db = -DB_RANGE[generation]
        level_db = np.clip(self.loudness_db, silence_db, 0.0)
        sounding = np.flatnonzero(level_db > silence_db + 1.0)
        if not len(sounding):
            raise ScoreError(NOTHING)
        start = max(0, sounding[0] - round(_LEAD_S * FRAME_RATE))
        n = sounding[-1] + 1 + round(TAIL_S * FRAME_RATE) - start
        own = slice(start, start + n)
        missing = n - len(level_db[own])
        f0_hz = np.pad(self.f0_hz[own], (0, missing), mode="edge")
        level_db = np.pad(level_db[own], (0, missing), constant_values=silence_db).astype(np.float32)
        return Curves(f0_hz, level_db, level_db > silence_db + 1.0, generation)

    def recipe(self) -> dict[str, Any]:
        """What a take keeps of it beside the curves."""
        digest = hashlib.sha256(self.f0_hz.tobytes() + self.loudness_db.tobytes()).hexdigest()
        changed = sing.recipe_of_style(self.style, self.style_name)
        return {"played": True, "hash": digest, **changed, "breath_db": self.breath_db, "timbre": list(self.timbre)}


def curve(text: str) -> np.ndarray:
    """A curve as a browser sends it: float32, little-endian, in base64; anything else raises `ScoreError`."""
    if not isinstance(text, str) or len(text) > 4 / 3 * 4 * MAX_S * FRAME_RATE + 8:
        raise ScoreError(UNREADABLE)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ScoreError(UNREADABLE) from None
    if len(content) % 4:
        raise ScoreError(UNREADABLE)
    return np.frombuffer(content, "<f4").astype(np.float32)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def render(
    workspace: Workspace,
    played: Played,
    instrument: Instrument | str | Path,
    *,
    seed: int = 0,
    models: Models | None = None,
    progress: Callable[[str, float], None] | None = None,
    store: TakeStore | None = None,
) -> Take:
    """Render what was played with the instrument that it was played on, and keep the take.

    Parameters
    ----------
    models, progress, store
        As in `ddsing.transfer.pipeline.run`.
    """
    stages, models = Stages(progress), models or stores.shared()
    with stages("model"):
        opened = instrument if isinstance(instrument, Instrument) else models.open(workspace, instrument)
        renderer, loaded = models.get(opened)
    if loaded:
        stages.reuse("model")
    with stages("conditioning"):
        curves = played.curves(opened.config.generation)
        audio = sing.hum(curves)
        settings, warnings = Settings(seed=seed), tuple[str, ...]()
        if renderer.encoder is not None:
            known = opened.latent is not None
            settings = Settings(seed=seed, z_from="mean", z_shift=played.timbre) if known else settings
            warnings = () if known else (sing.NO_MEAN,)
        z = z_of(renderer.encoder, opened.latent, settings, n_frames(len(audio), centred=False), audio, None)
    store = store or TakeStore(workspace)
    previous = store.newest()
    with store.building(f"{SOURCE} {opened.name}") as (take_id, folder):
        take = Take.begun(
            take_id,
            store.folder / take_id,
            source=SOURCE,
            audio=audio,
            other=None,
            instruments=[opened],
            morph=None,
            settings=settings,
            tracker=TRACKER,
            fit=fit.measure(placing.features(curves), opened.statistics).to_json(),
            previous=previous,
        )
        take = replace(take, score=played.recipe())
        take = sing.rendered(take, folder, audio, curves, renderer, z, stages, breath_db=played.breath_db)
        take = replace(take, seconds=stages.seconds, warnings=(*warnings, *take.warnings))
        write_take(take, folder)
    return take
