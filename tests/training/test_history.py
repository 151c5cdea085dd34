"""What a training has left, and what the coach makes of it, on curves whose meaning is known."""

import json

import numpy as np

from ddsing.formats import event_log
from ddsing.training import coach, history, saving
from ddsing.training.history import History, Save


def test_nothing_trained_yet(tmp_path):
    found = history.read(tmp_path / "absent")
    assert not len(found.loss) and found.saves == () and found.best_step is None
    assert coach.advice(found)[0].sentence == "No steps trained yet."


def test_a_history_is_put_together_from_all_that_a_run_leaves(tmp_path):
    writer = event_log.EventWriter(tmp_path / "summaries" / "train")
    for step in range(1, 21):
        writer.add(step, {"losses/total_loss": 20.0 - step, "steps_per_sec": 3.0})
    writer.close()
    held_out = {"spectral_loss": 9.5, "f0_cents": None, "loudness_db": 2.0}
    saving.append(tmp_path, {"step": 10, "loss": 14.5, "held_out": held_out, "date": "2026-11-24T10:00:00+00:00"})
    saving.append(tmp_path, {"step": 20, "loss": 4.5, "held_out": None})
    saving.append(tmp_path, {"step": 15, "loss": 7.0, "held_out": None})  # went back to 10, and on from there
    assert [save.step for save in history.read(tmp_path).saves] == [10, 15]
    saving.append(tmp_path, {"note": "More recordings.", "step": 10})
    with open(tmp_path / saving.HISTORY_NAME, "ab") as file:
        file.write(b'{"step": 20, "lo')  # a crash
    saving.append(tmp_path, {"step": 20, "loss": 1.0, "held_out": held_out})
    (tmp_path / "previews").mkdir()
    (tmp_path / "previews" / "ckpt-15.flac").write_bytes(b"")
    (tmp_path / "best.json").write_text(json.dumps({"step": 10, "value": 9.5, "by": "held-out spectral loss"}))
    found = history.read(tmp_path)
    assert [(save.step, save.loss, save.spectral_loss) for save in found.saves] == [
        (10, 14.5, 9.5),
        (15, 7.0, None),
        (20, 1.0, 9.5),
    ]
    assert [save.preview is not None for save in found.saves] == [False, True, False]
    assert (found.best_step, found.best_by) == (10, "held-out spectral loss")
    assert found.notes == (history.Note(10, "More recordings."),) and found.checkpoints == ()
    assert found.steps.tolist() == list(range(1, 21)) and found.loss[4] == 15.0 and found.steps_per_s[0] == 3.0


def made(loss, *, saves=(), speed=None) -> History:
    steps = np.arange(1, len(loss) + 1)
    speed = np.full(len(loss), 2.0) if speed is None else speed
    return History(steps, np.asarray(loss, np.float32), steps, np.asarray(speed, np.float32), tuple(saves))


def said(found: History) -> list[str]:
    return [f"{remark.level}: {remark.sentence}" for remark in coach.advice(found)]


def test_the_guide_band():
    assert said(made(np.full(100, 7.5))) == [
        "info: There is room to improve: let it run. Good instruments have a loss of 5 to 6."
    ]
    assert said(made(np.full(100, 5.5)))[0].startswith("good: The loss is in the range of good instruments.")
    assert said(made(np.full(100, 4.2)))[0].startswith("warning: Below 5, overfitting is likely")
    (remark,) = coach.advice(made([9.0] * 60 + [7.0] * 50))
    assert remark.evidence == "The loss of the last 50 steps is about 7.00."


def test_a_loss_that_is_flat_for_two_thousand_steps():
    noise = np.random.default_rng(1).normal(0, 0.3, 4_000)
    falling = 9.0 - np.linspace(0, 3, 4_000) + noise
    flat = np.concatenate([9.0 - np.linspace(0, 3, 2_000), np.full(2_000, 6.5)]) + noise
    assert not any("stopped falling" in sentence for sentence in said(made(falling)))
    assert any("stopped falling" in sentence for sentence in said(made(flat)))
    assert not any("stopped falling" in sentence for sentence in said(made(flat[:1_900])))
    remark = next(remark for remark in coach.advice(made(flat)) if "stopped" in remark.sentence)
    assert "Over the last 2,000 steps" in remark.evidence and "around 6.5" in remark.evidence


def test_held_out_rising_while_training_falls():
    held_out = [9.0, 7.5, 7.0, 7.2, 7.3, 7.5]
    training = [9.0, 7.6, 6.9, 6.6, 6.3, 6.0]
    saves = [Save(250 * (i + 1), loss, loss_held) for i, (loss, loss_held) in enumerate(zip(training, held_out))]
    (first,) = (a for a in coach.advice(made(np.linspace(9, 6.5, 1_500), saves=saves)) if "held-out" in a.sentence)
    assert first.level == "info" and "compare the preview of step 750" in first.sentence
    assert "rose from 7.00 to 7.50" in first.evidence and "fell from 6.90 to 6.00" in first.evidence
    both_rise = [Save(save.step, 6.0 + i, save.spectral_loss) for i, save in enumerate(saves)]
    assert not any("held-out" in sentence for sentence in said(made(np.linspace(9, 6.5, 1_500), saves=both_rise)))
    still_falls = [Save(save.step, save.loss, 9.0 - 0.1 * i) for i, save in enumerate(saves)]
    assert not any("held-out" in sentence for sentence in said(made(np.linspace(9, 6.5, 1_500), saves=still_falls)))


def test_a_loss_that_is_no_number_comes_first():
    loss = np.full(300, 5.5)
    loss[200:] = np.nan
    first = coach.advice(made(loss))[0]
    assert first.level == "error" and "step 201" in first.evidence


def test_a_training_that_has_become_slow():
    speed = np.r_[np.full(500, 2.0), np.full(60, 0.5)]
    remark = next(remark for remark in coach.advice(made(np.full(560, 6.5), speed=speed)) if "slow" in remark.sentence)
    assert remark.evidence == "0.5 steps per second lately, 2 usually."
    assert not any("slow" in sentence for sentence in said(made(np.full(560, 6.5))))
