"""How far a recording goes up, in files that ffmpeg and soxr made, and its power there, against what was put in."""

import numpy as np
import pytest
import soundfile
import soxr

from ddsing.dataset import scan
from ddsing.sound import upper_band
from ddsing.sound.bands import N_BANDS, centres_hz
from tests.support import tops
from tests.support.encoders import ffmpeg, sox


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The same voice as it was recorded, from an MP3, and upsampled from 16 kHz and 22.05 kHz; all as wav."""
    folder = tmp_path_factory.mktemp("reach")
    voice = tops.wide(3.0, density=1e-9)
    soundfile.write(folder / "wide.wav", voice, 48_000, subtype="PCM_24")
    soundfile.write(folder / "cd.wav", soxr.resample(voice, 48_000, 44_100), 44_100, subtype="PCM_16")
    for rate in (16_000, 22_050):
        small = soxr.resample(soxr.resample(voice, 48_000, rate), rate, 44_100)
        soundfile.write(folder / f"up{rate}.wav", small, 44_100, subtype="PCM_16")
    soundfile.write(folder / "small.wav", soxr.resample(voice, 48_000, 16_000), 16_000)
    return folder


def examined(path):
    return scan.examine(path, path.name)[0]


def test_a_full_recording_is_full_and_nothing_is_said(recordings):
    for name, end_hz in (("wide.wav", 24_000), ("cd.wav", 22_050)):
        found = examined(recordings / name)
        assert found.full_band and end_hz - 600 <= found.reach_hz <= end_hz and found.remarks == ()
    small = examined(recordings / "small.wav")
    assert not small.full_band and small.reach_hz is None and small.remarks == ()


@pytest.mark.parametrize(("rate", "reach_hz"), [(16_000, 8_000), (22_050, 11_025)])
def test_an_upsampled_file_is_told_by_its_cliff(recordings, rate, reach_hz):
    found = examined(recordings / f"up{rate}.wav")
    assert not found.full_band and found.reach_hz == pytest.approx(reach_hz, abs=700)
    assert found.remarks[0].endswith("kHz, as in a recording with a lower sample rate: it can't teach a top.")


@pytest.fixture(scope="module")
def loud(recordings):
    """A hot recording: cut off at full scale, which a resampler overshoots, so that what it writes is cut off again."""
    voice = soundfile.read(recordings / "wide.wav")[0]
    soundfile.write(recordings / "loud.wav", np.clip(voice / np.abs(voice).max() * 1.3, -1, 1), 48_000)
    return recordings / "loud.wav"


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 32_000])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_what_ffmpeg_and_sox_upsampled_is_told_at_any_rate_and_level(recordings, loud, tmp_path, rate, subtype):
    codec = {"PCM_16": ("-c:a", "pcm_s16le"), "PCM_24": ("-c:a", "pcm_s24le")}[subtype]
    for source in (recordings / "wide.wav", loud):
        small = soundfile.read(source)[0]
        small = np.clip(soxr.resample(small, 48_000, rate), -1, 1)
        soundfile.write(tmp_path / "small.wav", small, rate, subtype="PCM_16")
        for path in (
            ffmpeg(tmp_path / "small.wav", tmp_path / "ffmpeg.wav", "-ar", "48000", *codec),
            sox(tmp_path / "small.wav", tmp_path / "sox.wav", "-V1", "-b", subtype[-2:], "-r", "48000"),
        ):
            found = examined(path)
            assert not found.full_band and found.reach_hz == pytest.approx(rate / 2, rel=0.15), path.name
    assert examined(loud).full_band  # cut off, but recorded at 48 kHz


def test_an_mp3_is_told_by_its_cliff_in_any_file(recordings, tmp_path):
    mp3 = ffmpeg(recordings / "cd.wav", tmp_path / "coded.mp3", "-b:a", "64k")
    for path in (mp3, ffmpeg(mp3, tmp_path / "decoded.wav"), ffmpeg(mp3, tmp_path / "decoded.flac")):
        found = examined(path)
        assert not found.full_band and 14_000 < found.reach_hz < 18_000
        assert "as in an MP3: it can't teach a top." in found.remarks[0]


def test_lines_alone_are_no_cliff_and_silence_has_none():
    tone = np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000).astype(np.float32)[:, None]
    for sound in (tone, 0 * tone):
        spectrum = upper_band.Spectrum()
        spectrum.take(sound, 48_000)
        assert spectrum.reach_hz in (None, 24_000)


def test_the_density_of_noise_is_found_in_every_band_and_the_octaves_below_are_not_counted():
    rng = np.random.default_rng(2)
    noise = rng.normal(0.0, np.sqrt(1e-8 * 24_000), 3 * 48_000).astype(np.float32)
    found = upper_band.densities(noise)
    assert found.shape == (750, N_BANDS) and found.dtype == np.float32
    mean = found[10:-10].mean(axis=0)
    np.testing.assert_allclose(mean[centres_hz(N_BANDS) > 8_300], 1e-8, rtol=0.08)
    low = 0.3 * np.sin(2 * np.pi * 3_000 * np.arange(96_000) / 48_000).astype(np.float32)
    assert upper_band.densities(low)[20:-20].max() < 1e-13


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_how_much_is_harmonic_is_found_through_vibrato(share):
    n_frames = 500
    f0_hz = 220.0 * np.exp(0.02 * np.sin(2 * np.pi * 5.5 * np.arange(n_frames) / 250))
    t = np.arange(n_frames * 192) / 192
    phase = 2 * np.pi * np.cumsum(np.interp(t, np.arange(n_frames), f0_hz)) / 48_000
    harmonics = sum(np.sqrt(2 * 220 * 1e-8) * np.sin(k * phase + k * k) for k in range(37, 60))
    noise = np.random.default_rng(1).normal(0.0, np.sqrt(1e-8 * 24_000), len(t))
    sound = (np.sqrt(share) * harmonics + np.sqrt(1 - share) * noise).astype(np.float32)
    density = upper_band.densities(sound)
    found = upper_band.harmonic_shares(sound, f0_hz, np.ones(n_frames, bool), density)
    middle = (centres_hz(N_BANDS) > 8_500) & (centres_hz(N_BANDS) < 11_500)
    assert found[0, middle].sum() / found[1, middle].sum() == pytest.approx(share, abs=0.15)
