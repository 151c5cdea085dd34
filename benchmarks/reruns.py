"""What a run of each page's script takes: the processor's time, files that are read, elements and bytes that are sent.

    python -m benchmarks.reruns [--instruments 500] [--takes 500] [--voices 200] [--runs 1000] [--jobs 300]
                                [--only transfer ...] [--workspace DIR] [--repeats 9] [--json]

On a workspace as `benchmarks.pages` makes it, in Streamlit's own runtime, without a browser: what is measured is the
script alone, by the processor time of its thread, which little disturbs. *first* is the first time in the server,
*change* when a tab comes to the page that another has seen, *rerun* the least of several, as after a toggle. The limit
of a rerun is 100 ms. What the browser makes of it is `benchmarks.pages`'.
"""

import asyncio
import json
import os

from benchmarks import pages
from tests.support import scripts

LIMIT_S = 0.1


async def measure(wanted: list[str], repeats: int) -> dict[str, dict[str, float]]:
    """By page: seconds of the processor, files and folders that a rerun reads, elements and bytes that it sends."""
    found = {}
    async with scripts.dashboard() as runtime:
        await scripts.Tab(runtime).open("play")  # what all pages need is there
        for name in wanted:
            address, _ = pages.PAGES[name]
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
    asked = pages.asked_for(__doc__, repeats=9)
    with pages.workspace_of(asked) as root:
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
