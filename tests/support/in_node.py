"""JavaScript of the pages run by Node.js: arrays in, arrays out, or plain values."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ddsing.ui.play import scripts
from tests.support.patience import PATIENCE_S

_GIVEN = """
import { readFileSync, writeFileSync } from "node:fs";
const folder = process.argv[2];
const given = JSON.parse(readFileSync(`${folder}/given.json`, "utf-8"));
function buffer(name) {
  const read = readFileSync(`${folder}/${name}`);
  return read.buffer.slice(read.byteOffset, read.byteOffset + read.length);
}
const array = (name) => new Float32Array(buffer(name));
function give(name, values) {
  writeFileSync(`${folder}/${name}`, new Uint8Array(Float32Array.from(values).buffer));
}
function tell(value) {
  writeFileSync(`${folder}/told.json`, JSON.stringify(value));
}
"""


def run(folder: Path, body: str, files: tuple = scripts.ENGINE, *, before: str = "", **given) -> dict[str, np.ndarray]:
    """Run JavaScript after some of the page's files, and what these need to be there `before` them.

    ``given`` has what can be JSON; arrays are read by ``array(name)``, bytes by ``buffer(name)``.
    What the body hands to ``give(name, values)`` comes back, by name, as float32.
    """
    known = _run(folder, before + scripts.text_of(*files) + body, given)
    return {path.name: np.fromfile(path, "<f4") for path in folder.iterdir() if path.name not in known}


def told(folder: Path, script: str, **given) -> Any:
    """What JavaScript makes of plain values: the one that it gives to ``tell(value)``."""
    _run(folder, script, given)
    return json.loads((folder / "told.json").read_text("utf-8"))


def _run(folder: Path, script_text: str, given: dict) -> set[str]:
    """The names of what was there before."""
    node = shutil.which("node")
    if node is None:
        message = "These tests need Node.js: apt-get install nodejs (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder.mkdir(exist_ok=True)
    plain = {}
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            (folder / name).write_bytes(value.astype("<f4").tobytes())
        elif isinstance(value, bytes):
            (folder / name).write_bytes(value)
        else:
            plain[name] = value
    (folder / "given.json").write_text(json.dumps(plain))
    script = folder / "script.mjs"
    script.write_text(_GIVEN + script_text, encoding="utf-8")
    done = subprocess.run([node, str(script), str(folder)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return {*given, "given.json", "script.mjs"}
