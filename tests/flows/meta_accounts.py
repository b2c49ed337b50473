"""Stored accounts at Meta, as an admin leaves them."""

from helpdesk.actions import social_accounts
from helpdesk.connectors.social import Checked
from helpdesk.models import SocialAccount
from tests import make
from tests.meta_samples import APP_ID, APP_SECRET, BUSINESS, INSTAGRAM, NUMBER, PAGE, TOKEN


def account(provider: str, **more: str) -> SocialAccount:
    """A stored account that was checked."""
    settings = {"app_id": APP_ID, "page_id": PAGE, "instagram_id": INSTAGRAM, "business_id": BUSINESS}
    wanted = social_accounts.Wanted(
        name="Laine Oy",
        team=None,
        is_active=True,
        settings={**settings, "phone_number_id": NUMBER, **more},
        secrets={"app_secret": APP_SECRET, "access_token": TOKEN},
    )
    row = social_accounts.draft_account(account=None, provider=provider, wanted=wanted, at=make.NOON)
    return social_accounts.save_account(account=row, checked=Checked(ok=True, name="Laine Oy"), by=None, at=make.NOON)
