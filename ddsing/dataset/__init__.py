"""Datasets: a voice's recordings, what is in them, and the windows that a model is trained on.

- `voices`: the folders of a workspace's voices, and the recordings in them;
- `scan`: what each recording is, and `report`: what all of them together are good for;
- `prepare`: features, windows, and the files that ddsp and `ddsing.training` read;
- `windows`: the windows of a prepared dataset, to look at, to leave out and to take back.

A voice called ``alto`` has its recordings in ``audio/alto``, its dataset in ``audio/alto_dataset`` and its checkpoints
in ``audio/alto_checkpoints``, as in the notebooks of 2021; a dataset prepared there can be looked at too.
"""
