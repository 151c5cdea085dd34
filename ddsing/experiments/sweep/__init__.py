"""Parameter space: one voice trained many times, each time with other parameters, and what came of it.

`parameters` what a sweep can go over
`grid`     which trainings a sweep is made of, what they are called, and what they cost
`run`      trains them one after another; what is done is left alone, so that a stopped sweep goes on
`results`  the cells that are there, also of sweeps of the 2021 notebooks, and how each sounds

A cell is a training of its own, ``<voice>_h<harmonics>_n<noise bands>``, on the voice's one dataset.
"""
