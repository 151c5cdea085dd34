"""Admin: the people of a hosted dashboard, their jobs, the devices and the log; for admins only."""

import streamlit as st

from ddsing.ui.admin import views
from ddsing.ui.shell import router

router.require()
views.require()
st.title("Admin")

views.show(views.pick())
