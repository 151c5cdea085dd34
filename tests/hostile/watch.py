"""Runs hostile cases under an audit hook, in a process of its own; prints one JSON line with what happened.

``python -m tests.hostile.watch SUITE FOLDER N_MUTANTS SEED``: every event that would run, import, open, start or
connect something is a violation, as is a canary file or any other new file in FOLDER.
"""

import hashlib
import importlib
import json
import os
import random
import sys
from pathlib import Path

_BAD = {"exec", "import", "open", "marshal.loads", "pickle.find_class", "code.__new__", "function.__new__"}
_BAD |= {"tempfile.mkstemp", "glob.glob", "webbrowser.open", "mmap.__new__", "builtins.input", "sqlite3.connect"}
_BAD_PREFIXES = ("os.", "subprocess.", "socket.", "ctypes.", "shutil.", "signal.", "urllib.", "pty.", "fcntl.")
_violations: list[str] = []
_watching = False


def _hook(event: str, arguments: tuple) -> None:
    if not _watching:
        return
    if event == "compile":
        # gin's parser reads literals with ast.literal_eval: that parses and runs nothing ("exec" would tell).
        if len(arguments) < 2 or arguments[1] != "<unknown>":
            _violations.append(f"compile {arguments!r:.200}")
    elif event == "open" and arguments[:2] == ("<string>", "rb"):
        pass  # from 3.12 on, tokenize looks for the line of its SyntaxError in a file of this fixed name
    elif event in _BAD or event.startswith(_BAD_PREFIXES):
        _violations.append(f"{event} {arguments!r:.200}")


def peak_mb(*, children: bool = False) -> float:
    """Largest resident memory so far, of this process or of its children.

    Linux counts the parent's memory at the fork into ru_maxrss, so this process reads its own high-water mark.
    """
    status = Path("/proc/self/status")
    if not children and status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 2**10
    import resource  # POSIX only

    used = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def main(suite: str, folder: str, n_mutants: int, seed: int) -> None:
    global _watching
    from ddsing.errors import DdsingError

    os.chdir(folder)
    cases = importlib.import_module(f"tests.hostile.{suite}")
    for warm_up in cases.genuine():
        cases.run(warm_up)
    getattr(cases, "prepare", lambda _: None)(Path(folder))
    sys.path.insert(0, folder)  # so that a planted module could be imported
    before = sorted(os.listdir(folder))
    sys.addaudithook(_hook)
    report: dict = {"cases": 0, "accepted": [], "valid": 0, "refused": 0, "unknown": []}
    sentences, trail = set(), hashlib.sha256()
    for label, case in cases.cases(random.Random(seed), Path(folder), n_mutants):
        report["cases"] += 1
        trail.update(label.encode() + repr(case if isinstance(case, bytes) else label).encode())
        _watching = True
        try:
            cases.run(case)
            outcome = "valid"
            if label.startswith("handmade"):
                report["accepted"].append(label)
        except DdsingError as error:
            outcome = "refused"
            text = str(error)
        except BaseException as error:
            outcome = "unknown"
            text = f"{label}: {type(error).__name__}: {error}"
        _watching = False
        if outcome == "unknown":
            report["unknown"].append(text[:300])
        else:
            report[outcome] += 1
            if outcome == "refused":
                sentences.add(text[:60])
                if not text or len(text) > 600 or "\n" in text or "Traceback" in text:
                    report["unknown"].append(f"{label}: no sentence: {text[:300]!r}")
    report |= {
        "sentences": len(sentences),
        "violations": _violations[:20],
        "n_violations": len(_violations),
        "new_files": sorted(set(os.listdir(folder)) - set(before)),
        "max_rss_mb": peak_mb(),
        "trail": trail.hexdigest(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
