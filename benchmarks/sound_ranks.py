"""Which measure ranks a training's checkpoints as the identity of their transfers does; see `SOUND.md`.

    python -m benchmarks.sound_ranks WORKSPACE:VOICE ... [--recordings DIR] [--json]

Each *WORKSPACE:VOICE* is a training whose checkpoints are all there (``train … --save-every 100`` with ``keep`` as
large as it takes). For each checkpoint the held-out windows, and the built-in phrase, are sung and measured as in the
product; and a recording of each other voice is transferred with it, whose identity (`benchmarks.speakers`) says how
like the singer the checkpoint really is. Printed for each measure: Spearman's rank correlation with the identity, and
by how much the identity of the checkpoint that the measure would choose is below the best one's.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks import sound, speakers
from ddsing.constants import SAMPLE_RATE
from ddsing.dataset import voices
from ddsing.engine import render
from ddsing.formats import tfrecord
from ddsing.sound import closeness
from ddsing.training import checkpoints, evaluation, export, folder, judge, listening, saves
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace

RULES = ("lowest", "lowest, smoothed", "latest near it")
NEAR = 0.1  # of the range of a smoothed measure
_DCT = 13


class Trial:
    """A training whose checkpoints are compared."""

    def __init__(self, text: str):
        root, _, self.voice = text.rpartition(":")
        self.workspace = Workspace(Path(root))
        self.name = f"{Path(root).name}"
        self.where = folder.locate(self.workspace, self.voice)
        trained = folder.config(self.where.path)
        if trained is None:
            sys.exit(f"{text}: no training of {self.voice!r}.")
        self.config = trained.model
        self.steps = [checkpoint.step for checkpoint in checkpoints.published(self.where.path)]
        source = voices.Voice.named(self.workspace.audio, self.voice)
        with tfrecord.open_all(source.dataset_folder, "train") as records:
            self.listening = listening.of(source, records, trained)
            self.learnt = evaluation.windows(records, self.listening, at_most=16)
        with tfrecord.open_all(source.dataset_folder, "held_out") as records:
            self.held_out = evaluation.windows(records, self.listening)
        self.saves = {save.step: save for save in saves.read(self.where.path)[0]}

    def judged(self, step: int, timbre_db: float) -> dict:
        """What the product judges a save by; its timbre as measured here, if it was saved before that was measured."""
        save = self.saves[step]
        kept = {name: getattr(save, name) for name in ("f0_cents", "loudness_db", "harmonic_share")}
        known = timbre_db if save.timbre_db is None else save.timbre_db
        return {
            "step": step,
            "timbre_db": known,
            **kept,
            "windows": {name: list(v) for name, v in save.windows.items()},
        }

    def measures(self, step: int) -> dict[str, float]:
        """The candidates' values of a checkpoint; the smaller the better."""
        model = render.load(self.config, checkpoints.get(self.where.path, step).state(self.config).weights)
        sung = [evaluation.resynthesised(model, window) for window in self.held_out]
        save = self.saves[step]
        found = {
            "the latest": -float(step),
            "spectral loss": save.spectral_loss,
            "loudness error": save.loudness_db,
            "less harmonic": None if save.harmonic_share is None else -save.harmonic_share,
            "pitch error": save.f0_cents,
        }
        for whose, windows in (("held-out", self.held_out), ("all", [*self.learnt, *self.held_out])):
            found |= {f"{name}, {whose}": value for name, value in _distances(windows, self.held_out, sung).items()}
        return {name: float("nan") if value is None else value for name, value in found.items()}


def _distances(wanted: Sequence[Mapping], windows: Sequence[Mapping], sung: Sequence[np.ndarray]) -> dict:
    recordings = [window["audio"] for window in wanted]
    one, two = (closeness.octave_levels_db(np.concatenate(sounds)) for sounds in (recordings, sung))
    mels = [[closeness.log_mel_db(sound) for sound in sounds] for sounds in (recordings, sung)]
    found = {"octaves": float(np.nanmean(np.abs(closeness.octave_errors_db(one, two))))}
    for name, frames in (("log-mel", _level_free), ("log-mel with level", _heard), ("MFCC", _cepstra)):
        some = [np.concatenate([frames(mel) for mel in side]) for side in mels]
        found[f"Fréchet {name}"] = closeness.frechet_db(*some)
        found[f"mean {name}"] = float(np.sqrt(np.square(some[0].mean(0) - some[1].mean(0)).mean()))
        spread = [np.std(x, axis=0) for x in some]
        found[f"spread {name}"] = float(np.sqrt(np.square(spread[0] - spread[1]).mean()))
    pitches = [
        [_pitch(window, len(mel.db)) for window, mel in zip(of, side)] for of, side in zip((wanted, windows), mels)
    ]
    some = [np.concatenate([_free(mel.db) for mel in side]) for side in mels]
    found["by pitch"] = closeness.by_pitch_db(some[0], np.concatenate(pitches[0]), some[1], np.concatenate(pitches[1]))
    return found


def _heard(mel: closeness.Mel) -> np.ndarray:
    return mel.heard_db


def _level_free(mel: closeness.Mel) -> np.ndarray:
    return mel.level_free_db


def _free(db: np.ndarray) -> np.ndarray:
    return db - db.mean(axis=1, keepdims=True)


def _cepstra(mel: closeness.Mel) -> np.ndarray:
    from scipy import fft

    return fft.dct(mel.heard_db, norm="ortho", axis=1)[:, 1 : _DCT + 1]


def _pitch(window: Mapping, n_frames: int) -> np.ndarray:
    """Pitch of each log-mel frame, 0 where there is none."""
    places = np.minimum(
        np.round((np.arange(n_frames) * closeness.HOP_S + 0.032) * 250).astype(int), len(window["f0_hz"]) - 1
    )
    return np.where(window["f0_confidence"][places] >= 0.5, window["f0_hz"][places], 0.0)


