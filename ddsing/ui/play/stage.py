"""The instrument under the fingers: a component of the page that fetches it once and plays it in the browser."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import streamlit as st

from ddsing import names
from ddsing.play.expression import Loudness
from ddsing.play.played import MAX_S
from ddsing.sound.phrase import DEFAULT_RANGE_MIDI
from ddsing.ui.play import manner as manners
from ddsing.ui.play import presets, recorded, scripts, singing
from ddsing.ui.player import players
from ddsing.ui.shell import allowed, caches, links, per_workspace, state
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import instrument_picker

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry
    from ddsing.ui.play.manner import Manner

PLACE = "play.stage"
INSTRUMENT = "instrument"  # in the address, too
PACKS = 2  # in memory, up to 20 MB each
PLAY = """<div class="play" role="group" aria-label="Play">
<div class="head">
<div class="status" aria-live="polite"></div>
<div class="level" aria-hidden="true"><i></i></div><div class="note" aria-hidden="true"></div>
</div>
<div class="stage"><div class="keys" role="group" aria-label="Keys"></div>
<div class="pad" aria-hidden="true" hidden><span>Timbre</span><i></i></div></div>
<div class="kept" role="group" aria-label="Not rendered yet" hidden></div>
<div class="foot">
<button type="button" class="record" disabled><span class="dot" aria-hidden="true"></span><span>Record</span></button>
<button type="button" class="microphone" role="switch" aria-checked="false"><i aria-hidden="true"></i>Microphone
</button>
<button type="button" class="lower">Octave lower</button><button type="button" class="higher">Octave higher</button>
<button type="button" class="midi">Connect MIDI keyboard</button>
<div class="singing" role="status" hidden></div>
<div class="hint">Touch a key near its lower edge to play louder; move aside to bend the pitch.
<span class="typing">The letters on the keys play too; <kbd>Z</kbd> and <kbd>X</kbd> change the octave, <kbd>1</kbd> to
<kbd>9</kbd> the loudness.</span></div>
</div>
</div>"""

_play = st.components.v2.component(
    "ddsing_play",
    html=PLAY,
    css=scripts.text_of("play.css"),
    js=players.text_of("calls.js", "shared.js") + "\n" + scripts.text_of(*scripts.PAGE),
)
_WORKLET = scripts.text_of(*scripts.WORKLET).encode()


def pick():
    """The choice of an instrument: the address's, which follows it, or at first that of the page Timbre transfer.

    None where there is none.
    """
    first = st.session_state.get(state.INSTRUMENT)
    links.begin_plain()
    there = [entry.name for entry in caches.instruments() if not entry.error]
    if there:
        asked = links.many(INSTRUMENT)
        links.choice(INSTRUMENT, there, first if first in there else None)
        if asked and names.find(asked[0], there) is None:
            st.toast(f"No instrument **{plain(asked[0][:80])}** here.", icon=":material/piano:")
    entry = instrument_picker.pick(
        key=INSTRUMENT,
        first=first,
        about="What the keys play.",
        on_change=lambda: presets.instrument_chosen(st.session_state[INSTRUMENT]),
    )
    if entry is not None:
        links.keep(INSTRUMENT, [entry.name])
    return entry


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
        "style_name": manner.style_name,
        "loudness": {
            "references": tuple(map(float, loudness.references)),
            "quantiles": tuple(map(float, loudness.quantiles)),
            "silence_db": loudness.silence_db,
        },
        "breath_db": manner.breath_db,
        "timbre": manner.timbre_shift,
        "octaves": singing.octaves(),
        "seed": 0,
        "generation": instrument.config.generation,
        "most_s": allowed.longest_transfer_s(MAX_S),
        **recorded.known(),
    }
    _play(
        key=PLACE,
        data=data,
        on_played_change=lambda: recorded.order(st.session_state[PLACE].played),
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
