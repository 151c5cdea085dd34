"""``hosting.toml``: what is read, every mistake with its sentence, and that the documentation names every setting."""

import dataclasses
import json
import re
import typing
from collections.abc import Mapping
from pathlib import Path

import pytest

from ddsing.hosting import reading, switch
from ddsing.hosting.config import Config, Provider
from tests.support.paths import ROOT

PEOPLE = "[guests]\nallowed = true\n"
PROVIDER = """
[login.providers.university]
metadata_url = "https://login.example.org/.well-known/openid-configuration"
client_id = "ddsing"
client_secret = "s3cret-of-the-client"
"""
FULL = (
    """
root = "people"
database = "postgresql://ddsing:hidden@db.example.org/ddsing"
address = "https://sing.example.org"
hosts = ["voice.example.org"]
base_path = "tools/ddsing"
port = 9000

[login]
session_hours = 8
domains = ["example.org", "university:uni.example"]
claims = { groups = ["singers", "staff"], kind = "teacher" }
admins = ["ann@example.org", "university:abc-123"]
"""
    + PROVIDER
    + """
[guests]
allowed = true
most = 3

[limits]
workspace_gb = 2.5

[expiry]
days = 90

[engine]
kind = "slurm"

[metrics]
token = "hidden-token-of-prometheus"
"""
)


@pytest.fixture
def mistakes(tmp_path):
    """The mistakes of a file with some text."""

    def found(text):
        (tmp_path / "hosting.toml").write_text(text, encoding="utf-8")
        with pytest.raises(reading.ConfigError) as raised:
            reading.read(tmp_path / "hosting.toml")
        return list(raised.value.mistakes)

    return found


def read(folder: Path, text: str) -> Config:
    (folder / "hosting.toml").write_text(text, encoding="utf-8")
    return reading.read(folder / "hosting.toml")


def test_mistakes_about_the_engine_are_told_with_the_others(mistakes):
    found = mistakes('port = 0\n[engine]\nkind = "slrm"\ntime = "soon"\nnodes = 3\n' + PEOPLE)
    assert sum("engine" in sentence for sentence in found) == 3 and any("port" in sentence for sentence in found)


def test_a_file_is_read_into_types(tmp_path):
    config = read(tmp_path, FULL)
    assert config.root == tmp_path / "people" and config.url == "https://sing.example.org/tools/ddsing" and config.https
    assert config.allowed_hosts == ("sing.example.org", "voice.example.org")
    assert config.database_url == "postgresql+psycopg://ddsing:hidden@db.example.org/ddsing"
    assert config.login.session_hours == 8.0 and isinstance(config.login.session_hours, float)
    assert config.login.claims == {"groups": ("singers", "staff"), "kind": ("teacher",)}
    assert config.login.providers["university"].client_id == "ddsing"
    assert config.guests.most == 3 and config.limits.workspace_gb == 2.5 and config.engine == {"kind": "slurm"}


def test_what_is_left_out_is_safe(tmp_path):
    config = read(tmp_path, PEOPLE)
    assert config == Config(root=tmp_path / "hosted", guests=dataclasses.replace(config.guests, allowed=True))
    assert config.listen == "127.0.0.1" and config.allowed_hosts == ("localhost",)
    assert config.database_url == f"sqlite:///{tmp_path / 'hosted' / 'ddsing.db'}"
    assert not Config(tmp_path).guests.allowed and not Config(tmp_path).login.everybody


def test_secrets_are_in_no_repr(tmp_path):
    assert "hidden" not in repr(read(tmp_path, FULL)) and "s3cret" not in repr(read(tmp_path, FULL))


