"""From f0 and loudness to sound: decode and synthesise in blocks, with memory that does not grow with the length.

The result has exactly `n_samples` samples, does not depend on the block size, and depends on nothing but the model, the
features and the seed. Several threads may render with one `Model` at a time: it is never changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.decoder import Decoder
from ddsing.engine.encoder import WINDOW_S, Encoder
from ddsing.engine.synthesis import HarmonicStream, NoiseStream
from ddsing.errors import FeaturesError
from ddsing.model_config import ModelConfig

BLOCK_FRAMES = 500


@dataclass(frozen=True)
class Model:
    """A loaded instrument's network, ready to render."""

    config: ModelConfig
    decoder: Decoder
    encoder: Encoder | None


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive samples of a rendering.

    Attributes
    ----------
    start : int
        Position of the first sample.
    harmonic, noise : np.ndarray [shape=(n_samples,), float32]
        The two parts; their sum is the result.
    controls : dict or None
        Of the frames first heard in this block: ``amps`` [n_frames, 1], ``harmonic_distribution`` [n_frames, n_harmonics],
        ``noise_magnitudes`` [n_frames, n_noise_bands].
    """

    start: int
    harmonic: np.ndarray
    noise: np.ndarray
    controls: dict | None

    @property
    def audio(self) -> np.ndarray:
        """Both parts together."""
        return self.harmonic + self.noise


@dataclass(frozen=True, eq=False)
class Rendering:
    """A whole rendering in memory; the fields are those of `Block`."""

    harmonic: np.ndarray
    noise: np.ndarray
    controls: dict | None

    @property
    def audio(self) -> np.ndarray:
        """Both parts together."""
        return self.harmonic + self.noise


def load(config: ModelConfig, weights) -> Model:
    """A model from its configuration and weights (names and shapes of `config.weight_shapes()`)."""
    return Model(config, Decoder(config, weights), Encoder(config, weights) if config.z else None)


def render_blocks(
    model: Model,
    f0_hz: np.ndarray,
    loudness_db: np.ndarray,
    *,
    n_samples: int,
    audio: np.ndarray | None = None,
    seed: int = 0,
    keep_controls: bool = False,
    block_frames: int = BLOCK_FRAMES,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Block]:
    """Render block by block.

    Parameters
    ----------
    model : Model
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float]
        At least ``ceil(n_samples / 64)`` frames; frame k stands at sample 64·k. dB on the model's generation's scale.
    n_samples : int
        Length of the result.
    audio : np.ndarray [shape=(n_samples,), float32], optional
        The recording that z is taken from, for models with an encoder.
    seed : int
        Of the noise.
    """
    n_frames = -(-n_samples // HOP_SAMPLES)
    if len(f0_hz) != len(loudness_db) or len(f0_hz) < n_frames:
        raise FeaturesError(f"{n_samples} samples need {n_frames} frames of f0 and loudness; got {len(f0_hz)} and {len(loudness_db)}.")
    if model.encoder is not None and audio is None:
        raise FeaturesError("This instrument takes its z from a recording: give the audio with its features.")
    extended = [np.append(x[:n_frames], x[n_frames - 1]) for x in (f0_hz, loudness_db)]
    encoded = _encoded(model, audio, n_frames + 1)
    samples = _samples(model, extended, encoded, seed, keep_controls, block_frames)
    start = 0
    for harmonic, noise, controls in samples:
        keep = min(len(harmonic), n_samples - start)
        yield Block(start, harmonic[:keep], noise[:keep], controls)
        start += keep
        if progress:
            progress(start / n_samples)


def render(model: Model, f0_hz, loudness_db, **options) -> Rendering:
    """Render at one go; the options are those of `render_blocks`."""
    blocks = list(render_blocks(model, f0_hz, loudness_db, **options))
    controls = None
    if options.get("keep_controls"):
        names = ("amps", "harmonic_distribution", "noise_magnitudes")
        controls = {name: np.concatenate([block.controls[name] for block in blocks]) for name in names}
    return Rendering(
        np.concatenate([block.harmonic for block in blocks]), np.concatenate([block.noise for block in blocks]), controls
    )


def _encoded(model, audio, n_frames):
    if model.encoder is None:
        return None
    n_whole = max(n_frames - 1, WINDOW_S)  # a 4-second recording is one window, as in ddsp
    z = model.encoder.encode(np.asarray(audio, np.float32), n_whole)
    return np.concatenate([z, np.repeat(z[-1:], max(n_frames - len(z), 0), axis=0)])


def _samples(model, extended, encoded, seed, keep_controls, block_frames):
    """Yield (harmonic, noise, controls) per block; the noise is shifted back by its delay, one block late."""
    f0_hz, loudness_db = extended
    n_frames = len(f0_hz) - 1
    harmonics, noises = HarmonicStream(model.config), NoiseStream(model.config, seed=seed)
    state = model.decoder.initial_state()
    last: dict[str, np.ndarray] = {}
    ahead = -(-noises.delay // HOP_SAMPLES)  # frames that the noise must run ahead of the harmonics
    pending = np.zeros(0, np.float32)
    skipped = 0
    decoded = 0
    harmonic_rows: list[np.ndarray] = []
    kept: dict[str, list[np.ndarray]] = {}
    given = 0
    while given < n_frames:
        wanted = min(given + block_frames, n_frames)
        while decoded < min(wanted + 1 + ahead, n_frames + 1):
            stop = min(decoded + block_frames, n_frames + 1)
            part = slice(decoded, stop)
            z = None if encoded is None else encoded[part]
            controls, state = model.decoder.decode(f0_hz[part], loudness_db[part], z, state)
            if stop == n_frames + 1:  # the last frame is held to the end, as ddsp does
                for name, values in controls.items():
                    before = values[-2:-1] if len(values) > 1 else last[name]
                    controls[name] = np.concatenate([values[:-1], before])
            last = {name: values[-1:] for name, values in controls.items()}
            harmonic_rows.append(controls["amps"] * controls["harmonic_distribution"])
            fresh = noises.next(controls["noise_magnitudes"][: n_frames - decoded])
            drop = min(noises.delay - skipped, len(fresh))
            skipped += drop
            pending = np.concatenate([pending, fresh[drop:]])
            for name, values in controls.items():
                kept.setdefault(name, []).append(values[: n_frames - decoded])
            decoded = stop
        rows = np.concatenate(harmonic_rows) if len(harmonic_rows) > 1 else harmonic_rows[0]
        n_now = wanted - given
        harmonic = harmonics.next(f0_hz[given : wanted + 1], rows[: n_now + 1])
        harmonic_rows = [rows[n_now:]]
        if len(pending) < n_now * HOP_SAMPLES:  # the very end: what still rings
            ringing = noises.next(np.zeros((ahead + 1, model.config.n_noise_bands), np.float32))
            pending = np.concatenate([pending, ringing])
        noise, pending = pending[: n_now * HOP_SAMPLES], pending[n_now * HOP_SAMPLES :]
        controls_now = None
        merged = {name: np.concatenate(parts) for name, parts in kept.items()}
        if keep_controls:
            controls_now = {name: values[:n_now] for name, values in merged.items()}
        kept = {name: [values[n_now:]] for name, values in merged.items()}
        yield harmonic, noise, controls_now
        given = wanted
