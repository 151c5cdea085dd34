"""Experiments: takes and voices side by side, by ear and by eye."""

import streamlit as st

from ddsing.ui import experiment_views, router

router.require()
st.title("Experiments")

experiment_views.show(experiment_views.pick())
