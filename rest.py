"""The dashboard of one person, which programs can use as well; ``ddsing serve --rest`` starts it."""

from starlette.middleware import Middleware
from streamlit.starlette import App

from ddsing.ui.entrance import assets, early
from ddsing.ui.rest import routes

app = App(
    "app.py",
    routes=routes.local(),
    middleware=[Middleware(assets.Assets), *routes.middleware()],
    lifespan=early.lifespan,
)
