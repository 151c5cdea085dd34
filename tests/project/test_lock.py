"""requirements.txt is an exact lock of requirements.in, complete for every supported Python and system. Offline."""

import hashlib
import re
import tomllib
from importlib import metadata

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ddsing.cli import doctor
from ddsing.engine.tf import placeholders
from tests.support.paths import ROOT

NAMES = ("requirements", "requirements-test")
HEADER = re.compile(r"# Compiled from (\S+) by make lock; sha256 of the input: ([0-9a-f]{64})\n")
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "mac": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}
ENVIRONMENTS = [
    pytest.param(
        {**default_environment(), "python_version": python, "python_full_version": f"{python}.1", **system},
        id=f"{name}-{python}",
    )
    for python in PYTHONS
    for name, system in SYSTEMS.items()
]


def read(file):
    return (ROOT / file).read_text(encoding="utf-8")


def requirements(text):
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def applies(requirement, environment, extra=""):
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


def pins(lock, environment):
    """Name: version of what the lock installs in an environment; every line must be exact, and none twice."""
    found = {}
    for pin in requirements(lock):
        specifiers = list(pin.specifier)
        assert [found.operator for found in specifiers] == ["=="] and "*" not in str(pin), f"{pin} is not exact"
        if applies(pin, environment):
            name = canonicalize_name(pin.name)
            assert name not in found, f"{name} is locked twice"
            found[name] = specifiers[0].version
    return found


def unmet(wanted, locked, environment, extra=""):
    """Those requirements that the locked versions don't meet."""
    return [
        str(requirement)
        for requirement in wanted
        if applies(requirement, environment, extra)
        and not (
            (version := locked.get(canonicalize_name(requirement.name)))
            and requirement.specifier.contains(version, prereleases=True)
        )
    ]


def replaced_metadata():
    """What pyproject.toml tells the compiler about packages whose own metadata is wrong: {name: requirements}."""
    entries = tomllib.loads(read("pyproject.toml"))["tool"]["uv"]["dependency-metadata"]
    return {entry["name"]: [Requirement(line) for line in entry["requires-dist"]] for entry in entries}


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_for_every_supported_python(name):
    """pip refuses what is only for older ones, which the compiler takes."""
    here = default_environment()
    refused = []
    for pin in requirements(read(f"{name}.txt")):
        if not applies(pin, here):  # then it isn't installed here, and says nothing
            continue
        asked = metadata.metadata(pin.name)["Requires-Python"] or ""
        for python in PYTHONS:
            there = {**here, "python_version": python, "python_full_version": f"{python}.1"}
            if applies(pin, there) and f"{python}.1" not in SpecifierSet(asked):
                refused.append(f"{pin}: {asked}")
    assert refused == []


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_was_compiled_from_the_input_as_it_is(name):
    match = HEADER.match(read(f"{name}.txt"))
    assert match and match[1] == f"{name}.in"
    assert match[2] == hashlib.sha256((ROOT / f"{name}.in").read_bytes()).hexdigest(), f"{name}.in changed: make lock"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_lock_is_exact_and_meets_the_input(name, environment):
    assert unmet(requirements(read(f"{name}.in")), pins(read(f"{name}.txt"), environment), environment) == []


def test_both_locks_agree_where_they_overlap():
    app, test = (pins(read(f"{name}.txt"), default_environment()) for name in NAMES)
    shared = app.keys() & test.keys()
    assert shared and {name: app[name] for name in shared} == {name: test[name] for name in shared}


def test_what_is_installed_is_the_lock_and_needs_nothing_outside_it():
    environment = default_environment()
    locked = pins(read("requirements.txt"), environment)
    everything = locked | pins(read("requirements-test.txt"), environment)
    replaced = replaced_metadata()
    for name, version in everything.items():
        assert metadata.version(name) == version, f"{name}: installed is not what the lock says"
        own = [Requirement(line) for line in metadata.requires(name) or ()]
        missing = unmet(replaced.get(name, own), locked if name in locked else everything, environment)
        assert missing == [], f"{name} needs {missing}"


def test_what_placeholders_stand_in_for_is_not_installed():
    locked = pins(read("requirements.txt"), default_environment())
    assert not locked.keys() & {canonicalize_name(name) for name in placeholders.PACKAGES.values()}


def test_the_doctor_reads_the_lock():
    assert {canonicalize_name(name): version for name, version in doctor._locked_versions().items()}.items() >= pins(
        read("requirements.txt"), default_environment()
    ).items()


@pytest.mark.parametrize(
    ("wanted", "lock", "expected"),
    [
        ("a", "a==1.0", []),
        ("a>=2", "a==1.0", ["a>=2"]),
        ("a", "b==1.0", ["a"]),
        ("a; python_version < '3'", "b==1.0", []),
        ("a", "a==1.0 ; python_version < '3'", ["a"]),
        ("a; extra == 'x'", "b==1.0", []),
    ],
)
def test_the_check_itself(wanted, lock, expected):
    environment = default_environment()
    assert unmet([Requirement(wanted)], pins(lock, environment), environment) == expected


@pytest.mark.parametrize("lock", ["a>=1", "a==1.*", "a==1\na==2", "a"])
def test_a_lock_that_is_not_exact_is_noticed(lock):
    with pytest.raises(AssertionError):
        pins(lock, default_environment())
