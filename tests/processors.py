"""The numeric tests as other processors run them: with fewer instructions for TensorFlow, NumPy and OpenBLAS.

    python -m tests.processors [--list] [SETTING ...] [-- PYTEST ARGUMENT ...]        make test-processors

Rounding differs from one processor to the next, so a bound that one of them happens to meet is no bound. Each setting
runs in a process of its own, one after the other; exit status 1 if a test fails under any.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    *(f"dataset/test_{name}.py" for name in ("analysis", "voices")),
    *(f"engine/test_{name}.py" for name in ("engine", "gru", "head_start", "kernels", "loss_scale")),
    *(f"engine/test_{name}.py" for name in ("step_arithmetic", "training_step")),
    *(f"experiments/test_{name}.py" for name in ("comparison", "matrix", "morph")),
    *(f"instrument/test_{name}.py" for name in ("instrument", "notebooks_zip")),
    *(f"latent/test_{name}.py" for name in ("latent", "training")),
    *(f"sound/test_{name}.py" for name in ("crepe_products", "features", "instant", "pitch")),
    *(f"training/test_{name}.py" for name in ("ddsp", "divergence", "evaluation")),
    *(f"transfer/test_{name}.py" for name in ("breath", "conditioning", "end_to_end", "first_sound", "heard")),
)
_NUMPY_AVX2 = "X86_V4 AVX512_ICL AVX512_SPR"  # what is above AVX2 and FMA3
SETTINGS = {
    "as it is": {},
    "oneDNN SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "no oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "XLA SSE4.2": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
    "NumPy AVX2": {"NPY_DISABLE_CPU_FEATURES": _NUMPY_AVX2},
    "NumPy SSE4.2": {"NPY_DISABLE_CPU_FEATURES": f"X86_V3 {_NUMPY_AVX2}"},
    "OpenBLAS Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "OpenBLAS Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "OpenBLAS Nehalem": {"OPENBLAS_CORETYPE": "Nehalem"},
}
# Whole computers: most people's, and one that is old.
SETTINGS |= {
    "all AVX2": SETTINGS["oneDNN AVX2"] | {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"} | SETTINGS["NumPy AVX2"]
    | SETTINGS["OpenBLAS Zen"],
    "all SSE4": SETTINGS["oneDNN SSE4.1"] | SETTINGS["XLA SSE4.2"] | SETTINGS["NumPy SSE4.2"]
    | SETTINGS["OpenBLAS Nehalem"],
    "all without oneDNN": SETTINGS["no oneDNN"] | SETTINGS["XLA SSE4.2"] | SETTINGS["NumPy SSE4.2"]
    | SETTINGS["OpenBLAS Haswell"],
}  # fmt: skip
# TensorFlow asks the processor itself whether it knows 16-bit numbers, and aborts where oneDNN is kept from using them.
_SIXTEEN_BITS = ("engine/test_training_step.py::test_mixed_precision_learns_as_well", "engine/test_loss_scale.py")


def run(name: str, arguments: list[str]) -> tuple[int, str]:
    """The tests under one setting: exit status, and what pytest says last."""
    changed = SETTINGS[name]
    cut = _SIXTEEN_BITS if "ONEDNN_MAX_CPU_ISA" in changed else ()
    files = [f"tests/{file}" for file in FILES if file not in cut]
    without = [option for test in cut for option in ("--deselect", f"tests/{test}")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--strict-markers --import-mode=importlib",
        "--tb=short",
    ]
    began = time.monotonic()
    print(f"\n{name}: {' '.join(f'{key}={value!r}' for key, value in changed.items())}", flush=True)
    process = subprocess.Popen(
        [*command, *files, *without, *arguments],
        cwd=ROOT, env=os.environ | changed, stdout=subprocess.PIPE, text=True, errors="replace",
    )  # fmt: skip
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line.strip())
    counted = [line for line in lines if re.search(r"\d+ (passed|failed|error)", line)]
    said = counted[-1].strip("= ") if counted else f"ended with status {process.wait()}"
    return process.wait(), f"{name:<20} {said} ({time.monotonic() - began:.0f} s)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="all by default; names as --list prints them")
    parser.add_argument("--list", action="store_true", help="print the settings")
    ours, theirs = sys.argv[1:], []
    if "--" in ours:
        ours, theirs = ours[: ours.index("--")], ours[ours.index("--") + 1 :]
    arguments = parser.parse_args(ours)
    if arguments.list:
        print("\n".join(f"{name:<20} {changed}" for name, changed in SETTINGS.items()))
        return 0
    unknown = [name for name in arguments.settings if name not in SETTINGS]
    if unknown:
        parser.error(f"There is no setting {unknown[0]!r}; there are {', '.join(SETTINGS)}.")
    results = [run(name, theirs) for name in arguments.settings or SETTINGS]
    print("\n" + "\n".join(line for _, line in results))
    return int(any(status for status, _ in results))


if __name__ == "__main__":
    sys.exit(main())
