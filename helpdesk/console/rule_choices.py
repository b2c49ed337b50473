"""The lists that fill the inputs of a rule: teams, agents, channels, texts, languages, tags."""

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext as _

from helpdesk.models import (
    Agent,
    Channel,
    Contact,
    Message,
    Organisation,
    Segment,
    ServicePolicy,
    State,
    Tag,
    Team,
    Template,
)
from helpdesk.queries.assignment import skill_names

#: Languages that the desk tells apart in mail and customers are likely to write in; rules name them by their code.
LANGUAGES = "fi sv en de fr es it pt nl da nb et lv lt pl cs hu ro el tr uk ru ar zh ja".split()
_LOCAL_NAMES = {"zh": "中文", "nb": "norsk"}

Choices = dict[str, list[tuple[str, str]]]


def rule_choices() -> Choices:
    """(value, label) pairs by the name of the list, for routing_rules.forms."""
    classes = {
        *Contact.objects.exclude(customer_class="").values_list("customer_class", flat=True).distinct(),
        *Organisation.objects.exclude(customer_class="").values_list("customer_class", flat=True).distinct(),
    }
    acknowledgements = Template.objects.filter(kind=Template.Kind.ACKNOWLEDGEMENT).order_by("name")
    choices: Choices = {
        "teams": list(Team.objects.filter(is_active=True).values_list("slug", "name")),
        "agents": list(Agent.objects.filter(is_active=True).values_list("email", "name")),
        "channels": list(Channel.objects.values_list("slug", "name")),
        "channel_kinds": [(kind.value, str(kind.label)) for kind in Channel.Kind],
        "templates": list(dict(acknowledgements.values_list("slug", "name")).items()),
        "languages": [(code, _language(code)) for code in LANGUAGES],
        "tags": [(name, name) for name in Tag.objects.values_list("name", flat=True)],
        "sender_verdicts": [(value, str(label)) for value, label in Message.Verdict.choices if value],
        "service_policies": list(ServicePolicy.objects.filter(is_active=True).values_list("slug", "name")),
        "states": [(state.value, str(state.label)) for state in State],
    }
    if skills := skill_names():
        choices["skills"] = [
            (f"{slug}:{level}", _("%(skill)s %(level)s or better") % {"skill": each.name, "level": each.level(level)})
            for slug, each in skills.items()
            for level in range(1, 7)
        ]
    if segments := list(Segment.objects.values_list("slug", "name")):
        choices["segments"] = segments
    if classes:  # without any, the input stays a free text
        choices["customer_classes"] = [(name, name) for name in sorted(classes)]
    return choices


def _language(code: str) -> str:
    return _LOCAL_NAMES.get(code) or str(LANG_INFO.get(code, {}).get("name_local") or _("unknown"))
