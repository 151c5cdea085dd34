"""A wheel carries everything: installed alone, far from the repository, it sings and opens the dashboard."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import ddsing
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

SOURCES = ("ddsing", "gin", "demo", "pages", ".streamlit")
UNWANTED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
WHERE = """
import ddsing, gin, json
from ddsing.training import recipe
from streamlit.testing.v1 import AppTest
from ddsing.resources import resource
app = AppTest.from_file(str(resource("app.py")), default_timeout=60).run()
print(json.dumps({
    "ddsing": ddsing.__file__,
    "models": [config.name for config in recipe.configs()],
    "title": app.title[0].value,
    "exceptions": [error.message for error in app.exception],
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing is left in the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=UNWANTED)
    for path in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy(path, source)
    build = [*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run(build, cwd=folder, check=True, timeout=PATIENCE_S)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment of its own with the wheel in it; what ddsing needs comes from the environment of these tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder)
    scheme = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    python = Path(scheme["scripts"]) / ("python.exe" if os.name == "nt" else "python")
    install = [*PIP, "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, timeout=PATIENCE_S)
    needed = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"  # with what its own .pth files do
    (Path(scheme["purelib"]) / "needed.pth").write_text(needed + "\n", encoding="utf-8")
    return Path(scheme["scripts"])


@pytest.fixture
def run(environment, tmp_path):
    """Run a program of the environment in an empty folder; returns what it prints as JSON."""

    def run(program, *arguments):
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [environment / program, *map(str, arguments)],
            cwd=tmp_path,
            env=clean | {"DDSING_WORKSPACE": str(tmp_path / "workspace")},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_wheel_has_every_file_of_the_package_and_what_lies_beside_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())
    ours = [path for name in SOURCES for path in (ROOT / name).rglob("*") if path.is_file()]
    names = {path.relative_to(ROOT).as_posix() for path in ours if path.suffix != ".pyc" and path.parts[-2] != "demo"}
    expected = {name if name.startswith("ddsing/") else f"ddsing/share/{name}" for name in names}
    assert expected - carried == set()
    assert {"ddsing/py.typed", "ddsing/share/app.py", "ddsing/share/requirements.txt"} <= carried


def test_the_doctor_finds_everything_fine(run):
    report = run("ddsing", "doctor", "--json")
    assert report["ok"] and report["ddsing"] == ddsing.__version__


def test_an_empty_workspace_is_filled_with_the_demo_and_sings(run, tmp_path):
    listed = run("ddsing", "instrument", "list", "--json")
    assert {"aria", "cello"} <= {instrument["name"] for instrument in listed["instruments"]}
    recording = next((tmp_path / "workspace" / "examples").glob("ode-to-joy*"))
    sung = run("ddsing", "transfer", recording, "--instrument", "aria", "--out", tmp_path / "sung.wav", "--json")
    assert sung["seconds"] and (tmp_path / "sung.wav").stat().st_size > 100_000


def test_the_models_and_the_dashboard_are_found(run, environment):
    found = run("python", "-c", WHERE)
    assert Path(found["ddsing"]).is_relative_to(environment.parent)
    assert "singing" in found["models"]
    assert (found["title"], found["exceptions"]) == ("Timbre transfer", [])
