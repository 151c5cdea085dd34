"""The JavaScript of the page Play: its files are put one after the other, for the page and for the audio thread."""

from pathlib import Path

FOLDER = Path(__file__).parent
ENGINE = ("products.wasm", "products.js", "decoder.js", "synthesis.js", "top.js", "voice.js")
FOLLOWING = ("performer.js", "tracker.js", "ear.js", "follower.js")
WORKLET = (*ENGINE, *FOLLOWING, "processor.js")
PAGE = (*ENGINE, "keyboard.js", "midi.js", "microphone.js", "kept.js", "play.js")


def text_of(*names: str) -> str:
    """Files of this folder, one after the other; ``products.wasm`` as its bytes, under the name ``productsWasm``."""
    return "\n".join(
        _bytes_of(name) if name.endswith(".wasm") else (FOLDER / name).read_text("utf-8") for name in names
    )


def _bytes_of(name: str) -> str:
    numbers = ",".join(map(str, (FOLDER / name).read_bytes()))  # an audio thread can decode no Base64
    return f"const {name.removesuffix('.wasm')}Wasm = Uint8Array.of({numbers});\n"
