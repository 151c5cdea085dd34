"""The door of a hosted dashboard: who has come in sees the pages; all others sign in, wait, or learn why not."""

from __future__ import annotations

import functools

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ddsing.errors import DdsingError
from ddsing.hosting import switch
from ddsing.ui.shell import errors, router, sidebar, visitor
from ddsing.ui.shell.formatting import format_duration, plain

POLL_S = 5.0  # how often the waiting page looks


def page():
    """The page to show: the one that the address asks for, or the entrance."""
    try:
        visitor.current()
    except visitor.Refused as refused:
        return router.entrance(functools.partial(_refused, refused.called), "No access")
    except visitor.InLine:
        return router.entrance(_line, "Waiting")
    except visitor.Outside as outside:
        return router.entrance(functools.partial(_sign_in, str(outside)), "Sign in")
    except DdsingError as error:  # the database can't be reached, or this is no hosted server
        return router.entrance(functools.partial(_broken, errors.sentence(error)), "Not available")
    return router.navigation()


def is_open() -> bool:
    """Whether the visitor has come in."""
    try:
        visitor.current()
    except DdsingError:
        return False
    return True


def _frame() -> None:
    st.html(router.STYLE)
    st.logo(sidebar.LOGO, size="large")


def _sign_in(said: str) -> None:
    config = _config()
    _frame()
    st.title("Sing with another voice")
    st.write("Teach the computer a voice, or choose one that is here, and let it sing your recordings.")
    if said:
        st.info(said, icon=":material/info:")
    elif st.query_params.get("sign_in") == "failed":
        st.warning("You are not signed in: the provider did not confirm it. Please try again.", icon=":material/error:")
    with st.container(border=True, key="entrance.choices"):
        for number, (name, provider) in enumerate(config.login.providers.items()):
            st.button(
                f"Sign in with {plain(provider.label or name)}",
                key=f"entrance.sign_in.{name}",
                type="secondary" if number else "primary",
                icon=":material/login:",
                width="stretch",
                on_click=st.login,
                args=(name,),
            )
        if config.guests.allowed:
            st.button(
                "Try it as a guest",
                key="entrance.guest",
                type="secondary" if config.login.providers else "primary",
                icon=":material/waving_hand:",
                width="stretch",
                on_click=_go,
                args=("come",),
            )
            st.caption(
                f"Guests need no account and can transfer recordings of up to "
                f"{format_duration(config.guests.transfer_seconds)}. What you make is deleted after {_hours()}."
            )


def _refused(called: str) -> None:
    _frame()
    st.title("No access")
    who = f"You are signed in as **{plain(called)}**. " if called else ""
    st.warning(
        f"{who}This account has no access here. Ask the people who run this site to add you, or use another account.",
        icon=":material/lock:",
    )
    st.button(
        "Use another account",
        key="entrance.other",
        type="primary",
        icon=":material/switch_account:",
        on_click=st.logout,
        help="Signs you out of this account first.",
    )


def _line() -> None:
    _frame()
    st.title("Almost there")
    _place()
    st.button("Leave the line", key="entrance.leave", icon=":material/close:", on_click=_go, args=("leave",))


@st.fragment(run_every=POLL_S)
def _place() -> None:
    """The place in the line; the page opens once it is this guest's turn."""
    try:
        visitor.current()
    except visitor.InLine as line:
        ahead = line.place - 1
        before = {0: "You are next.", 1: "One guest is before you."}.get(ahead, f"{ahead} guests are before you.")
        most = _config().guests.most
        taken = "The place for a guest is taken" if most == 1 else f"All {most} places for guests are taken"
        st.markdown(f"{taken} at the moment. **{before}**")
        st.caption(":material/hourglass_top: Keep this page open: it opens the dashboard when it is your turn.")
        return
    except DdsingError:
        pass
    st.rerun(scope="app")


def _broken(said: str) -> None:
    _frame()
    st.title("Not available")
    st.error(said, icon=":material/error:")


@errors.callback
def _go(purpose: str) -> None:
    """Send the browser to where guests come in or leave, as `st.login` sends it to a provider."""
    from ddsing.hosting import cookies, site

    found, context = site.served(), get_script_run_ctx()
    if found is None or context is None:
        return
    ticket = cookies.Signer(found.config.root).ticket("come" if purpose == "come" else "leave")
    base = f"/{found.config.base_path}" if found.config.base_path else ""
    message = ForwardMsg()
    message.auth_redirect.url = f"{base}/guest/{purpose}?ticket={ticket}"
    context.enqueue(message)


def leave() -> None:
    """End the visit: everywhere for a person, and for good for a guest; for callbacks."""
    if visitor.current().is_guest:
        _go("leave")
    else:
        visitor.sign_out()
        st.logout()


def _config():
    from ddsing.hosting import site

    found = site.served()
    if found is None:
        raise switch.SwitchError("This dashboard is for one person and needs no sign-in.")
    return found.config


def _hours() -> str:
    hours = _config().guests.hours
    return f"{hours:g} hours" if hours > 1.0 and hours.is_integer() else format_duration(hours * 3600.0)
