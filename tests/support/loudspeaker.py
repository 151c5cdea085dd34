"""What reaches the loudspeaker of a page, read from its own audio graph, and where in a file it lies."""

from pathlib import Path

import numpy as np
import soundfile

# Every node that is connected to a context's destination is also connected to an analyser, which the tests read.
TAP = """
const connect = AudioNode.prototype.connect;
window.taps = [];
AudioNode.prototype.connect = function (target, ...rest) {
  const answer = connect.call(this, target, ...rest);
  if (target === this.context.destination) {
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 8192;
    connect.call(this, analyser);
    window.taps.push({ analyser, at: this.context });
    window.taps = window.taps.slice(-12);
  }
  return answer;
};
// The last half second that was heard, and the time: sounds that play together are added up.
window.heard = () => {
  const context = window.taps.at(-1)?.at;
  const sum = new Float32Array(8192), part = new Float32Array(8192);
  for (const tap of window.taps.filter((tap) => tap.at === context)) {
    tap.analyser.getFloatTimeDomainData(part);
    part.forEach((value, i) => (sum[i] += value));
  }
  return [Array.from(sum), context.currentTime];
};
"""


def gliding() -> np.ndarray:
    """Twenty seconds of a tone that glides, so that no two moments sound the same, on a busy machine neither."""
    f0_hz = np.geomspace(140.0, 420.0, 320_000)
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16_000
    return (0.15 * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


def heard(tab) -> tuple[np.ndarray, float]:
    tab.wait_for_timeout(400)
    signal, _ = tab.evaluate("() => window.heard()")
    return np.array(signal), float(tab.evaluate("() => window.taps.at(-1)?.at.sampleRate ?? 16000"))


def pitch(signal: np.ndarray, rate_hz: float) -> float:
    """MIDI number of the period at which a sound repeats best, between 80 and 800 Hz."""
    size = 4 * len(signal)
    likeness = np.fft.irfft(np.abs(np.fft.rfft(signal - signal.mean(), size)) ** 2)
    likeness = likeness[: len(signal)] / np.arange(len(signal), 0, -1)
    lags = np.arange(int(rate_hz / 800), int(rate_hz / 80))
    best = lags[np.argmax(likeness[lags] > 0.95 * likeness[lags].max())]
    while likeness[best + 1] > likeness[best]:
        best += 1
    left, middle, right = likeness[best - 1 : best + 2]
    return 69 + 12 * np.log2(rate_hz / (best + 0.5 * (left - right) / (left - 2 * middle + right)) / 440)


def heard_of(tab, path: Path) -> tuple[float, float, float]:
    """Audio clock and position in a sound file, in s, of what is heard, and the gain that it has there, in dB."""
    for _ in range(10):  # on a busy machine the sound may begin late, and the window holds a part of what was before
        tab.wait_for_timeout(560)
        signal, at_s = tab.evaluate("() => window.heard()")
        place, likeness, gain_db = located(np.array(signal), path)
        if likeness > 0.9999:
            break
    assert likeness > 0.95, likeness
    return at_s, place / 16_000, gain_db


def located(part: np.ndarray, path: Path) -> tuple[int, float, float]:
    """Where `part` ends in a sound file, in samples, how like it is there, 0 to 1, and its gain in dB."""
    whole = soundfile.read(path)[0]
    n_fft = 1 << (len(part) + len(whole)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, n_fft) * np.conj(np.fft.rfft(part, n_fft)), n_fft)[
        : len(whole) - len(part)
    ]
    total = np.cumsum(np.append(0.0, whole**2))
    energy = (total[len(part) :] - total[: -len(part)])[: len(product)]
    likeness = product / np.sqrt(np.maximum(energy, 1e-9) * max(np.sum(part**2), 1e-9))
    place = int(np.argmax(likeness))
    return place + len(part), float(likeness[place]), float(20 * np.log10(max(product[place] / energy[place], 1e-9)))
