"""What careless readers do, to show that the watcher sees it."""

import pickle


def genuine() -> list[bytes]:
    return []


def prepare(folder) -> None:
    (folder / "planted_module.py").write_text("")


def run(case):
    case()


def cases(rng, folder, n_mutants):
    yield "pickle", lambda: pickle.loads(b"\x80\x03cos\ngetcwd\n).")
    yield "import", lambda: __import__("planted_module")
    yield "open", lambda: open("planted_module.py").close()
    yield "exec", lambda: exec("x = 1")
    yield "write", lambda: open("canary", "w").close()
