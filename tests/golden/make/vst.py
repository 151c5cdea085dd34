"""Makes ``vst_ddsp.tflite`` and ``vst_ddsing.tflite`` again: one small model with random weights, as both write it.

Runs with the packages of the lock (ddsp 3.7.0), from the repository's root; says whether the weights and the
configuration in them are those of the committed files::

    python tests/golden/make/vst.py [--out FOLDER]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from ddsing.instrument import open_any  # noqa: E402
from ddsing.instrument.vst import writing  # noqa: E402
from tests.support import vst_models  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    ada = vst_models.instrument(rnn_channels=4, ch=4)
    of_ddsp = writing.with_metadata(vst_models.ddsp_file(ada.config, ada.weights), writing.metadata(ada))
    for name, data in {"vst_ddsing.tflite": writing.to_bytes(ada), "vst_ddsp.tflite": of_ddsp}.items():
        again, golden = (open_any(one, name="x") for one in (data, ROOT / "tests" / "golden" / name))
        same = again.config == golden.config and all(
            np.array_equal(weight, golden.weights[key]) for key, weight in again.weights.items()
        )
        print(f"{name}: {'the same' if same else 'another'} model")
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)


if __name__ == "__main__":
    main()
