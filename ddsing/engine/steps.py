"""Networks that decide less often than 250 times a second: decoded at their own frames, and led from one to the next.

Amplitudes go from one decided frame to the next in a straight line, noise is held, as ddsp's `Harmonic` (with
``linear``) and `FilteredNoise` do with such frames. Step k stands at frame ``hop_frames · k``.
"""

from dataclasses import dataclass, field

import numpy as np

from ddsing.engine.decoder import Controls, Decoder


@dataclass(frozen=True, eq=False)
class Steps:
    """How far a network is.

    Attributes
    ----------
    network : np.ndarray [shape=(rnn_channels,), float32]
        Its state after `n_steps` steps.
    recent : Controls
        Of the last steps, as far as they are still needed.
    """

    network: np.ndarray
    n_steps: int = 0
    recent: Controls = field(default_factory=dict)


def begin(decoder: Decoder) -> Steps:
    """Before the first frame."""
    return Steps(decoder.initial_state())


def decode(
    decoder: Decoder, f0_hz: np.ndarray, loudness_db: np.ndarray, frames: slice, steps: Steps
) -> tuple[Controls, Steps]:
    """Controls of consecutive frames.

    Parameters
    ----------
    f0_hz, loudness_db : np.ndarray [shape=(n_frames,)]
        The whole curves, at 250 frames a second; beyond the end, their last values are held.
    frames : slice
        What is asked for: it begins where the last call ended.

    Returns
    -------
    controls : Controls
        A row for each frame.
    steps : Steps
    """
    hop = decoder.config.hop_frames
    last = -(-(frames.stop - 1) // hop)  # the step at or after the last frame
    at = np.minimum(np.arange(steps.n_steps, last + 1) * hop, len(f0_hz) - 1)
    known, network = steps.recent, steps.network
    if len(at):
        fresh, network = decoder.decode(f0_hz[at], loudness_db[at], None, network)
        known = {name: np.concatenate([known[name], new]) if known else new for name, new in fresh.items()}
    first = last + 1 - len(known["amps"])
    position = np.arange(frames.start, frames.stop) / hop - first
    kept = frames.stop // hop - first
    return _between(known, position), Steps(network, last + 1, {name: x[kept:] for name, x in known.items()})


def _between(known: Controls, position: np.ndarray) -> Controls:
    """Controls at positions, in steps, among known ones."""
    before = position.astype(int)
    after = np.minimum(before + 1, len(known["amps"]) - 1)
    share = (position - before).astype(np.float32)[:, None]
    amps, distribution = known["amps"], known["harmonic_distribution"]
    harmonics = amps * distribution
    between = harmonics[before] + share * (harmonics[after] - harmonics[before])
    total = amps[before] + share * (amps[after] - amps[before])
    found = np.divide(between, total, out=distribution[before].copy(), where=(share > 0) & (total > 0))
    return {"amps": total, "harmonic_distribution": found, "noise_magnitudes": known["noise_magnitudes"][before]}
