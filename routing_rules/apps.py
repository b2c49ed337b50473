"""The Django app that keeps rules and their versions."""

from django.apps import AppConfig


class RoutingRulesConfig(AppConfig):
    name = "routing_rules"
    verbose_name = "Routing rules"
    default_auto_field = "django.db.models.BigAutoField"
