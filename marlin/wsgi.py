"""The web server's entrance. A web process signs in to PostgreSQL as `web`."""

import os

os.environ.setdefault("MARLIN_PROCESS", "web")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marlin.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
