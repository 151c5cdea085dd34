"""Starting a training, or going on with one: model, steps, overrides, and an honest estimate of the time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.dataset.voices import Voice
from ddsing.jobs.time_left import around
from ddsing.training import preparing
from ddsing.training import recipe as recipes
from ddsing.ui.dataset import cache as dataset_cache
from ddsing.ui.shell import errors, jobs, trackers, values
from ddsing.ui.shell.formatting import format_range, plain
from ddsing.ui.training import cache, full_band, how_long

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
Z_CHOICES: dict[
    str, tuple[str, str, dict[int, str], str]
] = {  # widget key: recipe field, label, what people read for each value, help
    "train.z_time_steps": (
        "z_time_steps",
        "Vowels follow",
        {125: "Slowly", 250: "Quickly", 500: "Very quickly"},
        "How often the timbre of the recording is heard: 31, 63 or 125 times a second. Quicker gets closer to what is "
        "sung, up to the beginnings of syllables.",
    ),
    "train.z_dims": (
        "z_dims",
        "Vowels are",
        {16: "Exact", 8: "Less exact", 4: "Rough"},
        "Exact vowels bring some of the recording's singer along. The rougher they are, the more of the result is "
        "your voice's own. The timbre is described by 16, 8 or 4 numbers.",
    ),
}
_OF_THE_BEGINNING = ("n_harmonics", "n_noise_bands", "z_time_steps", "z_dims", "head_start_steps", "centred_frames")
_MODEL = "train.model"  # the model that the form is about, also where it can't be chosen
HELP = {
    "batch_size": "Windows per step. Larger batches give steadier steps, but take longer and need more memory.",
    "learning_rate": "Size of the first steps; it decreases slowly during training.",
    "save_every": "Steps between checkpoints. At each one the voice sings, and the held-out part is measured.",
    "n_harmonics": "Number of harmonics the instrument can produce. High voices need fewer.",
    "n_noise_bands": "Frequency bands of the noise, from breath to consonants.",
    "head_start_steps": "Steps before the actual training in which the model learns how loud harmonics and noise are. "
    "With them it sounds like the voice much sooner; 0 starts like the 2021 notebooks.",
}


def show(
    voice: Voice, history: History, *, busy: bool, learning_rate: float | None = None, instead: bool = False
) -> None:
    """The form; `busy` while this voice is being trained already, `learning_rate` where another one should be tried.

    It comes second, `instead`, where a training that ended early is offered to be resumed.
    """
    if busy:
        return
    step = history.checkpoints[-1] if history.checkpoints else 0
    if not (step or voice.recordings() or voice.prepared):
        st.info("This voice has no recordings yet. Add some on the Datasets page first.", icon=":material/mic:")
        st.page_link("pages/datasets.py", label="Go to Datasets", icon=":material/library_music:")
        return
    st.header("Continue training" if step else "Train")
    with st.container(border=True):
        preset = how_long.BY_HAND if step else how_long.choose()
        if preset:
            _prepare_values(voice, how_long.config(), history, step, learning_rate, preset=preset)
            how_long.show(recipe(voice, step))
        else:
            model, steps = st.columns([3, 2] if not step else [1, 1], gap="medium")
            with model:
                config = _model(voice, history, step)
            _prepare_values(voice, config, history, step, learning_rate)
            with steps:
                _steps(step)
            _timbre(step)
        full_band.show(voice)
        panel = st.expander(
            "Advanced", icon=":material/tune:", key=values.keep("train.advanced", False), on_change="rerun"
        )
        if panel.open:
            with panel:
                _advanced(voice, step, by_hand=not preset)
        _estimate(voice, step)
        st.button(
            f"Continue to step {values.get('train.steps'):,}" if step else "Start training",
            key="train.start",
            type="secondary" if instead else "primary",
            width="stretch",
            icon=":material/model_training:",
            on_click=_start,
            args=(voice, step),
            help="Runs in the background: you can close the page, even the dashboard.",
        )


def _model(voice: Voice, history: History, step: int) -> recipes.Config:
    """The model choice; a training that has begun keeps its model."""
    begun = history.recipe.get("config") if step else None
    if step:
        name = begun if begun in _names() else recipes.DEFAULT_CONFIG
        known = f"the model **{plain(_title(str(begun)))}**" if begun else "its own model, from its folder"
        st.markdown(f"Continues from step **{step:,}** with {known}. Recordings added since are included.")
        return recipes.config_file(name)
    name = st.selectbox(
        "Model",
        _names(),
        key=values.among(CONFIG, _names(), default_config()),
        persist_state="session",
        format_func=lambda key: recipes.config_file(key).title,
        help="The small models are for computers without a graphics card. Each is a file in gin/models.",
    )
    config = recipes.config_file(name)
    st.caption(plain(config.description.split("\n")[0]))
    return config


def _timbre(step: int) -> None:
    """How a model that follows timbre does so; chosen before the training begins."""
    z = recipes.config_file(st.session_state[_MODEL]).model.z
    if step or z is None:
        return
    with st.container(horizontal=True, gap="medium"):
        for key, (field, label, said, help_) in Z_CHOICES.items():
            own = getattr(z, field)  # of a model's file that was changed by hand
            st.segmented_control(
                label,
                list(said) if own in said else [own, *said],
                key=key,
                format_func=partial(_said, said),
                required=True,
                persist_state="session",
                help=help_,
            )


def _said(words: dict[int, str], value: int) -> str:
    return words.get(value, str(value))


def _title(name: str) -> str:
    """What people read for a model's name; the name itself where its file is not here."""
    return recipes.config_file(name).title if name in _names() else name


