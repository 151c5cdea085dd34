"""What the tests of the pages share."""

import pytest


@pytest.fixture(autouse=True)
def _quiet(quiet):
    """Every page is opened with nothing going on behind it."""
