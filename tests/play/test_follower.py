"""What the browser makes of a voice at the microphone: its pitch, its loudness, and how late the instrument follows."""

from dataclasses import replace

import numpy as np
import pytest
import soxr

from ddsing.play import browser
from ddsing.play.expression import Loudness
from ddsing.play.style import STYLES
from ddsing.sound import loudness
from ddsing.ui.play import scripts
from tests.support import in_node, playing

FILES = (*scripts.ENGINE, *scripts.FOLLOWING)
PITCH_LATE = 0.024  # s, the middle of what is compared
FOLLOW = """
const audio = array("audio");
const follower = new Follower(given.rate, { references: [0, 0.5, 1], quantiles: [-60, -30, -20], silence_db: -80 });
follower.octaves = given.octaves;
const found = { f0_hz: [], clarity: [], tracked_hz: [], sound_db: [], loudness_db: [], gain: [] };
for (let at = 0; at + given.hop <= audio.length; at += given.hop) {
  follower.hear(audio.subarray(at, at + given.hop));
  const { f0Hz, loudnessDb } = follower.next(0.1, at < given.muted);
  const { ear, meter, tracker, gain } = follower;
  found.f0_hz.push(f0Hz); found.loudness_db.push(loudnessDb); found.gain.push(gain);
  found.tracked_hz.push(tracker.f0Hz); found.clarity.push(tracker.clarity);
  found.sound_db.push(meter.next(ear.sound, ear.end - MEASURED));
}
for (const [name, values] of Object.entries(found)) give(name, values);
"""


