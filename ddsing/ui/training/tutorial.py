"""The two-minute tutorial: from a minute of a demo voice to an instrument that sings, step by step.

Where it stands is read from the workspace, so it goes on wherever it was left.
"""

from __future__ import annotations

import contextlib

import streamlit as st

from ddsing.dataset import adding, voices
from ddsing.errors import DatasetError
from ddsing.files import write_atomic
from ddsing.training import folder
from ddsing.training.recipe import Recipe
from ddsing.ui.dataset import prepare
from ddsing.ui.shell import allowed, errors, jobs, opened, state, values, voice_picker
from ddsing.ui.shell.formatting import plain, unseen
from ddsing.ui.training import cache as training_cache
from ddsing.ui.training import export, previews
from ddsing.ui.training import start as training_start
from ddsing.ui.transfer import tutorial_hint
from ddsing.workspace import DEMO

VOICE = "Mira"
CONFIG, CONFIG_Z, TRACKER = "singing_small", "singing_z_small", "tiny"
TRAIN_S = 100.0  # and the head start before it
_CLOSED = "tutorial.closed"
FEWEST, MOST = 60, 1500  # steps
SAVES = 8
_FOLLOWS = "tutorial.vowels"
_ASKED = "tutorial.asked"  # for, though there is a training of one's own
TITLES = ("Prepare", "Train", "Hear it learn", "Export", "Transfer")


def show() -> None:
    """The guide, or one line to bring it back once it was closed."""
    if not (DEMO / "audio" / VOICE).is_dir() and VOICE not in voice_picker.names():
        return
    asked = st.session_state[values.keep(_ASKED, False)]
    if st.session_state.get(_CLOSED, _was_closed()) or (_own_training() and not asked):
        st.button(
            "Show the two-minute tutorial",
            key="tutorial.open",
            icon=":material/school:",
            type="tertiary",
            on_click=_open,
        )
        return
    with st.container(border=True, key="tutorial"), errors.guard():
        _guide()


def _was_closed() -> bool:
    with contextlib.suppress(OSError):
        return _marker().exists()
    return False


def _own_training() -> bool:
    """Whether a voice of one's own is or was trained here: the tutorial then steps aside, until it is asked for."""
    if folder.trained_besides(opened.workspace(), VOICE):
        return True
    return any(job.kind == "train" and job.voice != VOICE for job in jobs.listed())


def _marker():
    return opened.workspace().cache / "tutorial-closed"


def _guide() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("## :material/school: Two minutes to your first instrument", width="stretch")
        st.button(
            unseen("Close the tutorial"),
            key="tutorial.close",
            icon=":material/close:",
            type="tertiary",
            on_click=_close,
            help="Close the tutorial. You can open it again later.",
        )
    st.markdown(f"Turn a minute of {VOICE}, a synthetic voice, into an instrument on this computer.")
    if VOICE not in voice_picker.names():
        st.button(f"Add {VOICE}'s recording", key="tutorial.add", type="primary", icon=":material/add:", on_click=_add)
        return
    voice = voices.get(opened.workspace(), VOICE)
    done = _done(voice)
    now = done.index(False) if False in done else len(done)
    with st.grid(len(TITLES), min_column_width=130, gap="xsmall"):
        for index, name in enumerate(TITLES):
            icon = ":green[:material/check_circle:]" if done[index] else f":material/counter_{index + 1}:"
            said = f"**{name}**" if index == now else name if done[index] else f":gray[{name}]"
            st.markdown(f"{icon} {said}")
    (_prepare, _train, _export, _export, _transfer, _end)[now](voice)  # one export ends two steps


def _done(voice: voices.Voice) -> list[bool]:
    """Which steps are behind; a later one that is done makes the earlier ones so."""
    history = training_cache.history(voice)
    exported = export.made_of(VOICE) is not None
    transferred = exported and any(take.instrument == export.made_of(VOICE) for take in opened.takes().list())
    job = jobs.of(VOICE, "train")
    trained = bool(history.checkpoints) and not (job is not None and job.live)
    found = [voice.prepared, trained, exported, exported, transferred]
    return [any(found[index:]) for index in range(len(found))]


def _prepare(voice: voices.Voice) -> None:
    job = jobs.of(VOICE, "prepare")
    if job is not None and job.live:
        st.markdown("Analysing pitch and loudness, and cutting four-second windows.")
        st.fragment(errors.guarded(_watch), run_every=1.0)(job.id)
        return
    st.markdown(
        "First the recording is analysed: pitch and loudness 250 times a second, cut into windows. "
        "It takes a few seconds."
    )
    st.button(
        f"Prepare {VOICE}",
        key="tutorial.prepare",
        type="primary",
        icon=":material/play_arrow:",
        on_click=_start_preparing,
    )


