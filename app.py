"""The dashboard: five pages, with the workspace and the device in the sidebar. Run with ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from ddsing.ui import errors, router, sidebar, warmup

ICON = Path(__file__).parent / "ddsing/ui/icon.png"  # a material icon here would be fetched from the internet

st.set_page_config(page_title="ddsing", page_icon=ICON, layout="wide")
page = router.navigation()

try:
    with errors.guard():
        sidebar.show()
    errors.show_waiting()
    with errors.guard():
        page.run()
finally:
    warmup.start()
