"""The JavaScript of the page Play: its files are put one after the other, for the page and for the audio thread."""

from pathlib import Path

FOLDER = Path(__file__).parent
ENGINE = ("decoder.js", "synthesis.js", "voice.js")
WORKLET = (*ENGINE, "performer.js", "processor.js")
PAGE = (*ENGINE, "keyboard.js", "midi.js", "kept.js", "play.js")


def text_of(*names: str) -> str:
    """Files of this folder, one after the other."""
    return "\n".join((FOLDER / name).read_text("utf-8") for name in names)
