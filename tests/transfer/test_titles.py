"""What takes are called where several are listed."""

from dataclasses import replace
from pathlib import Path

from ddsing.transfer import titles
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take


def take(number: int, name: str = "song → Aria", **facts) -> Take:
    known = {"source": "song.wav", "instrument": "Aria", "tracker": "full", **facts}
    return Take(f"2026112{number}-x", Path(f"/takes/{number}"), name, **known)


def test_takes_of_one_name_are_told_apart_by_what_changed():
    takes = [
        take(1),
        take(2, settings=Settings(octave_shift=1)),
        take(3, settings=Settings(octave_shift=1, autotune=0.5), tracker="tiny"),
        take(4, settings=Settings(octave_shift=1, autotune=0.5), tracker="tiny"),
        take(5, "mine", settings=Settings(octave_shift=3)),
    ]
    called = titles.of(takes[::-1])  # in whatever order they are given
    assert [called[one.id] for one in takes] == [
        "song → Aria",
        "song → Aria · octave shift +1",
        "song → Aria · Draft tracker, autotune 0.5",
        "song → Aria · Draft tracker, autotune 0.5 · 2",
        "mine",
    ]


def test_no_two_titles_are_alike_whatever_takes_are_called():
    takes = [take(1), take(2), take(3), take(4, "song → Aria · 2"), take(5, settings=Settings(seed=3)), take(6)]
    called = titles.of(takes)
    assert len(set(called.values())) == len(takes)
    assert called[takes[3].id] == "song → Aria · 2", "a name of its own stays"


def test_what_is_not_heard_or_has_no_effect_tells_nothing():
    before = take(1)
    after = replace(before, settings=Settings(show_full_output=True, attenuation_db=3.0))
    assert titles.changes(after, before) == ""


def test_takes_of_a_score_are_told_apart_by_how_it_is_sung():
    plain = {"part": 1, "line": "highest", "transpose": 0, "style": "plain", "numbers": {}}
    takes = [
        take(1, score=plain, tracker="score"),
        take(2, score={**plain, "style": "pop", "transpose": -12}, tracker="score"),
        take(3, score={**plain, "style": "pop", "transpose": -12, "numbers": {"scoop_s": 0.2}}, tracker="score"),
        take(4, score={**plain, "style": "pop", "part": 2, "numbers": {"scoop_s": 0.2}}, tracker="score"),
    ]
    called = titles.of(takes)
    assert [called[one.id].partition(" · ")[2] for one in takes] == [
        "",
        "pop style, transposed −12",
        "pop style, adjusted",
        "transposed 0, part 2, highest notes",
    ]
