"""The index of the ticket search: one document for each message (docs/adr/0007). No model: only the search reads it.

Written by helpdesk.actions.indexing, never by triggers: SQLite loses them whenever a later migration remakes a table.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# The text of the documents is made of stems by helpdesk.queries.search_terms, so the databases only split at spaces.
# `team` and `ticket` stand first: reading the ticket of a hit then never walks through the text. No sizes: nothing is
# ever ranked.
SQLITE = """
CREATE VIRTUAL TABLE helpdesk_search USING fts5(
    ticket UNINDEXED, team, people, content, tokenize = "unicode61 remove_diacritics 0", columnsize = 0
)
"""

POSTGRESQL = """
CREATE TABLE helpdesk_search (
    message bigint PRIMARY KEY REFERENCES helpdesk_message ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    ticket bigint NOT NULL,
    document tsvector NOT NULL
);
CREATE INDEX helpdesk_search_document ON helpdesk_search USING gin (document) WITH (gin_pending_list_limit = 512);
CREATE INDEX helpdesk_search_ticket ON helpdesk_search (ticket);
-- Which plan a search takes hangs on the estimate for its rarest word.
ALTER TABLE helpdesk_search ALTER COLUMN document SET STATISTICS 500;
"""


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL)
    else:
        schema_editor.execute(SQLITE)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute("DROP TABLE helpdesk_search")


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0002_processes")]

    operations = [migrations.RunPython(make, drop)]
