"""Record the README's short film of the page Play again: `python docs/recording.py [--workspace DIR]`.

Opens the dashboard on a workspace with the demo's instruments, plays a phrase by the computer's keys, and keeps what
the browser drew as a GIF. Needs Chromium and the packages of the tests, and a machine that does nothing else meanwhile.
"""

import argparse
import base64
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from screenshots import FOLDER, ROOT, Dashboard, chromium, settled

from ddsing.workspace import open_workspace

NAME = "aria"
STYLE = "Classical"
WINDOW = {"width": 760, "height": 800}  # so narrow that the list of pages is folded
MARGIN = 16  # px around what is shown
RATE_HZ = 12.5
COLOURS = 64
BEAT_MS = 400
LEGATO_MS = 40  # by which a note goes on into the next
PHRASE = (  # keys and beats: Beethoven's Ode to Joy
    *((key, 1.0) for key in "ddfggfdsaasd"),
    ("d", 1.5),
    ("s", 0.5),
    ("s", 2.0),
)


@dataclass(frozen=True)
class Frame:
    """What the browser drew, and when, in s."""

    at_s: float
    png: bytes


def play(page: Page) -> None:
    """The phrase, by the computer's keys."""
    before = None
    for key, beats in PHRASE:
        if key == before:
            page.keyboard.up(key)
            page.wait_for_timeout(LEGATO_MS)
        page.keyboard.down(key)
        if before is not None and key != before:
            page.wait_for_timeout(LEGATO_MS)
            page.keyboard.up(before)
        page.wait_for_timeout(beats * BEAT_MS - LEGATO_MS)
        before = key
    page.keyboard.up(before)
    page.wait_for_timeout(800)


def filmed(page: Page) -> list[Frame]:
    """All that the browser draws while the phrase is played."""
    frames: list[Frame] = []
    browser = page.context.new_cdp_session(page)

    def keep(event: dict) -> None:
        frames.append(Frame(event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        browser.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    browser.on("Page.screencastFrame", keep)
    browser.send("Page.startScreencast", {"format": "png"})
    page.wait_for_timeout(500)
    play(page)
    browser.send("Page.stopScreencast")
    return frames


def evenly(frames: list[Frame]) -> list[tuple[Frame, int]]:
    """Of each moment the last frame, and for how many moments it stays."""
    n = int((frames[-1].at_s - frames[0].at_s) * RATE_HZ) + 1
    moments = (frames[0].at_s + k / RATE_HZ for k in range(n))
    shown = [[frame for frame in frames if frame.at_s <= moment][-1] for moment in moments]
    return [(frame, len(list(same))) for frame, same in itertools.groupby(shown)]


def save(frames: list[Frame], box: tuple[int, int, int, int], path: Path) -> None:
    """The part of the window in a box, as a GIF that begins again at its end."""
    kept = evenly(frames)
    images = [Image.open(io.BytesIO(frame.png)).convert("RGB").crop(box) for frame, _ in kept]
    palette = beneath(images[:: max(1, len(images) // 8)]).quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    drawn = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    duration = [round(1000 * n / RATE_HZ) for _, n in kept]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=duration, loop=0, optimize=True)


def beneath(images: list[Image.Image]) -> Image.Image:
    """Images of one size, one beneath the other."""
    width, height = images[0].size
    whole = Image.new("RGB", (width, height * len(images)))
    for number, image in enumerate(images):
        whole.paste(image, (0, number * height))
    return whole


def main() -> None:
    """Open the page, play, and save the film."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=ROOT / "build" / "singing")
    workspace = parser.parse_args().workspace.absolute()
    open_workspace(workspace)
    with Dashboard(workspace) as dashboard, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
        page.goto(f"{dashboard.url}/play?instrument={NAME}")
        page.locator(f'.play[aria-label="Play {NAME}"][data-state="ready"]').wait_for()
        page.get_by_role("radio", name=STYLE).click()
        settled(page)
        page.keyboard.press("f")  # the sound begins before the film does
        page.locator('.play[data-state="playing"]').wait_for()
        page.wait_for_timeout(1000)
        top, bottom = (
            page.get_by_role("heading", name="Play", exact=True).bounding_box(),
            page.locator(".play").bounding_box(),
        )
        left, right = bottom["x"] - MARGIN, bottom["x"] + bottom["width"] + MARGIN
        box = tuple(map(round, (left, top["y"] - MARGIN / 2, right, bottom["y"] + bottom["height"] + MARGIN)))
        save(filmed(page), box, FOLDER / "play.gif")
        browser.close()


if __name__ == "__main__":
    main()
