"""The Django app of the desk."""

from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings

from helpdesk.crash_points import OF_THE_CHILD, UnknownPoint, read_target
from mail_gateway import crash_points


class HelpdeskConfig(AppConfig):
    name = "helpdesk"
    verbose_name = "Luotsi"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks (importing them is what registers them), and arm the crash point of a test."""
        from helpdesk import checks  # noqa: F401, PLC0415  # models must be loaded first

        with suppress(UnknownPoint):  # a check says so, in words
            target = read_target(settings.CRASH_AT)
            if target is not None and target.name not in OF_THE_CHILD:
                crash_points.arm(target.name, visit=target.visit, is_pause=target.is_pause)
