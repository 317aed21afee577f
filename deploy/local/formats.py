"""Which version wrote a folder of state: another one says so in one line, and leaves it as it is.

A folder without a mark is of the first version, which wrote none.
"""

from __future__ import annotations

from pathlib import Path

from deploy.local.errors import CommandError
from deploy.local.layout import write_whole

# Raised with each change after which an older folder cannot be read any more.
FORMATS = {"apiserver": 1, "logstore": 2}
_MARK = "format"


def check(folder: Path, part: str) -> None:
    """Raises CommandError when another version of the part wrote what lies in the folder; one not there is fine."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    mark = folder / _MARK
    try:
        found = mark.read_text().strip() if mark.exists() else "1"
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{mark} cannot be read ({error}). Name another state with --state DIR.") from error
    if found != str(FORMATS[part]):
        raise CommandError(
            f"{folder} is state of another version of the {part} (format {found[:20]}, this one has {FORMATS[part]}): "
            "move it away or delete it to begin without it, or name another state with --state DIR."
        )


def claim(folder: Path, part: str) -> None:
    """Makes the folder and marks it as this version's. Raises CommandError as `check` does, OSError when it cannot."""
    check(folder, part)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / _MARK).exists():
        write_whole(folder / _MARK, f"{FORMATS[part]}\n")