def follow(folder, audio, rate=16_000, octaves=0, muted=0):
    """What follows, frame by frame; frame k is that after (k + 1) / 250 s of sound."""
    given = {"audio": audio.astype(np.float32), "rate": rate, "octaves": octaves, "muted": muted, "hop": rate // 250}
    return in_node.run(folder, FOLLOW, FILES, **given)


def tone(f0_hz, strengths, rate=16_000):
    """A sum of harmonics; f0_hz [shape=(n_samples,)]."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate
    waves = sum(s * np.sin(k * phase + k) * (k * f0_hz < 0.45 * rate) for k, s in enumerate(strengths, 1))
    return (0.1 * waves).astype(np.float32)


BRIGHT = 1 / np.arange(1, 21)
SECOND = np.array([0.3, 1.0, 0.25, 0.3, 0.1, 0.05])  # as of a vowel whose first formant is on it
WEAK = np.array([0.1, 0.6, 1.0, 0.9, 0.4, 0.3, 0.3, 0.2])


@pytest.mark.parametrize("strengths", [BRIGHT, SECOND, WEAK, [1.0]], ids=["bright", "second", "weak", "sine"])
def test_tones_from_82_to_1000_hz_within_six_cents(tmp_path, strengths):
    f0_hz = np.repeat([82.4, 110.0, 155.6, 220.0, 311.1, 440.0, 622.3, 880.0, 1000.0], 4000)
    found = follow(tmp_path, tone(f0_hz, strengths))
    end = 64 * (np.arange(len(found["tracked_hz"])) + 1)  # of what each frame has heard
    held = (end - 1) % 4000 > 1600  # from a tenth of a second on
    cents = 1200 * np.log2(np.maximum(found["tracked_hz"], 1.0) / f0_hz[end - 1])
    assert np.abs(cents[held]).max() < 6.0
    assert found["clarity"][held].min() > 0.85


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_vibrato_and_glides_are_followed_24_ms_late(tmp_path, rate):
    time_s = np.arange(2 * rate) / rate
    midi = 57 + 6 * time_s + 0.5 * np.sin(2 * np.pi * 5.5 * time_s)
    f0_hz = 440 * 2 ** ((midi - 69) / 12)
    hop = rate // 250
    found = follow(tmp_path, tone(f0_hz, BRIGHT, rate) + 1e-3 * np.random.default_rng(0).normal(size=2 * rate), rate)
    end = (np.arange(len(found["f0_hz"])) + 1) * hop / rate
    cents = 1200 * np.log2(found["f0_hz"] / np.interp(end - PITCH_LATE, time_s, f0_hz))
    assert np.abs(cents[25:]).max() < 25.0
    assert found["gain"][25:].min() == 1.0


def test_loudness_is_that_of_python(tmp_path):
    random = np.random.default_rng(1)
    audio = tone(np.full(24_000, 233.0), BRIGHT) * np.repeat([1.0, 0.1, 0.01], 8000)
    audio = (audio + 1e-4 * random.normal(size=len(audio))).astype(np.float32)
    wanted = loudness.compute(audio)
    found = follow(tmp_path / "16", audio)["sound_db"]
    n = len(found) - 4
    np.testing.assert_allclose(found[3 : n + 3], wanted[:n], atol=2e-3)  # 64 · 4 samples: the half of its window
    again = follow(tmp_path / "48", soxr.resample(audio, 16_000, 48_000), 48_000)["sound_db"]
    np.testing.assert_allclose(again[10:120], wanted[7:117], atol=0.1)  # half a millisecond later


def test_how_loud_a_voice_is_is_told_from_its_usual_loudness(tmp_path):
    """Two microphones, one 30 dB softer: the same curve, around the middle of the instrument's own notes."""
    level = np.repeat([1.0, 0.25, 1.0, 0.25], 12_000)
    audio = tone(np.full(48_000, 220.0), BRIGHT) * level
    loud, soft = (follow(tmp_path / str(gain), gain * audio)["loudness_db"] for gain in (2.0, 2.0 * 10 ** (-30 / 20)))
    late = slice(450, 740)
    np.testing.assert_allclose(loud[late], soft[late], atol=1.5)
    assert np.median(loud[450:550]) - np.median(loud[640:740]) == pytest.approx(12.04, abs=1.5)
    assert np.median(loud[450:550]) > -30 > np.median(loud[640:740])
    assert loud.max() <= -20.0


def test_octaves_move_the_pitch_and_a_key_silences_the_voice(tmp_path):
    audio = tone(np.full(16_000, 110.0), BRIGHT)
    found = follow(tmp_path, audio, octaves=1, muted=8000)
    assert found["f0_hz"][100:] == pytest.approx(220.0, abs=0.3)
    assert found["gain"][:125].max() == 0.0 and found["gain"][130:].min() == 1.0
    assert found["loudness_db"][:125].max() == -80.0


def test_consonants_and_noise_are_not_followed(tmp_path):
    """A note, a hiss that is as strong, the note again; pitch is held, and the hiss is a release."""
    random = np.random.default_rng(2)
    note = tone(np.full(8000, 220.0), BRIGHT)
    hiss = np.diff(random.normal(0, note.std(), 8001)).astype(np.float32)
    found = follow(tmp_path, np.concatenate([note, hiss, note, np.zeros(8000, np.float32)]))
    assert found["gain"][60:120].min() == 1.0
    assert found["gain"][165:250].max() == 0.0 and found["loudness_db"][165:250].max() == -80.0
    assert found["f0_hz"][130:250] == pytest.approx(220.0, rel=0.02)
    assert found["gain"][270:370].min() == 1.0 and found["gain"][410:].max() == 0.0


AROUND = """
globalThis.sampleRate = 48000;
globalThis.currentTime = 0;
globalThis.AudioWorkletProcessor = class { port = { postMessage() {} }; };
let Thread;
globalThis.registerProcessor = (_, made) => (Thread = made);
"""
THREAD = """
const performer = { manner: given.manner, loudness: given.loudness };
const thread = new Thread({ processorOptions: { pack: buffer("pack"), performer } });
thread.port.onmessage({ data: ["listen", true] });
const audio = array("audio");
const sound = new Float32Array(audio.length);
for (let at = 0; at + 128 <= audio.length; at += 128) { // as the browser asks for it
  thread.process([[audio.subarray(at, at + 128)]], [[sound.subarray(at, at + 128)]]);
}
give("sound", sound);
"""


def through(folder, audio):
    """What the audio thread makes of a microphone at 48 kHz, with aria."""
    voice = playing.demo("aria")
    own = Loudness.of(voice.statistics, generation=3)
    given = {"manner": replace(STYLES["plain"], release_s=0.1).to_json(), "audio": audio.astype(np.float32)}
    given["loudness"] = {
        "references": own.references.tolist(),
        "quantiles": own.quantiles.tolist(),
        "silence_db": own.silence_db,
    }
    files = scripts.WORKLET
    return in_node.run(folder, THREAD, files, before=AROUND, pack=browser.pack(voice), **given)["sound"]


@pytest.mark.parametrize("begin", [96_000, 96_043, 96_100])
def test_the_microphone_is_heard_within_sixty_milliseconds(tmp_path, begin):
    """Beyond what the device buffers: a note that begins, to a tenth of its amplitude, and a new pitch, half of it."""
    turn = begin + 24_000
    f0_hz = np.where(np.arange(168_000) < turn, 220.0, 330.0)
    audio = tone(f0_hz, BRIGHT, 48_000) * (np.arange(168_000) >= begin)
    sound = through(tmp_path, audio)
    assert np.abs(sound[:begin]).max() < 1e-3  # nothing is sung yet
    loud = begin + np.flatnonzero(np.abs(sound[begin:]) > 0.1 * np.abs(sound).max())[0]
    assert 0.0 < (loud - begin) / 48_000 < 0.060
    low, high = (power_at(sound, hz) for hz in (220.0, 330.0))
    crossed = turn + np.flatnonzero((high > low)[turn:])[0]
    assert 0.0 < (crossed - turn) / 48_000 < 0.060
    late = sound[-12_000:]
    spectrum = np.abs(np.fft.rfft(late * np.hanning(len(late)), 1 << 20))
    band = slice(round(300 * 2**20 / 48_000), round(360 * 2**20 / 48_000))
    sung_hz = (band.start + np.argmax(spectrum[band])) * 48_000 / 2**20
    assert abs(1200 * np.log2(sung_hz / 330.0)) < 10.0


def power_at(sound, hz, window=960):
    """How strong a frequency is in the 20 ms around each sample."""
    wave = sound * np.exp(-2j * np.pi * hz * np.arange(len(sound)) / 48_000)
    total = np.cumsum(np.concatenate([np.zeros(window // 2), wave, np.zeros(window - window // 2)]))
    return np.abs(total[window:] - total[:-window])