def test_a_secret_may_be_in_a_file(tmp_path, mistakes):
    (tmp_path / "secret").write_text(" from a file\n")
    text = PROVIDER.replace('client_secret = "s3cret-of-the-client"', 'client_secret_file = "secret"')
    config = read(tmp_path, "[login]\neverybody = true\n" + text)
    assert config.login.providers["university"].client_secret == "from a file"
    (tmp_path / "secret").write_text("\n")
    assert mistakes("[login]\neverybody = true\n" + text) == [
        "`login.providers.university.client_secret_file` names an empty file."
    ]
    (tmp_path / "secret").unlink()
    (line,) = mistakes("[login]\neverybody = true\n" + text)
    assert "client_secret_file" in line and "No such file" in line


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "No one could come in"),
        ("[login]\n" + PROVIDER, "`login` names no people"),
        ("port = 0\n" + PEOPLE, "`port` is 0 but must be from 1 to 65,535."),
        ('port = "x"\n' + PEOPLE, '`port` is "x" but must be a whole number.'),
        ("port = true\n" + PEOPLE, "`port` is true but must be a whole number."),
        ("portt = 1\n" + PEOPLE, "`portt` is not a setting; did you mean `port`?"),
        ("[guests]\nallow = true", "did you mean `guests.allowed`?"),
        ("[guests]\nallowed = true\nhours = nan", "`guests.hours` is nan but must be from"),
        ("[guests]\nallowed = 1", "`guests.allowed` is 1 but must be true or false."),
        ("[limits]\nlive_jobs = 1.5\n" + PEOPLE, "`limits.live_jobs` is 1.5 but must be a whole number."),
        ("guests = 3", "`guests` is 3 but must be a table."),
        ("zzz = 1\n" + PEOPLE, "`zzz` is not a setting; there are address, base_path"),
        ('address = "sing.example.org"\n' + PEOPLE, "must be an address such as"),
        ('address = "https://sing.example.org/x"\n' + PEOPLE, "belongs into `base_path`"),
        ('address = "https://a:b@sing.example.org"\n' + PEOPLE, "must be an address such as"),
        ('address = "https://sing.example.org:99999"\n' + PEOPLE, "must be an address such as"),
        ('address = "http://sing.example.org"\n' + PEOPLE, 'write "https://sing.example.org"'),
        ('listen = "0.0.0.0"\n' + PEOPLE, "`address` has to begin with https"),
        ('listen = "everywhere"\n' + PEOPLE, "must be an IP address of this computer"),
        ('proxies = ["front.example.org"]\n' + PEOPLE, "not an IP address or network"),
        ('[metrics]\ntoken = "short"\n' + PEOPLE, "`metrics.token` must be at least 16 letters"),
        ('[metrics]\ntoken = "with spaces in between it"\n' + PEOPLE, "without spaces"),
        ('hosts = ["*"]\n' + PEOPLE, '`hosts` has "*", which is not a host name'),
        ('base_path = "/ddsing/"\n' + PEOPLE, "without slashes at its ends"),
        ('base_path = "a/../b"\n' + PEOPLE, "without slashes at its ends"),
        ('database = "mysql://root:pw@x/y"\n' + PEOPLE, "`database` must be"),
        ("database = 3\n" + PEOPLE, "`database` must be a text in quotes."),
        ('[login]\ndomains = ["*.example.org"]\n' + PROVIDER, "not a domain"),
        ('[login]\naddresses = ["ann"]\n' + PROVIDER, "not an e-mail address"),
        ('[login]\nadmins = ["elsewhere:ann"]\n' + PROVIDER, "neither an e-mail address nor PROVIDER:SUBJECT"),
        ('[login]\neverybody = true\ndomains = ["example.org"]\n' + PROVIDER, "without effect"),
        ("[login]\neverybody = true\n" + PROVIDER.replace("university", "Uni_1"), "small letters, digits and hyphens"),
        ("[login]\neverybody = true\n" + PROVIDER.replace("https", "http"), "must be an https address"),
        (
            "[login]\neverybody = true\n" + PROVIDER.replace("client_id", "client"),
            "did you mean `login.providers.university.client_id`",
        ),
        (
            "[login]\neverybody = true\n" + PROVIDER.replace('client_secret = "s3cret-of-the-client"', ""),
            "only one of them",
        ),
        ("[login]\neverybody = true\n" + PROVIDER + 'scope = "email"', 'has to contain "openid"'),
        ("[guests]\nallowed = true\ntransfer_seconds = 900", "more than the 600"),
        ('[rates]\ntransfers = "soon"\n' + PEOPLE, 'must be such as "60 per hour"'),
        ('[rates]\nlogins = "0 per hour"\n' + PEOPLE, '`rates.logins` is "0 per hour" but'),
        ('[rates]\nstorage = "memcached://x"\n' + PEOPLE, '`rates.storage` must be "memory://"'),
        ("[rates]\npeople_per_address = 0\n" + PEOPLE, "must be from 1 to"),
        ("[expiry]\ndays = 7\n" + PEOPLE, "must be less than the 7"),
        ("[work]\nprocesses = -1\n" + PEOPLE, "`work.processes` is -1 but must be from 0 to 1,000."),
        ("[work]\nworkers = 2\n" + PEOPLE, "`work.workers` is not a setting"),
        ('[work]\nredis = "localhost:6379"\n' + PEOPLE, '`work.redis` must be "redis://'),
        ('[work]\nredis = "redis://localhost:port/0"\n' + PEOPLE, '`work.redis` must be "redis://'),
        ("[login\n", "it is not TOML"),
    ],
)
def test_a_mistake_gets_a_sentence(mistakes, text, sentence):
    assert any(sentence in line for line in mistakes(text)), mistakes(text)
    assert all(line.count("\n") == 0 and line.endswith((".", "?")) for line in mistakes(text))


