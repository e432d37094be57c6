"""Marlin's settings, read from the environment. docs/configuration.md lists the variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from marlin.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

# `make run` and `make test` write var/env; a variable of the process always wins over it.
env = Environment.of_process(BASE_DIR / "var" / "env")

# --- What this process is -----------------------------------------------------------------------------------

#: owner (migrations), web (pages) or worker (jobs and commands): it decides the login to PostgreSQL.
PROCESS = env.text("MARLIN_PROCESS", "worker")
if PROCESS not in {"owner", "web", "worker"}:
    raise ImproperlyConfigured(f"MARLIN_PROCESS is {PROCESS!r}; it must be owner, web or worker.")

# The matrices of a result are small: a second thread of BLAS only waits, for twice the processor time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. `make run` makes one; a server needs its own.")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

# --- Applications -------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "django_htmx",
    "marlin",
    "tasks",
    "grading",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "marlin.middleware.never_stored",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "marlin.urls"
WSGI_APPLICATION = "marlin.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "marlin.roles.navigation",
            ],
            "builtins": ["django.templatetags.static", "marlin.templatetags.marlin"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- PostgreSQL: the login follows from the process ---------------------------------------------------------

DATABASES = {"default": env.database(f"DATABASE_URL_{PROCESS.upper()}")}
if PROCESS == "web":
    # Web's rights plus the guarded tables; only the pages that un-blind name this alias.
    DATABASES["unblind"] = env.database("DATABASE_URL_UNBLIND")
DATABASE_ROUTERS = ["marlin.routers.Guard"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

#: The names of the logins; privileges are granted to them after every migrate.
DATABASE_ROLES = {
    "owner": env.text("MARLIN_ROLE_OWNER", "marlin_owner"),
    "web": env.text("MARLIN_ROLE_WEB", "marlin_web"),
    "worker": env.text("MARLIN_ROLE_WORKER", "marlin_worker"),
    "unblind": env.text("MARLIN_ROLE_UNBLIND", "marlin_unblind"),
}

# Sessions and rate limits live in PostgreSQL: the site works while the broker is away.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "marlin_cache"},
}

# --- The broker: a doorbell -----------------------------------------------------------------------------------

REDIS_URL = env.text("REDIS_URL", "redis://localhost:6379/0")
if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL must begin with redis://, rediss:// or unix://.")
#: Seconds a bell may take before it is given up; the sweep rings again.
RING_TIMEOUT = env.number("RING_TIMEOUT", 2, least=0.1)

# --- Jobs: leases and sweeps, in seconds -----------------------------------------------------------------------

RUN_LEASE = env.number("RUN_LEASE", 60, least=1)
HEARTBEAT = env.number("HEARTBEAT", 15, least=0.1)
#: Between two looks at whether a run is still wanted: what is cancelled ends within two seconds.
LOOK = env.number("LOOK", 0.5, least=0.1)
SWEEP = env.number("SWEEP", 20, least=0.1)
TIDY = env.number("TIDY", 3600, least=1)
PULL = env.number("PULL", 3, least=0.1)
SEAL = env.number("SEAL", 5, least=0.1)
RUN_ATTEMPTS = env.whole("RUN_ATTEMPTS", 3, least=1)
PROVIDER_ATTEMPTS = env.whole("PROVIDER_ATTEMPTS", 8, least=1)
if HEARTBEAT >= RUN_LEASE:
    raise ImproperlyConfigured("HEARTBEAT must be shorter than RUN_LEASE, or every run is taken for lost.")

#: How long a rater holds a task without saving anything.
ASSIGNMENT_LEASE = env.number("ASSIGNMENT_LEASE", 90 * 60, least=1)
#: How long a write-up stays claimed without a save, and a reviewer of it undisturbed.
SCENARIO_LEASE = env.number("SCENARIO_LEASE", 4 * 3600, least=1)
SCENARIO_REVIEW_LEASE = env.number("SCENARIO_REVIEW_LEASE", 30 * 60, least=1)
#: How long a person counts as recently authenticated when something is un-blinded.
ACCOUNT_REAUTHENTICATION_TIMEOUT = env.whole("REAUTHENTICATION_TIMEOUT", 300, least=1)

# --- Generation ---------------------------------------------------------------------------------------------------

#: Where mirrors, prepared repositories and run directories lie; agents' uids must reach it.
WORK_AREA = Path(env.text("MARLIN_WORK", str(BASE_DIR / "var" / "work")))
ALLOW_LOCAL_REPOSITORIES = env.flag("ALLOW_LOCAL_REPOSITORIES", default=False)
BUBBLEWRAP = env.text("MARLIN_BWRAP")
SANDBOX_PYTHON = env.text("MARLIN_SANDBOX_PYTHON")
#: The first of the numeric uids that agents run as when the worker itself is root.
AGENT_UID = env.whole("MARLIN_AGENT_UID", 61_000, least=1_000)
#: `make run` may be root's, and drops each agent to a user of its own; workers of a server refuse to be root.
ROOT_WORKERS = env.flag("MARLIN_ROOT_WORKERS", default=DEBUG)
#: With an image, agents run in containers of docker (or podman) instead of bubblewrap.
CONTAINER_IMAGE = env.text("MARLIN_CONTAINER_IMAGE")
CONTAINER_ENGINE = env.text("MARLIN_CONTAINER_ENGINE", "docker")
UNSAFE_SUBPROCESS = env.flag("MARLIN_UNSAFE_SUBPROCESS", default=False)
#: Where set-up commands may download from, by https and through the gateway: names, or *.example.org for all below.
SETUP_HOSTS = [host.lower() for host in env.words("SETUP_HOSTS")]
#: Those of them that may lie inside this network, such as a mirror of packages of one's own. Nobody else can say so.
SETUP_INSIDE = [host.lower() for host in env.words("SETUP_INSIDE")]
#: Bounds of one run: seconds, seconds of silence, and bytes.
AGENT_LIMITS = {
    "wall": env.number("AGENT_WALL", 3600, least=1),
    "idle": env.number("AGENT_IDLE", 300, least=1),
    "memory": env.whole("AGENT_MEMORY", 6 * 2**30, least=2**20),
    "disk": env.whole("AGENT_DISK", 2 * 2**30, least=2**20),
    "file_size": env.whole("AGENT_FILE_SIZE", 256 * 2**20, least=2**20),
    "output": env.whole("AGENT_OUTPUT", 64 * 2**20, least=2**10),
    "processes": env.whole("AGENT_PROCESSES", 256, least=8),
}

# --- Models: the gateway between agents and providers --------------------------------------------------------------

#: The private half of the key pair that opens providers' keys. The gateway's process alone may read this file.
GATEWAY_KEY = Path(env.text("MARLIN_GATEWAY_KEY", str(BASE_DIR / "var" / "gateway" / "private.key")))
#: Seconds until an answer begins, between two pieces of it, in the row for a provider's slot, and for all of it.
GATEWAY_PATIENCE: dict[str, Any] = {
    "first": env.number("GATEWAY_FIRST", 240, least=0.1),
    "idle": env.number("GATEWAY_IDLE", 120, least=0.1),
    "row": env.number("GATEWAY_ROW", 60, least=0),
    "whole": env.number("GATEWAY_WHOLE", 3600, least=1),
    "body": env.whole("GATEWAY_BODY", 64 * 2**20, least=1024),
}
#: US dollars that one run and one task may cost where the experiment does not say; 0 is no bound.
RUN_BUDGET = env.money("RUN_BUDGET", "10")
TASK_BUDGET = env.money("TASK_BUDGET", "0")

#: Days that bases, and what set-up made of them, are kept unused; agents' memories after their task, logs after
#: their run. 0 is for ever.
KEEP_BASES = env.whole("KEEP_BASES", 14, least=0)
KEEP_TEMPLATES = env.whole("KEEP_TEMPLATES", 14, least=0)
KEEP_STATES = env.whole("KEEP_STATES", 90, least=0)
KEEP_LOGS = env.whole("KEEP_LOGS", 180, least=0)

# --- People -----------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "marlin.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",  # named only so that tests may put it first
]
ACCOUNT_ADAPTER = "marlin.accounts.ClosedDoor"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/5m/key,10/5m/ip",
    "reauthenticate": "10/m/user",
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

# --- The API of researchers -----------------------------------------------------------------------------------------

#: Requests a minute of one token.
API_RATE = env.whole("API_RATE", 120, least=1)

# --- Files, language, time -----------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "var" / "static"
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(BASE_DIR / "var" / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "marlin.static.NamedByContent"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")

#: The most that an admin may send as one file: a bundle or tarball of a repository, or rows to import.
UPLOAD_BYTES = env.whole("UPLOAD_BYTES", 2 * 2**30, least=1)
FILE_UPLOAD_HANDLERS = ["marlin.uploads.Bounded"]
# Texts of an hour's work and the patches they cite fit; a body larger than this is a mistake.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

# --- Security ----------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = env.flag("HTTPS", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
if env.flag("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    # Celery tells of each bell, received and answered; a sweep every second drowns what matters.
    "loggers": {name: {"level": "WARNING"} for name in ("celery.worker.strategy", "celery.app.trace")},
}
