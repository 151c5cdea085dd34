r"""An instrument for the browser: what its decoder and synthesisers need, as one buffer that JavaScript reads in place.

::

    "ddsing play\\0"   12 bytes
    length            of the header in bytes, uint32, little-endian
    header            JSON: ``version``, ``model``, ``arrays`` (name, shape, and offset in numbers), ``z``
    numbers           float32, little-endian, from a multiple of 16 bytes on

Kernels are transposed, a row per output, so that each output is one dot product over neighbouring numbers. An encoder's
weights are left out: an instrument with z is given one, from its voice's mean and principal directions. One that hears
how sure the pitch is, hears that it is sure. A top comes with how much its filter at 48 kHz leaves of what is below.

Public: `pack`, `timbre`.
"""

import json
import struct
from dataclasses import replace

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.engine import full_band, render
from ddsing.engine.decoder import GruCell, always_sure
from ddsing.engine.synthesis import impulse_window
from ddsing.errors import InstrumentError
from ddsing.instrument import Instrument
from ddsing.sound import phrase

MAGIC = b"ddsing play\0"
VERSION = 1
_ALIGNED = 16  # bytes
_CELL = "decoder/rnn/rnn/cell"
_MAX_DIRECTIONS = 2  # of z, that two hands can move
_PASSED_STEP_HZ = 25


def pack(instrument: Instrument) -> bytes:
    """The buffer of an instrument; one of ddsp-vst's, which decides every fifth frame, is refused."""
    if instrument.config.hop_frames > 1:
        raise InstrumentError(
            f"{instrument.name} is an instrument of ddsp-vst's kind, which the browser can't play. Sing with it on the "
            "pages Timbre transfer and Experiments, or play it in the plug-in."
        )
    arrays = _arrays(instrument)
    table, at = [], 0
    for name, array in arrays.items():
        table.append([name, list(array.shape), at])
        at += array.size + -array.size % (_ALIGNED // 4)
    config = replace(instrument.config, voicing=False)
    model = config.to_json() | {"db_range": config.db_range}
    header = json.dumps({"version": VERSION, "model": model, "arrays": table}, separators=(",", ":")).encode("ascii")
    header += b" " * (-(len(MAGIC) + 4 + len(header)) % _ALIGNED)
    parts = [MAGIC, struct.pack("<I", len(header)), header]
    for array in arrays.values():
        parts += [array.astype("<f4").tobytes(), b"\0" * (4 * (-array.size % (_ALIGNED // 4)))]
    return b"".join(parts)


def _arrays(instrument: Instrument) -> dict[str, np.ndarray]:
    config, weights = always_sure(instrument.config, instrument.weights)
    found: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        if name.startswith("decoder/") and not name.startswith(_CELL):
            found[_short(name)] = value.T
    cell = GruCell.of(weights, _CELL)
    found |= {"gru/kernel": cell.kernel.T, "gru/recurrent": cell.recurrent_rows}
    found |= {"gru/bias": cell.bias, "gru/candidate_bias": cell.candidate_bias}
    window, slices = impulse_window(config)
    ir_size = len(window)
    order = np.concatenate([np.arange(ir_size)[part] for part in slices])
    found |= {"noise/order": order, "noise/window": window[order]}
    if config.z is not None:
        mean, directions = timbre(instrument)
        found |= {"z/mean": mean, "z/directions": directions}
    if instrument.top is not None:
        found |= {f"top/{name}": value.T for name, value in instrument.top.arrays.items()}
        found["top/passed"] = full_band.passed(np.arange(0.0, SAMPLE_RATE / 2 + 1, _PASSED_STEP_HZ))
    return found


def _short(name: str) -> str:
    """``decoder/out_stack/layer_with_weights-2/layer_with_weights-0/kernel`` as ``out_stack/2/0/kernel``."""
    return name.removeprefix("decoder/").replace("layer_with_weights-", "")


def timbre(instrument: Instrument) -> tuple[np.ndarray, np.ndarray]:
    """Mean z [shape=(z_dims,)], and its directions [shape=(n_directions, z_dims)], a standard deviation long.

    Without a timbre map the mean is that of a hum, as where scores are sung, and no direction is known.
    """
    space = instrument.latent
    if space is not None:
        n = min(_MAX_DIRECTIONS, space.n_directions)
        return space.mean, space.directions[:n] * space.scales[:n, None]
    encoder = render.load(instrument.config, instrument.weights).encoder
    assert encoder is not None
    f0_hz, loudness_db = phrase.phrase(None, None, generation=instrument.config.generation)
    z = encoder.encode(phrase.hum(f0_hz, loudness_db), phrase.N_FRAMES)
    return z.mean(axis=0), np.zeros((0, encoder.z_dims))
