"""The node agent: runs pods as processes of this machine. An ordinary client of an API server, whichever that is.

What it cannot do, it says in the status of the pod: no images are pulled, nothing is mounted, users and
kernel capabilities are those of whoever started it.
"""
