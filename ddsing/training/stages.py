"""The stages of a training run, in their order, and how they are called where people see them."""

WORDS = {
    "preparing": "preparing the dataset",
    "loading": "reading the dataset and the model",
    "head start": "learning how loud harmonics and noise are",
    "training": "training",
    "saving": "saving",
    "exporting": "making the instrument",
}
STAGES = tuple(WORDS)
BEFORE_STEPS = frozenset({"preparing", "loading", "head start"})  # their fraction is of the stage, not of the steps