def measured(trial: Trial, recordings: Path, seconds: float, environment: Path) -> dict:
    """Of each step the candidates' values, and the identity of a transfer from each other voice."""
    found = {
        name: [sound.recordings.decode(path) for path in paths] for name, paths in sound.singers(recordings).items()
    }
    sources = {name: sounds[0][: round(seconds * SAMPLE_RATE)] for name, sounds in found.items() if name != trial.voice}
    heard: list[np.ndarray] = []
    values = []
    with tempfile.TemporaryDirectory() as root:
        singing = sound.Singing(Workspace(Path(root)), "tiny")
        for step in trial.steps:
            values.append(trial.measures(step))
            instrument = export.instrument(trial.workspace, trial.voice, step=step)
            for source in sources.values():
                settings = singing.best_settings(source, instrument, Settings())
                heard.append(singing.sing(source, instrument, settings, again=False).audio)
            print(f"{trial.name}, step {step:,}", file=sys.stderr, flush=True)
    own = found[trial.voice]
    parts = speakers.parts([*own, *heard], folder=environment)
    centre = speakers.centre(parts[: len(own)])
    likeness = np.array([speakers.whole(part) @ centre for part in parts[len(own) :]]).reshape(len(trial.steps), -1)
    return {
        "voice": trial.voice,
        "steps": trial.steps,
        "identity": likeness.tolist(),
        "sources": list(sources),
        "measures": {name: [one[name] for one in values] for name in values[0]},
        "saves": [trial.judged(step, one["Fréchet log-mel, held-out"]) for step, one in zip(trial.steps, values)],
    }


def smoothed(values: Sequence[float]) -> np.ndarray:
    """Each value's mean with its neighbours'."""
    array = np.asarray(values, float)
    return np.array([np.mean(array[max(place - 1, 0) : place + 2]) for place in range(len(array))])


def choices(values: Sequence[float]) -> dict[str, int | None]:
    """The places that rules choose by a measure; of equals the later one, and nothing where it is unknown."""
    array = np.asarray(values, float)
    if not np.isfinite(array).all():
        return dict.fromkeys(RULES)
    near = smoothed(array)
    within = near <= near.min() + NEAR * (near.max() - near.min())
    return {
        "lowest": int(np.flatnonzero(array == array.min())[-1]),
        "lowest, smoothed": int(np.flatnonzero(near == near.min())[-1]),
        "latest near it": int(np.flatnonzero(within)[-1]),
    }


def table(trials: Mapping[str, Mapping]) -> list[dict]:
    """A row for each measure and rule: rank correlations, and what the choice loses, trial by trial."""
    rows = []
    for name in next(iter(trials.values()))["measures"]:
        ranks, lost = [], {rule: [] for rule in RULES}
        for trial in trials.values():
            identity, values = np.mean(trial["identity"], axis=1), trial["measures"][name]
            ranks.append(float(stats.spearmanr(-np.asarray(values, float), identity).statistic))
            for rule, place in choices(values).items():
                lost[rule].append(float("nan") if place is None else float(identity.max() - identity[place]))
        rows += [{"measure": name, "rule": rule, "spearman": ranks, "lost": lost[rule]} for rule in RULES]
    return sorted(rows, key=lambda row: max(row["lost"]))


def by_the_product(trial: Mapping) -> dict[str, float]:
    """What the identity of the product's choice is below the best, without the measure of timbre and with it."""
    identity, lost = np.mean(trial["identity"], axis=1), {}
    kept = [saves.Save(**save, on_disk=True) for save in trial["saves"]]
    for name, some in (("without timbre", [replace(save, timbre_db=None) for save in kept]), ("as it is", kept)):
        verdict = judge.judge(some)
        assert verdict is not None
        lost[name] = float(identity.max() - identity[trial["steps"].index(verdict.step)])
    return lost


def text(trials: Mapping[str, Mapping]) -> str:
    """The table for people: the worst loss of identity first, then that of each trial."""
    lines = [f"{'measure':<34}{'choice':<18}{'worst':>7}  " + "".join(f"{name:>22}" for name in trials)]
    judged = {name: by_the_product(trial) for name, trial in trials.items()}
    for rule in ("without timbre", "as it is"):
        lost = [one[rule] for one in judged.values()]
        lines.append(f"{'the product, ' + rule:<52}{max(lost):>7.3f}  " + "".join(f"{one:>22.3f}" for one in lost))
    for row in table(trials):
        cells = "".join(f"{lost:>14.3f} ({rank:+.2f})" for lost, rank in zip(row["lost"], row["spearman"]))
        lines.append(f"{row['measure']:<34}{row['rule']:<18}{max(row['lost']):>7.3f}  {cells}")
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", nargs="*", help="WORKSPACE:VOICE")
    parser.add_argument("--recordings", type=Path, default=sound.SHARED, help="as of benchmarks.sound")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each recording that is transferred (12)")
    parser.add_argument("--environment", type=Path, default=speakers.ENVIRONMENT, help="of resemblyzer")
    parser.add_argument("--keep", type=Path, default=Path("ranks.json"), help="a file with what is already measured")
    args = parser.parse_args()
    known = json.loads(args.keep.read_text("utf-8")) if args.keep.is_file() else {}
    for name in args.trials:
        if name not in known:
            known[name] = measured(Trial(name), args.recordings, args.seconds, args.environment)
            args.keep.write_text(json.dumps(known, indent=1), "utf-8")
    print(text({Path(name.rpartition(":")[0]).name: trial for name, trial in known.items()}))


if __name__ == "__main__":
    main()
