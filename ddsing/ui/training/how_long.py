"""A training by how long it may take: in an hour, overnight, or as set by hand."""

from __future__ import annotations

import streamlit as st

from ddsing.training import presets
from ddsing.training.recipe import Config, Recipe, config_file
from ddsing.ui.shell import opened, values
from ddsing.ui.shell.formatting import plain

PRESET = "train.preset"
BY_HAND = ""
_SAID = {BY_HAND: "As I set it"} | {preset.name: preset.title for preset in presets.PRESETS}


def choose() -> str:
    """The control; returns the preset's name, or `BY_HAND`."""
    chosen = st.segmented_control(
        "How long",
        list(_SAID),
        key=values.among(PRESET, list(_SAID), BY_HAND),
        format_func=_SAID.__getitem__,
        required=True,
        persist_state="session",
        help="In an hour or overnight, this computer does as many steps as fit in, with the model and the way of "
        "teaching that measured best. Or set everything yourself.",
    )
    return chosen or BY_HAND


def config() -> Config:
    """The model that presets train."""
    return config_file(str(presets.WAY.config))


def show(wanted: Recipe) -> None:
    """What the chosen preset does, in words; `wanted` is its recipe."""
    st.caption(plain(presets.get(values.get(PRESET)).description))
    st.markdown(
        f"**{wanted.steps:,}** steps of the model **{plain(config().title)}**, saved every {wanted.save_every:,}. "
        "At each save you can hear it sing."
    )


def recipe(voice_name: str, name: str, chosen: Recipe = Recipe()) -> Recipe:  # noqa: B008
    """What a preset trains a voice by."""
    return presets.recipe(opened.workspace(), voice_name, name, chosen)
