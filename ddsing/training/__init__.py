"""From a voice's dataset to its instrument: a training run and everything around its steps.

`recipe`       what is trained and for how long: a file of ``gin/models`` and overrides
`folder`       a ``<voice>_checkpoints`` folder: where it is, how it was begun, who trains in it
`ready`        what a run needs before its first step; `resume`: which model, and from which weights
`run`          the training itself: steps, saves, exports; `saving` is one of its saves
`branch`       another training from a checkpoint
`checkpoints`  publishing, verifying and finding checkpoints; `state` reads their weights and Adam's slots
`batches`      which windows a step sees: a pure function of seed and step
`listening`    how a model hears a dataset; `ranges`: what the dataset covers, as the model hears it
`evaluation`   how far a resynthesis is from the recording, and the phrase that the voice sings at each save
`history`      what a run has left on disk, `coach` what that means, `estimate` how long the rest takes
`sanity`       original and reconstruction side by side, at any time
`export`       the instrument
"""
