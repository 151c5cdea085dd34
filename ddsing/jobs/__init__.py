"""Background work: processes of their own, that outlive the dashboard.

A job is a folder, ``workspace/jobs/<id>/``::

    spec.json     what was asked for; never changed
    status.json   how far it is; replaced as a whole
    lock          held by the job's process for as long as it lives: that, not a pid, is how anyone knows that it does
    heartbeat     touched every second
    stop          present once somebody has asked it to stop
    log.txt       what it printed; bounded
    result.json   what it returned

`store` starts, lists, stops and resumes them; `status` says what the files mean; `process` is what runs in the job's
own process; `queue` lets those that need a device take turns on it.
"""
