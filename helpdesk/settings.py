"""Every setting of the desk: environment in, defaults that run.

The README's table lists each variable; ``tests/test_architecture.py`` compares the two.
Mistakes are reported by ``helpdesk.checks`` with a hint, not by a traceback here.
"""

import os
import secrets
import sys
import tomllib
from pathlib import Path
from typing import Any

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def _flag(name: str, *, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _words(name: str, default: str = "") -> list[str]:
    return [word for word in os.environ.get(name, default).replace(",", " ").split() if word]


# ── Where everything that the desk writes goes ──────────────────────────────────────────
DATA_DIR = Path(os.environ.get("LUOTSI_DATA", BASE_DIR / "var")).resolve()
BLOB_DIR = DATA_DIR / "blobs"
OUTGOING_DIR = DATA_DIR / "outgoing"
# Who was erased, as keyed hashes: kept apart from backups it outlives them, and a restored one is cleaned by it.
ERASURE_LEDGER = os.environ.get("LUOTSI_ERASURE_LEDGER", "")


def _secret_key() -> str:
    """The key from the environment, or one made at first start and kept readable to the owner alone."""
    if given := os.environ.get("LUOTSI_SECRET_KEY"):
        return given
    path = DATA_DIR / "secret.key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()  # another process was first
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


SECRET_KEY = _secret_key()
# Former keys still open what they sealed: sessions, reply tokens in sent mail, mailbox passwords.
SECRET_KEY_FALLBACKS = _words("LUOTSI_FORMER_SECRET_KEYS")
DEBUG = _flag("LUOTSI_DEBUG", default=False)
CRASH_AT = os.environ.get("LUOTSI_CRASH_AT", "")  # for tests: see helpdesk/crash_points.py

# ── Addresses ──────────────────────────────────────────────────────────────────────────
HTTP_ADDRESS = os.environ.get("LUOTSI_HTTP", "127.0.0.1:8000")
SMTP_ADDRESS = os.environ.get("LUOTSI_SMTP", "127.0.0.1:2525")
LMTP_ADDRESS = os.environ.get("LUOTSI_LMTP", "")
DEMO_SITE = os.environ.get("LUOTSI_DEMO_SITE", "127.0.0.1:8001")
SITE_URL = os.environ.get("LUOTSI_SITE_URL", f"http://{HTTP_ADDRESS}").rstrip("/")
_site_host = SITE_URL.split("//", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
ALLOWED_HOSTS = _words("LUOTSI_ALLOWED_HOSTS", f"{_site_host} localhost 127.0.0.1 [::1]")
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# ── Mail: the first mailbox can come from the environment, more from the console ─────────
MAIL_ADDRESS = os.environ.get("LUOTSI_MAIL_ADDRESS", "")
IMAP_URL = os.environ.get("LUOTSI_IMAP_URL", "")  # imaps://user:password@host:993/INBOX
SMTP_URL = os.environ.get("LUOTSI_SMTP_URL", "")  # smtps://user:password@host:465 or smtp://…:587 (STARTTLS)
MAX_MAIL_BYTES = int(os.environ.get("LUOTSI_MAX_MAIL_MB", "25")) * 1024 * 1024
#: The largest request: a mail by a webhook, which is a third longer in base64, and what is around it.
MAX_BODY_BYTES = MAX_MAIL_BYTES * 3 // 2 + 1024 * 1024
AUTOMATIC_MAIL_PER_HOUR = int(os.environ.get("LUOTSI_AUTOMATIC_MAIL_PER_HOUR", "5000"))
DESK_AUTOMATIC_MAIL_PER_HOUR = int(os.environ.get("LUOTSI_DESK_AUTOMATIC_MAIL_PER_HOUR", "10000"))
CHAT_CONNECTIONS = int(os.environ.get("LUOTSI_CHAT_CONNECTIONS", "50"))  # from one address, in one process
UNDO_SECONDS = int(os.environ.get("LUOTSI_UNDO_SECONDS", "10"))
REFERENCE_PREFIX = os.environ.get("LUOTSI_REFERENCE_PREFIX", "LU").upper()
DESK_NAME = os.environ.get("LUOTSI_DESK_NAME", "Luotsi")

# ── What is asked of the outside by HTTP ─────────────────────────────────────────────────
# Hosts that may be inside and without TLS. Not for the environment: tests need it to run a provider of their own.
HTTP_INNER_HOSTS: frozenset[str] = frozenset()
# Fields of helpdesk.connectors.oauth.Vendor to replace, by provider. For tests as well.
OAUTH_VENDORS: dict[str, dict[str, Any]] = {}
# What stands for helpdesk.connectors.meta_graph.FACEBOOK and INSTAGRAM. For tests as well.
META_URLS: dict[str, str] = {}

# ── Django ─────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "daphne",
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "routing_rules",
    "helpdesk",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "helpdesk.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "helpdesk.middleware.reader_preferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "helpdesk.urls"
ASGI_APPLICATION = "helpdesk.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "helpdesk.jinja.environment",
            "context_processors": ["helpdesk.console.alarms.of_the_desk"],
        },
    },
    # Django's own debug and check pages only; nothing of ours.
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=268435456;"
    "PRAGMA secure_delete=ON;"  # what is deleted is overwritten at once
)
if os.environ.get("DATABASE_URL"):
    DATABASES: dict[str, dict[str, Any]] = {
        "default": dict(dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=0))
    }
    if "postgresql" in DATABASES["default"]["ENGINE"]:
        DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 12, "timeout": 20}}
else:
    DATABASES = {"default": {"ENGINE": "helpdesk.sqlite", "NAME": DATA_DIR / "luotsi.sqlite3"}}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["ENGINE"] = "helpdesk.sqlite"
    # IMMEDIATE takes the write lock at BEGIN: a deferred transaction that upgrades later fails at once when another
    # writer is active, whatever the timeout (six writers: 8,544 "database is locked" in 4 s, with IMMEDIATE none).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": _SQLITE_PRAGMAS,
    }
    # Threads that serve pages and loops keep their connection: opening one costs more than most queries.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    # Tests use a file too: an in-memory database has neither WAL nor real locking between threads.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}

REDIS_URL = os.environ.get("REDIS_URL", "")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": os.environ.get("LUOTSI_REDIS_PREFIX", "luotsi")},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "helpdesk.live.MemoryLayer"}}

AUTH_USER_MODEL = "helpdesk.Agent"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
# Of the login form. By default the name of the model's field: then every address would share one counter.
AXES_USERNAME_FORM_FIELD = "username"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "helpdesk.console.login.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

_IS_HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _IS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = _IS_HTTPS and _flag("LUOTSI_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _flag("LUOTSI_BEHIND_PROXY", default=False) else None
SECURE_HSTS_SECONDS = 31_536_000 if _IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = os.environ.get("LUOTSI_LANGUAGE", "en")
LANGUAGES = [("en", "English"), ("fi", "suomi")]
LOCALE_PATHS = [BASE_DIR / "helpdesk" / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = os.environ.get("LUOTSI_TIME_ZONE", "Europe/Helsinki")
#: ISO 3166: phone numbers that are written without a country code are of this country.
COUNTRY = os.environ.get("LUOTSI_COUNTRY", "FI").strip().upper()

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "helpdesk.log_lines.Discreet",
            "format": "{asctime} {levelname:<7} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LUOTSI_LOG_LEVEL", "INFO")},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "mail.log": {"level": "WARNING"},  # aiosmtpd writes a line for each command
        "imapclient": {"level": "WARNING"},
    },
}
