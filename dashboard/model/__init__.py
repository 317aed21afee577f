"""The words of the deck as frozen types: what a number is, what a release is, what an incident is.

Imports nothing of ours and does no I/O. One file a subject; import from the file, so that a reader sees which subject.
"""
