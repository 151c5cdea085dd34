"""A site with many people and jobs, for the page Admin: real rows, folders, tickets and locks, and no processes."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator

from sqlalchemy import insert

from ddsing.hosting import admission, audit, database
from ddsing.hosting.site import Site
from ddsing.hosting.tables import people
from ddsing.jobs import queue
from ddsing.jobs.folder import JobFolder
from ddsing.workspace import Workspace

ISSUER = "https://login.example.org"
FIRST = ("Ann", "Bob", "Carla", "Dora", "Emil", "Fanny", "Georg", "Hanna", "Ida", "Jonas", "Klara", "Ludwig", "Mira")
LAST = ("Berger", "Costa", "Dubois", "Eriksen", "Ferrari", "García", "Horváth", "Ivanova", "Jansen", "Kowalski")
_DAY_S = 24 * 3600.0


def add_people(site: Site, n: int, *, seed: int = 7) -> None:
    """So many people, who were here within the last month."""
    drawn, now_s = random.Random(seed), time.time()
    rows = []
    for number in range(n):
        name = f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"
        subject = f"singer{number}@example.org"
        rows.append(
            {
                "issuer": ISSUER,
                "subject": subject,
                "name": name,
                "address": subject,
                "role": "member",
                "workspace": admission.workspace(ISSUER, subject),
                "generation": 0,
                "blocked": number % 50 == 49,
                "created_s": now_s - 90 * _DAY_S * drawn.random(),
                "seen_s": now_s - 30 * _DAY_S * drawn.random() ** 3,
            }
        )
    with database.writing(site.engine) as connection:
        connection.execute(insert(people), rows)
        for number in range(n):
            for _ in range(drawn.choice((0, 1, 1, 2))):
                audit.write(connection, f"person {number + 1}", "signed in", "by university as member")


@contextlib.contextmanager
def jobs_of(site: Site, n: int, *, running: int = 1) -> Iterator[list[JobFolder]]:
    """So many live jobs, of one person after the other; the first ones run, and all live as long as this lasts."""
    everybody = [person for person in site.people.list() if not person.blocked]
    folders, locks = [], []
    for number in range(n):
        person = everybody[number % len(everybody)]
        workspace = Workspace(site.member_folder(person.workspace))
        kind = ("train", "prepare", "sweep")[number % 3] if number >= running else "train"
        folder = JobFolder(workspace.jobs / f"20261126-1200{number:02d}-{kind}-{number:06x}")
        folder.path.mkdir(parents=True)
        needs = None if kind == "prepare" else "cpu"
        title = "Train Secret voice"
        options = {"voice": "Secret voice"}
        spec = {"kind": kind, "title": title, "options": options, "key": f"k{number}", "device": needs}
        folder.create(spec | {"created": time.time() - 60.0 * (n - number)})
        lock = folder.take()
        assert lock is not None
        locks.append(lock)
        record = {"state": "waiting" if needs and number >= running else "running", "started": time.time() - 900.0}
        if record["state"] == "running":
            record |= {"step": 700 + number, "steps": 2000, "steps_per_s": 1.4, "stage": "training"}
        folder.write_record(record)
        if needs:
            queue.join("cpu", folder.path, title=title, owner=workspace.root.name)
        folders.append(folder)
    try:
        yield folders
    finally:
        for lock in locks:
            lock.release()
