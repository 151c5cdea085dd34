"""What three people do in one process, in any order or at once, leaves each workspace as if they had done it alone."""

import hashlib
import re
import shutil
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ddsing import storage
from ddsing.dataset import adding, voices
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.sound.audio import encode
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.ui.shell import opened, visitor
from ddsing.ui.shell.own_jobs import OwnJobs
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.support import idle_jobs, tiny_workspace
from tests.support.counts import rounds
from tests.support.idle_jobs import NoLauncher

pytestmark = pytest.mark.slow

PEOPLE = ("ann", "bob", "carl")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """What each of them begins with: instruments, a voice, an example and two takes."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("template") / "workspace"))
    for shift in range(2):
        example = workspace.examples / f"{tiny_workspace.EXAMPLE}.wav"
        pipeline.run(workspace, example, tiny_workspace.NAMES[0], Settings(octave_shift=shift), tracker="tiny")
    return workspace.root


# What they do, as the pages' callbacks do it: in the workspace of who is at the tab; `n` chooses what with


def _take(n):
    takes = opened.takes().list()
    return takes[n % len(takes)].id if takes else None


def rename_take(n):
    if (take := _take(n)) is not None:
        opened.takes().rename(take, f"take {n}")


def note_take(n):
    if (take := _take(n)) is not None:
        opened.takes().label(take, tags=[f"tag{n}"], star=bool(n % 2))


def delete_take(n):
    if (take := _take(n)) is not None:
        token = opened.takes().delete(take)
        if n % 2:
            opened.takes().undo(token)


def make_set(n):
    takes = [take.id for take in opened.takes().list()]
    store = SetStore(opened.workspace())
    if takes and not store.list():
        store.create(f"set {n}", takes)
    elif store.list() and n % 3 == 0:
        store.delete(store.list()[0].id)


def begin_test(n):
    takes, store = opened.takes().list(), BlindTests(opened.workspace())
    if len(takes) > 1 and not store.list():
        store.begin("abx", takes[:2], title=f"test {n}", n_trials=2 + n % 3, seed=n)
    elif store.list():
        store.stop(store.list()[0].id)


def edit_instrument(n):
    library = opened.library()
    entries = library.list()
    if entries:
        library.edit(entries[n % len(entries)].name, notes=f"notes {n}")


def rename_instrument(n):
    library = opened.library()
    entries = library.list()
    if entries and f"Voice {n}" not in [entry.name for entry in entries]:
        library.rename(entries[n % len(entries)].name, f"Voice {n}")


def delete_instrument(n):
    library = opened.library()
    entries = library.list()
    if entries:
        token = library.delete(entries[n % len(entries)].name)
        if n % 2:
            library.undo(token)


def add_recording(n):
    voice = voices.create(opened.workspace(), f"voice {n % 2}")
    adding.add(voice, [(f"take {n}.wav", encode(tiny_workspace.sung(1.0, hz=200.0 + n)))])


def remove_recording(n):
    there = [voice for voice in voices.list_voices(opened.workspace()) if voice.recordings()]
    if there:
        voice = there[n % len(there)]
        token = voices.remove(voice, voice.name_of(voice.recordings()[0]))
        if n % 2:
            voices.restore(voice, token)


def order_job(n):
    OwnJobs(opened.workspace(), launcher=NoLauncher()).submit(idle_jobs.order("train", f"Train voice {n % 3}"))


def stop_job(n):
    store = OwnJobs(opened.workspace(), launcher=NoLauncher())
    for job in store.list()[:1]:
        idle_jobs.write(store, job, state="stopped")
        if n % 2:
            store.delete(job.id)


def empty_trash(n):
    (storage.empty_trash if n % 2 else storage.clear_cache)(opened.workspace())


ACTIONS = (rename_take, note_take, delete_take, make_set, begin_test, edit_instrument, rename_instrument)
ACTIONS += (delete_instrument, add_recording, remove_recording, order_job, stop_job, empty_trash)


def as_somebody(root, name, steps):
    """Do some steps, as a callback of that person's tab does."""
    with visitor.lent(Visitor("member", name, name, root / name)):
        for action, n in steps:
            action(n)


def in_one_process(root, steps, *, at_once):
    if not at_once:
        for name, *step in steps:
            as_somebody(root, name, [step])
        return
    mine = {name: [step for who, *step in steps if who == name] for name in PEOPLE}
    errors = []

    def run(name):
        try:
            as_somebody(root, name, mine[name])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in PEOPLE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


# What is compared

_NAMED = re.compile(rb"\d{8}-\d{6}(-\d+)?(-[\w ]*?)?-[0-9a-f]{4,12}\b|\.trash/[^/\"]+|\b[0-9a-f]{32}\b")
_TIMES = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[:\d.]*(\+00:00|Z)?|\b1[789]\d{8}(\.\d+)?\b")


def neutral(content: bytes, root: Path) -> bytes:
    """Ids, times and the place of the workspace aside."""
    content = content.replace(str(root).encode(), b"ROOT").replace(root.name.encode(), b"WHO")
    return _TIMES.sub(b"TIME", _NAMED.sub(b"ID", content))


def contents(root: Path) -> list[tuple[str, str]]:
    """(place, hash of the content) of each file, of archives by what is in them; caches and locks don't count."""
    found = []
    for path in root.rglob("*"):
        place = path.relative_to(root).as_posix()
        if path.is_dir() or place.startswith(".cache") or path.name in (".changing", ".gate") or path.suffix == ".lock":
            continue
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                content = b"".join(name.encode() + archive.read(name) for name in sorted(archive.namelist()))
        else:
            content = path.read_bytes()
        digest = hashlib.sha256(neutral(content, root)).hexdigest()
        found.append((neutral(place.encode(), root).decode(), digest))
    return sorted(found)


STEPS = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(ACTIONS), st.integers(0, 5)), min_size=6, max_size=30
)


def test_each_workspace_is_as_if_its_owner_had_been_alone(template, tmp_path_factory, pytestconfig, own_locks):
    print("seed", pytestconfig.option.seed)

    @seed(pytestconfig.option.seed)
    @settings(
        max_examples=rounds(full=200, push=12), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(STEPS, st.booleans())
    def each(steps, at_once):
        together, alone = tmp_path_factory.mktemp("together"), tmp_path_factory.mktemp("alone")
        for root in (together, alone):
            for name in PEOPLE:
                shutil.copytree(template, root / name)
        in_one_process(together, steps, at_once=at_once)
        for name in PEOPLE:
            as_somebody(alone, name, [step for who, *step in steps if who == name])
            assert contents(together / name) == contents(alone / name), name
        shutil.rmtree(together)
        shutil.rmtree(alone)

    each()


def test_the_comparison_sees_what_is_another_s(template, tmp_path):
    """One note that goes into another's workspace is a difference; another id, time or place is none."""
    for name in ("person_a", "person_b"):
        shutil.copytree(template, tmp_path / name)
    assert contents(tmp_path / "person_a") == contents(tmp_path / "person_b")
    as_somebody(tmp_path, "person_a", [(note_take, 1)])
    assert contents(tmp_path / "person_a") != contents(tmp_path / "person_b")
    as_somebody(tmp_path, "person_b", [(note_take, 1)])
    assert contents(tmp_path / "person_a") == contents(tmp_path / "person_b")
