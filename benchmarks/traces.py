"""Records how works went: at which second each was in which stage, quiet and beside others that compute.

    python -m benchmarks.traces OUT.json [--set learning] [--only train prepare transfer] [--rounds 1]

`tests/jobs/test_paces.py` replays what ``tests/golden/traces.json`` holds: the set ``learning``, from which the numbers
of `ddsing.jobs.time_left` were chosen, and the set ``held out``, recorded afterwards and only looked at. A trace is
``{"set", "kind", "of", "burners", "after_s", "crowd", "events"}``: what was done and with what, how many processes
computed beside it from which second on (a share of nothing else), how crowded the computer was before it began
(`hardware.crowd`), and its reports, each ``[seconds, stage, share or null]`` and for a training ``[seconds, stage,
share, step]``.
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
from ddsing.constants import SAMPLE_RATE
from ddsing.dataset import prepare, voices
from ddsing.sound import audio
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


def transfer(
    workspace: Workspace, report: Report, *, instrument: str, example: str, tracker: str, sound_s: float
) -> None:
    """A transfer of an example, or of the beginning of the voice's recording, nothing of it known before."""
    source = [*workspace.examples.glob(f"{example}*"), *workspace.audio.glob(f"*/{example}*")][0]
    sound = audio.decode(source)[: round(sound_s * SAMPLE_RATE)]
    pipeline.run(workspace, sound, instrument, Settings(), tracker=tracker, progress=report)


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
    return {
        "kind": kind,
        "of": of,
        "burners": burners,
        "after_s": after_s,
        "crowd": round(crowd, 2),
        "events": thinned(events),
    }


def thinned(events: list[list]) -> list[list]:
    """Changes of stage, and of the rest about as many as are kept."""
    gap_s = events[-1][0] / MAX_EVENTS
    kept = [events[0]]
    for event in events[1:]:
        if event[1] != kept[-1][1] or event[0] - kept[-1][0] >= gap_s:
            kept.append(event)
    return kept


def learning() -> Iterator[tuple[str, dict, int, float]]:
    """What the numbers were chosen from."""
    examples = {"greensleeves": 9.1, "ode": 10.6}
    for burners, after_s in ((0, 0.0), (2, 0.0), (4, 0.0), (4, 2.0)):
        for instrument, example, tracker in (
            ("aria", "greensleeves", "tiny"),
            ("aria", "ode", "fast"),
            ("cello", "greensleeves", "full"),
            ("cello", "ode", "tiny"),
            ("cello", "greensleeves", "fast"),
        ):
            of = {"instrument": instrument, "example": example, "tracker": tracker, "sound_s": examples[example]}
            yield "transfer", of, burners, after_s
        for tracker in ("tiny", "fast"):
            yield "prepare", {"tracker": tracker}, burners, after_s * 5
        yield "train", _training(100), burners, after_s * 20


def held_out() -> Iterator[tuple[str, dict, int, float]]:
    """What they are judged by: other recordings, other lengths, another crowd."""
    for burners, after_s in ((0, 0.0), (3, 0.0), (3, 3.0)):
        for instrument, example, tracker, sound_s in (
            ("aria", "practice", "tiny", 25.0),
            ("cello", "practice", "fast", 12.0),
            ("aria", "ode", "tiny", 10.6),
        ):
            of = {"instrument": instrument, "example": example, "tracker": tracker, "sound_s": sound_s}
            yield "transfer", of, burners, after_s
        yield "prepare", {"tracker": "tiny"}, burners, after_s * 4
        yield "train", _training(40), burners, after_s * 10


def _training(steps: int) -> dict:
    return {"config": "singing_small", "steps": steps, "save_every": 20, "tracker": "tiny"}


SETS = {"learning": learning, "held out": held_out}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", choices=tuple(WORKS), default=list(WORKS), metavar="KIND")
    parser.add_argument("--set", choices=tuple(SETS), default="learning")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    traces: list[dict] = []
    for kind, of, burners, after_s in [plan for plan in SETS[args.set]() if plan[0] in args.only] * args.rounds:
        traces.append({"set": args.set} | record(kind, of, burners=burners, after_s=after_s, keep=args.out))
        args.out.write_text("[\n" + ",\n".join(json.dumps(trace) for trace in traces) + "\n]\n")
        print(kind, of, burners, traces[-1]["crowd"], traces[-1]["events"][-1][0], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
