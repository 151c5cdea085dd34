"""Windows that are read, left out and taken back; datasets of 2021, and damaged ones."""

import functools
import time

import numpy as np
import pytest

from ddsing.cli import main
from ddsing.dataset import hearing, job, manifest, prepare, voices, windows, writing
from ddsing.errors import DatasetError
from ddsing.workspace import Workspace
from tests.support.prepared_voices import all_records, write_2021
from tests.support.two_processes import at_once

pytestmark = pytest.mark.slow


def test_the_worst_windows_come_first(prepared):
    table = windows.load(prepared[0])
    assert len(table) == 12 and set(table.state) == {"train", "held_out", "guard"}
    assert (np.diff(table.confidence[table.order("confidence")]) >= 0).all()
    assert (np.diff(table.silence[table.order("silence")]) <= 0).all()
    assert table.order("silence")[0] == 11  # the short one, filled up with zeros
    assert table.order().tolist() == list(range(12)) == sorted(table.order("clipping"))
    assert np.nanmin(table.midi) > 59 and np.nanmax(table.midi) < 77


def test_any_window_can_be_read_in_a_record_or_not(prepared):
    voice = prepared[0]
    table = windows.load(voice)
    audio = {name: hearing.hear(voice.folder / name).audio for name in set(table.file)}
    for row in range(len(table)):
        window = windows.read(voice, row)
        assert (window.file, window.start_s, window.state) == (table.file[row], table.start_s[row], table.state[row])
        expected = writing.cut(audio[window.file], round(250 * window.start_s))
        np.testing.assert_array_equal(window.audio, expected)
        assert window.f0_hz.shape == window.f0_confidence.shape == window.loudness_db.shape == (1000,)
    for row in (-1, 12):
        with pytest.raises(DatasetError, match="0 to 11"):
            windows.read(voice, row)


def test_the_choice_is_kept_and_honoured(known):
    first = prepare.prepare(known, tracker="tiny")
    table = windows.load(known)
    held = int(np.flatnonzero(table.state == "held_out")[0])
    trained = np.flatnonzero(table.state == "train")[:3]
    windows.exclude(known, [held, *trained])
    windows.include(known, trained[:1])
    changed = windows.load(known)
    assert changed.excluded.nonzero()[0].tolist() == sorted([held, *trained[1:]])
    assert changed.changed and not table.changed and (changed.state == table.state).all()
    assert not prepare.is_current(known)
    result = prepare.prepare(known, tracker="tiny")
    assert result.n_analysed == 0
    assert (result.n_excluded, result.n_train) == (3, first.n_train - 2) and result.dataset_hash != first.dataset_hash
    after = windows.load(known)
    assert not after.changed and prepare.is_current(known)
    assert (after.state[changed.excluded] == "excluded").all() and (after.record[changed.excluded] == -1).all()
    gone_s = table.start_s[changed.excluded & (table.start_s > 0)]  # at 0 s begins a window of the short one, too
    assert len(gone_s) == 2 and {float(arrays["start_s"][0]) for arrays in all_records(known)}.isdisjoint(gone_s)
    np.testing.assert_array_equal(windows.read(known, held).audio, windows.read(known, held).audio)
    (known.folder / "long.flac").unlink()
    with pytest.raises(DatasetError, match="is missing or has changed"):
        windows.read(known, held)
    with pytest.raises(DatasetError, match="0 to 11"):
        windows.exclude(known, [12])


def test_two_that_exclude_windows_at_once_both_have_their_way(known):
    prepare.prepare(known, tracker="tiny")
    rounds = [(0, 6), (1, 7), (2, 8), (3, 9), (4, 10), (5, 11)]
    at_once(lambda process, number: windows.exclude(known, [rounds[number][process]]), len(rounds))
    assert windows.load(known).excluded.all()


def test_the_windows_that_were_seen_are_excluded_whatever_their_numbers_are_now(known):
    prepare.prepare(known, tracker="tiny")
    seen = windows.load(known)
    (known.folder / "long.flac").rename(known.folder / "very long.flac")  # behind the short one
    prepare.prepare(known, tracker="tiny")
    windows.exclude(known, [0, 3], seen=seen)
    now = windows.load(known)
    chosen = [(hashed, start_s) for hashed, start_s in zip(seen.file_hash[[0, 3]], seen.start_s[[0, 3]])]
    assert sorted(zip(now.file_hash[now.excluded], now.start_s[now.excluded])) == sorted(chosen)
    assert now.excluded.nonzero()[0].tolist() != [0, 3]


def test_with_everything_excluded_there_is_nothing_to_train_on(known):
    prepare.prepare(known, tracker="tiny")
    windows.exclude(known, range(12))
    with pytest.raises(DatasetError, match="excluded"):
        prepare.prepare(known, tracker="tiny")
    (known.dataset_folder / "selection.json").write_text("{")
    with pytest.raises(DatasetError, match="Delete it"):
        windows.load(known)


