"""The same people in every test.

Ann asks, Ben (billing) answers, Cleo (tech) must see nothing of it, Dora runs the desk, Eli leads billing.
"""

import pytest

from helpdesk.models import Agent, Channel, Identity, Mailbox, Membership, Role, Team
from tests import make


@pytest.fixture
def support(db: None) -> Team:
    """The default team."""
    return Team.objects.create(slug="support", name="Support", is_default=True)


@pytest.fixture
def billing(db: None) -> Team:
    return Team.objects.create(slug="billing", name="Billing")


@pytest.fixture
def tech(db: None) -> Team:
    return Team.objects.create(slug="tech", name="Tech")


def _agent(name: str, team: Team | None, role: Role = Role.AGENT) -> Agent:
    agent = Agent(email=f"{name.lower()}@desk.example", name=name, role=role)
    agent.set_unusable_password()
    agent.save()
    if team is not None:
        Membership.objects.create(agent=agent, team=team)
    return agent


@pytest.fixture
def ben(billing: Team) -> Agent:
    """An agent in billing."""
    return _agent("Ben", billing)


@pytest.fixture
def cleo(tech: Team) -> Agent:
    """An agent of another team, who must see nothing of billing's."""
    return _agent("Cleo", tech)


@pytest.fixture
def dora(db: None) -> Agent:
    """An admin, in no team."""
    return _agent("Dora", None, Role.ADMIN)


@pytest.fixture
def eli(billing: Team) -> Agent:
    """The lead of billing."""
    return _agent("Eli", billing, Role.LEAD)


@pytest.fixture
def mailbox(support: Team) -> Mailbox:
    """support@desk.example; it trusts the local machine about senders."""
    return make.mailbox("support@desk.example", trusted_networks=["127.0.0.0/8"])


@pytest.fixture
def channel(mailbox: Mailbox) -> Channel:
    return mailbox.channel


@pytest.fixture
def ann(db: None) -> Identity:
    """A customer."""
    return make.identity("ann@customer.example", name="Ann Archer")
