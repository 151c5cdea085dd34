"""How soon a voice is learnt: the held-out loss over time, ours beside ddsp's own Trainer, on the same windows.

    python -m benchmarks.time_to_voice [RECORDING ...] [--minutes 10] [--model singing_small] [--tracker full] [--wall]

ddsp trains for so many minutes, as `ddsp_run` does it: its gin, its provider, its Trainer. Then ours trains on the same
records until it is as good, for at most as long. Both are measured on the windows that were held out, as each of them
hears: ddsp on the features as its preparation aligns them, ours where they were heard. The loss is ddsp's spectral loss
of what the library's renderer makes of the weights; measuring is not counted. Minutes are of processor time, of all
threads, so that a busy computer changes nothing; with ``--wall`` by the clock. They begin with the process: imports,
building and head start are in them. Told is the loss over time, and when ours has passed each of ddsp's.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from benchmarks.voice import DEMO, VOICE
from ddsing.dataset import prepare, voices
from ddsing.formats import tfrecord
from ddsing.sound import distance
from ddsing.training import evaluation
from ddsing.training.listening import Listening
from ddsing.training.recipe import Recipe, config_file
from ddsing.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
FIRST_MIN, LATER = 0.25, 1.2  # of the times at which is measured, and how many times as late each following is


class Watch:
    """The minutes of a training, and its losses; what is measured here takes no time of it."""

    def __init__(self, root: Path, model: str, *, centred: bool, minutes: float, until: float, wall: bool):
        from ddsing.engine import render

        self._render, self._model, self._wall, self._until = render, config_file(model).model, wall, until
        self._minutes, self._next_min = minutes, FIRST_MIN
        self._began_s = psutil.Process().create_time()
        self._not_counted_s = 0.0
        voice, listening = voices.get(Workspace(root), VOICE), Listening(3, 3, centred=centred)
        with tfrecord.open_all(voice.dataset_folder, "held_out") as records:
            self._held_out = evaluation.windows(records, listening)

    def now_min(self) -> float:
        """Minutes of training until now."""
        return (self._now_s() - self._not_counted_s) / 60.0

    def look(self, step: int, weights: Callable[[], dict[str, np.ndarray]]) -> None:
        """Measure where it is time to; ends the process at the end, or once it is good enough."""
        now_min = self.now_min()
        if now_min < min(self._next_min, self._minutes):
            return
        self._next_min = now_min * LATER
        began_s = self._now_s()
        loss = self._loss(weights())
        self._not_counted_s += self._now_s() - began_s
        print(json.dumps({"minutes": round(now_min, 2), "step": step, "loss": round(loss, 4)}), flush=True)
        if now_min >= self._minutes or loss <= self._until:
            os._exit(0)

    def _now_s(self) -> float:
        if self._wall:
            return time.time() - self._began_s
        return sum(os.times()[:4])  # of this process and its children

    def _loss(self, weights: dict[str, np.ndarray]) -> float:
        model = self._render.load(self._model, weights)
        losses = [
            distance.spectral_loss(window["audio"], evaluation.resynthesised(model, window))
            for window in self._held_out
        ]
        return float(np.mean(losses))


def ours(watch: Watch, root: Path, model: str) -> None:
    """Our training, without a save."""
    from ddsing.engine.tf.step import Step
    from ddsing.training import run

    step = Step.run

    def watched(self: Step, batch: dict) -> float:
        loss = step(self, batch)
        watch.look(self.iterations, self.weights)
        return loss

    Step.run = watched  # type: ignore[method-assign]
    recipe = Recipe(config=model, steps=10_000_000, save_every=1_000_000)
    run.train(Workspace(root), VOICE, recipe, make_instrument=False)


def ddsp(watch: Watch, root: Path, model: str) -> None:
    """ddsp's."""
    from benchmarks import ddsp_training
    from ddsing.engine.tf import autoencoder as models

    recipe, config = Recipe(config=model), config_file(model).model
    trainer = ddsp_training.trainer(recipe)
    for batch in ddsp_training.batches(recipe, voices.get(Workspace(root), VOICE).dataset_folder):
        trainer.train_step(batch)["total_loss"].numpy()
        watch.look(int(trainer.step.numpy()), lambda: models.read_weights(trainer.model, config))


WAYS = {"ddsp": ddsp, "ours": ours}


def trained(
    way: str, root: Path, model: str, minutes: float, *, until: float = 0.0, wall: bool, cache: Path
) -> list[dict]:
    """The losses of one training over time, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.time_to_voice", "--child", way, str(root), "--model", model]
    command += ["--minutes", str(minutes), "--until", str(until), *(["--wall"] if wall else [])]
    environment = os.environ | {"DDSING_COMPILED": str(cache)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, cwd=ROOT, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def passed_min(loss: float, found: list[dict]) -> float | None:
    """The minute of the first measurement that is no worse; None without."""
    return next((one["minutes"] for one in found if one["loss"] <= loss), None)


def text(document: dict) -> str:
    """Tables for people."""
    kind = "by the clock" if document["wall"] else "of processor time"
    lines = [f"{document['model']}, {document['recorded_min']:.1f} minutes of a voice; minutes {kind}"]
    lines.append(f"{'':<8}{'minute':>8}{'step':>8}{'held-out loss':>15}")
    for way in WAYS:
        lines += [f"{way:<8}{one['minutes']:>8.1f}{one['step']:>8}{one['loss']:>15.3f}" for one in document[way]]
    lines.append(f"{'ddsp':<24}{'ours has that':>24}")
    for one in document["ddsp"]:
        minute = passed_min(one["loss"], document["ours"])
        when = f"not in {document['ours'][-1]['minutes']:.1f} min" if minute is None else f"by minute {minute:.1f}"
        ratio = "" if minute is None else f"{one['minutes'] / minute:>8.1f}x"
        lines.append(f"{one['loss']:.3f} after {one['minutes']:>5.1f} min{when:>24}{ratio}")
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="*", type=Path, default=DEMO, help="of one voice (the demo's)")
    parser.add_argument("--minutes", type=float, default=10.0, help="that ddsp trains (10)")
    parser.add_argument("--model", default="singing_small", help="a file of gin/models (singing_small)")
    parser.add_argument("--tracker", choices=("full", "fast", "tiny"), default="full", help="of the pitch (full)")
    parser.add_argument("--wall", action="store_true", help="minutes by the clock, on a quiet computer")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the tables")
    parser.add_argument("--until", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        way, root = args.child[0], Path(args.child[1])
        limits = {"minutes": args.minutes, "until": args.until, "wall": args.wall}
        WAYS[way](Watch(root, args.model, centred=way == "ours", **limits), root, args.model)
        return
    with tempfile.TemporaryDirectory() as root:
        workspace, cache = Workspace(Path(root)), Path(root) / "compiled"
        folder = workspace.audio / VOICE
        folder.mkdir(parents=True)
        for recording in args.recordings:
            shutil.copy(recording, folder)
        prepared = prepare.prepare(voices.get(workspace, VOICE), tracker=args.tracker)
        options = {"wall": args.wall, "cache": cache}
        theirs = trained("ddsp", Path(root), args.model, args.minutes, **options)
        until = min(one["loss"] for one in theirs)
        found = trained("ours", Path(root), args.model, args.minutes, until=until, **options)
    document = {"model": args.model, "recorded_min": prepared.minutes, "wall": args.wall}
    document |= {"ddsp": theirs, "ours": found}
    print(json.dumps(document, indent=2) if args.json else text(document))


if __name__ == "__main__":
    main()
