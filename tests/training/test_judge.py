"""Which checkpoint is taken: series as trainings left them, and series whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.training import coach, judge
from ddsing.training.history import History, Save

# A singer's 76 s, 2,000 steps of singing_small: the held-out loss prefers step 300, all else gets better to the end.
STEPS = [100, 200, 300, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000]
LOSS = [6.9, 6.6, 6.4, 6.3, 6.2, 6.1, 6.0, 5.9, 5.8, 5.7, 5.6, 5.5]
HELD_OUT = [8.52, 8.27, 8.14, 8.18, 8.25, 8.31, 8.36, 8.41, 8.46, 8.52, 8.55, 8.59]
LOUDNESS_DB = [3.2, 3.0, 2.9, 2.8, 2.7, 2.5, 2.6, 2.3, 2.4, 2.0, 2.7, 2.2]


def series(loudness_db=LOUDNESS_DB, *, f0_cents=9.0, harmonic_share=0.93, spread=0.2, steps=STEPS, **also):
    """Saves whose windows lie a little around their means."""
    around = np.array([-1.0, -0.4, 0.1, 1.3]) * spread
    saves = []
    for n, step in enumerate(steps):
        values = {
            "loudness_db": loudness_db[n],
            "f0_cents": f0_cents if np.isscalar(f0_cents) else f0_cents[n],
            "harmonic_share": harmonic_share if np.isscalar(harmonic_share) else harmonic_share[n],
        }
        windows = {name: (value + around * value / 3).tolist() for name, value in values.items()}
        saves.append(Save(step, LOSS[n], HELD_OUT[n], **values, windows=windows, on_disk=True, **also))
    return tuple(saves)


def history(saves) -> History:
    steps = np.arange(1, 2001)
    return History(steps, np.full(2000, 7.0, np.float32), steps, np.full(2000, 2.0, np.float32), saves, best_step=300)


def test_the_latest_is_taken_where_only_the_held_out_loss_rises():
    found = judge.judge(series())
    assert (found.step, found.latest, found.rule) == (2000, 2000, "latest")
    assert found.why == "Step 2,000, the latest, was chosen: pitch, loudness and harmonics are no worse than before."
    said = [advice.sentence for advice in coach.advice(history(series()))]
    assert any("no worse, so let it run" in sentence for sentence in said)
    assert not any("Export step " in sentence for sentence in said)


@pytest.mark.parametrize(
    ("measures", "step", "said"),
    [
        ({"loudness_db": [*LOUDNESS_DB[:8], 4.1, 4.4, 6.0, 8.0]}, 1200, "the loudness got worse, from 2.3 to 8.0 dB"),
        ({"f0_cents": [9.0] * 9 + [40.0, 90.0, 300.0]}, 1400, "the pitch got worse, from 9 to 300 cents off"),
        ({"harmonic_share": [0.93] * 7 + [0.8, 0.6, 0.4, 0.2, 0.1]}, 1000, "from 93% to 10% of the sound"),
    ],
)
def test_the_newest_before_it_got_worse_is_taken(measures, step, said):
    saves = series(**measures)
    found = judge.judge(saves)
    assert (found.step, found.latest, found.rule) == (step, 2000, "earlier")
    assert (
        found.why.startswith(f"Step {step:,} was chosen rather than the latest, 2,000: since step ")
        and said in found.why
    )
    first = coach.advice(history(saves))[0]
    if "harmonic_share" not in measures and "f0_cents" not in measures:
        assert first.level == "warning" and f"Export step {step:,}." in first.sentence
        assert first.evidence == found.why


def test_one_save_that_is_worse_does_not_end_a_training():
    """It is passed over, and that is no advice to stop."""
    loudness_db = [*LOUDNESS_DB[:-1], 5.0]
    found = judge.judge(series(loudness_db))
    assert (found.step, found.rule) == (1800, "earlier")
    assert not any("Export step " in advice.sentence for advice in coach.advice(history(series(loudness_db))))
    recovered = judge.judge(series([*LOUDNESS_DB[:-2], 5.0, 2.1]))
    assert (recovered.step, recovered.rule) == (2000, "latest")


def test_what_gets_worse_a_little_at_each_save_is_found():
    drifting = [2.0 + 0.4 * n for n in range(len(STEPS))]
    found = judge.judge(series(drifting))
    assert found.rule == "earlier" and found.step == STEPS[3], "more than 1.5 dB from where it was"


def test_a_difference_that_is_one_window_is_no_difference():
    """By its mean it is 2 dB worse; of four windows three are as they were."""
    saves = series([2.0] * len(STEPS))
    odd = {**saves[-1].windows, "loudness_db": [2.0, 2.0, 2.0, 10.0]}
    steady = [replace(save, windows={**save.windows, "loudness_db": [2.0] * 4}) for save in saves[:-1]]
    last = replace(saves[-1], loudness_db=4.0, windows=odd)
    assert judge.judge([*steady, last]).step == 2000
    even = replace(last, windows={**odd, "loudness_db": [4.0] * 4})
    assert judge.judge([*steady, even]).step == 1800


def test_breath_and_consonants_are_no_fault():
    assert judge.judge(series(harmonic_share=[0.99] * 6 + [0.91] * 6)).step == 2000


def test_without_measures_the_latest_is_taken_and_said():
    bare = [Save(step, loss, on_disk=True) for step, loss in zip(STEPS, LOSS)]
    found = judge.judge(bare)
    assert (found.step, found.rule) == (2000, "unmeasured") and "were not measured in this run" in found.why
    assert judge.judge([]) is None and judge.judge([Save(100, 5.0)]) is None


def test_a_save_in_a_hurry_goes_with_those_before():
    hurried = Save(2100, 5.4, on_disk=True)
    good, bad = judge.judge([*series(), hurried]), judge.judge([*series([*LOUDNESS_DB[:-1], 9.0]), hurried])
    assert (good.step, good.rule) == (2100, "latest") and "It was not measured" in good.why
    assert (bad.step, bad.latest, bad.rule) == (1800, 2100, "earlier")


def test_only_what_is_kept_can_be_taken():
    """As an earlier version pruned: the last five and the lowest loss; the others have only their measures left."""
    worse = series([*LOUDNESS_DB[:5], *[4.5 + n for n in range(7)]])
    pruned = [replace(save, on_disk=save.step == 300 or save.step >= 1200) for save in worse]
    found = judge.judge(pruned)
    assert found.rule == "earlier" and found.step == 300


def test_another_dataset_is_judged_by_itself():
    old, new = series(dataset_hash="a"), series([6.0, 5.8], dataset_hash="b", steps=[2100, 2200])
    assert judge.judge([*old, *new]).step == 2200


# Timbre is measured since the loss was found to prefer a blur; these are a singer's, in dB, at each of STEPS.
TIMBRE_DB = [7.1, 7.0, 6.6, 6.1, 5.4, 5.6, 5.2, 5.0, 5.1, 4.7, 4.5, 4.4]


def heard(timbre_db, **also):
    """Saves whose timbre was measured, too."""
    return [replace(save, timbre_db=value) for save, value in zip(series(**also), timbre_db)]


def test_the_latest_is_taken_where_the_timbre_comes_closer():
    found = judge.judge(heard(TIMBRE_DB))
    assert (found.step, found.rule) == (2000, "latest")
    assert (
        found.why
        == "Step 2,000, the latest, was chosen: timbre, pitch, loudness and harmonics are no worse than before."
    )
    said = " ".join(advice.sentence for advice in coach.advice(history(heard(TIMBRE_DB))))
    assert "timbre, pitch, loudness and harmonics are no worse, so let it run" in said


def test_a_timbre_that_goes_away_is_over_fitting_and_said():
    """Pitch, loudness and harmonics are as good to the end, so that before, the latest was taken."""
    saves = heard([*TIMBRE_DB[:8], 5.6, 6.0, 6.5, 7.1])
    assert judge.judge(series()).step == 2000
    found = judge.judge(saves)
    assert (found.step, found.latest, found.rule) == (1200, 2000, "earlier")
    assert found.why.endswith("the timbre moved away from the recordings, from 5.3 to 6.8 dB off.")
    first = coach.advice(history(saves))[0]
    assert first.level == "warning" and "Export step 1,200." in first.sentence and first.evidence == found.why


def test_scatter_of_a_single_save_decides_nothing():
    one_down, one_up = list(TIMBRE_DB), list(TIMBRE_DB)
    one_down[5], one_up[-2] = 4.4, 4.8
    assert judge.judge(heard(one_down)).step == judge.judge(heard(one_up)).step == 2000


def test_a_timbre_that_is_as_close_is_no_reason_to_go_back():
    assert judge.judge(heard([*TIMBRE_DB[:-3], 4.75, 4.8, 4.8])).step == 2000


def test_runs_of_before_the_measure_go_on_by_their_rule_until_it_is_known():
    old = list(series())
    assert judge.judge([*old[:-1], replace(old[-1], timbre_db=5.0)]).step == 2000
    assert judge.judge([*series([*LOUDNESS_DB[:8], 4.1, 4.4, 6.0, 8.0])]).step == 1200


def unsung(**measures) -> list[str]:
    save = Save(300, 7.0, 8.0, on_disk=True, **{"loudness_db": 3.0, **measures})
    advices = coach.advice(history((save,)))
    return [f"{advice.sentence} | {advice.evidence}" for advice in advices]


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        ({"harmonic_share": 0.0, "voicing": 0.02, "f0_cents": 900.0}, "the output is mostly noise"),
        ({"harmonic_share": 0.8, "voicing": 0.1, "f0_cents": 30.0}, "notes can hardly be made out"),
        ({"harmonic_share": 0.8, "voicing": 0.9, "f0_cents": 80.0}, "out of tune by more than a quarter tone"),
        ({"f0_cents": 700.0}, "out of tune by more than a quarter tone"),
    ],
)
def test_a_voice_that_does_not_sing_is_told_so_before_anything_about_its_loss(measures, said):
    found = unsung(**measures)
    assert found[0].startswith("The voice doesn't sing in pitch yet: ") and said in found[0]
    assert not any("room to improve" in text or "good instruments" in text for text in found)


def test_the_evidence_is_what_was_measured():
    (first, *_) = unsung(harmonic_share=0.0, voicing=0.02, f0_cents=900.0)
    assert first.endswith(
        "| At step 300 its harmonics carry 0% of the energy, 2% of the voiced frames have a clear note and the "
        "pitch is 900 cents off."
    )
    assert "room to improve" in " ".join(unsung(harmonic_share=0.9, voicing=0.9, f0_cents=12.0))
