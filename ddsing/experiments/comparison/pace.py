"""How far a matrix is, and how long it will still take: each recording is analysed, each cell sung and measured."""

from collections.abc import Mapping

from ddsing.constants import SAMPLE_RATE
from ddsing.errors import DdsingError
from ddsing.experiments.comparison import measure
from ddsing.experiments.comparison.matrix import Matrix, paths
from ddsing.instrument import models
from ddsing.jobs import paces
from ddsing.jobs.time_left import Clock, Part, Range
from ddsing.sound import audio
from ddsing.sound.features import FeatureCache
from ddsing.transfer import band, expected
from ddsing.workspace import Workspace

PITCH, SINGING, MEASURING = "pitch", "render", "measuring"  # as the job's cells report them


class Pace:
    """The time of a matrix.

    Parameters
    ----------
    missing : Mapping
        Seconds of sound of the cells that are to be rendered, by instrument and recording.
    """

    def __init__(self, workspace: Workspace, matrix: Matrix, missing: Mapping[tuple[str, str], float]):
        self._known, self._missing = paces.of(workspace), missing
        self._new = _not_analysed(workspace, matrix, {name for _, name in missing})
        self._read: set[str] = set()
        self._done_s = 0.0
        self._all_s = sum(missing.values())
        self._clock = Clock(
            [
                expected.finding_pitch(self._known, matrix.tracker, sum(self._new.values()), stage=PITCH),
                Part(SINGING, self._singing_s(workspace, matrix)),
                self._known.part(MEASURING, self._all_s, measure.PACE, guess_s=measure.GUESS_S, turn=0),
            ]
        )

    def at(self, stage: str, share: float, instrument: str, name: str) -> None:
        """Note the stage of a cell, and the share of it that is done."""
        if stage == PITCH:
            total_s = sum(self._new.values())
            read_s = sum(self._new.get(one, 0.0) for one in self._read)
            done_s = read_s if name in self._read else read_s + share * self._new.get(name, 0.0)
        elif stage in (SINGING, MEASURING):
            total_s, done_s = self._all_s, self._done_s + share * self._missing.get((instrument, name), 0.0)
        else:
            return
        self._clock.at(stage, done_s / total_s if total_s else 1.0)

    def over(self, instrument: str, name: str) -> None:
        """Note the end of a cell, rendered or refused."""
        self._read.add(name)
        self._done_s += self._missing.get((instrument, name), 0.0)

    def left(self) -> Range | None:
        """As far as it can be said."""
        return self._clock.left()

    def learn(self) -> None:
        """Keep how fast it went."""
        self._known.learn(self._clock.took())

    def _singing_s(self, workspace: Workspace, matrix: Matrix) -> float:
        total_s = 0.0
        for (instrument, _), sound_s in self._missing.items():
            try:
                opened = models.shared().open(workspace, instrument)
            except DdsingError:  # the cell will say why
                continue
            rate_hz = band.planned_rate_hz(matrix.settings, [opened])
            total_s += expected.singing(self._known, [opened.config], sound_s, rate_hz=rate_hz).expected_s
        return total_s


def _not_analysed(workspace: Workspace, matrix: Matrix, names: set[str]) -> dict[str, float]:
    """Seconds of the recordings whose pitch isn't known yet."""
    cache, found = FeatureCache(workspace.cache / "features"), {}
    for name, path in zip(matrix.recordings, paths(workspace, matrix)):
        try:
            sound = audio.decode(path) if name in names else None
        except DdsingError:  # its cells will say why
            continue
        if sound is not None and not cache.has(audio.content_hash(sound), matrix.tracker):
            found[name] = len(sound) / SAMPLE_RATE
    return found
