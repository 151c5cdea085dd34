"""The voice matrix: every cell once, whoever made it, stopped and gone on with; refusals that stop no other cell."""

import json
from dataclasses import replace

import pytest

from ddsing import instrument
from ddsing.cli import main
from ddsing.errors import Cancelled, SettingsError
from ddsing.experiments.comparison import job, matrix, measure, selection
from ddsing.experiments.comparison.matrix import Matrix
from ddsing.instrument.library import Library
from ddsing.jobs.context import JobContext
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.kinds import KINDS
from ddsing.sound.audio import encode
from ddsing.transfer import pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace, tops

pytestmark = pytest.mark.slow

RECORDING = f"{tiny_workspace.EXAMPLE}.wav"
BOTH = Matrix(tiny_workspace.NAMES, (RECORDING,), tracker="tiny")


class Job:
    """As much of a job as the function sees; it asks to stop once `until` cells are done."""

    def __init__(self, until: int | None = None):
        self.until, self.fields, self.stages = until, {}, []

    def report(self, **fields) -> None:
        self.fields |= fields
        self.stages.append(fields.get("stage", ""))

    def should_stop(self) -> bool:
        return self.until is not None and self.fields.get("step", 0) >= self.until


@pytest.fixture
def filled(tmp_path) -> Workspace:
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def test_a_stopped_matrix_goes_on_and_nothing_is_rendered_twice(filled, monkeypatch):
    with pytest.raises(Cancelled):
        job.run(filled, BOTH.to_json(), Job(until=1))
    assert [take.instrument for take in selection.cells(filled).list()] == [tiny_workspace.NAMES[0]]
    told = Job()
    result = job.run(filled, BOTH.to_json(), told)
    assert (result["cells"], result["rendered"], result["refused"]) == (2, 1, [])
    assert told.fields["step"] == told.fields["steps"] == 2 and any("sings" in stage for stage in told.stages)
    cells = selection.cells(filled).list()
    assert len(cells) == 2 and all(measure.known(take) for take in cells)
    assert TakeStore(filled).list() == []
    monkeypatch.setattr(pipeline, "run", None)
    assert job.run(filled, BOTH.to_json(), Job())["rendered"] == 0


def test_what_the_part_before_a_stop_reported_is_still_there(filled, tmp_path):
    refused = {"instrument": tiny_workspace.NAMES[1], "recording": RECORDING, "reason": "It was broken then."}
    seen = []

    class Watched(JobContext):
        def report(self, **fields):
            super().report(**fields)
            seen.append(self.extra["refused"])

    before = {"extra": {"refused": [refused], "rendered": 3}}
    result = job.run(filled, BOTH.to_json(), Watched(JobFolder(tmp_path), before))
    assert (result["rendered"], result["refused"]) == (5, [])  # it is whole by now
    assert seen[0] == [refused] and seen[-1] == []


def test_cells_at_48_khz_are_given_the_room_that_they_need(filled):
    low = job.room_bytes(filled, BOTH)
    Library(filled).put_top(BOTH.instruments[0], tops.flat())
    assert 1.9 < job.room_bytes(filled, BOTH) / low < 2.0  # one of two
    assert job.room_bytes(filled, replace(BOTH, settings=Settings(full_band=False))) == low


def test_a_take_made_by_hand_is_a_cell(filled):
    plain = replace(BOTH, fitted=False)
    made = pipeline.run(filled, filled.examples / RECORDING, tiny_workspace.NAMES[1], Settings(), tracker="tiny")
    assert job.run(filled, plain.to_json(), Job())["rendered"] == 1
    assert matrix.known(filled)[made.key].id == made.id
    assert selection.find(filled, made.id) == made
    cell = selection.cells(filled).list()[0]
    assert selection.find(filled, cell.id) == cell
    assert selection.store_of(filled, cell).rename(cell.id, "kept").name == "kept"


