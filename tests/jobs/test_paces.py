"""How right the time left is, on works as they went: `golden/traces.json`, recorded by `benchmarks.traces`.

On two cores, beside three to eleven others for each core. Each work is replayed with what all the others of its kind
have taught, and asked at every tenth of its course: the figure is right where the whole is within a factor 1.5 of what
it came to, or within two seconds.
"""

import json
import math

import pytest

from ddsing.jobs import paces
from ddsing.jobs.paces import Paces
from ddsing.jobs.time_left import Clock, Range
from ddsing.units import format_range
from tests.support.paths import ROOT

TRACES = json.loads((ROOT / "tests" / "golden" / "traces.json").read_text("utf-8"))
PARTS = {  # stage, units of work, turn, guess
    "transfer": (("features", 1, 0, 3.0), ("render", 1, 1, 1.0)),
    "prepare": (("work", 1, 0, 20.0),),
    "train": (("preparing", 1, 0, 10.0), ("loading", 1, 1, 5.0), ("head start", 300, 2, 0.1), ("building", 1, 3, 15.0),
              ("training", 99, 4, 0.5), ("saving", 5, 4, 3.0)),
}  # fmt: skip


def key(trace, stage):
    of = trace["of"]
    if trace["kind"] == "transfer":
        about = of["tracker"] if stage == "features" else of["instrument"]
        return f"transfer/{stage}/{about}/{of['example']}"
    return f"{trace['kind']}/{stage}/{of['tracker']}"


def reports(trace):
    """What the clock is told: seconds, stage, share; of steps and saves as `ddsing.training.run` tells it."""
    saves, before = 0, ""
    for at_s, stage, share, *step in trace["events"]:
        if trace["kind"] == "prepare":
            yield at_s, "work", share
        elif stage in ("training", "saving"):
            saves += before == "saving" and stage == "training"
            yield at_s, "saving", saves / 5
            yield at_s, stage, (step[0] - 1) / 99 if stage == "training" else saves / 5
        elif stage:
            yield at_s, stage, share
        before = stage


def replayed(trace, known):
    """(seconds, the range then) over a trace, how long it took in all, and the clock at its end."""
    now = [0.0]
    made = [known.part(stage, units, key(trace, stage), guess_s=guess_s, turn=turn)
            for stage, units, turn, guess_s in PARTS[trace["kind"]]]  # fmt: skip
    clock = Clock(made, now=lambda: now[0])
    shown, total_s = [(0.0, clock.left())], trace["events"][-1][0]
    for at_s, stage, share in reports(trace):
        now[0] = at_s
        clock.at(stage, share)
        shown.append((at_s, clock.left()))
    return shown, total_s, clock


def taught(folder, kind, *, but=None):
    """What all works of a kind have taught, each beside those that there were."""
    path = folder / "paces.json"
    for trace in TRACES:
        if trace is not but and trace["kind"] == kind:
            known = Paces(path, machine="this", crowd=trace["crowd"])
            known.learn(replayed(trace, known)[2].took())
    return path


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Of each trace, at every tenth: the whole as it was expected then, and as it came to."""
    found = []
    for trace in TRACES:
        path = taught(tmp_path_factory.mktemp("cache"), trace["kind"], but=trace)
        shown, total_s, _ = replayed(trace, Paces(path, machine="this", crowd=trace["crowd"]))
        for tenth in range(10):
            at_s, left = [one for one in shown if one[0] <= tenth * total_s / 10 + 1e-9][-1]
            found.append((tenth, at_s, left, total_s))
    return found


def is_right(at_s, left, total_s):
    expected_s = at_s + left.middle_s
    return 1 / 1.5 <= expected_s / total_s <= 1.5 or abs(expected_s - total_s) < 2.0


def test_nine_of_ten_figures_are_right_within_a_factor_of_one_and_a_half(figures):
    assert {trace["kind"] for trace in TRACES} == {"transfer", "prepare", "train"} and len(TRACES) >= 20
    assert all(left is not None for _, _, left, _ in figures)
    right = [is_right(*rest) for _, *rest in figures]
    assert sum(right) / len(right) >= 0.9
    first = [is_right(*rest) for tenth, *rest in figures if tenth == 0]
    assert sum(first) / len(first) >= 0.7, "before anything is done"


def test_what_is_left_is_never_less_than_nothing_and_a_range(figures):
    for _, _, left, _ in figures:
        assert 0.0 <= left.low_s <= left.middle_s <= left.high_s


def test_a_part_that_is_late_and_tells_nothing_is_given_more_time(tmp_path):
    """The whole is more than what has passed, at any time."""
    now = [0.0]
    known = Paces(tmp_path / "paces.json", machine="this", crowd=0.0)
    clock = Clock([known.part("loading", 1, "loading", guess_s=5.0, turn=0)], now=lambda: now[0])
    clock.at("loading")
    for second in (1.0, 5.0, 10.0, 60.0, 600.0):
        now[0] = second
        assert clock.left().low_s > 0.05 * second


def test_what_one_run_teaches_the_next_expects(tmp_path):
    now = [0.0]
    path = tmp_path / "paces.json"
    known = Paces(path, machine="this", crowd=0.0)
    clock = Clock([known.part("singing", 10, "sing", guess_s=1.0, turn=0)], now=lambda: now[0])
    assert clock.left() == Range(5.0, 20.0), "a guess, wide"
    clock.at("singing", 0.0)
    now[0] = 30.0
    clock.at("singing", 1.0)
    known.learn(clock.took())
    again = Paces(path, machine="this", crowd=0.0)
    assert again.unit_s("sing") == pytest.approx(3.0)
    assert Clock([again.part("singing", 10, "sing", guess_s=1.0, turn=0)], now=lambda: 0.0).left() == pytest.approx(
        (20.0, 45.0)
    )
    assert Paces(path, machine="another", crowd=0.0).unit_s("sing") is None
    busy = Paces(path, machine="this", crowd=1.0)
    assert busy.unit_s("sing") == pytest.approx(3.0 * paces.slower(1.0)) and paces.slower(1.0) > 2.0


def test_a_damaged_cache_is_no_harm(tmp_path):
    path = tmp_path / "paces.json"
    for content in (
        "{broken",
        '{"this": {"sing": {"alone_s": []}}}',
        '{"this": {"sing": {"alone_s": ["x"], "date": 1}}}',
    ):
        path.write_text(content)
        assert Paces(path, machine="this", crowd=0.0).unit_s("sing") is None
    nowhere = Paces(tmp_path / "file" / "paces.json", machine="this", crowd=0.0)
    (tmp_path / "file").write_text("")
    nowhere.learn({"sing": 2.0, "wrong": math.nan})
    assert nowhere.unit_s("sing") == 2.0 and nowhere.unit_s("wrong") is None


@pytest.mark.parametrize(
    ("low_s", "high_s", "said"),
    [
        (0.3, 1.2, "a few seconds"),
        (3.2, 6.1, "3–7 s"),
        (21.0, 44.0, "20–45 s"),
        (50.0, 100.0, "1–2 min"),
        (121.0, 179.0, "2–3 min"),
        (120.0, 120.0, "2 min"),
        (3_700.0, 7_000.0, "1–2 h"),
        (5_000.0, 6_000.0, "1–2 h"),
        (6_000.0, 9_000.0, "1.5–2.5 h"),
    ],
)
def test_a_range_is_said_as_people_say_it(low_s, high_s, said):
    assert format_range(low_s, high_s) == said
