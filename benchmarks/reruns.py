"""What a run of each page's script takes: the processor's time, files that are read, elements and bytes that are sent.

    python -m benchmarks.reruns [--instruments 500] [--takes 500] [--voices 200] [--runs 1000] [--jobs 300]
                                [--only transfer ...] [--workspace DIR] [--repeats 9] [--json]

On a workspace as `benchmarks.pages` makes it, in Streamlit's own runtime, without a browser: what is measured is the
script alone, by the processor time of its thread, which little disturbs. *first* is the first time in the server,
*change* when a tab comes to the page that another has seen, *rerun* the least of several, as after a toggle. The limit
of a rerun is 100 ms. What the browser makes of it is `benchmarks.pages`'.
"""

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path

from benchmarks.pages import MANY, PAGES, furnish
from tests.support import scripts

LIMIT_S = 0.1


async def measure(wanted: list[str], repeats: int) -> dict[str, dict[str, float]]:
    """By page: seconds of the processor, files and folders that a rerun reads, elements and bytes that it sends."""
    found = {}
    async with scripts.dashboard() as runtime:
        await scripts.Tab(runtime).open("play")  # what all pages need is there
        for name in wanted:
            address, _ = PAGES[name]
            page, _, query = address.partition("?")
            first = await scripts.Tab(runtime).open(page, query)
            tab = scripts.Tab(runtime)
            change = await tab.open(page, query)
            reruns = [await tab.rerun() for _ in range(repeats)]
            least = min(reruns, key=lambda taken: taken.cpu_s)
            seconds = {"first": first.cpu_s, "change": change.cpu_s, "rerun": least.cpu_s}
            found[name] = seconds | {
                "read": len(least.read),
                "elements": len(least.sent),
                "bytes": least.n_bytes,
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for what, number in MANY.items():
        parser.add_argument(f"--{what}", type=int, default=number)
    parser.add_argument("--only", nargs="+", choices=tuple(PAGES), default=list(PAGES))
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        root = (asked.workspace or Path(folder) / "many").absolute()
        if not root.exists():
            furnish(root, {what: getattr(asked, what) for what in MANY})
        os.environ["DDSING_WORKSPACE"] = str(root)
        found = asyncio.run(measure(asked.only, asked.repeats))
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{'ms of processor':<16} first  change   rerun  of the limit    read  elements    sent")
    for name, one in found.items():
        times = f"{1000 * one['first']:5.0f}   {1000 * one['change']:5.0f}   {1000 * one['rerun']:5.0f}"
        share = f"{one['rerun'] / LIMIT_S:8.0%}"
        counts = f"{one['read']:>10.0f}  {one['elements']:8.0f}  {one['bytes'] / 1000:5.0f} kB"
        print(f"{name:<16} {times}  {share}  {counts}")


if __name__ == "__main__":
    main()