def test_all_mistakes_come_at_once(mistakes):
    found = mistakes('port = 0\nprot = 1\nlisten = "x"\n[guests]\nallowed = "yes"\n[limits]\nupload_mb = 0\n')
    assert len(found) == 6  # and nobody could come in
    for name in ("port", "prot", "listen", "guests.allowed", "limits.upload_mb", "No one"):
        assert any(name in line for line in found)


def test_no_secret_is_repeated(mistakes):
    assert not any("77123" in line for line in mistakes('[work]\nredis = "redi://:77123@x"\n' + PEOPLE))
    assert not any("77123" in line for line in mistakes("[work]\nredis = 77123\n" + PEOPLE))
    for token in ("77123", "[1, 77123]", '"77123"'):
        assert not any("77123" in line for line in mistakes(f"[metrics]\ntoken = {token}\n" + PEOPLE))
    text = PROVIDER.replace('"s3cret-of-the-client"', "[1, 77123]")
    assert not any("77123" in line for line in mistakes("[login]\neverybody = true\n" + text))


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "hosting.toml").write_bytes(b"\xff\xfe")
    for path, sentence in ((tmp_path / "none.toml", "No such file"), (tmp_path / "hosting.toml", "UTF-8")):
        with pytest.raises(reading.ConfigError, match=sentence):
            reading.read(path)


def test_where_the_file_is(tmp_path, monkeypatch):
    monkeypatch.delenv(switch.VARIABLE, raising=False)
    assert reading.find(tmp_path) is None
    (tmp_path / "hosting.toml").write_text("")
    assert reading.find(tmp_path) == tmp_path / "hosting.toml"
    monkeypatch.setenv(switch.VARIABLE, str(tmp_path / "other.toml"))
    assert reading.find(tmp_path) == tmp_path / "other.toml"


# What the documentation says


def settings(kind=Config, where=""):
    """Every setting's name with its field."""
    hints = typing.get_type_hints(kind)
    for one in dataclasses.fields(kind):
        hint, name = hints[one.name], where + one.name
        if dataclasses.is_dataclass(hint):
            yield from settings(hint, f"{name}.")
        elif typing.get_origin(hint) is Mapping and typing.get_args(hint)[1] is Provider:
            yield from settings(Provider, f"{name}.NAME.")
        else:
            yield name, one


def as_toml(one) -> str:
    """A default as the documentation writes it."""
    value = one.default
    if value is dataclasses.MISSING:
        return "{}" if one.default_factory is not dataclasses.MISSING else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def test_the_documentation_names_every_setting_with_its_default():
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \|(?: `([^`|]*)`)? \| (.+) \|$", text, re.MULTILINE)
    documented = {name: default for name, default, _ in rows}
    assert documented == {name: as_toml(one) for name, one in settings()}
    assert all(len(about) > 15 for _, _, about in rows)


def test_the_documentation_s_example_is_read(tmp_path):
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        assert read(tmp_path, example).root
