"""The instrument under the fingers: a component of the page that fetches it once and plays it in the browser."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.play.expression import Loudness
from ddsing.play.played import MAX_S
from ddsing.sound.phrase import DEFAULT_RANGE_MIDI
from ddsing.ui.play import manner as manners
from ddsing.ui.play import recorded, scripts
from ddsing.ui.player import players
from ddsing.ui.shell import caches, per_workspace, state
from ddsing.ui.transfer import instrument_picker

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry
    from ddsing.ui.play.manner import Manner

PLACE = "play.stage"
INSTRUMENT = "play.instrument"
PACKS = 2  # in memory, up to 20 MB each
PLAY = """<div class="play" role="group" aria-label="Play">
<div class="head">
<div class="status" aria-live="polite"></div>
<div class="level" aria-hidden="true"><i></i></div><div class="note" aria-hidden="true"></div>
</div>
<div class="stage"><div class="keys" role="group" aria-label="Keys"></div>
<div class="pad" aria-hidden="true" hidden><span>Timbre</span><i></i></div></div>
<div class="foot">
<button type="button" class="record" disabled><span class="dot" aria-hidden="true"></span><span>Record</span></button>
<button type="button" class="lower">Octave lower</button><button type="button" class="higher">Octave higher</button>
<button type="button" class="midi">Connect MIDI keyboard</button>
<div class="hint">Touch a key near its lower edge to play louder; move aside to bend the pitch.
<span class="typing">The letters on the keys play too; <kbd>Z</kbd> and <kbd>X</kbd> change the octave, <kbd>1</kbd> to
<kbd>9</kbd> the loudness.</span></div>
</div>
</div>"""

_play = st.components.v2.component(
    "ddsing_play",
    html=PLAY,
    css=scripts.text_of("play.css"),
    js=players.text_of("shared.js") + "\n" + scripts.text_of(*scripts.PAGE),
)
_WORKLET = scripts.text_of(*scripts.WORKLET).encode()


def pick():
    """The choice of an instrument, at first the one of the page Timbre transfer; None where there is none."""
    return instrument_picker.pick(
        key=INSTRUMENT, first=st.session_state.get(state.INSTRUMENT), about="What the keys play."
    )


def show(entry: Entry, manner: Manner) -> None:
    """The keys of an instrument, which sound as `manner` says."""
    instrument = caches.instrument(entry)
    loudness = Loudness.of(instrument.statistics, generation=instrument.config.generation)
    statistics = instrument.statistics
    data = {
        "place": PLACE,
        "name": entry.name,
        "url": _address(entry, instrument),
        "worklet": players.address(_WORKLET, "play.worklet", mime="text/javascript", known=_digest(_WORKLET)),
        "range": tuple(map(float, statistics.pitch_range_midi if statistics else DEFAULT_RANGE_MIDI)),
        "manner": manner.style.to_json(),
        "loudness": {
            "references": tuple(map(float, loudness.references)),
            "quantiles": tuple(map(float, loudness.quantiles)),
            "silence_db": loudness.silence_db,
        },
        "breath_db": manner.breath_db,
        "timbre": manner.timbre_shift,
        "seed": 0,
        "most_s": MAX_S,
    }
    _play(
        key=PLACE,
        data=data,
        on_played_change=lambda: recorded.order(entry, manner, st.session_state[PLACE].played),
        on_timbre_change=lambda: manners.put_timbre(
            entry.name, len(manner.timbre_shift), st.session_state[PLACE].timbre
        ),
    )


def _address(entry: Entry, instrument: Instrument) -> str:
    """Where the browser fetches the instrument, for as long as this tab shows it and by nobody else."""
    with st.spinner("Preparing the instrument", show_time=False):
        content = _pack(caches.stamp(entry.path), instrument)
    return players.address(content, "play.instrument", mime="application/octet-stream", known=instrument.digest)


@per_workspace.resource(max_entries=PACKS, show_spinner=False)
def _pack(stamp: tuple, _instrument: Instrument) -> bytes:
    from ddsing.play import browser

    return browser.pack(_instrument)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def n_directions(entry: Entry) -> int:
    """In how many directions the timbre can be moved: none without a timbre map."""
    space = caches.instrument(entry).latent
    return 0 if space is None else min(2, space.n_directions)
