"""How right the time left is, on works as they went: `golden/traces.json`, recorded by `benchmarks.traces`.

On two cores, beside two to eleven others for each core, some of which came while the work went on. The set ``learning``
teaches how fast things go, and the numbers of `ddsing.jobs.time_left` were chosen from it; the set ``held out`` is of
other recordings and lengths, recorded since, and is only looked at. A work is asked at every tenth of its course. A
figure is right where the whole is within a factor 1.5 of what it came to, a range where what is shown of it holds that.
"""

import functools
import json
import math
import re

import pytest

from ddsing.jobs import paces
from ddsing.jobs.paces import Paces
from ddsing.jobs.time_left import Clock, Part, Range
from ddsing.units import format_range
from tests.support.paths import ROOT

LEARNING, HELD_OUT = 0.9, 0.85  # shares of right figures; of 270 and 150
TRACES = json.loads((ROOT / "tests" / "golden" / "traces.json").read_text("utf-8"))
VOICE_S = 61.6
PITCH, WRITING = "Finding the pitch", "Writing the windows"
GUESS_S = {"full": 1.0, "fast": 0.4, "tiny": 0.1}


def parts(trace, known):
    """As the product makes them of what it is about to do."""
    of = trace["of"]
    pitch = functools.partial(known.part, key=f"pitch/{of['tracker']}", guess_s=GUESS_S[of["tracker"]], turn=0)
    writing = known.part(WRITING, VOICE_S, "writing", guess_s=0.03, turn=1)
    if trace["kind"] == "transfer":
        new_s = 0.0 if of["tracker"] == "full" else of["sound_s"]  # the demo's examples are known to the best
        return [pitch("features", new_s), known.part("render", of["sound_s"], of["instrument"], guess_s=0.07, turn=1)]
    if trace["kind"] == "prepare":
        return [pitch(PITCH, VOICE_S), writing]
    stages = [("loading", 1, 5.0), ("head start", 300, 0.1), ("building", 1, 15.0), ("training", of["steps"] - 1, 0.5)]
    stages += [("saving", of["steps"] // of["save_every"], 3.0)]
    return [
        Part("preparing", pitch("", VOICE_S).expected_s + writing.expected_s),
        *(
            known.part(stage, amount, f"train/{stage}", guess_s=guess_s, turn=min(turn, 4))
            for turn, (stage, amount, guess_s) in enumerate(stages, start=1)
        ),
    ]


def reports(trace):
    """What the clock is told: seconds, stage, share of it."""
    if trace["kind"] == "train":
        yield from _steps(trace)
        return
    of_whole = {stage: [share for _, one, share in trace["events"] if one == stage] for stage in (PITCH, WRITING)}
    ends = {PITCH: of_whole[WRITING][0] if of_whole[WRITING] else 1.0, WRITING: 1.0}
    for at_s, stage, share in trace["events"]:
        if stage in ends:  # a preparation reports the share of it all
            first = of_whole[stage][0]
            yield at_s, stage, (share - first) / (ends[stage] - first)
        elif stage:
            yield at_s, stage, share


def _steps(trace):
    """Steps and saves as `ddsing.training.run` tells of them."""
    steps, n_saves = trace["of"]["steps"], trace["of"]["steps"] // trace["of"]["save_every"]
    saves, before = 0, ""
    for at_s, stage, share, *step in trace["events"]:
        if stage in ("training", "saving"):
            saves += before == "saving" and stage == "training"
            yield at_s, "saving", saves / n_saves
            yield at_s, stage, (step[0] - 1) / (steps - 1) if stage == "training" else saves / n_saves
        elif stage:
            yield at_s, stage, share
        before = stage


def replayed(trace, known):
    """(seconds, the range then) over a trace, how long it took in all, and the clock at its end."""
    now = [0.0]
    clock = Clock(parts(trace, known), now=lambda: now[0], crowd=trace["crowd"])
    shown, total_s = [(0.0, clock.left())], trace["events"][-1][0]
    for at_s, stage, share in reports(trace):
        now[0] = at_s
        clock.at(stage, share)
        shown.append((at_s, clock.left()))
    return shown, total_s, clock


def taught(path, *, but=None):
    """What the set for learning has taught, each work beside those that there were."""
    for trace in TRACES:
        if trace is not but and trace["set"] == "learning":
            known = Paces(path, machine="this", crowd=trace["crowd"])
            known.learn(replayed(trace, known)[2].took())
    return path


def asked(trace, path):
    """At every tenth of a work: the seconds that have passed, what is left by then, and what it came to."""
    shown, total_s, _ = replayed(trace, Paces(path, machine="this", crowd=trace["crowd"]))
    for tenth in range(10):
        at_s, left = [one for one in shown if one[0] <= tenth * total_s / 10 + 1e-9][-1]
        yield at_s, left, total_s


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """By set; in the one for learning, each work is asked with what the others have taught."""
    everything = taught(tmp_path_factory.mktemp("cache") / "paces.json")
    found = {"learning": [], "held out": []}
    for trace in TRACES:
        learning = trace["set"] == "learning"
        path = taught(tmp_path_factory.mktemp("cache") / "paces.json", but=trace) if learning else everything
        found[trace["set"]] += asked(trace, path)
    return found


def is_right(at_s, left, total_s):
    return 1 / 1.5 <= (at_s + left.middle_s) / total_s <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize(("of", "n_traces", "least"), [("learning", 27, LEARNING), ("held out", 15, HELD_OUT)])
def test_figures_are_right_within_a_factor_of_one_and_a_half(figures, of, n_traces, least):
    some = [trace for trace in TRACES if trace["set"] == of]
    assert {trace["kind"] for trace in some} == {"transfer", "prepare", "train"} and len(some) == n_traces
    assert any(trace["after_s"] for trace in some), "others that come while it goes on"
    assert all(left is not None for _, left, _ in figures[of])
    right = [is_right(*figure) for figure in figures[of]]
    assert sum(right) / len(right) >= least


def is_in_the_range_shown(at_s, left, total_s):
    """The range is told in whole seconds, from one on, or in minutes."""
    shown = format_range(left.low_s, left.high_s)
    units_s = {"": 60.0 if shown.endswith("min") else 1.0, "s": 1.0, "min": 60.0}
    ends_s = [float(number) * units_s[unit] for number, unit in re.findall(r"([\d.]+) ?(s|min|)", shown)] or [1.0, 3.0]
    return ends_s[0] <= max(1.0, total_s - at_s) <= ends_s[-1]


@pytest.mark.parametrize("of", ["learning", "held out"])
def test_the_range_that_is_shown_holds_what_it_came_to_in_nine_of_ten(figures, of):
    held = [is_in_the_range_shown(*figure) for figure in figures[of]]
    assert sum(held) / len(held) >= 0.9


def test_what_is_left_is_never_less_than_nothing_and_a_range(figures):
    for _, left, _ in [*figures["learning"], *figures["held out"]]:
        assert 0.0 <= left.low_s <= left.middle_s <= left.high_s


def test_a_part_that_is_late_and_tells_nothing_is_given_more_time(tmp_path):
    """The whole is more than what has passed, at any time."""
    now = [0.0]
    known = Paces(tmp_path / "paces.json", machine="this", crowd=0.0)
    clock = Clock([known.part("loading", 1, "loading", guess_s=5.0, turn=0)], now=lambda: now[0], crowd=0.0)
    clock.at("loading")
    for second in (1.0, 5.0, 10.0, 60.0, 600.0):
        now[0] = second
        assert clock.left().low_s > 0.05 * second


def test_what_one_run_teaches_the_next_expects(tmp_path):
    now = [0.0]
    path = tmp_path / "paces.json"
    known = Paces(path, machine="this", crowd=0.0)
    part = known.part("singing", 10, "sing", guess_s=1.0, turn=0)
    clock = Clock([part], now=lambda: now[0], crowd=0.0)
    assert Clock([part], crowd=9.0).left().high_s > 25.0, "wider beside many others"
    assert clock.left() == Range(5.0, 20.0), "a guess, wide"
    clock.at("singing", 0.0)
    now[0] = 30.0
    clock.at("singing", 1.0)
    known.learn(clock.took())
    again = Paces(path, machine="this", crowd=0.0)
    assert again.unit_s("sing") == pytest.approx(3.0)
    part = again.part("singing", 10, "sing", guess_s=1.0, turn=0)
    assert Clock([part], now=lambda: 0.0, crowd=0.0).left() == pytest.approx((20.0, 45.0))
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
        (50.0, 100.0, "50 s–2 min"),
        (0.5, 12.0, "1–15 s"),
        (8.0, 14.0, "5–15 s"),
        (1_200.0, 6_000.0, "20 min–2 h"),
        (121.0, 179.0, "2–3 min"),
        (120.0, 120.0, "2 min"),
        (3_700.0, 7_000.0, "1–2 h"),
        (5_000.0, 6_000.0, "1–2 h"),
        (6_000.0, 9_000.0, "1.5–2.5 h"),
    ],
)
def test_a_range_is_said_as_people_say_it(low_s, high_s, said):
    assert format_range(low_s, high_s) == said
