"""How long it takes from the microphone to the sound of the page Play, in Chromium.

    python -m benchmarks.microphone_latency [--json]

Chromium's fake microphone plays a file: two notes, a fifth apart, with silence around them, again and again. The page's
own scripts follow it with the demo's instruments, in an audio thread at the device's rate, and what the microphone
gives and what the instrument sounds are kept side by side, sample by sample, from the same audio graph: so that a row
has what is ours, without what the device and the browser buffer before and after. A note counts once it has a tenth of
its amplitude, a new pitch once it is stronger than the one before for the first time, and once it stays so.
Needs Chromium.

Chromium 156 on two busy cores, 11 notes and 10 turns each, median and largest in ms: notes 17 and 20 (aria), 22 and 24
(aria full band), 17 and 21 (cello); new pitches 35 and 36, 37 and 41, 50 and 54; for good 49 and 60, 48 and 68, 51 and
54.
"""

import argparse
import base64
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from ddsing import instrument as instruments
from ddsing.play import browser as packing
from ddsing.play.expression import Loudness
from ddsing.play.style import STYLES
from ddsing.ui.play import scripts
from demo import build

SITE = "https://play.test/"  # nothing is asked of it: only such an address may have an audio thread and a microphone
NAMES = ("aria", "aria full band", "cello")
LISTENED_S = 31
RATE = 48_000
LOW_HZ, HIGH_HZ = 220.0, 330.0
_BEFORE_S = 0.3  # of silence that is seen before a note
_WITHIN_S = 0.5  # in which the instrument follows, or has not followed
LISTEN = """async ({ pack, performer, script, seconds }) => {
  const context = new AudioContext({ latencyHint: "interactive" });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "ddsing-play", {
    numberOfInputs: 1, channelCount: 1, channelCountMode: "explicit", outputChannelCount: [1],
    processorOptions: { pack: Uint8Array.from(atob(pack), (letter) => letter.charCodeAt(0)).buffer, performer },
  });
  const microphone = new Microphone(() => null);
  await microphone.open();
  if (microphone.why) throw new Error(microphone.why);
  microphone.plug(node);
  node.port.postMessage(["listen", true]);
  const [both, keep] = [context.createChannelMerger(2), context.createScriptProcessor(16384, 2, 1)];
  microphone.source.connect(both, 0, 0);
  node.connect(both, 0, 1);
  both.connect(keep).connect(context.destination);
  const kept = [[], []];
  await new Promise((done) => {
    keep.onaudioprocess = ({ inputBuffer }) => {
      kept.forEach((channel, i) => channel.push(...inputBuffer.getChannelData(i)));
      if (kept[0].length > seconds * context.sampleRate) done();
    };
  });
  keep.onaudioprocess = null;
  microphone.close();
  await context.close();
  return { rate: context.sampleRate, kept };
}"""


def notes() -> np.ndarray:
    """What the microphone hears [shape=(n_samples,), 48 kHz]."""
    time_s = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(np.where(time_s < 1.5, LOW_HZ, HIGH_HZ)) / RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 9))
    return (0.15 * tone * ((time_s > 0.5) & (time_s < 2.5))).astype(np.float32)


