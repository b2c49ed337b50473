"""Fill an empty desk with the demo."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from helpdesk.demo import LOGIN, PASSWORD, NotEmpty, seed


class Command(BaseCommand):
    """For looking around: a shop with teams, rules, an FAQ and forty tickets."""

    help = "Fill an empty desk with a demo: teams, agents, rules, FAQ articles in English and Finnish, 40 tickets."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seed()
        except NotEmpty as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The demo is there. Log in as {LOGIN} with the password {PASSWORD}")
