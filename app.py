"""The dashboard: six pages, with the workspace and the device in the sidebar. Run with ``streamlit run app.py``.

The server reads this file when it starts and finds `app` in it; each run of a page begins here, too, as ``__main__``.
"""

from ddsing.ui.entrance import early

if __name__ == "__main__":
    early.wait()

    from ddsing.ui.entrance import account, door
    from ddsing.ui.shell import automatic, downloads, errors, jobs, links, sidebar, tab_owners, values, warmup

    automatic.leave_controls_alone()
    downloads.keep_within_reach()
    page = door.page()

    try:
        with jobs.looked_at_once():
            if door.is_open():
                with errors.guard():
                    values.collect()
                    links.arrive(page.url_path)
                    account.show()
                    sidebar.show()
                errors.show_waiting()
            with errors.guard():
                page.run()
    finally:
        tab_owners.note_files()
        warmup.start()
else:
    from starlette.middleware import Middleware
    from streamlit.starlette import App

    from ddsing.ui.entrance import assets
    from ddsing.ui.player import awaited

    middleware = [Middleware(assets.Assets), Middleware(awaited.Awaited)]
    app = App("app.py", middleware=middleware, lifespan=early.lifespan)
