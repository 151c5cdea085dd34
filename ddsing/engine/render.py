"""From f0 and loudness to sound: decode and synthesise in blocks, with memory that does not grow with the length.

The result has exactly `n_samples` samples, does not depend on the block size, and depends on nothing but the renderer,
the features and the seed. Several threads may render with one `Renderer` at a time: it is never changed.

What is rendered is a `Renderable`: one instrument's `Solo` here, several instruments' `Mixture` in
`ddsing.engine.morph`.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Protocol, TypeVar

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine import steps
from ddsing.engine.decoder import Controls, Decoder
from ddsing.engine.encoder import Encoder
from ddsing.engine.synthesis import PART_FRAMES, HarmonicStream, NoiseAhead
from ddsing.engine.top import powers
from ddsing.errors import FeaturesError
from ddsing.model.config import ModelConfig
from ddsing.model.top import Top
from ddsing.units import n_frames as count_frames

BLOCK_FRAMES = 500
FIRST_FRAMES = 16 * PART_FRAMES  # about a second, in which what follows is rendered
_FIRST_DECODED = (132, 132, 264)  # what `FIRST_FRAMES` and a whole block need, with what the noise looks ahead
_AHEAD = 2  # blocks that are begun before they are asked for
CONTROLS = ("amps", "harmonic_distribution", "noise_magnitudes")

State = TypeVar("State")


class Renderable(Protocol[State]):
    """What can be rendered: controls for each frame, decoded in order.

    Attributes
    ----------
    config : ModelConfig
        How many harmonics and noise bands the controls have, and how they are synthesised.
    f0_hz : np.ndarray [shape=(n_frames,), float]
        What the harmonics sound at.
    """

    @property
    def config(self) -> ModelConfig:
        """See `Renderable`."""
        ...

    @property
    def f0_hz(self) -> np.ndarray:
        """See `Renderable`."""
        ...

    def initial_state(self) -> State:
        """What `decode` takes before the first frame."""
        ...

    def hear(self, frames: slice) -> Any:
        """What `decode` can be given of the frames: that which needs no state, so that it can be computed before."""
        ...

    def decode(self, frames: slice, state: State, heard: Any = None) -> tuple[Controls, State]:
        """Controls of consecutive frames, and the state after them; beyond the end, inputs are held."""
        ...


@dataclass(frozen=True)
class Renderer:
    """A loaded instrument's networks, ready to render; with `top`, its controls have what lies above 8 kHz, too."""

    config: ModelConfig
    decoder: Decoder
    encoder: Encoder | None
    top: Top | None = None


