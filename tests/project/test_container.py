"""The ``Containerfile``: what it promises, and its steps in a bare Debian, up to a dashboard that answers."""

import os
import shutil
import subprocess
import urllib.request

import pytest

from tests.support import container
from tests.support.hosting import free_port
from tests.support.paths import ROOT
from tests.support.patience import until

FILE = ROOT / "Containerfile"
HOSTING = """
address = "https://sing.example.org"
root = "/srv/ddsing"
[guests]
allowed = true
"""


def test_it_is_nobody_s_root_and_has_a_volume_and_a_check():
    found = dict(container.steps(FILE))
    assert found["USER"] == "ddsing" and found["VOLUME"] == "/srv/ddsing" and "/readyz" in found["HEALTHCHECK"]
    words = [word for word, _ in container.steps(FILE)]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word in ("RUN", "COPY"))


def test_what_it_copies_is_there_and_not_ignored():
    ignored = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    for word, rest in container.steps(FILE):
        for source in rest.split()[:-1] if word == "COPY" else []:
            assert (ROOT / source).exists() and f"!{source}" in ignored, source


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="debootstrap and chroot need root")
def test_its_steps_lead_to_a_dashboard_that_answers(tmp_path):
    if shutil.which("debootstrap") is None:
        pytest.fail("This test needs debootstrap: apt-get install debootstrap (Debian).")
    port = free_port()
    with container.bare_debian(tmp_path / "root") as root:
        image = container.build(FILE, root)
        (root / "etc/ddsing/hosting.toml").write_text(HOSTING)
        command = [str(port) if word == "8501" else word for word in image.command]
        with open(tmp_path / "log", "wb") as log:
            server = subprocess.Popen(image.inside(command), stdout=log, stderr=log)
        try:
            until(lambda: _answers(server, port), told=(tmp_path / "log").read_text)
            health = [word.replace("8501", str(port)) for word in image.health]
            assert subprocess.run(image.inside(health), check=False).returncode == 0
            doctor = [image.command[0], "--workspace", "/var/cache/ddsing/workspace", "doctor"]
            subprocess.run(image.inside(doctor), check=True)
            who = subprocess.run(image.inside(["id", "-u"]), check=True, capture_output=True, text=True).stdout
            assert who.strip() == "10001" and (root / "srv/ddsing/ddsing.db").stat().st_uid == 10001
            assert subprocess.run(image.inside(["touch", "/opt/ddsing/app.py"]), check=False).returncode != 0
        finally:
            server.terminate()
            server.wait()
        assert subprocess.run(image.inside(health), check=False, stderr=subprocess.DEVNULL).returncode != 0


def _answers(server, port):
    assert server.poll() is None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False