def _train(voice: voices.Voice) -> None:
    job = jobs.of(VOICE, "train")
    if job is not None and job.live:
        st.markdown(
            f"Training {VOICE}: below, the loss falls, and with each checkpoint you hear more of a voice. "
            "Wait until it is done, or press **Stop** as soon as you like what you hear."
        )
        if st.session_state.get(voice_picker.VOICE) != VOICE:  # else its progress is just below
            st.fragment(errors.guarded(_watch), run_every=1.0)(job.id)
        return
    follows = st.toggle(
        "Vowels follow the recording",
        key=values.keep(_FOLLOWS, False),
        persist_state="session",
        help=f"{VOICE} then also takes her vowels and her brightness from the recording that she sings, beside its "
        "melody and loudness. Without it, every note sounds as she usually does.",
    )
    config = CONFIG_Z if follows else CONFIG
    steps = _steps(config)
    st.markdown(
        f"Now a small model learns to sing like {VOICE}: {steps:,} steps, about two minutes on this computer. "
        "It runs in the background; you can leave the page."
    )
    st.button(
        f"Train {VOICE}",
        key="tutorial.train",
        type="primary",
        icon=":material/model_training:",
        on_click=_start_training,
        args=(steps, config),
    )


def _watch(job_id: str) -> None:
    job = jobs.store().status(job_id)
    if not job.live:
        st.rerun(scope="app")
    said = (
        f"step {job.step:,} of {job.steps:,}" if job.step is not None and job.steps else plain(job.stage or job.state)
    )
    st.progress(min(1.0, max(0.0, job.fraction or 0.0)), text=" · ".join(filter(None, [said, jobs.time_left(job)])))


def _export(voice: voices.Voice) -> None:
    _forming(voice)
    st.markdown("Now make the instrument: one file to keep and share.")
    st.button(f"Export {VOICE}", key="tutorial.export", type="primary", icon=":material/piano:", on_click=_make)


def _forming(voice: voices.Voice) -> None:
    """The phrase, as it was sung over the training."""
    history = training_cache.history(voice)
    found = previews.moments(history.saves, previews.worth(history))
    if found:
        st.markdown(f"The same phrase at {len(found)} moments of training: a voice emerges from noise.")
        st.audio(
            training_cache.forming(tuple(save.preview for save in found)),
            format="audio/wav",
            alt=f"{VOICE} learning, in {len(found)} moments",
        )


def _transfer(voice: voices.Voice) -> None:
    _forming(voice)
    st.markdown(f"**{VOICE}** was added to your instruments. Let her sing one of the examples.")
    st.button(f"Sing with {VOICE}", key="tutorial.sing", type="primary", icon=":material/graphic_eq:", on_click=_sing)


def _end(voice: voices.Voice) -> None:
    st.markdown(
        "Done: you made an instrument and sang with it. With ten minutes of your own voice, trained for an hour "
        "or overnight, you get a good one: add recordings on the Datasets page."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Close the tutorial", key="tutorial.finish", icon=":material/check:", on_click=_close)
        st.page_link("pages/datasets.py", label="Your own voice", icon=":material/mic:")


def _recipe(steps: int, config: str) -> Recipe:
    return Recipe(config=config, steps=steps, save_every=max(5, steps // SAVES), tracker=TRACKER)


def _steps(config: str) -> int:
    """As many as this computer manages in two minutes, head start included."""
    fewer, more = (training_cache.estimate(_recipe(steps, config))[0] for steps in (1000, 2000))
    return int(min(MOST, max(FEWEST, round(TRAIN_S * 1000.0 / (more - fewer), -1))))


@errors.callback
def _add() -> None:
    house = opened.house()
    source = (DEMO if house is None else house.root) / "audio" / VOICE
    voice = voices.create(opened.workspace(), VOICE)
    with allowed.adding() as room:
        done = adding.add(voice, [source if source.is_dir() else DEMO / "audio" / VOICE], room=room)
    if done.refused:
        raise DatasetError(done.refused[0][1])
    voice_picker.choose(VOICE)


@errors.callback
def _start_preparing() -> None:
    voice_picker.choose(VOICE)
    prepare.start(VOICE, TRACKER)


@errors.callback
def _start_training(steps: int, config: str) -> None:
    voice_picker.choose(VOICE)
    training_start.start(VOICE, _recipe(steps, config))


@errors.callback
def _make() -> None:
    export.make(VOICE, "chosen")


@errors.callback
def _sing() -> None:
    st.session_state[tutorial_hint.LEADS] = True
    st.session_state[state.TRACKER] = TRACKER
    export.sing(export.made_of(VOICE) or VOICE)


@errors.callback
def _close() -> None:
    st.session_state[_ASKED] = False
    st.session_state[_CLOSED] = True  # at least until the browser's tab is closed
    with contextlib.suppress(OSError):
        write_atomic(_marker(), b"")


@errors.callback
def _open() -> None:
    st.session_state[_ASKED] = True
    st.session_state[_CLOSED] = False
    with contextlib.suppress(OSError):
        _marker().unlink(missing_ok=True)
