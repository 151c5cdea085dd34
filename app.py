"""The dashboard: six pages, with the workspace and the device in the sidebar. Run with ``streamlit run app.py``."""

from ddsing.ui.entrance import account, door
from ddsing.ui.shell import automatic, errors, jobs, links, sidebar, tab_owners, values, warmup

automatic.bring_no_values()
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
