"""The engine's settings: read, checked, chosen; a mistake is a sentence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.errors import SettingsError
from ddsing.jobs import engine
from ddsing.jobs.engine import Engine, from_table, mistakes

HTTPS = "use https, since http is allowed only for this computer itself (127.0.0.1)."
TABLE = {
    "kind": "slurm",
    "partition": "gpu",
    "account": "voice-lab",
    "gres": "gpu:a100:1",
    "time": "2-00:00:00",
    "memory_gb": 16,
    "setup": ["module load cuda"],
    "options": ["--exclude=node7"],
}


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    for name in ("DDSING_ENGINE", "DDSING_ENGINE_OPTIONS", "DDSING_RAY_TOKEN", "DDSING_SERVED"):
        monkeypatch.delenv(name, raising=False)


def test_a_table_becomes_an_engine():
    found = from_table(TABLE)
    assert (found.kind, found.gres, found.time, found.setup) == (
        "slurm",
        "gpu:a100:1",
        "2-00:00:00",
        ("module load cuda",),
    )
    assert from_table({}) == Engine() and Engine().kind == "local"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("kind", "pbs", "The engine's kind is 'pbs'; use local, slurm or ray."),
        ("cpus", 0, "The engine's cpus is 0; use a whole number from 1 to 1,024."),
        ("gpus", True, "The engine's gpus is True; use a whole number from 0 to 64."),
        ("memory_gb", "16G", "The engine's memory_gb is '16G'; use a number from 0 to 100,000."),
        ("memory_gb", float("nan"), "The engine's memory_gb is nan; use a number from 0 to 100,000."),
        ("time", "a day", 'The engine\'s time is \'a day\'; use for example "12:00:00" or "2-00:00:00".'),
        (
            "partition",
            "gpu --wrap=rm",
            "The engine's partition is 'gpu --wrap=rm'; use letters, digits and . , : | & = * @ + - _.",
        ),
        ("partition", "-p", "The engine's partition is '-p'; use letters, digits and . , : | & = * @ + - _."),
        (
            "setup",
            "module load cuda",
            "The engine's setup is 'module load cuda'; use a list of lines, such as [\"module load cuda\"].",
        ),
        (
            "options",
            ["-w", "n1"],
            "The engine's options is ['-w', 'n1']; use a list of long options, such as [\"--exclude=node7\"].",
        ),
        (
            "url",
            "http://ray.example.org",
            f"The engine's url is 'http://ray.example.org'; {HTTPS}",
        ),
        (
            "url",
            "http://127.0.0.1.example.org",
            f"The engine's url is 'http://127.0.0.1.example.org'; {HTTPS}",
        ),
        (
            "url",
            "file:///etc/passwd",
            "The engine's url is 'file:///etc/passwd'; use an address such as https://ray.example.org.",
        ),
        (
            "url",
            "https://me:secret@ray",
            "The engine's url is 'https://me:secret@ray'; use an address such as https://ray.example.org.",
        ),
    ],
)
def test_each_mistake_is_a_sentence(name, value, sentence):
    assert mistakes({name: value}) == [sentence]
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        from_table({name: value})


def test_all_mistakes_are_said_at_once():
    found = mistakes({"kind": "ray", "cpus": 0, "partitions": "gpu"})
    assert len(found) == 2 and found[0].startswith("Unknown engine setting 'partitions'; available: account, ")
    assert mistakes({"kind": "ray"}) == [
        "Ray needs the url of its dashboard, such as https://ray.example.org or http://127.0.0.1:8265."
    ]
    assert not mistakes({"kind": "ray", "url": "http://[::1]:8265"}) and not mistakes(
        {"kind": "ray", "url": "http://localhost:1"}
    )


values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.lists(st.text(max_size=5), max_size=3)
)


@given(table=st.dictionaries(st.sampled_from([*vars(Engine()), "other"]), values))
def test_any_table_is_an_engine_or_sentences(table):
    found = mistakes(table)
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in found)
    if not found:
        from_table(table)


def test_the_engine_is_that_of_the_workspaces_file_unless_another_is_named(tmp_path, monkeypatch):
    assert engine.chosen(tmp_path) == Engine()
    (tmp_path / "engine.toml").write_text('kind = "slurm"\npartition = "gpu"\n')
    assert engine.chosen(tmp_path).partition == "gpu"
    assert engine.chosen(tmp_path, "local").kind == "local"
    other = tmp_path / "hosting.toml"
    other.write_text('root = "/srv"\n[engine]\nkind = "slurm"\npartition = "cpu"\n')
    monkeypatch.setenv("DDSING_ENGINE_OPTIONS", str(other))
    assert engine.chosen(tmp_path).partition == "cpu"
    monkeypatch.setenv("DDSING_ENGINE", "local")
    assert engine.chosen(tmp_path).kind == "local" and engine.chosen(tmp_path, "slurm").partition == "cpu"
    with pytest.raises(SettingsError, match="Ray needs the url"):
        engine.chosen(tmp_path, "ray")
    monkeypatch.setenv("DDSING_ENGINE", "pbs")
    with pytest.raises(SettingsError, match="Unknown engine 'pbs'; available: local, slurm, ray"):
        engine.chosen(tmp_path)


def test_on_a_server_for_several_nothing_in_a_workspace_counts(tmp_path, monkeypatch):
    (tmp_path / "engine.toml").write_text('kind = "slurm"\nsetup = ["touch /tmp/mine"]\n')
    hosting = tmp_path / "hosting.toml"
    hosting.write_text('root = "/srv/ddsing"\n')
    monkeypatch.setenv("DDSING_SERVED", str(hosting))
    monkeypatch.setenv("DDSING_ENGINE_OPTIONS", str(tmp_path / "engine.toml"))
    assert engine.chosen(tmp_path) == Engine()
    hosting.write_text('root = "/srv/ddsing"\n[engine]\nkind = "slurm"\naccount = "house"\n')
    assert engine.chosen(tmp_path).account == "house" and not engine.chosen(tmp_path).setup


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"kind = slurm", "is not valid TOML"),
        (b"\xff", "is not valid TOML"),
        (b"engine = 1", "engine is a value; write a table"),
        (b"#" * 200_000, "too long for engine settings"),
        (b"cpus = 0", "engine.toml: The engine's cpus is 0"),
    ],
)
def test_a_file_that_can_not_be_used_is_a_sentence(tmp_path, content, sentence):
    (tmp_path / "engine.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        engine.chosen(tmp_path)


def test_a_token_that_others_can_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "token"
    path.write_text(" secret\n")
    path.chmod(0o600)
    assert Engine(token_file=str(path)).token == "secret"
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="Others can read"):
        Engine(token_file=str(path)).token  # noqa: B018
    with pytest.raises(SettingsError, match="can't be read"):
        Engine(token_file=str(tmp_path / "none")).token  # noqa: B018
    monkeypatch.setenv("DDSING_RAY_TOKEN", "other ")
    assert Engine().token == "other"
