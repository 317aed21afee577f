"""The deck's vocabulary as frozen types: readings, releases, incidents.

No imports from other parts, no I/O. One file per subject; import from the file, so that the import names the subject.
"""
