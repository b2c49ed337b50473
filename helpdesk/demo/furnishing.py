"""What the demo's desk has before the first mail: teams, colleagues, a mailbox, customers, articles, texts, rules."""

from datetime import datetime

from django.conf import settings

from helpdesk.actions.calendars import save_calendar
from helpdesk.actions.chat_sites import save_chat_channel
from helpdesk.actions.knowledge import ArticleFields, TemplateFields, save_article, save_template
from helpdesk.actions.people import invite, set_password
from helpdesk.actions.service import PolicyFields, save_policy
from helpdesk.actions.setup import save_mail_channel, save_team
from helpdesk.demo import articles_en, articles_fi, people, service, shop
from helpdesk.demo.rules import RULES
from helpdesk.demo.templates import TEMPLATES
from helpdesk.models import Agent, AgentSkill, Channel, Organisation, Skill, Team
from routing_rules.models import Rule, take_version


def furnish(*, at: datetime) -> Channel:
    """Make all of it, as of ``at``; returns the mail channel."""
    teams = {
        slug: save_team(
            team=None,
            values={"slug": slug, "name": name, "is_default": slug == people.TEAMS[0][0], "is_active": True},
            by=None,
            at=at,
        )
        for slug, name in people.TEAMS
    }
    admin = _hire(teams, at=at)
    for company in people.COMPANIES:
        organisation = Organisation.objects.create(name=company.name, customer_class=company.customer_class)
        organisation.domains.create(name=company.domain)
    _publish(admin, at=at)
    _promise(admin, at=at)
    _lay_down_rules(admin, at=at)
    _open_chat(teams, admin, at=at)
    return save_mail_channel(
        channel=None,
        values={
            "slug": "support",
            "name": "Support mail",
            "team": teams["support"],
            "address": people.MAILBOX,
            "display_name": "Luotsi",
            "trusted_networks": people.TRUSTED_NETWORKS,
        },
        by=admin,
        at=at,
    )


def _open_chat(teams: dict[str, Team], admin: Agent, *, at: datetime) -> None:
    """The chat of the web shop that `desk --demo` serves."""
    values = {
        "slug": shop.SLUG,
        "name": "Web shop chat",
        "title": "Luotsi",
        "team": teams["support"],
        "colour": "#12485c",
        "allowed_origins": shop.origins() if settings.DEMO_SITE else [],
        "greetings": {"en": "Hello. What can we help you with?", "fi": "Hei! Miten voimme auttaa?"},
        "pre_chat_fields": [
            {"name": "name", "kind": "text", "required": False, "label": {}, "choices": []},
            {"name": "email", "kind": "email", "required": False, "label": {}, "choices": []},
        ],
    }
    save_chat_channel(site=None, values=values, by=admin, at=at)


def _hire(teams: dict[str, Team], *, at: datetime) -> Agent:
    """All colleagues with what they know; returns the admin. Support rather asks who knows the customer's language."""
    skills = {slug: Skill.objects.create(kind=kind, slug=slug, name=name) for kind, slug, name in people.SKILLS}
    Team.objects.filter(slug="support").update(language_need="prefer", prefers_known_agent=True)
    agents = {}
    for colleague in people.COLLEAGUES:
        agent = agents[colleague.email] = invite(
            email=colleague.email,
            name=colleague.name,
            role=colleague.role,
            teams=[teams[slug] for slug in colleague.teams],
            language=colleague.language,
            by=None,
            at=at,
        )
        agent.signature, agent.capacity = colleague.signature, colleague.capacity
        agent.presence, agent.presence_since = colleague.presence, at
        agent.save(update_fields=["signature", "capacity", "presence", "presence_since"])
        AgentSkill.objects.bulk_create(
            AgentSkill(agent=agent, skill=skills[slug], level=level) for slug, level in colleague.skills
        )
        if colleague.can_log_in:
            set_password(agent=agent, password=people.PASSWORD, by=agent, at=at)
    return agents[people.LOGIN]


def _publish(admin: Agent, *, at: datetime) -> None:
    for language, articles in (("en", articles_en.ARTICLES), ("fi", articles_fi.ARTICLES)):
        for text in articles:
            fields = ArticleFields(
                title=text.title, summary=text.summary, body=text.body, keywords=text.keywords, is_published=True
            )
            save_article(slug=text.slug, language=language, fields=fields, by=admin, at=at)
    for template in TEMPLATES:
        wording = TemplateFields(
            slug=template.slug,
            kind=template.kind,
            language=template.language,
            name=template.name,
            subject=template.subject,
            body=template.body,
            is_default=template.is_default,
        )
        save_template(template=None, fields=wording, by=admin, at=at)


def _promise(admin: Agent, *, at: datetime) -> None:
    office = save_calendar(calendar=None, fields=service.OFFICE, by=admin, at=at)
    for promise in service.PROMISES:
        fields = PolicyFields(
            name=promise.name,
            slug=promise.slug,
            calendar=office if promise.in_office_hours else None,
            targets=promise.targets,
            warn_percent=75,
            pauses_while_waiting=True,
            is_default=promise.is_default,
            is_active=True,
        )
        save_policy(policy=None, fields=fields, by=admin, at=at)


def _lay_down_rules(admin: Agent, *, at: datetime) -> None:
    Rule.objects.bulk_create(
        Rule(
            name=rule.name,
            position=position,
            condition=rule.condition,
            effects=[{"kind": kind, "value": value} for kind, value in rule.effects],
            is_stop=rule.is_stop,
            comment=rule.comment,
            events=list(rule.events),
            once_per_ticket=rule.is_once,
            folder=rule.folder,
        )
        for position, rule in enumerate(RULES, start=1)
    )
    take_version(author_name=admin.name, reason="The first rules", at=at)
