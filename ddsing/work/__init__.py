"""Work of the pages as data: what is ordered, the one function that does it, and the queue of a hosted dashboard.

An `order.Order` says what is to be done, and `kinds.do` does it: in a thread of a local dashboard, in a worker process
of a hosted one. There the order is a folder in its owner's workspace (`folder.OrderFolder`), which is the truth; the
queue (`queue.Queue`, of the library huey) says which order is whose turn, `worker` does one at a time, and `pool`
starts the workers and watches them.
"""
