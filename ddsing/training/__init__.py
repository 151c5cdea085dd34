"""From a voice's dataset to its instrument: a training run and everything around its steps.

`recipe`       what is trained and for how long: a file of ``gin/models`` and overrides
`run`          the training itself: prepares, resumes, steps, saves, listens, exports
`checkpoints`  publishing, verifying and finding checkpoints; `state` reads their weights and Adam's slots
`batches`      which windows a step sees: a pure function of seed and step
`evaluation`   how far a resynthesis is from the recording; `previews` lets the voice sing while it forms
`history`      what a run has left on disk, `coach` what that means, `estimate` how long the rest takes
`sanity`       original and reconstruction side by side, at any time
`export`       the instrument
"""
