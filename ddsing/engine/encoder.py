"""ddsp's `MfccTimeDistributedRnnEncoder` in numpy: audio → MFCCs → GRU → z.

ddsp is trained on windows of 4 seconds, and normalises the MFCCs over the window. Longer audio is encoded in such
windows every 3 seconds, the last of which ends with the audio; where two overlap, z fades from one to the next. Shorter
audio is one window.

Reference: ddsp.training.encoders.MfccTimeDistributedRnnEncoder, ddsp.spectral_ops.compute_mfcc, tf.signal.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import fft

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine.decoder import GruCell, gru
from ddsing.model.config import N_MFCCS, ModelConfig
from ddsing.sound.audio import content_hash
from ddsing.sound.blas import single_threaded
from ddsing.sound.kept import Kept
from ddsing.sound.spectrum import frames, magnitudes

WINDOW_S = 4
_FADE_S = 1
_N_MELS = 128
_LOWEST_HZ = 20.0
_INSTANCE_NORM_EPSILON = 1e-5
_KEPT_BYTES = 16 * 2**20  # of z, which has 16 kB for a second


class Encoder:
    """The z encoder of an instrument; `config.z` must be set. What it encoded lately is kept."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray]):
        if config.z is None:
            raise ValueError("a model without z has no encoder")
        self._z = config.z
        self.weights = {
            name: np.asarray(value, np.float32) for name, value in weights.items() if name.startswith("encoder/")
        }
        self._cell = GruCell.of(self.weights, "encoder/rnn/rnn/cell")
        self._n_fft, self._hop = self._z.spectrum
        self._mel = _mel_matrix(self._n_fft // 2 + 1)
        self._kept = Kept(_KEPT_BYTES)

    @property
    def z_dims(self) -> int:
        """How many numbers z has in a frame."""
        return self._z.z_dims

    def encode(self, audio: np.ndarray, n_frames: int) -> np.ndarray:
        """Z for each of `n_frames` frames.

        Parameters
        ----------
        audio : np.ndarray [shape=(n_samples,), float32]
            16 kHz.

        Returns
        -------
        np.ndarray [shape=(n_frames, z_dims), float32]
            Read-only.
        """
        return self._kept.get((content_hash(audio), n_frames), lambda: self._encoded(audio, n_frames))

    def _encoded(self, audio: np.ndarray, n_frames: int) -> np.ndarray:
        window, fade = WINDOW_S * FRAME_RATE, _FADE_S * FRAME_RATE
        last = max(n_frames - window, 0)
        starts = [*range(0, last, window - fade), last]
        z = np.zeros((n_frames, self.z_dims), np.float32)
        encoded_to = 0
        for start in starts:
            stop = min(start + window, n_frames)
            piece = np.zeros((stop - start) * HOP_SAMPLES, np.float32)
            heard = audio[start * HOP_SAMPLES : stop * HOP_SAMPLES]
            piece[: len(heard)] = heard
            encoded = self.encode_window(piece)
            faded = encoded_to - start  # no more than all of the window but its last frame
            rise = (np.arange(faded, dtype=np.float32) / max(faded, 1))[:, None]
            z[start:encoded_to] += rise * (encoded[:faded] - z[start:encoded_to])
            z[encoded_to:stop] = encoded[faded:]
            encoded_to = stop
        return z

    def encode_window(self, audio: np.ndarray) -> np.ndarray:
        """Z of one window, as ddsp gives it: [shape=(n_samples // 64, z_dims), float32]."""
        with single_threaded():
            mfccs = self._mfccs(audio)
            mean, variance = mfccs.mean(axis=0), mfccs.var(axis=0)
            x = (mfccs - mean) / np.sqrt(variance + _INSTANCE_NORM_EPSILON)
            x = x * self.weights["encoder/z_norm/scale"][0, 0] + self.weights["encoder/z_norm/shift"][0, 0]
            y, _ = gru(x.astype(np.float32), np.zeros(self._z.rnn_channels, np.float32), self._cell)
            z = y @ self.weights["encoder/dense_out/kernel"] + self.weights["encoder/dense_out/bias"]
        return _resample(z, len(audio) // HOP_SAMPLES)

    def _mfccs(self, audio: np.ndarray) -> np.ndarray:
        mel = magnitudes(frames(audio, self._n_fft, self._hop)) @ self._mel
        log_mel = np.log(np.where(mel <= 0.0, np.float32(1e-5), mel))
        cepstra = fft.dct(log_mel, type=2, axis=1) / np.sqrt(2.0 * _N_MELS)
        return cepstra[:, :N_MFCCS].astype(np.float32)


def _resample(x: np.ndarray, n_out: int) -> np.ndarray:
    """Linear interpolation with the last value held, as ddsp.core.resample."""
    if len(x) == n_out:
        return x
    position = np.arange(n_out) * (len(x) / n_out)
    low = np.minimum(position.astype(int), len(x) - 1)
    high = np.minimum(low + 1, len(x) - 1)
    share = (position - low).astype(np.float32)[:, None]
    return x[low] + share * (x[high] - x[low])


def _mel_matrix(n_bins: int) -> np.ndarray:
    """tf.signal.linear_to_mel_weight_matrix(128, n_bins, 16000, 20, 8000): HTK mels, triangles in the mel domain."""

    def mel(hz: Any) -> Any:
        return 1127.0 * np.log(1.0 + hz / 700.0)

    bins = mel(np.linspace(0.0, SAMPLE_RATE / 2, n_bins)[1:])[:, None]
    edges = np.linspace(mel(_LOWEST_HZ), mel(SAMPLE_RATE / 2), _N_MELS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return np.vstack([np.zeros((1, _N_MELS)), triangles]).astype(np.float32)
