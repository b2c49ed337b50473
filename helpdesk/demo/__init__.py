"""The demo: a small Finnish shop for boats and the outdoors, as data, and the seed that brings it to life."""

from helpdesk.demo.people import LOGIN, PASSWORD
from helpdesk.demo.seeding import NotEmpty, seed

__all__ = ["LOGIN", "PASSWORD", "NotEmpty", "seed"]
