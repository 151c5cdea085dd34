"""The dashboard: five pages, with the workspace and the device in the sidebar. Run with ``streamlit run app.py``."""

import streamlit as st

from ddsing.ui import errors, sidebar, warmup

st.set_page_config(page_title="ddsing", page_icon=":material/graphic_eq:", layout="wide")

page = st.navigation([
    st.Page("pages/timbre_transfer.py", title="Timbre transfer", icon=":material/graphic_eq:", default=True,
            help="Sing a recording with another voice: pick an instrument and a recording, listen, compare takes."),
    st.Page("pages/datasets.py", title="Datasets", icon=":material/library_music:",
            help="The recordings of each voice, from which instruments are trained."),
    st.Page("pages/training.py", title="Training", icon=":material/model_training:",
            help="What this computer can train, and what it is doing now."),
    st.Page("pages/instruments.py", title="Instruments", icon=":material/piano:",
            help="Every instrument: what it sings, where it comes from; audition, import, export, repair."),
    st.Page("pages/experiments.py", title="Experiments", icon=":material/science:",
            help="All takes side by side."),
])  # fmt: skip

try:
    with errors.guard():
        sidebar.show()
    errors.show_waiting()
    with errors.guard():
        page.run()
finally:
    warmup.start()
