"""Marlin's own settings, read as the owner: pytest-django reads them before any conftest is imported."""

import os

# Factories write as the owner; the client takes web's rights for each request.
os.environ["MARLIN_PROCESS"] = "owner"
os.environ.setdefault("DEBUG", "true")
os.environ.setdefault("ALLOW_LOCAL_REPOSITORIES", "true")
# Whatever the tests start is a real server with the real settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "marlin.settings"

from marlin.settings import *  # noqa: F403

# static/ is served as it lies there: nothing was collected.
WHITENOISE_AUTOREFRESH = True
