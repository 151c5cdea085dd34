"""The engine of the page Play run by Node.js: arrays in, arrays out."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ddsing.ui.play import scripts
from tests.support.patience import PATIENCE_S

_RUN = """
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
"""


def run(folder: Path, body: str, files: tuple = scripts.ENGINE, **given) -> dict[str, np.ndarray]:
    """Run JavaScript after some of the page's files.

    ``given`` has what can be JSON; arrays are read by ``array(name)``, bytes by ``buffer(name)``.
    What the body hands to ``give(name, values)`` comes back, by name, as float32.
    """
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
    script.write_text(_RUN + scripts.text_of(*files) + body, encoding="utf-8")
    done = subprocess.run([node, str(script), str(folder)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    known = {*given, "given.json", "script.mjs"}
    return {path.name: np.fromfile(path, "<f4") for path in folder.iterdir() if path.name not in known}
