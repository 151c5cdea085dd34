"""The views of the Experiments page: which there are, and the switch between them, which the address remembers."""

import importlib

import streamlit as st

from ddsing.ui.shell import errors, links

VIEWS = {  # name in the address: what people read, icon, module with a `show()`
    "takes": ("Takes", ":material/compare:", "ddsing.ui.experiments.compare_takes"),
    "blind": ("Blind test", ":material/hearing:", "ddsing.ui.experiments.blind_trials"),
    "matrix": ("Voice matrix", ":material/grid_on:", "ddsing.ui.experiments.matrix_view"),
    "morph": ("Morph", ":material/blur_on:", "ddsing.ui.experiments.morph_view"),
    "voices": ("Training curves", ":material/show_chart:", "ddsing.ui.experiments.curves"),
    "parameters": ("Parameters", ":material/tune:", "ddsing.ui.experiments.parameters"),
    "latent": ("Latent space", ":material/scatter_plot:", "ddsing.ui.experiments.latent_map"),
}


def pick() -> str:
    """The switch; the chosen view's name."""
    there = list(VIEWS)
    links.begin(there)
    chosen = st.segmented_control(
        "View",
        there,
        key=links.VIEW,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
        format_func=lambda name: f"{VIEWS[name][1]} {VIEWS[name][0]}",
    )
    return chosen or there[0]


def show(name: str) -> None:
    """The view; no other is imported, or computes anything."""
    with errors.guard():
        importlib.import_module(VIEWS[name][2]).show()
