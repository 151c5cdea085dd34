"""Blind tests: fair plans, sounds that give nothing away, answers kept as they are given, and honest statistics."""

import csv
import hashlib
import io
import json
from collections import Counter

import numpy as np
import pytest
import soundfile
from scipy.stats import binomtest

from ddsing.errors import TakeError
from ddsing.experiments.comparison import blind, matching, results
from ddsing.experiments.comparison.blind import REFERENCE, BlindTests
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with three takes of one recording, one of them much softer."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("blind") / "ws"))
    source = next(workspace.examples.glob("*.wav"))
    settings = (Settings(), Settings(loudness_shift_db=-20.0), Settings(octave_shift=1))
    return workspace, [
        pipeline.run(workspace, source, tiny_workspace.NAMES[0], one, tracker="tiny", source_name="a song.wav")
        for one in settings
    ]


def test_a_plan_is_balanced_random_and_repeats_with_its_seed():
    takes = ["one", "two", "three"]
    trials = blind.plan_abx(takes, n_trials=60, seed=1)
    assert trials == blind.plan_abx(takes, n_trials=60, seed=1) != blind.plan_abx(takes, n_trials=60, seed=2)
    assert set(Counter(frozenset(trial[:2]) for trial in trials).values()) == {20}
    assert all(a != b and x in (a, b) for a, b, x in trials)
    many = blind.plan_abx(takes[:2], n_trials=200, seed=3)
    for share in (np.mean([x == a for a, _, x in many]), np.mean([a == "one" for a, _, _ in many])):
        assert binomtest(round(share * 200), 200, 0.5).pvalue > 0.01
    with pytest.raises(TakeError, match="two different takes"):
        blind.plan_abx(["one", "one"], n_trials=4, seed=0)


def test_a_rating_hides_every_take_and_the_recording(made):
    _, takes = made
    trials = blind.plan_rating(takes, repeats=3, seed=5)
    assert len(trials) == 3 and len({trial[1:] for trial in trials}) > 1
    for reference, *items in trials:
        assert sorted(items) == sorted([*(take.id for take in takes), REFERENCE]) and reference in items


def test_stimuli_are_equally_loud_and_give_nothing_away(made):
    workspace, takes = made
    store = BlindTests(workspace)
    test = store.begin("abx", takes[::2], n_trials=4, seed=11, excerpt_s=(0.3, 1.4))
    sounds = {slot: blind.stimulus(workspace, test, 0, slot) for slot in "ABX"}
    assert len({hashlib.sha256(sound).hexdigest() for sound in sounds.values()}) == 3
    assert len({len(sound) for sound in sounds.values()}) == 1
    decoded = {slot: soundfile.read(io.BytesIO(sound), dtype="float32")[0] for slot, sound in sounds.items()}
    levels = [matching.integrated_lufs(sound) for sound in decoded.values()]
    assert max(levels) - min(levels) < 0.1
    assert len(decoded["A"]) == round(1.1 * 16_000)
    same = "A" if test.trials[0][2] == test.trials[0][0] else "B"
    np.testing.assert_array_equal(decoded["X"], decoded[same])
    assert np.abs(decoded["A"] - decoded["B"]).max() > 1e-3
    for sound in sounds.values():
        for secret in (*test.names.values(), *test.takes, "recipe"):
            assert secret.encode() not in sound


def test_answers_are_kept_once_and_survive(made):
    workspace, takes = made
    store = BlindTests(workspace)
    begun = store.begin("abx", takes[:2], n_trials=4, seed=1, title="  A   title ", listener="Jo")
    store.answer(begun.id, 0, "A", seconds=3.2, plays=2)
    again = store.answer(begun.id, 0, "B")
    assert len(again.answers) == 1 and again.answers[0]["answer"] == "A" and again.title == "A title"
    assert BlindTests(workspace).get(begun.id) == again
    with pytest.raises(TakeError, match="neither"):
        store.answer(begun.id, 1, "C")
    for trial in range(1, 4):
        assert not store.get(begun.id).finished
        store.answer(begun.id, trial, "B")
    assert store.answer(begun.id, 4, "A").finished and len(store.get(begun.id).answers) == 4
    (store.folder / "damaged.json").write_text("{")
    assert "damaged" not in [test.id for test in store.list()]
    token = store.delete(begun.id)
    with pytest.raises(TakeError, match="No blind test"):
        store.get(begun.id)
    assert store.undo(token).title == "A title" and store.get(begun.id).finished


@pytest.mark.parametrize(("n_right", "n"), [(12, 16), (16, 16), (5, 16), (0, 0)])
def test_the_p_value_is_the_tail_of_a_fair_coin(n_right, n):
    from math import comb

    found = results.Score((), n, n_right)
    tail = sum(comb(n, k) for k in range(n_right, n + 1)) / 2**n
    assert found.p == pytest.approx(tail if n else 1.0)
    said = results.verdict(found)
    assert ("a difference was heard." in said) == (n > 0 and tail < 0.05)
    assert n == 0 or ("nor that there is none" in said) == (tail >= 0.05)
    assert found.interval[0] <= (n_right / n if n else 0.5) <= found.interval[1]


def test_results_are_scored_against_the_plan_and_exported(made):
    workspace, takes = made
    store = BlindTests(workspace)
    test = store.begin("abx", takes, n_trials=9, seed=4, listener="=cmd()")
    for trial, (a, _, x) in enumerate(test.trials):
        right = "A" if x == a else "B"
        test = store.answer(test.id, trial, right if trial != 2 else "AB".replace(right, ""))
    assert (results.score(test).n_right, results.score(test).n) == (8, 9)
    assert sum(one.n for one in results.scores_by_pair(test)) == 9
    rows = list(csv.DictReader(io.StringIO(results.to_csv(test))))
    assert [row["correct"] for row in rows] == ["1", "1", "0", *["1"] * 6] and rows[0]["listener"] == "'=cmd()"
    assert json.loads(results.to_json(test))["result"]["p"] == pytest.approx(10 / 512)
    assert "8 answers were right" in results.sentence(test)
    assert test in results.of_takes(workspace, takes) and test not in results.of_takes(workspace, takes[:1])


def test_ratings_come_out_per_take(made):
    workspace, takes = made
    store = BlindTests(workspace)
    test = store.begin("rating", takes, repeats=2, seed=8, question="How natural?")
    wanted = {takes[0].id: 70, takes[1].id: 20, takes[2].id: 50, REFERENCE: 98}
    assert test.slots(0) == ("R", "1", "2", "3", "4")
    for trial in range(2):
        assert test.hidden(trial, "R") == (test.trials[trial][0], True)
        with pytest.raises(TakeError, match="0 to 100"):
            store.answer(test.id, trial, [50, 50, 50, 101])
        test = store.answer(test.id, trial, [wanted[item] + trial for item in test.trials[trial][1:]])
    found = {one.item: one for one in results.ratings(test)}
    assert {item: one.mean for item, one in found.items()} == {item: value + 0.5 for item, value in wanted.items()}
    assert [one.item for one in results.ratings(test)][0] == REFERENCE
    rows = list(csv.DictReader(io.StringIO(results.to_csv(test))))
    assert len(rows) == 8 and {float(row["score"]) for row in rows if row["item"] == takes[1].id} == {20, 21}
    assert "How natural?" in results.sentence(test)


def test_takes_of_one_name_are_told_apart_in_the_result(made):
    workspace, takes = made
    test = BlindTests(workspace).begin("abx", takes[::2], n_trials=4, seed=11)
    assert [name.partition(" (")[2] for name in test.names.values()] == ["octave shift 0)", "octave shift +1)"]
