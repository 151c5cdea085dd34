"""``ddsing serve``: locally on this computer only, hosted as the file says, and what stays private."""

import json
import os
import socket
import stat
import subprocess
import sys
import tomllib
import urllib.request

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing import cli
from ddsing.hosting import launch, private, switch
from ddsing.hosting.config import Config, Login, Provider
from tests.hosting.test_config import FULL, PEOPLE, PROVIDER
from tests.support.hosting import Site, free_port
from tests.support.pages import open_page, said
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

posix = pytest.mark.skipif(os.name != "posix", reason="files have no modes there")


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Runs ``serve --check`` in a folder; returns the exit status and what was printed."""
    monkeypatch.delenv(switch.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = cli.main(["serve", "--check", *words])
        return status, capsys.readouterr()

    return run


def test_without_a_file_it_is_local(command):
    status, printed = command("--json")
    assert status == 0 and json.loads(printed.out)["mode"].startswith("local")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_a_local_dashboard_is_for_this_computer_only(command, host):
    status, printed = command("--host", host)
    assert status == 2 and "this computer only" in printed.err and printed.out == ""


@pytest.mark.parametrize("words", [["--port", "0"], ["--port", "70000"]])
def test_a_port_that_is_none_is_a_sentence(command, tmp_path, words):
    for text in ("", PEOPLE):
        if text:
            (tmp_path / "hosting.toml").write_text(text)
        status, printed = command(*words)
        assert status == 2 and "--port" in printed.err and "65535" in printed.err


def test_it_says_what_it_would_do_and_no_secret(command, tmp_path):
    (tmp_path / "hosting.toml").write_text(FULL)
    status, printed = command()
    assert status == 0 and not (tmp_path / "people").exists()
    for told in (
        "https://sing.example.org/tools/ddsing",
        "example.org",
        "groups = singers or staff",
        "port 9000",
        "***",
    ):
        assert told in printed.out
    assert "hidden" not in printed.out and "s3cret" not in printed.out


def test_all_mistakes_are_listed(command, tmp_path):
    (tmp_path / "hosting.toml").write_text("prot = 1\n[guests]\nmost = 0\n")
    status, printed = command()
    assert status == 2 and "3 mistakes" in printed.err and printed.err.count("\n") == 1
    assert len(printed.out.splitlines()) == 3
    assert len(json.loads(command("--json")[1].out)["mistakes"]) == 3


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("", [], "No one could come in"),
        ("[login]\neverybody = true", [], "No one could come in"),
        (PEOPLE, ["--host", "0.0.0.0"], "begin with https"),
        (PEOPLE, ["--host", "anywhere"], "IP address"),
        (PEOPLE, ["--workspace", "x"], "about several"),
    ],
)
def test_it_refuses_with_one_sentence(command, tmp_path, text, words, told):
    (tmp_path / "hosting.toml").write_text(text)
    status, printed = command(*words)
    assert status == 2 and told in printed.err and printed.out == "" and printed.err.count("\n") == 1


def test_a_file_that_is_named_and_not_there_is_no_local_dashboard(command, monkeypatch, tmp_path):
    monkeypatch.setenv(switch.VARIABLE, str(tmp_path / "gone.toml"))
    status, printed = command()
    assert status == 2 and "gone.toml" in printed.err


@pytest.mark.slow
def test_streamlit_alone_shows_no_page_where_hosting_is_meant(monkeypatch, tmp_path, quiet):
    monkeypatch.setenv(switch.VARIABLE, str(tmp_path / "hosting.toml"))
    app = open_page(monkeypatch, tmp_path / "w")
    assert "start it with ddsing serve" in said(app) and not app.button and not (tmp_path / "w").exists()


@pytest.mark.slow
def test_the_local_server_answers_this_computer_only(tmp_path):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "ddsing", "serve", "--port", str(port), "--workspace", str(tmp_path / "w")],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != switch.VARIABLE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _healthy(port))
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        listening = [
            one.laddr.ip
            for pid in family
            for one in psutil.Process(pid).net_connections()
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port
        ]
        assert listening == ["127.0.0.1"]
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _healthy(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=PATIENCE_S):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_the_hosted_server_has_no_secret_among_its_arguments(tmp_path):
    site = Site(tmp_path)
    site.write("[login]\neverybody = true\n" + PROVIDER)
    try:
        site.start()
        arguments = " ".join(psutil.Process(site.process.pid).cmdline())
        assert f"--server.port={site.port}" in arguments
        assert "s3cret" not in arguments and private.cookie_secret(site.root) not in arguments
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", site.port), timeout=PATIENCE_S):
            pass
    finally:
        site.stop()


# What is private


def config(root, **login):
    return Config(root=root, login=Login(**login))


@posix
def test_the_secret_is_made_once_for_this_account_only(tmp_path):
    launch.prepare(config(tmp_path / "root"))
    secret = private.cookie_secret(tmp_path / "root")
    launch.prepare(config(tmp_path / "root"))
    assert private.cookie_secret(tmp_path / "root") == secret and len(secret) == 64
    found = [tmp_path / "root", *(tmp_path / "root").rglob("*")]
    assert {path.name for path in found if path.is_file()} == {"cookie_secret", "secrets.toml"}
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.slow
def test_servers_that_start_at_once_have_one_secret(tmp_path):
    program = (
        "from pathlib import Path; from ddsing.hosting import private; "
        f"print(private.cookie_secret(Path({str(tmp_path)!r})))"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    found = {child.communicate(timeout=PATIENCE_S)[0] for child in children}
    assert len(found) == 1 and len(found.pop().strip()) == 64


@posix
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "cookie_secret").chmod(0o644), "chmod 600"),
        (lambda folder: folder.chmod(0o755), "chmod 700"),
        (lambda folder: (folder / "cookie_secret").write_text("short"), "delete it"),
        (
            lambda folder: (folder / "cookie_secret").rename(folder / "x").with_name("cookie_secret").symlink_to("x"),
            "link",
        ),
    ],
)
def test_a_secret_that_others_may_know_is_refused(tmp_path, spoil, told):
    private.cookie_secret(tmp_path)
    spoil(tmp_path / private.FOLDER)
    with pytest.raises(private.PrivateError, match=told):
        private.cookie_secret(tmp_path)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_streamlit_reads_is_what_the_file_says(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp() / "secrets"
    provider = Provider("https://login.example.org/x", text, client_secret=text[::-1], prompt="login")
    found = tomllib.loads(private.streamlit_secrets(config(root, providers={"university": provider})))["auth"]
    assert found["redirect_uri"] == "http://localhost:8501/oauth2callback"
    assert found["cookie_secret"] == private.cookie_secret(root)
    assert found["university"] == {
        "client_id": text,
        "client_secret": text[::-1],
        "server_metadata_url": "https://login.example.org/x",
        "client_kwargs": {"scope": "openid profile email", "prompt": "login"},
    }