def _names() -> list[str]:
    return [config.name for config in recipes.configs()]


def default_config() -> str:
    """The full model where there is a GPU, else the small one."""
    from ddsing import hardware

    wanted = recipes.DEFAULT_CONFIG if hardware.gpus() else "singing_small"
    return wanted if wanted in _names() else _names()[0]


def _prepare_values(
    voice: Voice,
    config: recipes.Config,
    history: History,
    step: int,
    learning_rate: float | None,
    *,
    preset: str = how_long.BY_HAND,
) -> None:
    """Put the numbers in place, folded or not; each voice, model and progress has its own."""
    begun = history.recipe if step else {}
    first: dict[str, Any] = {
        key: begun.get(field) or getattr(config.model if field.startswith("n_") else config, field)
        for key, field in NUMBERS.items()
    }
    if learning_rate is not None:
        first["train.learning_rate"] = learning_rate
    if step:
        first["train.steps"] = max(first["train.steps"], step + config.steps // 4)
    source = cache.source(voice)
    first |= {
        EXPORT: "latest" if begun.get("export") == "latest" else recipes.EXPORTS[0],
        SEED: int(begun.get("seed") or 0),
        CENTRED: config.centred_frames,
        MIXED: bool(begun.get("mixed_precision")) and learning_rate is None,
    }
    if not step and config.model.z is not None:
        first |= {key: getattr(config.model.z, field) for key, (field, *_) in Z_CHOICES.items()}
    st.session_state[_MODEL] = config.name
    about = "/".join(filter(None, [voice.name, config.name, str(step), f"{learning_rate:g}" if learning_rate else ""]))
    for key, default in first.items():
        values.keep(key, default, about=about)
    full_band.keep(voice, about=about)
    stands = "not prepared yet" if preparing.needed(source) else "prepared"
    tracker = how_long.recipe(voice.name, preset).tracker if preset else preparing.tracker(source)
    values.keep(TRACKER, tracker, about="/".join(filter(None, [about, stands, preset])))


def _steps(step: int) -> None:
    low, high = recipes.LIMITS["steps"]
    st.number_input(
        "Until step" if step else "Steps",
        min_value=step + 1 if step else int(low),
        max_value=int(high),
        value=values.get("train.steps"),  # or else it is 1 for as long as the browser has not been told
        step=100,
        key="train.steps",
        persist_state="session",
        help="Total steps, including those already done. You can stop and resume at any time.",
    )


def _advanced(voice: Voice, step: int, *, by_hand: bool) -> None:
    prepares = preparing.needed(cache.source(voice))
    up_to_date = "The dataset is up to date with this tracker. To use another, prepare it again on the Datasets page."
    with st.grid(3, min_column_width=200):
        for key, field in list(NUMBERS.items())[1:] if by_hand else ():
            _number(key, field, disabled=bool(step) and field in _OF_THE_BEGINNING)
        st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            value=values.get(SEED),
            key=SEED,
            persist_state="session",
            disabled=bool(step),
            help="Random seed for the initial weights, the order of the windows and the noise.",
        )
        st.segmented_control(
            "Make the instrument from",
            recipes.EXPORTS,
            format_func=str.capitalize,
            key=EXPORT,
            persist_state="session",
            required=True,
            help="Chosen: the latest checkpoint, unless timbre, pitch, loudness or harmonics got worse. Best: the "
            "lowest loss.",
        )
    trackers.choose(
        TRACKER,
        "Used to find the pitch when the recordings are prepared before training.",
        disabled="" if prepares else up_to_date,
    )
    if prepares:
        new_s = dataset_cache.to_analyse_s(cache.source(voice))
        trackers.show_times(new_s, of="preparing", known={name for name, one_s in new_s.items() if not one_s})
    with st.grid(3, min_column_width=200):
        if not step:
            st.toggle(
                "Centred frames",
                key=CENTRED,
                persist_state="session",
                help="Pitch and loudness are aligned with the audio. Without it, as in ddsp's own preparation, "
                "they are up to 32 ms early, and a voice with vibrato sounds dull.",
            )
        st.toggle(
            "Mixed precision",
            key=MIXED,
            persist_state="session",
            help="Faster on recent GPUs; makes no difference on a processor.",
        )


