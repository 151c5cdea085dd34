"""``deploy/``: systemd understands the unit and finds it well closed, the examples are read, and numbers agree."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ddsing.hosting import reading
from ddsing.hosting.config import Config
from tests.hosting.test_config import settings
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "ddsing@.service"
MOST_EXPOSED = 2.0  # systemd-analyze gives 0 to 10; below 2 is "OK"


@pytest.fixture
def analyze(tmp_path):
    """Runs systemd-analyze on the unit as it is installed, in folders of a test."""
    program = shutil.which("systemd-analyze")
    if program is None:
        message = "These tests need systemd-analyze: apt-get install systemd (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    command = tmp_path / "ddsing"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    text = UNIT.read_text("utf-8").replace("/opt/ddsing/.venv/bin/ddsing", str(command))
    unit = tmp_path / "ddsing@8501.service"
    unit.write_text(text.replace("%i", "8501"))

    def run(*words: str, drop_in: Path | None = None) -> subprocess.CompletedProcess:
        if drop_in is not None:
            folder = tmp_path / "ddsing@8501.service.d"
            folder.mkdir()
            shutil.copy(drop_in, folder)
        return subprocess.run(
            [program, *words, str(unit)], capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
        )

    return run


@pytest.mark.slow
@pytest.mark.parametrize("drop_in", [None, DEPLOY / "ddsing-gpu.conf"], ids=["", "gpu"])
def test_systemd_understands_the_unit(analyze, drop_in):
    found = analyze("verify", "--man=no", "--recursive-errors=no", drop_in=drop_in)
    assert found.returncode == 0 and "ddsing" not in found.stderr, found.stderr


@pytest.mark.slow
def test_systemd_finds_the_unit_well_closed(analyze):
    found = analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED * 10:.0f}")
    assert found.returncode == 0, found.stdout
    assert re.search(r"Overall exposure level for \S+: [01]\.\d OK", found.stdout), found.stdout


def test_the_unit_says_what_the_documents_say():
    text = UNIT.read_text("utf-8")
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "ReadWritePaths=/srv/ddsing", "Restart=always"):
        assert f"\n{line}\n" in text
    assert "KillMode=process" in text  # or every restart would end everybody's training runs


def test_the_example_is_read_and_a_mistake_in_it_would_be_found(tmp_path):
    text = (DEPLOY / "hosting.toml").read_text("utf-8")
    (tmp_path / "client_secret").write_text("s3cret")
    text = text.replace("/etc/ddsing/client_secret", str(tmp_path / "client_secret"))
    (tmp_path / "hosting.toml").write_text(text)
    config = reading.read(tmp_path / "hosting.toml")
    assert str(config.root) == "/srv/ddsing" and config.https and config.port == Config(root=Path()).port


def test_what_the_front_lets_through_fits_what_is_allowed():
    """A little more than the largest upload, so that ddsing itself says how large a file can be."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    allowed = dict(settings())["limits.upload_mb"].default * 1_000_000
    (let_through,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert allowed + 1_000_000 < int(let_through) * 2**20 < allowed * 1.1
    assert f"up to {allowed // 1_000_000} MB" in text


def test_the_documents_name_every_file():
    text = (ROOT / "docs" / "hosting.md").read_text("utf-8")
    for path in DEPLOY.iterdir():
        assert f"deploy/{path.name}" in text, path.name
