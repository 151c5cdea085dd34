"""Texts of the pages: numbers are those that the code goes by, and nothing is without a name."""

import ast
import re

import pytest
from scipy.stats import binomtest

from ddsing.constants import FRAME_RATE, GUIDE_BAND, MAX_TRANSFER_S, SAMPLE_RATE
from ddsing.dataset import hearing, verdict
from ddsing.dataset.analysis import WINDOW_FRAMES
from ddsing.experiments.comparison.results import ALPHA
from ddsing.ui.dataset import recordings
from tests.support.paths import ROOT

WORDS = {4: "four", 10: "ten"}


@pytest.mark.parametrize(
    ("path", "pattern", "value"),
    [
        ("shell/sources.py", r"[Uu]p to (\w+) minutes", WORDS[MAX_TRANSFER_S / 60]),
        ("dataset/prepare.py", r"windows of (\w+) seconds", WORDS[WINDOW_FRAMES / FRAME_RATE]),
        ("training/tutorial.py", r"(\w+)-second windows", WORDS[WINDOW_FRAMES / FRAME_RATE]),
        ("training/tutorial.py", r"(\w+) times a second", str(FRAME_RATE)),
        ("training/start.py", r"up to (\w+) ms early", f"{1000 * 512 / SAMPLE_RATE:g}"),
        ("experiments/curves.py", r"band, (\w+ to \w+), is", f"{GUIDE_BAND[0]:g} to {GUIDE_BAND[1]:g}"),
        ("dataset/recordings.py", r"Share of the (\w+) ms frames", f"{1000 / FRAME_RATE:g}"),
    ],
)
def test_a_number_in_a_text_is_the_code_s(path, pattern, value):
    assert set(re.findall(pattern, (ROOT / "ddsing" / "ui" / path).read_text("utf-8"))) == {value}


def test_what_is_called_silent_and_clipped_is_what_counts_as_such():
    numbers = re.findall(r"[\d.]+", recordings.SILENT_HELP)
    assert numbers[:2] == [f"{-hearing.SILENT_DB:g}", f"{-hearing.SILENT_BELOW_LOUD_DB:g}"]
    text = recordings.CLIPPED_HELP
    assert f"for {1000 * hearing.CLIPPED_S:.2f} ms" in text and f"more than {100 * verdict.CLIPPED_SHARE:g} %" in text
    explained = hearing.__doc__ or ""
    assert f"below {hearing.SILENT_DB:g} dB, or {-hearing.SILENT_BELOW_LOUD_DB:g} dB below" in explained
    assert f"a {'twelfth' if round(1 / hearing.CLIPPED_S / 1000) == 12 else '?'} of a millisecond" in explained


def test_how_many_right_answers_are_beyond_chance():
    text = (ROOT / "ddsing" / "ui" / "experiments" / "blind_trials.py").read_text("utf-8")
    n_long, right_long, n_short, right_short = map(
        int, re.search(r"Of (\d+), (\d+) right answers are significant; of (\d+), (\d+) are", text).groups()
    )
    for n, right in ((n_long, right_long), (n_short, right_short)):
        assert binomtest(right, n, 0.5, alternative="greater").pvalue < ALPHA
        assert binomtest(right - 1, n, 0.5, alternative="greater").pvalue >= ALPHA


@pytest.mark.parametrize("path", sorted((ROOT / "ddsing" / "ui").rglob("*.py")), ids=lambda path: path.stem)
def test_what_shows_an_icon_only_has_a_name(path):
    """An empty label would be read aloud as the icon is called: "delete icon"."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = [one for one in calls if any(word.arg == "icon" for word in one.keywords) and one.args]
    empty = [
        one.lineno for one in named if isinstance(one.args[0], ast.Constant) and not str(one.args[0].value).strip()
    ]
    assert empty == []
