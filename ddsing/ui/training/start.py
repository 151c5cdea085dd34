"""Starting a training, or going on with one: model, steps, overrides, and an honest estimate of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.dataset.voices import Voice
from ddsing.jobs.time_left import around
from ddsing.training import recipe as recipes
from ddsing.ui.shell import errors, jobs
from ddsing.ui.shell.formatting import format_range, plain
from ddsing.ui.training import cache

if TYPE_CHECKING:
    from ddsing.training.history import History

CONFIG = "train.config"
NUMBERS = {  # widget key: recipe field
    "train.steps": "steps",
    "train.batch_size": "batch_size",
    "train.learning_rate": "learning_rate",
    "train.save_every": "save_every",
    "train.n_harmonics": "n_harmonics",
    "train.n_noise_bands": "n_noise_bands",
    "train.head_start_steps": "head_start_steps",
}
TRACKER, EXPORT, SEED, MIXED = "train.tracker", "train.export", "train.seed", "train.mixed_precision"
CENTRED = "train.centred_frames"
_OF_THE_BEGINNING = ("n_harmonics", "n_noise_bands", "head_start_steps", "centred_frames")
_FOR = "train.for"  # what the widgets' values belong to: voice and model
HELP = {
    "batch_size": "Windows per step. More give calmer steps, which take longer and need more memory.",
    "learning_rate": "How far a step goes at first; it falls slowly by itself.",
    "save_every": "Steps between two saves. With each save the voice sings, and the held-out part is measured.",
    "n_harmonics": "Overtones that the instrument can sing with. High voices need fewer.",
    "n_noise_bands": "Bands of its noise, from breath to consonants.",
    "head_start_steps": "Before it trains by sound, the model learns for so long how loud harmonics and noise are. "
    "It sounds like the voice much sooner; 0 begins as the 2021 notebooks did.",
}


def show(voice: Voice, history: History, *, busy: bool, learning_rate: float | None = None) -> None:
    """The form; `busy` while this voice is being trained already, `learning_rate` where another one should be tried."""
    if busy:
        return
    step = history.checkpoints[-1] if history.checkpoints else 0
    if not (step or voice.recordings() or voice.prepared):
        st.info("This voice has no recordings yet. Add some on the Datasets page first.", icon=":material/mic:")
        st.page_link("pages/datasets.py", label="Go to Datasets", icon=":material/library_music:")
        return
    st.subheader("Go on training" if step else "Train")
    with st.container(border=True):
        model, steps = st.columns([3, 2] if not step else [1, 1], gap="medium")
        with model:
            config = _model(voice, history, step)
        _prepare_values(voice, config, history, step, learning_rate)
        with steps:
            _steps(step)
        panel = st.expander("Advanced", icon=":material/tune:", key="train.advanced", on_change="rerun")
        if panel.open:
            with panel:
                _advanced(step)
        _estimate(step)
        st.button(
            "Go on" if step else "Start training",
            key="train.start",
            type="primary",
            width="stretch",
            icon=":material/model_training:",
            on_click=_start,
            args=(voice.name,),
            help="Runs in the background: the page may be closed, the dashboard too.",
        )


def _model(voice: Voice, history: History, step: int) -> recipes.Config:
    """The model choice; a training that has begun keeps its model."""
    begun = history.recipe.get("config") if step else None
    if step:
        name = begun if begun in _names() else recipes.DEFAULT_CONFIG
        known = f"the model **{plain(begun)}**" if begun else "its own model, from its folder"
        st.markdown(f"Goes on from step **{step:,}** with {known}. Recordings that were added meanwhile are taken in.")
        return recipes.config_file(name)
    st.session_state.setdefault(CONFIG, default_config())
    name = st.selectbox(
        "Model",
        _names(),
        key=CONFIG,
        persist_state="session",
        format_func=lambda key: recipes.config_file(key).title,
        help="Files of gin/models. The small ones are for computers without a graphics card.",
    )
    config = recipes.config_file(name)
    st.caption(plain(config.description.split("\n")[0]))
    return config


def _names() -> list[str]:
    return [config.name for config in recipes.configs()]


def default_config() -> str:
    """The full model where there is a GPU, else the small one."""
    from ddsing import hardware

    wanted = recipes.DEFAULT_CONFIG if hardware.gpus() else "singing_small"
    return wanted if wanted in _names() else _names()[0]


def _prepare_values(
    voice: Voice, config: recipes.Config, history: History, step: int, learning_rate: float | None
) -> None:
    """Start values of the numbers, anew whenever voice, model or progress change."""
    about = (voice.name, config.name, step, learning_rate)
    if st.session_state.get(_FOR) == about:
        return
    st.session_state[_FOR] = about
    begun = history.recipe if step else {}
    for key, field in NUMBERS.items():
        model = config.model if field.startswith("n_") else config
        st.session_state[key] = begun.get(field) or getattr(model, field)
    if learning_rate is not None:
        st.session_state["train.learning_rate"] = learning_rate
    if step:
        st.session_state["train.steps"] = max(st.session_state["train.steps"], step + config.steps // 4)
    st.session_state[TRACKER] = begun.get("tracker") or TRACKERS[0]
    st.session_state[EXPORT] = "latest" if begun.get("export") == "latest" else recipes.EXPORTS[0]
    st.session_state[SEED] = int(begun.get("seed") or 0)
    st.session_state[CENTRED] = config.centred_frames
    st.session_state[MIXED] = bool(begun.get("mixed_precision")) and learning_rate is None


def _steps(step: int) -> None:
    low, high = recipes.LIMITS["steps"]
    st.number_input(
        "Until step" if step else "Steps",
        min_value=step + 1 if step else int(low),
        max_value=int(high),
        step=100,
        key="train.steps",
        help="Of the training as a whole, those done already included. It can be stopped and gone on with at any time.",
    )


def _advanced(step: int) -> None:
    with st.grid(3, min_column_width=200):
        for key, field in list(NUMBERS.items())[1:]:
            _number(key, field, disabled=bool(step) and field in _OF_THE_BEGINNING)
        st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            key=SEED,
            disabled=bool(step),
            help="Of the first weights, the order of the windows, and the noise.",
        )
        st.segmented_control(
            "Pitch tracker",
            TRACKERS,
            key=TRACKER,
            required=True,
            help="With which the recordings are prepared, if they are not yet.",
        )
        st.segmented_control(
            "At the end, make the instrument from",
            recipes.EXPORTS,
            key=EXPORT,
            required=True,
            help="Chosen: the latest, unless its pitch, loudness or harmonics got worse. Best: the lowest loss.",
        )
    with st.grid(3, min_column_width=200):
        if not step:
            st.toggle(
                "Centred frames",
                key=CENTRED,
                help="Pitch and loudness stand where they were heard. Without it, as in ddsp's own preparation, "
                "they stand up to 32 ms early, and a voice with vibrato comes out dull.",
            )
        st.toggle("Mixed precision", key=MIXED, help="Quicker on recent GPUs; no use on a processor.")


def _number(key: str, field: str, *, disabled: bool) -> None:
    low, high = recipes.LIMITS[field]
    label = field.replace("n_", "").replace("_", " ").capitalize()
    if field == "learning_rate":
        st.number_input(label, min_value=low, max_value=high, key=key, format="%.6f", step=1e-4, help=HELP[field])
        return
    st.number_input(
        label,
        min_value=int(low),
        max_value=int(high),
        key=key,
        disabled=disabled,
        step=1,
        help="Fixed once a training has begun." if disabled else HELP[field],
    )


def recipe() -> recipes.Recipe:
    """What the form asks for; raises `SettingsError` for what is out of range."""
    state = st.session_state
    numbers: dict[str, Any] = {field: state.get(key) for key, field in NUMBERS.items()}
    return recipes.Recipe(
        config=state[_FOR][1],
        **numbers,
        seed=int(state.get(SEED) or 0),
        mixed_precision=bool(state.get(MIXED)),
        export=state.get(EXPORT) or recipes.EXPORTS[0],
        tracker=state.get(TRACKER) or TRACKERS[0],
        centred_frames=state.get(CENTRED),
    )


def _estimate(step: int) -> None:
    try:
        wanted = recipe()
    except Exception as error:
        st.warning(errors.sentence(error), icon=":material/error:")
        return
    seconds, why = cache.estimate(wanted)
    share = 1.0 - step / wanted.steps if step and wanted.steps else 1.0
    said = format_range(*around(seconds * share))
    st.markdown(f":material/schedule: About **{said}** :gray[· {plain(why)}]")


@errors.callback
def _start(voice_name: str) -> None:
    wanted = recipe()
    if st.session_state[_FOR][2]:  # what was begun stays as it was begun
        wanted = recipes.Recipe.from_options(wanted.to_json() | dict.fromkeys(_OF_THE_BEGINNING))
    start(voice_name, wanted)


def start(voice_name: str, wanted: recipes.Recipe) -> None:
    """Start a training job; a doubled press starts one."""
    from ddsing.training import job

    jobs.store().submit(job.order(voice_name, wanted))
