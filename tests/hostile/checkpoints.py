"""15 hostile ``checkpoint`` files: TensorFlow would follow each; here none is so much as read."""

# ruff: noqa: E501

from ddsing.instrument.convert import convert
from tests.hostile.builders import notebook_members, packed


def genuine() -> list[bytes]:
    return [packed(notebook_members())]


def run(data: bytes):
    instrument = convert(data, name="x")
    assert instrument.digest == _digest(), "other weights than the zip's own"


def _digest(known=[]):  # noqa: B006
    if not known:
        known.append(convert(genuine()[0], name="x").digest)
    return known[0]


def cases(rng, folder, n_mutants):
    paths = [
        "../bob/ckpt-7", "/etc/passwd", "../../../../etc/ckpt-9", str(folder / "ckpt-99"), "ckpt-999999", "~/ckpt-1", "",
        "http://127.0.0.1/ckpt-1", "gs://bucket/ckpt-1", "file:///etc/ckpt-1", "ckpt-7\\\" all: \\\"x", "a" * 50_000, "\\000ckpt-7",
        "//server/share/ckpt-1",
    ]  # fmt: skip
    contents = [
        f'model_checkpoint_path: "{path}"\nall_model_checkpoint_paths: "{path}"\n'.encode("utf-8", "replace")
        for path in paths
    ] + [b"\xff" * 1000]
    assert len(contents) == 15
    for index, content in enumerate(contents):
        yield f"checkpoint {index}", packed(notebook_members() | {"checkpoint": content})
