"""The kinds of jobs, and what each runs.

A kind is named by ``"module:function"``, imported in the job's process, and only once it is that job's turn on its
device. The function is called as ``run(workspace, options, job)`` with the `Workspace`, the options of the `Order`,
and a `JobContext`; it returns a dictionary, which becomes ``result.json``.

How it ends decides the job's state: returning, ``done``, or ``stopped`` if it was asked to stop and the result says
``{"stopped": True}``; `Cancelled`, ``stopped``; `DiskFull` or a full disk's OSError, ``paused``; any other
`DdsingError`, ``failed`` with its sentence; anything else, ``failed``, with the traceback in the log only.
"""

KINDS = {
    "prepare": "ddsing.dataset.job:run",
    "train": "ddsing.training.job:run",
    "sweep": "ddsing.experiments.sweep.job:run",
    "batch": "ddsing.transfer.job:run",
    "matrix": "ddsing.experiments.comparison.job:run",
}

# Those that an engine may run as several tasks at a time: a function called as ``parts(workspace, options)``, which
# gives a list of `ddsing.jobs.array.Part`. Each becomes a task, run by the kind's function with the part's options.
PARTS = {"sweep": "ddsing.experiments.sweep.job:parts"}
