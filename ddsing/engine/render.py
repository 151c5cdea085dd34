"""From f0 and loudness to sound: decode and synthesise in blocks, with memory that does not grow with the length.

The result has exactly `n_samples` samples, does not depend on the block size, and depends on nothing but the model, the
features and the seed. Several threads may render with one `Model` at a time: it is never changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.decoder import Decoder
from ddsing.engine.encoder import Encoder
from ddsing.engine.synthesis import HarmonicStream, NoiseStream
from ddsing.errors import FeaturesError
from ddsing.model.config import ModelConfig

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
        Of the frames first heard in this block: ``amps`` [n_frames, 1], ``harmonic_distribution`` [n_frames,
        n_harmonics], ``noise_magnitudes`` [n_frames, n_noise_bands].
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
    z: np.ndarray | None = None,
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
    z : np.ndarray [shape=(n_frames, z_dims), float32], optional
        What such a model is given instead; as many frames as the result has.
    seed : int
        Of the noise.
    """
    if n_samples < 1:
        raise FeaturesError(f"There are {n_samples} samples to render; a recording has at least one.")
    n_frames = -(-n_samples // HOP_SAMPLES)
    if len(f0_hz) != len(loudness_db) or len(f0_hz) < n_frames:
        raise FeaturesError(
            f"{n_samples} samples need {n_frames} frames of f0 and loudness; got {len(f0_hz)} and {len(loudness_db)}."
        )
    if model.encoder is not None and audio is None and z is None:
        raise FeaturesError("This instrument takes its z from a recording: give the audio with its features.")
    extended = [np.append(x[:n_frames], x[n_frames - 1]) for x in (f0_hz, loudness_db)]
    encoded = _encoded(model, audio, n_frames + 1) if z is None else _given(model, z, n_frames)
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
        parts = [block.controls or {} for block in blocks]
        controls = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return Rendering(
        np.concatenate([block.harmonic for block in blocks]),
        np.concatenate([block.noise for block in blocks]),
        controls,
    )


def _given(model, z, n_frames):
    if model.encoder is None:
        return None
    shape = (n_frames, model.config.z.z_dims)
    if np.shape(z) != shape:
        raise FeaturesError(f"z has the shape {np.shape(z)}; this rendering needs {shape}.")
    z = np.asarray(z, np.float32)
    return np.concatenate([z, z[-1:]])


def _encoded(model, audio, n_frames):
    if model.encoder is None:
        return None
    z = model.encoder.encode(
        np.asarray(audio, np.float32), n_frames - 1
    )  # a 4-second recording is one window, as in ddsp
    return np.concatenate([z, z[-1:]])


def _samples(model, extended, encoded, seed, keep_controls, block_frames):
    """Yield (harmonic, noise, controls) per block; decoding runs ahead by what the noise filters look ahead."""
    f0_hz = extended[0]
    n_frames = len(f0_hz) - 1
    harmonics, noises = HarmonicStream(model.config), NoiseStream(model.config, seed=seed)
    ahead = -(-noises.delay // HOP_SAMPLES)
    frames = _Frames(model, extended, encoded, block_frames)
    noise_samples = np.zeros(0, np.float32)
    heard = filtered = 0
    to_skip = noises.delay
    while heard < n_frames:
        stop = min(heard + block_frames, n_frames)
        frames.decode_up_to(min(stop + 1 + ahead, n_frames + 1))
        controls = frames.between(heard, stop + 1)
        harmonic = harmonics.next(f0_hz[heard : stop + 1], controls["amps"] * controls["harmonic_distribution"])
        fresh_to = min(stop + ahead, n_frames)
        fresh = noises.next(frames.between(filtered, fresh_to)["noise_magnitudes"])
        n_samples = (stop - heard) * HOP_SAMPLES
        missing = n_samples + to_skip - len(noise_samples) - len(fresh)
        if missing > 0:  # the very end: what still rings
            silence = np.zeros((-(-missing // HOP_SAMPLES), model.config.n_noise_bands), np.float32)
            fresh = np.concatenate([fresh, noises.next(silence)])
        noise_samples = np.concatenate([noise_samples, fresh[to_skip:]])
        to_skip = 0
        kept = {name: values[:-1] for name, values in controls.items()} if keep_controls else None
        yield harmonic, noise_samples[:n_samples], kept
        noise_samples = noise_samples[n_samples:]
        heard, filtered = stop, fresh_to
        frames.forget_before(heard)


class _Frames:
    """Decoded controls of the frames that are still needed."""

    def __init__(self, model, extended, encoded, block_frames):
        self._model, self._encoded, self._block_frames = model, encoded, block_frames
        self._f0_hz, self._loudness_db = extended
        self._state = model.decoder.initial_state()
        self._controls: dict[str, np.ndarray] = {}
        self._first = self._stop = 0

    def decode_up_to(self, stop):
        n_frames = len(self._f0_hz)
        while self._stop < stop:
            part = slice(self._stop, min(self._stop + self._block_frames, n_frames))
            z = None if self._encoded is None else self._encoded[part]
            controls, self._state = self._model.decoder.decode(
                self._f0_hz[part], self._loudness_db[part], z, self._state
            )
            joined = {
                name: np.concatenate([self._controls[name], new]) if self._controls else new
                for name, new in controls.items()
            }
            if part.stop == n_frames:  # the last frame's controls are held to the end, as in ddsp
                for values in joined.values():
                    values[-1] = values[-2]
            self._controls, self._stop = joined, part.stop

    def between(self, start, stop):
        return {name: values[start - self._first : stop - self._first] for name, values in self._controls.items()}

    def forget_before(self, start):
        self._controls = {name: values[start - self._first :] for name, values in self._controls.items()}
        self._first = start
