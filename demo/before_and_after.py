"""A blind test of the demo: `python -m demo.before_and_after --workspace DIR [--out SESSION.zip]`.

The examples at 48 kHz are sung twice, as they were before and as they are now: up to 8 kHz, with consonants as a buzz;
and up to 24 kHz with the consonants of the recording, pulled towards the voice where the instrument follows timbre. The
takes are kept in the workspace as a set, with blind tests that are ready to be answered on its page Experiments: one
A/B/X for each example, and a rating of all with the recording as hidden reference. `--out` writes the set as a session.
Sounds are matched in loudness; who listens sees no names.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `python demo/before_and_after.py` works as well

from ddsing.errors import DdsingError
from ddsing.experiments.comparison import blind, session
from ddsing.experiments.comparison.sets import SetStore, TakeSet
from ddsing.instrument.library import Library
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace, open_workspace
from demo.build import FULL_BAND, FULL_BAND_RATE, rate_hz

TITLE = "Before and after"
KEEP, PULL = 1.0, 0.5
N_TRIALS = 8  # of each A/B/X
QUESTION = "How natural does it sound as singing, compared with the recording?"


@dataclass(frozen=True)
class Prepared:
    """What was put into the workspace."""

    takes: tuple[Take, ...]
    tests: tuple[blind.BlindTest, ...]
    kept: TakeSet


def examples(workspace: Workspace) -> list[Path]:
    """The demo's examples at 48 kHz that the workspace has."""
    found = [path for path in sorted(workspace.examples.glob("*.flac")) if rate_hz(path.stem) == FULL_BAND_RATE]
    if not found:
        raise DdsingError("The workspace has no example of the demo at 48 kHz. Name an empty folder, which is filled.")
    return found


def sung(workspace: Workspace, path: Path, before: str, after: str) -> list[Take]:
    """An example before and after, named so."""
    places = Library(workspace).get(after).places
    now = Settings(keep_unvoiced=KEEP, pull=PULL if places is not None else 0.0)
    takes = []
    for name, settings, said in ((before, Settings(full_band=False), "before"), (after, now, "after")):
        take = pipeline.run(workspace, path, name, settings)
        takes.append(TakeStore(workspace).rename(take.id, f"{path.stem}, {said}"))
    return takes


def prepare(workspace: Workspace, *, before: str = "aria", after: str = FULL_BAND, seed: int | None = None) -> Prepared:
    """Sing, keep the takes as a set, and begin the tests; the seed is random unless one is given."""
    pairs = [sung(workspace, path, before, after) for path in examples(workspace)]
    takes = [take for pair in pairs for take in pair]
    tests = blind.BlindTests(workspace)
    begun = [
        tests.begin("abx", pair, n_trials=N_TRIALS, title=f"{TITLE}: {Path(pair[0].source).stem}", seed=seed)
        for pair in pairs
    ]
    begun.append(tests.begin("rating", takes, title=f"{TITLE}: how natural", question=QUESTION, seed=seed))
    kept = SetStore(workspace).create(TITLE, [take.id for take in takes], tags=("demo",))
    return Prepared(tuple(takes), tuple(begun), kept)


def main() -> None:
    """Prepare it, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True, help="a new one is filled with the demo")
    parser.add_argument("--before", default="aria", help="the instrument without a top (aria)")
    parser.add_argument("--after", default=FULL_BAND, help=f"the instrument with one ({FULL_BAND})")
    parser.add_argument("--out", type=Path, metavar="SESSION.zip", help="write takes and recordings as one zip, too")
    options = parser.parse_args()
    workspace = open_workspace(options.workspace)
    try:
        made = prepare(workspace, before=options.before, after=options.after)
    except DdsingError as error:
        sys.exit(str(error))
    if options.out:
        options.out.write_bytes(session.packed(workspace, made.takes, title=TITLE, tags=made.kept.tags))
        print(f"{options.out} has {len(made.takes)} takes, which name what they are: for after the tests.")
    print(f"{len(made.tests)} blind tests wait on the page Experiments, under Blind test, of {workspace.root}.")


if __name__ == "__main__":
    main()
