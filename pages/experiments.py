"""Experiments: takes and voices side by side, by ear and by eye."""

import streamlit as st

from ddsing.ui.experiments import views
from ddsing.ui.shell import router

router.require()
st.title("Experiments")

views.show(views.pick())