def _number(key: str, field: str, *, disabled: bool) -> None:
    low, high = recipes.LIMITS[field]
    label = field.replace("n_", "").replace("_", " ").capitalize()
    if field == "learning_rate":
        st.number_input(
            label,
            min_value=low,
            max_value=high,
            value=values.get(key),
            key=key,
            persist_state="session",
            format="%.6f",
            step=1e-4,
            help=HELP[field],
        )
        return
    st.number_input(
        label,
        min_value=int(low),
        max_value=int(high),
        value=values.get(key),
        key=key,
        persist_state="session",
        disabled=disabled,
        step=1,
        help="Fixed once training has started." if disabled else HELP[field],
    )


def recipe(voice: Voice, step: int) -> recipes.Recipe:
    """What the form asks for; raises `SettingsError` for what is out of range."""
    beside: dict[str, Any] = {
        "seed": int(values.get(SEED) or 0),
        "mixed_precision": bool(values.get(MIXED)),
        "export": values.get(EXPORT) or recipes.EXPORTS[0],
        "tracker": values.get(TRACKER) or TRACKERS[0],
        "centred_frames": values.get(CENTRED),
        "full_band": full_band.wanted(voice),
    }
    if not step and values.get(how_long.PRESET):
        return how_long.recipe(voice.name, values.get(how_long.PRESET), recipes.Recipe(**beside))
    numbers: dict[str, Any] = {field: values.get(key) for key, field in NUMBERS.items()}
    if recipes.config_file(st.session_state[_MODEL]).model.z is not None:
        numbers |= {field: values.get(key) for key, (field, *_) in Z_CHOICES.items()}
    return recipes.Recipe(config=st.session_state[_MODEL], **numbers, **beside)


def _estimate(voice: Voice, step: int) -> None:
    try:
        wanted = recipe(voice, step)
    except Exception as error:
        st.warning(errors.sentence(error), icon=":material/error:")
        return
    seconds, why = cache.estimate(wanted, done=step)
    tracker = wanted.tracker or TRACKERS[0]
    first_s = cache.preparing_seconds(cache.source(voice), tracker)
    top_s = cache.top_seconds(voice) if wanted.full_band else 0.0
    said = format_range(*around(seconds + (first_s or 0.0) + top_s))
    st.markdown(f":material/schedule: About **{said}** :gray[· {plain(why)}]")
    if first_s is not None:
        why = ", because recordings or excluded windows have changed" if voice.prepared else ""
        st.caption(
            f":material/update: About {format_range(*around(first_s))} of it prepares the dataset, with "
            f"the pitch tracker **{trackers.label(tracker)}**{why}."
        )


@errors.callback
def _start(voice: Voice, step: int) -> None:
    wanted = recipe(voice, step)
    if step:  # what was begun stays as it was begun
        wanted = recipes.Recipe.from_options(wanted.to_json() | dict.fromkeys(_OF_THE_BEGINNING))
    start(voice.name, wanted)


def start(voice_name: str, wanted: recipes.Recipe) -> None:
    """Start a training job; a doubled press starts one."""
    from ddsing.training import job

    jobs.store().submit(job.order(voice_name, wanted))
