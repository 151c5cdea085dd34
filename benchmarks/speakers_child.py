"""Embeddings of voices, computed in the environment of `benchmarks.speakers`: NumPy and resemblyzer, nothing of ours.

python benchmarks/speakers_child.py SOUNDS.npz EMBEDDINGS.npz
"""

import sys

import numpy as np


def main(sounds: str, embeddings: str) -> None:
    """Read the sounds of a file (16 kHz, named ``0``, ``1``, …) and write the embeddings of their parts, 1.6 s each."""
    import torch
    from resemblyzer import VoiceEncoder
    from resemblyzer.audio import normalize_volume

    torch.set_num_threads(1)
    encoder = VoiceEncoder("cpu", verbose=False)
    with np.load(sounds) as found:
        heard = [found[str(number)].astype(np.float32) for number in range(len(found.files))]
    for number, one in enumerate(heard):
        loud = normalize_volume(one, -30, increase_only=True)
        _, parts, _ = encoder.embed_utterance(loud, return_partials=True)
        heard[number] = parts
    np.savez(embeddings, **{str(number): parts for number, parts in enumerate(heard)})


if __name__ == "__main__":
    main(*sys.argv[1:])
