"""Records how works went: at which second each was in which stage, quiet and beside others that compute.

    python -m benchmarks.traces OUT.json [--only train prepare transfer] [--rounds 1]

``tests/golden/traces.json`` is made of such records, and `tests/jobs/test_paces.py` replays them. A trace is
``{"kind", "of", "burners", "crowd", "events"}``: what was done and with what, how many processes computed beside it
from when on (a share of nothing else), how crowded the computer was before it began (`hardware.crowd`), and its
reports, each ``[seconds, stage, share or null]`` and for a training ``[seconds, stage, share, step]``.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ddsing import hardware
from ddsing.dataset import prepare, voices
from ddsing.training import run
from ddsing.training.recipe import Recipe
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace, open_workspace

BURN = "while True: sum(range(10000))"
VOICE = "Mira"
MAX_EVENTS = 90
Report = Callable[..., None]


@contextlib.contextmanager
def burning(n: int, *, after_s: float = 0.0) -> Iterator[None]:
    """Within it `n` processes compute, of a nicer kind than ours, from `after_s` on."""
    burners: list[subprocess.Popen] = []

    def light() -> None:
        burners.extend(subprocess.Popen(["nice", "-n", "2", sys.executable, "-c", BURN]) for _ in range(n))

    timer = threading.Timer(after_s, light)
    timer.start()
    try:
        if not after_s:
            timer.join()
            time.sleep(20.0)  # until it is part of how crowded the computer is
        yield
    finally:
        timer.cancel()
        timer.join()
        for burner in burners:
            burner.kill()
            burner.wait()


def transfer(workspace: Workspace, report: Report, *, instrument: str, example: str, tracker: str) -> None:
    """A transfer of an example, nothing of it known before."""
    source = next(workspace.examples.glob(f"{example}*"))
    pipeline.run(workspace, source, instrument, Settings(), tracker=tracker, progress=report)


def preparing(workspace: Workspace, report: Report, *, tracker: str) -> None:
    """The demo's voice, prepared."""
    prepare.prepare(voices.get(workspace, VOICE), tracker=tracker, progress=report)


def train(workspace: Workspace, report: Report, *, config: str, steps: int, save_every: int, tracker: str) -> None:
    """The demo's voice, trained from its recordings to the instrument."""

    def tell(progress: run.Progress) -> None:
        building = progress.step == 0 and progress.stage == "training"
        report("building" if building else progress.stage, progress.fraction, progress.step)

    recipe = Recipe(config=config, steps=steps, save_every=save_every, tracker=tracker)
    run.train(workspace, VOICE, recipe, report=tell)


WORKS = {"transfer": transfer, "prepare": preparing, "train": train}


def record(kind: str, of: dict, *, burners: int, after_s: float = 0.0, keep: Path | None = None) -> dict:
    """One work in a workspace of its own."""
    events: list[list] = []
    with tempfile.TemporaryDirectory() as root, burning(burners, after_s=after_s):
        workspace = open_workspace(Path(root) / "ws")
        crowd, began = hardware.crowd(), time.monotonic()

        def report(stage: str, share: float | None = None, *step: int) -> None:
            events.append(
                [round(time.monotonic() - began, 2), stage, None if share is None else round(share, 4), *step]
            )

        WORKS[kind](workspace, report, **of)
        events.append([round(time.monotonic() - began, 2), "", 1.0])
        if keep is not None:
            for history in workspace.audio.glob("*_checkpoints/history.jsonl"):
                (keep.parent / f"{keep.stem}-{time.time():.0f}.jsonl").write_bytes(history.read_bytes())
    return {"kind": kind, "of": of, "burners": burners, "after_s": after_s, "crowd": round(crowd, 2),
            "events": thinned(events)}  # fmt: skip


def thinned(events: list[list]) -> list[list]:
    """Changes of stage, and of the rest about as many as are kept."""
    gap_s = events[-1][0] / MAX_EVENTS
    kept = [events[0]]
    for event in events[1:]:
        if event[1] != kept[-1][1] or event[0] - kept[-1][0] >= gap_s:
            kept.append(event)
    return kept


def plans(only: list[str]) -> Iterator[tuple[str, dict, int, float]]:
    """What is recorded."""
    train = {"config": "singing_small", "steps": 100, "save_every": 20, "tracker": "tiny"}
    for burners, after_s in ((0, 0.0), (2, 0.0), (4, 0.0), (4, 15.0)):
        for instrument, example, tracker in (
            ("aria", "greensleeves", "tiny"), ("aria", "ode", "fast"), ("cello", "greensleeves", "full"),
            ("cello", "ode", "tiny"), ("cello", "greensleeves", "fast"),
        ):  # fmt: skip
            if "transfer" in only:
                yield "transfer", {"instrument": instrument, "example": example, "tracker": tracker}, burners, after_s
        for tracker in ("tiny", "fast"):
            if "prepare" in only:
                yield "prepare", {"tracker": tracker}, burners, after_s
        if "train" in only:
            yield "train", train, burners, after_s * 3


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", choices=tuple(WORKS), default=list(WORKS), metavar="KIND")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    traces: list[dict] = []
    for kind, of, burners, after_s in list(plans(args.only)) * args.rounds:
        traces.append(record(kind, of, burners=burners, after_s=after_s, keep=args.out))
        args.out.write_text("[\n" + ",\n".join(json.dumps(trace) for trace in traces) + "\n]\n")
        print(kind, of, burners, traces[-1]["crowd"], traces[-1]["events"][-1][0], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
