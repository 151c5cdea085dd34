"""Pages that nobody touches: they cost the server nothing once what they wait for is there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.visitors import Visitor
from tests.support.hosting import Site
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    made.write("[guests]\nallowed = true\n")
    yield made.start()
    made.stop()


def test_pages_that_came_first_stop_asking_by_themselves(site):
    """They are there before it is measured what each tracker costs, and before the recording's first reading."""

    async def everybody_is_quiet():
        first = await Visitor(site.url).come()
        assert first.asks_again
        crowd = [first, await Visitor(site.url).come()]
        async with asyncio.timeout(PATIENCE_S):
            while any(one.asks_again for one in crowd):
                await asyncio.sleep(0.1)
        assert all(one.sees("transfer.start") and one.errors == [] for one in crowd)
        for one in crowd:
            await one.close()

    with ThreadPoolExecutor(1) as thread:  # Playwright's own loop may be running in this one
        thread.submit(asyncio.run, everybody_is_quiet()).result()
