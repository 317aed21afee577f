"""What a platform engineer sets: one TOML file, checked and typed.

This is the one place where a stranger's text enters. Every mistake is answered with file, key, what was found and what
is allowed. The sections stand in modules of their own: `sources`, `names`, `blue_green`, `words`, `release`.
"""

from dashboard.settings.deck import Settings
from dashboard.settings.environment import EnvironmentSettings
from dashboard.settings.loading import load, settings_file, text_of
from dashboard.settings.mistakes import SettingsError

__all__ = ["EnvironmentSettings", "Settings", "SettingsError", "load", "settings_file", "text_of"]
