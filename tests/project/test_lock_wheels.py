"""Every package of the lock has a wheel for every system and Python that the README names: nothing is ever compiled.

PyPI is asked, through uv, and nothing is installed. Without a network that can't be known: then the tests are skipped,
except where CI is set, where they fail.
"""

import os
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

SYSTEMS = {
    "Linux, x86-64": "x86_64-unknown-linux-gnu",
    "Linux, arm64": "aarch64-unknown-linux-gnu",
    "macOS, arm64": "aarch64-apple-darwin",
    "Windows, x86-64": "x86_64-pc-windows-msvc",
}
MACOS = "13.0"  # the oldest that the README names
INTEL_MAC = "x86_64-apple-darwin"
TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Ask whether wheels alone suffice; returns (whether, what uv says)."""
    from uv import find_uv_bin

    try:
        urllib.request.urlopen(os.environ.get("UV_INDEX_URL", "https://pypi.org/simple/") + "uv/", timeout=TIMEOUT_S)
    except (urllib.error.URLError, TimeoutError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"PyPI can't be reached: {error}")
    folder = tmp_path_factory.mktemp("uv")
    locks = [argument for name in ("requirements", "requirements-test") for argument in ("-r", ROOT / f"{name}.txt")]

    def ask(system, python):
        command = [
            find_uv_bin(), "pip", "install", "--dry-run", "--quiet", "--no-deps", "--only-binary", ":all:",
            "--no-config", "--cache-dir", folder / "cache", "--target", folder / "target",
            "--python-platform", system, "--python-version", python, *locks,
        ]  # fmt: skip
        environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        return done.returncode == 0, done.stderr

    return ask


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_wheels_alone_suffice(ask, system, python):
    suffices, said = ask(system, python)
    assert suffices, said


def test_the_readme_says_which_macos():
    assert f"macOS {MACOS.removesuffix('.0')} or newer" in (ROOT / "README.md").read_text("utf-8")


def test_macs_with_intel_are_not_among_them_as_the_readme_says(ask):
    suffices, said = ask(INTEL_MAC, "3.11")
    assert not suffices and "no usable wheels" in " ".join(said.split()), said
    assert "Intel Macs" in (ROOT / "README.md").read_text("utf-8")
