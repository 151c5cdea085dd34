"""How long commands take: help, a list, and a transfer of ten seconds whose pitch is known; and what they load.

    python -m benchmarks.command_line [--repeats 7] [--json]

Each is a process of its own, from its start to its end: the least of the repeats by the clock and in processor time,
beside a Python that only imports argparse, which no command can be faster than. The transfers sing the demo's tenor
with *aria* and with an instrument of the full size, another octave each time, so that none is there already. Exit
status 1 if a command loads TensorFlow.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import soundfile

from benchmarks.costs import full_size
from ddsing.constants import SAMPLE_RATE
from ddsing.instrument import models as stores
from ddsing.instrument.format import write
from ddsing.sound.audio import decode
from ddsing.workspace import Workspace, open_workspace

SECONDS = 10.0
GOALS_S = {"--help": 0.15, "transfer": 1.5}
BARE = (sys.executable, "-c", "import argparse")
# Runs a command as `python -m ddsing` does, and fails where it has loaded TensorFlow.
LOADED = "import sys\nfrom ddsing import cli\nassert cli.main(sys.argv[1:]) == 0\nsys.exit('tensorflow' in sys.modules)"


def least(command: Callable[[int], Sequence[str]], repeats: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor, the least of each; the first time, which fills caches, left out."""
    clock, processor = [], []
    for number in range(repeats + 1):
        words, before, began = command(number), os.times(), time.monotonic()
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        clock.append(time.monotonic() - began)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        processor.append(spent)
    return min(clock[1:]), min(processor[1:])


def workspace_with_a_song(folder: Path) -> tuple[Workspace, Path]:
    """A workspace with the demo and the instrument *full size*, and ten seconds of a recording."""
    workspace = open_workspace(folder / "workspace")
    large = replace(full_size(stores.shared().open(workspace, "aria")), name="full size")
    write(large, workspace.instruments / "full size.zip")
    tenor = next(workspace.examples.glob("ode-to-joy*"))
    song = folder / "song.wav"
    soundfile.write(song, decode(tenor)[: int(SECONDS * SAMPLE_RATE)], SAMPLE_RATE)
    return workspace, song


def measure(repeats: int) -> dict[str, dict[str, float]]:
    """Seconds by command."""
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as made:
        folder = Path(made)
        workspace, song = workspace_with_a_song(folder)
        ddsing = (sys.executable, "-m", "ddsing")

        def transfer(name: str) -> Callable[[int], Sequence[str]]:
            def words(number: int) -> Sequence[str]:
                told = ("transfer", str(song), "--instrument", name, "--tracker", "tiny", "--seed", str(number))
                return *ddsing, *told, "--workspace", str(workspace.root), "--out", str(folder / "out.wav")

            return words

        commands: dict[str, Callable[[int], Sequence[str]]] = {
            "--help": lambda _: (*ddsing, "--help"),
            "transfer --help": lambda _: (*ddsing, "transfer", "--help"),
            "takes list": lambda _: (*ddsing, "takes", "list", "--workspace", str(workspace.root)),
            "transfer, small": transfer("aria"),
            "transfer, full size": transfer("full size"),
        }
        found = {"import argparse": least(lambda _: BARE, repeats)}
        found |= {name: least(command, repeats) for name, command in commands.items()}
        subprocess.run(
            (sys.executable, "-c", LOADED, *transfer("aria")(repeats + 1)[3:]), capture_output=True, check=True
        )
    return {name: {"clock_s": clock, "processor_s": processor} for name, (clock, processor) in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    bare_s = found["import argparse"]["clock_s"]
    for name, one in found.items():
        goal_s = next((goal_s for begin, goal_s in GOALS_S.items() if name.startswith(begin)), None)
        goal = f", goal {goal_s:g} s" if goal_s and name != "transfer --help" else ""
        clock_s, processor_s = one["clock_s"], one["processor_s"]
        times = f"{clock_s / bare_s:.1f} times a Python that only imports argparse"
        print(f"{name:<20} {clock_s:.3f} s ({processor_s:.3f} s of the processor): {times}{goal}")


if __name__ == "__main__":
    main()
