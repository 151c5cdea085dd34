"""From the start of a training to its first step: ours, the first time and again, beside ddsp's own Trainer.

    python -m benchmarks.start [--models singing_small singing] [--batch-size 4] [--repeats 2] [--json]

Each training is a process of its own, on the demo's voice, prepared beforehand. *Wall* is from the start of the process
to the end of the first step, *processor* all that was computed until then, and a line tells where ours was when: at
what second each stage began. *First* has an empty cache, *again* the one that the first has left. `--batch-size` is
that of the large model, of which one step of 32 windows alone takes half a minute on two cores.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VOICE = "Mira"
LARGE = ("singing", "singing_z", "vst")


def prepared(root: Path) -> None:
    """The demo's workspace, its voice prepared by the tiny tracker."""
    from ddsing.dataset import prepare, voices
    from ddsing.workspace import open_workspace

    prepare.prepare(voices.get(open_workspace(root), VOICE), tracker="tiny")


def _tell(stages: dict) -> None:
    """What this process has taken until now, and its end."""
    import psutil

    told = {
        "wall_s": time.time() - psutil.Process().create_time(),
        "processor_s": sum(os.times()[:4]),
        "stages": stages,
    }
    print(json.dumps(told), flush=True)
    os._exit(0)


def ours(root: Path, model: str, batch_size: int | None) -> None:
    """Train until the first step is done."""
    import psutil

    from ddsing.training import run
    from ddsing.training.recipe import Recipe
    from ddsing.workspace import Workspace

    began, stages = psutil.Process().create_time(), {}

    def report(progress: run.Progress) -> None:
        name = progress.message if progress.message.startswith(("Loading", "Building")) else progress.stage
        stages.setdefault(name, round(time.time() - began, 2))
        if progress.step:
            _tell(stages)

    recipe = Recipe(config=model, steps=2, batch_size=batch_size)
    run.train(Workspace(root), VOICE, recipe, report=report, make_instrument=False)


def ddsp(root: Path, model: str, batch_size: int | None) -> None:
    """ddsp's own first step."""
    from benchmarks import ddsp_training
    from ddsing.dataset import voices
    from ddsing.training.recipe import Recipe
    from ddsing.workspace import Workspace

    recipe = Recipe(config=model, batch_size=batch_size)
    trainer = ddsp_training.trainer(recipe)
    batches = ddsp_training.batches(recipe, voices.get(Workspace(root), VOICE).dataset_folder)
    float(trainer.train_step(next(batches))["total_loss"])
    _tell({})


def started(way: str, root: Path, model: str, batch_size: int | None, cache: Path) -> dict:
    """What one start took, in a process of its own and from the beginning of a training."""
    shutil.rmtree(root / "audio" / f"{VOICE}_checkpoints", ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.start", "--child", way, str(root), "--models", model]
    if batch_size:
        command += ["--batch-size", str(batch_size)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"DDSING_COMPILED": str(cache)},
    )
    return json.loads(done.stdout.splitlines()[-1])


def compare(root: Path, model: str, batch_size: int | None, repeats: int) -> dict:
    """The starts of one model, each way in turns; of several the least counts."""
    found: dict[str, list[dict]] = {"ddsp": [], "first": [], "again": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            for name in found:
                way = "ddsp" if name == "ddsp" else "ours"
                found[name].append(started(way, root, model, batch_size, Path(cache)))
    least = {name: min(starts, key=lambda start: start["wall_s"]) for name, starts in found.items()}
    return {"model": model, "batch_size": batch_size, **least}


def text(rows: list[dict]) -> str:
    """A table for people."""
    lines = [f"{'model':<16}{'':<8}{'wall':>8}{'processor':>11}{'ddsp / ours':>13}"]
    for row in rows:
        for name in ("ddsp", "first", "again"):
            wall_s, processor_s = (row[name][which] for which in ("wall_s", "processor_s"))
            ratio = row["ddsp"]["wall_s"] / wall_s
            lines.append(f"{row['model']:<16}{name:<8}{wall_s:>6.1f} s{processor_s:>9.1f} s{ratio:>12.1f}x")
            stages = ", ".join(f"{stage or 'training'} {second:.1f}" for stage, second in row[name]["stages"].items())
            lines += [f"{'':<24}{stages}"] if stages else []
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=["singing_small", "singing"], help="which (both)")
    parser.add_argument("--batch-size", type=int, default=4, help="windows in a step of the large model (4)")
    parser.add_argument("--repeats", type=int, default=2, help="starts of each, of which the quickest counts (2)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()

    def batch_size(model: str) -> int | None:
        return args.batch_size if model in LARGE else None

    if args.child:
        way, root = args.child
        {"ours": ours, "ddsp": ddsp}[way](Path(root), args.models[0], batch_size(args.models[0]))
    with tempfile.TemporaryDirectory() as root:
        prepared(Path(root))
        rows = [compare(Path(root), model, batch_size(model), args.repeats) for model in args.models]
    print(json.dumps(rows, indent=2) if args.json else text(rows))


if __name__ == "__main__":
    main()
