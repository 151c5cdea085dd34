"""The dashboard for several people; ``ddsing serve`` starts it. The pages are those of ``app.py``."""

from streamlit.starlette import App

from ddsing.ui.entrance import early, front

app = App("app.py", routes=front.routes(), middleware=front.middleware(), lifespan=early.lifespan)
