"""A MIDI keyboard's messages, by the MIDI 1.0 specification, as the browser reads them."""

import json

from tests.support import in_node

BODY = """
const told = [];
const note = (name) => (value) => told.push([name, value]);
const sound = { press: note("press"), move: note("move"), lift: note("lift"), post: (...pair) => told.push(pair) };
const midi = new Midi(sound);
for (const message of given.messages) midi.heed(message);
give("told", Array.from(JSON.stringify(told), (letter) => letter.charCodeAt(0)));
"""


def told(folder, *messages):
    found = in_node.run(folder, BODY, ("midi.js",), messages=[list(one) for one in messages])["told"]
    return json.loads("".join(chr(int(code)) for code in found))


def test_notes_begin_with_their_velocity_and_end(tmp_path):
    found = told(tmp_path, (0x90, 57, 127), (0x90, 57, 0), (0x95, 60, 0), (0x91, 62, 1), (0x81, 62, 64))
    assert [one[0] for one in found] == ["press", "lift", "lift", "press", "lift"]
    assert found[0][1] == {"id": "midi 0 57", "midi": 57, "share": 1}
    assert found[3][1]["share"] == 1 / 127 and found[4][1]["id"] == "midi 1 62"


def test_aftertouch_goes_from_the_velocity_up_to_all(tmp_path):
    found = told(tmp_path, (0xA0, 57, 127), (0x90, 57, 64), (0xA0, 57, 0), (0xA0, 57, 127), (0xD0, 0), (0xD3, 127))
    assert found[1:] == [["move", {"id": "midi 0 57", "share": share}] for share in (64 / 127, 1, 64 / 127, 1)]


def test_wheels_pedals_and_controllers(tmp_path):
    bends = told(tmp_path, (0xE0, 0, 64), (0xE0, 0, 0), (0xE0, 127, 127))
    assert [one[0] for one in bends] == ["wheel"] * 3
    assert [one[1] for one in bends] == [0, -2, 2 * 8191 / 8192]
    half = 64 / 127
    assert told(tmp_path, (0xB0, 1, 127), (0xB0, 64, 127), (0xB0, 64, 63)) == [
        ["depth", 1],
        ["pedal", True],
        ["pedal", False],
    ]
    scaled = told(tmp_path, (0xB0, 7, 64), (0xB0, 11, 64), (0xB0, 2, 0), (0xB0, 2, 127))
    assert scaled == [["expression", share] for share in (half, half**2, 0, half**2)]


def test_all_notes_off_and_what_means_nothing(tmp_path):
    found = told(tmp_path, (0x90, 57, 9), (0xB0, 123, 0), (0xF8,), (0xC0, 5), (0xB0, 33, 1), (0xFE,))
    assert [one[0] for one in found] == ["press", "lift", "rest"]