def waits_ms(heard: np.ndarray, sung: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    """From what is heard to what is sung [shape=(n_samples,)], in ms; NaN where nothing follows in time.

    Of notes that begin, and of new pitches: until one is stronger than the one before, and until it stays so.
    """
    begun, turned = _begun(heard, rate), _turned(heard, rate)
    begun = begun[(begun > _BEFORE_S * rate) & (begun < len(heard) - _WITHIN_S * rate)]
    turned = turned[turned < len(heard) - _WITHIN_S * rate]
    then, higher = _begun(sung, rate), _is_higher(sung, rate)
    after = [then[(then >= at) & (then < at + _WITHIN_S * rate)] for at in begun]
    notes = [found[0] - at if len(found) else np.nan for at, found in zip(begun, after)]
    parts = [higher[at : at + int(_WITHIN_S * rate)] for at in turned]
    first = [np.argmax(part) if part.any() else np.nan for part in parts]
    stays = [len(part) - np.argmin(part[::-1]) if part[-1] else np.nan for part in parts]
    found = {"note": notes, "pitch first": first, "pitch stays": stays}
    return {name: 1000.0 * np.array(waits) / rate for name, waits in found.items()}


def _begun(sound: np.ndarray, rate: float) -> np.ndarray:
    """Where it is as loud as a tenth of its loudest, after 0.3 s of less."""
    loud = np.flatnonzero(np.abs(sound) > 0.1 * np.abs(sound).max())
    return loud[np.diff(loud, prepend=-rate) > 0.3 * rate]


def _turned(sound: np.ndarray, rate: float) -> np.ndarray:
    """Where the higher note takes the place of the lower one, each for 0.1 s at least."""
    higher, width = _is_higher(sound, rate), int(0.1 * rate)
    turns = np.flatnonzero(~higher[:-1] & higher[1:]) + 1
    low = _strength(sound, LOW_HZ, rate)
    return np.array(
        [
            at
            for at in turns
            if width < at < len(sound) - width
            and not higher[at - width : at].any()
            and higher[at : at + width].all()
            and low[at - width : at].min() > 0.1 * low.max()
        ],
        int,
    )


def _is_higher(sound: np.ndarray, rate: float) -> np.ndarray:
    """Where the higher of the two notes is the stronger one [shape=(n_samples,), bool]."""
    return _strength(sound, HIGH_HZ, rate) > _strength(sound, LOW_HZ, rate)


def _strength(sound: np.ndarray, hz: float, rate: float) -> np.ndarray:
    """How strong a frequency is in the 20 ms around each sample."""
    half = int(0.01 * rate)
    wave = sound * np.exp(-2j * np.pi * hz * np.arange(len(sound)) / rate)
    total = np.cumsum(np.concatenate([np.zeros(half), wave, np.zeros(half)]))
    return np.abs(np.concatenate([[0.0], total[2 * half :] - total[: -2 * half]]))


def measured(tab, name: str) -> dict[str, float]:
    """Median and largest wait of an instrument of the demo, in ms."""
    instrument = instruments.read(build.ASSETS / "instruments" / f"{name}.zip")
    own = Loudness.of(instrument.statistics, generation=instrument.config.generation)
    loudness = {"references": own.references.tolist(), "quantiles": own.quantiles.tolist()}
    performer = {"manner": STYLES["plain"].to_json(), "loudness": loudness | {"silence_db": own.silence_db}, "seed": 0}
    pack = base64.b64encode(packing.pack(instrument)).decode()
    given = {"pack": pack, "performer": performer, "script": scripts.text_of(*scripts.WORKLET), "seconds": LISTENED_S}
    found = tab.evaluate(LISTEN, given)
    heard, sung = (np.array(channel) for channel in found["kept"])
    row: dict[str, float] = {}
    for what, waits in waits_ms(heard, sung, found["rate"]).items():
        row |= {f"{what}, n": len(waits), f"{what}, missed": int(np.isnan(waits).sum())}
        row |= {f"{what}, median ms": float(np.nanmedian(waits)), f"{what}, largest ms": float(np.nanmax(waits))}
    return row


def rows() -> dict[str, dict[str, float]]:
    """A row per instrument."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "notes.wav"
        soundfile.write(path, notes(), RATE, subtype="PCM_16")
        fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
        arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", *fake]
        launched = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*arguments, f"--use-file-for-fake-audio-capture={path}"]
        )
        tab = launched.new_page()
        tab.route(
            "**/*", lambda route: route.fulfill(body="<!doctype html><title>Play</title>", content_type="text/html")
        )
        tab.goto(SITE)
        tab.add_script_tag(content=scripts.text_of("microphone.js"))
        found = {name: measured(tab, name) for name in NAMES}
        launched.close()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args()
    found = rows()
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{'':24}" + "".join(f"{name:>18}" for name in found))
    for what in next(iter(found.values())):
        print(f"{what:24}" + "".join(f"{row[what]:18.1f}" for row in found.values()))


if __name__ == "__main__":
    main()
