"""The dashboard of one person, which programs can use as well; ``ddsing serve --rest`` starts it."""

from streamlit.starlette import App

from ddsing.ui.rest import routes

app = App("app.py", routes=routes.local(), middleware=routes.middleware())
