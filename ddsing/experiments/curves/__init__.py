"""Voice space: the trainings of a workspace side by side, by their losses over the steps.

A run is a ``<name>_checkpoints`` folder, ours or one of the 2021 notebooks.

`runs`      which there are, and each as its files tell it; parsed once and kept (`kept`) until one of them changes, so
            that hundreds are compared in a moment
`numbers`   a run's loss smoothed, and a run as a row of a table
`tables`    CSV
"""
