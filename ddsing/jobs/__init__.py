"""Background work: processes of their own, that outlive the dashboard.

A job is a folder, ``workspace/jobs/<id>/``::

    spec.json     what was asked for; never changed
    status.json   how far it is; replaced as a whole
    lock          held by the job's process for as long as it lives: that, not a pid, is how anyone knows that it does
    gate          passed, one at a time, by whoever takes the lock or asks whether it is held
    heartbeat     touched every second
    stop          present once somebody has asked it to stop
    log.txt       what it printed; bounded
    result.json   what it returned

An `order` asks for one; `store` starts, lists, stops and resumes them; `status` says what the files mean; `launcher` is
where they run, `run` the job's own process, and `context` what its function sees; `queue` lets those that need a
`device` take turns on it; `time_left` is how long something will still take.
"""