@pytest.mark.parametrize("n_frames", [1000, 1001])
def test_a_dataset_of_2021_is_listed_and_read_and_never_overwritten(voice, n_frames):
    (voice.folder / "long.flac").unlink()
    write_2021(voice.dataset_folder, n_frames)
    table = windows.load(voice)
    assert len(table) == 3 and table.silence.tolist() == pytest.approx([table.silence[0], table.silence[0], 1.0])
    assert table.midi[0] == pytest.approx(57.0, abs=0.01) and np.isnan(table.midi[2])
    assert windows.read(voice, 2).loudness_db.shape == (1000,) and not windows.read(voice, 2).audio.any()
    with pytest.raises(DatasetError, match="prepared elsewhere"):
        windows.exclude(voice, [0])
    assert not prepare.is_current(voice)
    workspace = Workspace(voice.folder.parent.parent)
    before = contents(workspace.audio)
    for work in (prepare.prepare, functools.partial(job.order, workspace)):
        with pytest.raises(DatasetError, match="ready to train on.*--replace.*'alto 2021'"):
            work(voice.name if work is not prepare.prepare else voice, tracker="tiny")
    assert contents(workspace.audio) == before
    assert prepare.prepare(voice, tracker="tiny", replace=True).kept_as == "alto 2021"
    old = voices.get(workspace, "alto 2021")
    assert len(windows.load(old)) == 3 and len(windows.load(voice)) == 1
    kept = {name.replace("alto_dataset", "alto 2021_dataset"): content for name, content in before.items()}
    assert kept.items() <= contents(workspace.audio).items()
    again = prepare.prepare(voice, tracker="tiny", replace=True)
    assert again.reused and not again.kept_as


def test_a_dataset_of_2021_stays_where_none_of_the_recordings_can_be_used(voice):
    write_2021(voice.dataset_folder, 1000)
    for path in voice.recordings():
        path.write_bytes(b"no sound")
    before = contents(voice.folder.parent)
    with pytest.raises(DatasetError, match="No recording of 'alto' can be used"):
        prepare.prepare(voice, tracker="tiny", replace=True)
    assert contents(voice.folder.parent) == before


def test_two_that_replace_a_dataset_of_2021_at_once_move_it_once(voice, monkeypatch):
    workspace, n_rounds, place_of = Workspace(voice.folder.parent.parent), 4, prepare.place_of_foreign
    monkeypatch.setattr(
        prepare, "place_of_foreign", lambda one: time.sleep(0.1) or place_of(one)
    )  # long enough to meet
    made = [voices.create(workspace, f"voice {number}") for number in range(n_rounds)]
    for one in made:
        (one.folder / "short.wav").write_bytes((voice.folder / "short.wav").read_bytes())
        write_2021(one.dataset_folder, 1000)
    answers = at_once(lambda process, n: prepare.prepare(made[n], tracker="tiny", replace=True).kept_as, n_rounds)
    for number, said in enumerate(zip(*answers)):
        assert set(said) - {"", "DatasetError"} == {f"voice {number} 2021"}
        assert len(windows.load(voices.get(workspace, f"voice {number} 2021"))) == 3
        assert prepare.is_current(made[number])
    assert len(voices.list_voices(workspace)) == 1 + 2 * n_rounds


def test_the_command_says_where_the_dataset_of_2021_is_now(voice, capsys):
    (voice.folder / "long.flac").unlink()
    write_2021(voice.dataset_folder, 1000)
    command = ["--workspace", str(voice.folder.parent.parent), "dataset", "prepare", "alto", "--tracker", "tiny"]
    assert main(command) == 2 and "--replace" in capsys.readouterr().err
    assert main([*command, "--replace"]) == 0
    assert "the dataset of the voice 'alto 2021'" in capsys.readouterr().out


def contents(folder):
    """All files below a folder, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_damaged_dataset_is_a_sentence(voice):
    with pytest.raises(DatasetError, match="no dataset yet"):
        windows.load(voice)
    write_2021(voice.dataset_folder, 1000, keys=("audio", "f0_hz"))
    with pytest.raises(DatasetError, match="lacks"):
        windows.load(voice)
    (voice.dataset_folder / "windows.json").write_text("[]")
    with pytest.raises(DatasetError, match="Prepare the voice again"):
        windows.load(voice)


# As a job


def test_the_manifest_of_a_dataset_with_a_missing_shard_is_none(known):
    prepare.prepare(known, tracker="tiny")
    assert manifest.read(known) is not None
    next(known.dataset_folder.glob("train.tfrecord*")).unlink()
    assert manifest.read(known) is None and not prepare.is_current(known)
    assert not prepare.prepare(known, tracker="tiny").reused
