"""How much of a processor core the page Play takes: in plain JavaScript and in WebAssembly, in Node.js and in Chromium.

    python -m benchmarks.playing [--json]

A row per instrument: the demo's, and one of the full size with random weights. Processor time of the whole process
for `SOUND_S` seconds at 48 kHz, the smallest of `REPEATS`. Needs Node.js, Chromium, and what the tests need.
"""

import argparse
import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.first_page import chromium
from ddsing import instrument as instruments
from ddsing.instrument import Instrument
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.play import browser as packing
from ddsing.ui.play import scripts
from demo import build

SOUND_S, REPEATS = 5, 3
KINDS = ("plain", "WebAssembly")
PLAYED = """
function played(pack, plain, seconds) {
  const products = plain ? new PlainProducts() : new FastProducts(pack.total);
  const target = { f0Hz: 220, loudnessDb: -0.4 * pack.model.db_range, z: pack.arrays["z/mean"]?.values ?? null };
  const voice = new Voice(pack, 48000, () => target, 0, new Decoder(pack, products));
  const [harmonic, noise] = [new Float32Array(128), new Float32Array(128)];
  return (some = seconds) => { for (let at = 0; at < some * 48000; at += 128) voice.next(harmonic, noise); };
}
"""
IN_NODE = """
import { readFileSync } from "node:fs";
const read = readFileSync(process.argv[2]);
const pack = unpack(read.buffer.slice(read.byteOffset, read.byteOffset + read.length));
pack.total = Object.values(pack.arrays).reduce((sum, { values }) => sum + values.length, 0);
const [seconds, repeats] = process.argv.slice(3).map(Number);
const found = {};
for (const plain of [true, false]) {
  const play = played(pack, plain, seconds);
  play(0.5);
  found[plain ? "plain" : "WebAssembly"] = Math.min(...Array.from({ length: repeats }, () => {
    const before = process.cpuUsage();
    play();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6 / seconds;
  }));
}
console.log(JSON.stringify(found));
"""
IN_PAGE = """({ pack: text, plain, seconds }) => {
  const pack = unpack(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  pack.total = Object.values(pack.arrays).reduce((sum, { values }) => sum + values.length, 0);
  window.play = played(pack, plain, seconds);
  window.play(0.5);
}"""


def instruments_played() -> dict[str, Instrument]:
    folder = build.ASSETS / "instruments"
    config = ModelConfig(n_harmonics=60)
    full = Instrument("full size", config, None, random_weights(config, seed=3))
    return {name: instruments.read(folder / f"{name}.zip") for name in ("aria", "aria full band", "cello")} | {
        "full size": full
    }


def in_node(pack: bytes) -> dict[str, float]:
    """Processor time per second of sound, by kind."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pack").write_bytes(pack)
        script = Path(folder) / "script.mjs"
        script.write_text(scripts.text_of(*scripts.ENGINE) + PLAYED + IN_NODE, encoding="utf-8")
        command = ["node", str(script), str(Path(folder) / "pack"), str(SOUND_S), str(REPEATS)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def in_chromium(browser, pack: bytes) -> dict[str, float]:
    """The same for a page; the time of its process, as Chromium's own metrics have it."""
    found = {}
    for kind in KINDS:
        tab = browser.new_page()
        tab.add_script_tag(content=scripts.text_of(*scripts.ENGINE) + PLAYED)
        tab.evaluate(IN_PAGE, {"pack": base64.b64encode(pack).decode(), "plain": kind == "plain", "seconds": SOUND_S})
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable")
        found[kind] = min(_processor_s(tab, session) for _ in range(REPEATS)) / SOUND_S
        tab.close()
    return found


def _processor_s(tab, session) -> float:
    def now() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return {metric["name"]: metric["value"] for metric in metrics}["ProcessTime"]

    before = now()
    tab.evaluate("() => window.play()")
    return now() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args()
    if shutil.which("node") is None:
        raise SystemExit("This benchmark needs Node.js: apt-get install nodejs (Debian).")
    rows = {}
    with chromium() as browser:
        for name, instrument in instruments_played().items():
            pack = packing.pack(instrument)
            rows[name] = {"Node.js": in_node(pack), "Chromium": in_chromium(browser, pack)}
    if asked.json:
        print(json.dumps({"measured": time.strftime("%Y-%m-%d"), "share of a core": rows}, indent=1))
        return
    print(
        f"{'share of a core':24}"
        + "".join(f"{where + ', ' + kind:>24}" for where in ("Node.js", "Chromium") for kind in KINDS)
    )
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"{row[where][kind]:24.1%}" for where in row for kind in KINDS))


if __name__ == "__main__":
    main()
