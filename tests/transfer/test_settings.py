"""The words of the settings: one for each, wherever people read them."""

from dataclasses import replace

import pytest

from ddsing.errors import SettingsError
from ddsing.experiments.comparison import differences
from ddsing.transfer.settings import RANGES, SHOWN, Settings, text, words


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("octave_shift", 1, "+1"),
        ("octave_shift", -2, "−2"),
        ("octave_shift", 0, "0"),
        ("loudness_shift_db", -2.5, "−2.5 dB"),
        ("loudness_shift_db", 5, "+5 dB"),
        ("loudness_shift_db", -0.0, "0 dB"),
        ("attenuation_db", 20.0, "20 dB"),
        ("autotune", 0.5, "0.5"),
        ("gate_db", None, "off"),
        ("gate_db", -45.0, "−45 dB"),
        ("use_statistics", True, "on"),
        ("seed", 2**63 - 1, "9223372036854775807"),
        ("timbre", "", "of the recording"),
        ("transpose", -2.5, "−2.5 semitones"),
        ("formant_shift", -1.0, "−1 semitone"),
        ("breath_db", 6.0, "+6 dB"),
        ("scale", "F#:minor-pentatonic", "F♯ minor pentatonic"),
        ("tuning_hz", 0.0, "of the recording"),
        ("tuning_hz", 432.0, "432 Hz"),
        ("timbre", "from a-b.wav, 1: −1.5", "from a-b.wav, 1: −1.5"),
    ],
)
def test_values_as_people_read_them(name, value, expected):
    assert text(name, value) == expected


def test_every_setting_has_one_label():
    labels = [words(name).label for name in SHOWN]
    assert len(set(labels)) == len(labels) == 19 and set(RANGES) <= set(SHOWN)
    assert (
        differences.SETTINGS["loudness_shift_db"] == "Loudness shift" and "show_full_output" not in differences.SETTINGS
    )
    with pytest.raises(SettingsError, match=r"^The noise seed is 1.5; it must be a whole number"):
        replace(Settings(), seed=1.5)
    with pytest.raises(SettingsError, match=r"^The setting loudness statistics is 1; it must be true or false"):
        Settings(use_statistics=1)


@pytest.mark.parametrize("gate_db", [0.0, 45.0, -81.0, float("nan"), "off", True])
def test_the_gate_is_off_or_within_its_range(gate_db):
    assert Settings().gate_db is None and Settings(gate_db=-80).gate_db == -80
    with pytest.raises(SettingsError, match=r"^The noise gate is .*; it must be a number from -80 to -10\.$"):
        Settings(gate_db=gate_db)
    with pytest.raises(SettingsError, match=r"^The consonant and breath share is None"):
        Settings(keep_unvoiced=None)


def test_words_are_no_part_of_a_recipe():
    settings = Settings(seed=3, z_shift=(0.5, 0.0))
    assert list(settings.to_json())[:2] == ["show_full_output", "use_statistics"] and settings.to_json()["z_shift"] == [
        0.5
    ]
    assert Settings.from_json(settings.to_json()) == settings
    gated = Settings(gate_db=-40.0, keep_unvoiced=0.5)
    assert Settings.from_json(gated.to_json()) == gated and Settings.from_json({"gate_db": None}) == Settings()