def _replace_instrument(workspace: Workspace, name: str, seed: int) -> None:
    """Export another instrument under a name that there is."""
    instrument.write(tiny_workspace.tiny_instrument(name, seed=seed), workspace.instruments / f"{name}.zip")


def test_what_is_replaced_under_its_name_is_rendered_anew(filled):
    job.run(filled, BOTH.to_json(), Job())
    _replace_instrument(filled, tiny_workspace.NAMES[1], seed=8)
    assert job.run(filled, BOTH.to_json(), Job())["rendered"] == 1
    (filled.examples / RECORDING).write_bytes(encode(tiny_workspace.sung(hz=200.0)))
    assert job.run(filled, BOTH.to_json(), Job())["rendered"] == 2
    assert len({take.key for take in selection.cells(filled).list()}) == 5


def test_a_morph_is_compared_with_the_voices_that_it_was_made_of(filled):
    source = filled.examples / RECORDING
    first, second = tiny_workspace.NAMES
    plain = pipeline.run(filled, source, first, Settings(), tracker="tiny")
    pipeline.run(filled, source, first, Settings(octave_shift=1), tracker="tiny")
    _replace_instrument(filled, second, seed=8)
    pipeline.run(filled, source, second, Settings(), tracker="tiny")
    _replace_instrument(filled, second, seed=9)
    morph = Morph((first, second), ("", ""), ((0.0, (1, 1)),))
    morphed = pipeline.run(filled, source, morph.names, Settings(), morph=morph, tracker="tiny")
    assert selection.pure_voices(TakeStore(filled).list(), morphed) == [plain]
    assert selection.pure_voices([plain], plain) == []


def test_recordings_are_shifted_to_where_they_fit_each_instrument(filled):
    job.run(filled, BOTH.to_json(), Job())
    octaves = {take.instrument: take.settings.octave_shift for take in selection.cells(filled).list()}
    assert octaves[tiny_workspace.NAMES[1]] == octaves[tiny_workspace.NAMES[0]] - 1  # its range lies an octave lower


def test_what_cannot_be_rendered_is_named_and_the_rest_goes_on(filled):
    (filled.instruments / "broken.zip").write_bytes(b"PK no")
    (filled.examples / "noise.wav").write_bytes(b"not a sound")
    asked = Matrix(("broken", tiny_workspace.NAMES[0]), (RECORDING, "noise.wav"), tracker="tiny")
    told = Job()
    result = job.run(filled, asked.to_json(), told)
    refused = {(entry["instrument"], entry["recording"]) for entry in result["refused"]}
    assert refused == {("broken", RECORDING), ("broken", "noise.wav"), (tiny_workspace.NAMES[0], "noise.wav")}
    assert result["rendered"] == 1 and "3 of 4" in result["message"] and told.fields["extra"]["refused"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"instruments": [], "recordings": ["a"]},
        {"instruments": ["a"] * 3, "recordings": ["../audio/alto/one.wav"]},
        {"instruments": ["a"], "recordings": [f"{number}" for number in range(500)]},
        {"instruments": ["a"], "recordings": ["a"], "tracker": "best"},
    ],
)
def test_a_matrix_that_is_none_is_refused(options, filled):
    with pytest.raises(SettingsError):
        job.run(filled, options, Job())


def test_it_is_a_kind_of_job():
    module, _, function = KINDS[job.KIND].partition(":")
    assert (module, function) == (job.__name__, "run") and Matrix.from_json(BOTH.to_json()) == BOTH
    assert job.title(BOTH) == "Voice matrix: 2 instruments × 1 recording"


def test_compare_matrix_on_the_command_line(filled, capsys):
    asked = ["compare", "matrix", "--tracker", "tiny", "--workspace", str(filled.root)]
    assert main([*asked, "--instruments", tiny_workspace.NAMES[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rendered"] == 1
    assert main(asked) == 0
    assert "1 of 2 cells" in capsys.readouterr().out
    assert main([*asked, "--recordings", "none.wav"]) == 2
    assert "none.wav" in capsys.readouterr().err