@dataclass(frozen=True, eq=False)
class Solo:
    """One instrument with what it is to sing; see `solo`. A `Renderable`.

    Attributes
    ----------
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float]
    z : np.ndarray [shape=(n_frames, z_dims), float32] or None
    confidence : np.ndarray [shape=(n_frames,), float32] or None
        Of the pitch, where the instrument hears it.
    """

    renderer: Renderer
    f0_hz: np.ndarray
    loudness_db: np.ndarray
    z: np.ndarray | None
    confidence: np.ndarray | None = None

    @property
    def config(self) -> ModelConfig:
        """The instrument's."""
        return self.renderer.config

    def initial_state(self) -> Any:
        """The network's state before the first frame."""
        decoder = self.renderer.decoder
        return decoder.initial_state() if self.config.hop_frames == 1 else steps.begin(decoder)

    def hear(self, frames: slice) -> Any:
        """What the network hears, if it decides in every frame."""
        return self.renderer.decoder.hear(*self._inputs(frames)) if self.config.hop_frames == 1 else None

    def decode(self, frames: slice, state: Any, heard: Any = None) -> tuple[Controls, Any]:
        """Controls of consecutive frames, and the state after them."""
        f0_hz, loudness_db, z, confidence = self._inputs(frames)
        if self.config.hop_frames == 1:
            controls, state = self.renderer.decoder.decode(f0_hz, loudness_db, z, state, confidence, heard)
        else:
            controls, state = steps.decode(self.renderer.decoder, self.f0_hz, self.loudness_db, frames, state)
        if self.renderer.top is not None:
            controls |= powers(self.renderer.top, self.config, controls, f0_hz, loudness_db)
        return controls, state

    def _inputs(self, frames: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        z = None if self.z is None else held(self.z, frames)
        confidence = None if self.confidence is None else held(self.confidence, frames)
        return held(self.f0_hz, frames), held(self.loudness_db, frames), z, confidence


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
    controls: Controls | None

    @property
    def audio(self) -> np.ndarray:
        """Both parts together."""
        return self.harmonic + self.noise


@dataclass(frozen=True, eq=False)
class Rendering:
    """A whole rendering in memory; the fields are those of `Block`."""

    harmonic: np.ndarray
    noise: np.ndarray
    controls: Controls | None

    @property
    def audio(self) -> np.ndarray:
        """Both parts together."""
        return self.harmonic + self.noise


def load(config: ModelConfig, weights: Mapping[str, np.ndarray], top: Top | None = None) -> Renderer:
    """A renderer from a configuration and weights (names and shapes of `config.weight_shapes()`)."""
    return Renderer(config, Decoder(config, weights), Encoder(config, weights) if config.z else None, top)


def solo(
    renderer: Renderer,
    f0_hz: np.ndarray,
    loudness_db: np.ndarray,
    *,
    n_samples: int,
    audio: np.ndarray | None = None,
    z: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
) -> Solo:
    """What one instrument sings; raises `FeaturesError` where something is missing or too short.

    Parameters
    ----------
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,), float]
        At least ``ceil(n_samples / 64)`` frames; frame k stands at sample 64·k. dB on the instrument's generation's
        scale.
    n_samples : int
        Length of what is to be rendered.
    audio : np.ndarray [shape=(n_samples,), float32], optional
        The recording that z is taken from, for instruments with an encoder.
    z : np.ndarray [shape=(ceil(n_samples / 64), z_dims), float32], optional
        What such an instrument is given instead.
    confidence : np.ndarray [shape=(n_frames,), float], optional
        Of the pitch, from 0 to 1, for an instrument that hears it; all of it is sure if not given.
    """
    if n_samples < 1:
        raise FeaturesError(f"There are {n_samples} samples to render; a recording has at least one.")
    n_frames = count_frames(n_samples, centred=False)
    if len(f0_hz) != len(loudness_db) or len(f0_hz) < n_frames:
        raise FeaturesError(
            f"{n_samples} samples need {n_frames} frames of f0 and loudness; got {len(f0_hz)} and {len(loudness_db)}."
        )
    z = _z(renderer, audio, z, n_frames)
    return Solo(renderer, np.asarray(f0_hz), np.asarray(loudness_db), z, _confidence(renderer, confidence, len(f0_hz)))


def _confidence(renderer: Renderer, confidence: np.ndarray | None, n_frames: int) -> np.ndarray | None:
    if not renderer.config.voicing:
        return None
    if confidence is None:
        return np.ones(n_frames, np.float32)
    if len(confidence) != n_frames:
        raise FeaturesError(f"There are {len(confidence)} frames of confidence for {n_frames} of f0.")
    return np.clip(np.asarray(confidence, np.float32), 0.0, 1.0)


def _z(renderer: Renderer, audio: np.ndarray | None, z: np.ndarray | None, n_frames: int) -> np.ndarray | None:
    if renderer.encoder is None:
        return None
    if z is not None:
        shape = (n_frames, renderer.encoder.z_dims)
        if np.shape(z) != shape:
            raise FeaturesError(f"z has the shape {np.shape(z)}; this rendering needs {shape}.")
        return np.asarray(z, np.float32)
    if audio is None:
        raise FeaturesError(
            "This instrument takes its timbre (z) from a recording: pass the audio along with its features."
        )
    return renderer.encoder.encode(np.asarray(audio, np.float32), n_frames)


def held(values: np.ndarray, frames: slice) -> np.ndarray:
    """Some rows, the last one repeated beyond the end."""
    found = values[frames]
    missing = frames.stop - frames.start - len(found)
    return np.concatenate([found, np.repeat(values[-1:], missing, axis=0)]) if missing else found


def render_blocks(
    renderer: Renderer,
    f0_hz: np.ndarray,
    loudness_db: np.ndarray,
    *,
    n_samples: int,
    audio: np.ndarray | None = None,
    z: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    **options: Any,
) -> Iterator[Block]:
    """One instrument block by block; the parameters are those of `solo`, the options those of `blocks`."""
    part = solo(renderer, f0_hz, loudness_db, n_samples=n_samples, audio=audio, z=z, confidence=confidence)
    return blocks(part, n_samples=n_samples, **options)


def render(renderer: Renderer, f0_hz: np.ndarray, loudness_db: np.ndarray, **options: Any) -> Rendering:
    """One instrument at one go; the options are those of `render_blocks`."""
    parts = list(render_blocks(renderer, f0_hz, loudness_db, **options))
    kept = [block.controls for block in parts if block.controls is not None]
    return Rendering(
        np.concatenate([block.harmonic for block in parts]),
        np.concatenate([block.noise for block in parts]),
        {name: np.concatenate([controls[name] for controls in kept]) for name in CONTROLS} if kept else None,
    )


def blocks(
    part: Renderable[Any],
    *,
    n_samples: int,
    seed: int = 0,
    keep_controls: bool = False,
    block_frames: int = BLOCK_FRAMES,
    first_frames: int = 0,
    added: Callable[[int, int], np.ndarray] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Block]:
    """Render block by block.

    Decoding runs ahead of what is heard, by what the noise's filters look ahead; of what is heard first, by no more.

    Parameters
    ----------
    part : Renderable
        Of at least ``ceil(n_samples / 64)`` frames.
    n_samples : int
        Length of the result.
    seed : int
        Of the noise.
    first_frames : int
        Of the first block so many are given out by themselves, such as `FIRST_FRAMES`: the same sound to the bit, but
        sooner. A multiple of `ddsing.engine.synthesis.PART_FRAMES`; 0 for none.
    added : callable, optional
        Further noise: gives its samples [float32] from one position up to another.
    """
    n_frames = count_frames(n_samples, centred=False)
    f0_hz = held(part.f0_hz[:n_frames], slice(0, n_frames + 1))
    harmonics, noises = HarmonicStream(part.config), NoiseAhead(part.config, n_frames, seed=seed)
    with _Decoded(part, n_frames, block_frames) as decoded:
        for start, stop, goes_on in _places(n_frames, block_frames, first_frames):
            decoded.up_to(max(stop, noises.reach(stop)) + 1)
            controls, f0_here = decoded.frames(start, stop + 1), f0_hz[start : stop + 1]
            harmonic = harmonics.next(f0_here, controls["amps"] * controls["harmonic_distribution"], goes_on=goes_on)
            magnitudes = decoded.frames(noises.read, noises.reach(stop))["noise_magnitudes"]
            noise = noises.next(stop, magnitudes, goes_on=goes_on)
            at = start * HOP_SAMPLES
            keep = min(len(harmonic), n_samples - at)
            kept = {name: values[:-1] for name, values in controls.items()} if keep_controls else None
            heard = noise[:keep] if added is None else noise[:keep] + added(at, at + keep)
            yield Block(at, harmonic[:keep], heard, kept)
            decoded.forget_before(stop)
            if progress:
                progress((at + keep) / n_samples)


def _places(n_frames: int, block_frames: int, first_frames: int) -> Iterator[tuple[int, int, bool]]:
    """From which frame up to which each block is, and whether the next one goes on with it."""
    for start in range(0, n_frames, block_frames):
        stop = min(start + block_frames, n_frames)
        if start == 0 and 0 < first_frames < stop:
            yield 0, first_frames, True
            start = first_frames
        yield start, stop, False


class _Decoded:
    """Controls of the frames that are still needed, one frame more than the sound has: the last is held, as in ddsp.

    While one block is synthesised, the next is decoded and the one after it heard, each on a thread of its own::

        heard      0   1   2   3
        decoded        0   1   2   3
        sounds             0   1   2   3

    Blocks are small at first. Until something has sounded, nothing is begun that it does not need: whoever listens
    comes before the rest.
    """

    def __init__(self, part: Renderable[Any], n_frames: int, block_frames: int):
        self._part, self._n_frames = part, n_frames + 1
        self._state = part.initial_state()
        self._controls: Controls = {}
        self._first = self._stop = 0
        self._begun = 0
        self._lengths = (min(length, block_frames) for length in chain(_FIRST_DECODED, repeat(block_frames)))
        self._hearing, self._decoding = (ThreadPoolExecutor(1) for _ in range(2))
        self._waiting: deque[tuple[slice, Future[Controls]]] = deque()

    def __enter__(self) -> "_Decoded":
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._hearing, self._decoding):
            pool.shutdown(cancel_futures=True)

    def up_to(self, stop: int) -> None:
        """Decode, block by block, until the frames before `stop` are there."""
        enough = self._n_frames if self._stop else min(stop, self._n_frames)
        while self._stop < stop:
            while self._begun < enough and len(self._waiting) <= _AHEAD:
                self._begin(slice(self._begun, min(self._begun + next(self._lengths), self._n_frames)))
            fresh, decoded = self._waiting.popleft()
            self._controls = _joined(self._controls, decoded.result())
            self._stop = fresh.stop
            if self._stop == self._n_frames:
                self._controls = {name: _last_held(values) for name, values in self._controls.items()}

    def _begin(self, frames: slice) -> None:
        heard = self._hearing.submit(self._part.hear, frames)

        def decode() -> Controls:
            controls, self._state = self._part.decode(frames, self._state, heard.result())
            return controls

        self._waiting.append((frames, self._decoding.submit(decode)))
        self._begun = frames.stop

    def frames(self, start: int, stop: int) -> Controls:
        """Controls of frames that are there."""
        return {name: values[start - self._first : stop - self._first] for name, values in self._controls.items()}

    def forget_before(self, start: int) -> None:
        """Let go of what is not needed any more."""
        self._controls = {name: values[start - self._first :] for name, values in self._controls.items()}
        self._first = start


def _joined(before: Controls, after: Controls) -> Controls:
    return {name: np.concatenate([before[name], new]) if before else new for name, new in after.items()}


def _last_held(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:-1], values[-2:-1]])
