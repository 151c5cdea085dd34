"""The dashboard: five pages, with the workspace and the device in the sidebar. Run with ``streamlit run app.py``."""

from ddsing.ui.shell import errors, links, router, sidebar, values, warmup

page = router.navigation()

try:
    with errors.guard():
        values.collect()
        links.arrive(page.url_path)
        sidebar.show()
    errors.show_waiting()
    with errors.guard():
        page.run()
finally:
    warmup.start()
