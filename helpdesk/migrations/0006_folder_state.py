"""One row for each folder of a mailbox instead of one for each mailbox. What was read so far stays read."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F

import helpdesk.models.transport


def take_over(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The one folder becomes a list of one; a mailbox that is fetched stays so."""
    mailbox_rows, states = (apps.get_model("helpdesk", name).objects for name in ("Mailbox", "FolderState"))
    for pk, folder, host, made_at in mailbox_rows.values_list("pk", "imap_folder", "imap_host", "channel__created_at"):
        mailbox_rows.filter(pk=pk).update(imap_folders=[folder], imap_started_at=made_at if host else None)
        states.filter(mailbox=pk).update(folder=folder, cleared_uid=F("last_uid"))


def give_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The first folder is kept."""
    mailbox_rows, states = (apps.get_model("helpdesk", name).objects for name in ("Mailbox", "FolderState"))
    for pk, folders in mailbox_rows.values_list("pk", "imap_folders"):
        mailbox_rows.filter(pk=pk).update(imap_folder=folders[0])
        states.filter(mailbox=pk).exclude(folder=folders[0]).delete()


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0005_owner_state")]

    operations = [
        migrations.RenameModel(old_name="MailboxState", new_name="FolderState"),
        migrations.AddField(
            model_name="folderstate",
            name="accounted_count",
            field=models.PositiveIntegerField(
                default=0, help_text="Those with a receipt, left alone by choice, or still to be fetched."
            ),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="check_requested_at",
            field=models.DateTimeField(help_text="Somebody wants a reconciliation now.", null=True),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="checked_at",
            field=models.DateTimeField(help_text="The last reconciliation (MAIL.md 13).", null=True),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="cleared_uid",
            field=models.BigIntegerField(
                default=0, help_text="Mails up to it were moved or deleted after their import, or stay for good."
            ),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="folder",
            field=models.CharField(default="INBOX", max_length=190),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="folderstate",
            name="left_uid",
            field=models.BigIntegerField(
                default=0, help_text="Mails up to it are older than the start and were left on the server by choice."
            ),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="notice",
            field=models.TextField(blank=True, help_text="Why imported mail was not moved or deleted."),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="recovered",
            field=models.JSONField(default=list, help_text="UIDs (the first 100) that were missing and fetched again."),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="server_count",
            field=models.PositiveIntegerField(default=0, help_text="Mails on the server then."),
        ),
        migrations.AddField(
            model_name="folderstate",
            name="unexplained",
            field=models.JSONField(default=list, help_text="UIDs (the first 100) that should be here and are not."),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="after_import",
            field=models.CharField(
                choices=[
                    ("keep", "Leave it where it is"),
                    ("move", "Move it to another folder"),
                    ("delete", "Delete it from the server"),
                ],
                default="keep",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="after_import_folder",
            field=models.CharField(blank=True, help_text="Where imported mail is moved.", max_length=190),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="imap_folders",
            field=models.JSONField(
                default=helpdesk.models.transport.inbox_only, help_text="Names of the folders that are read."
            ),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="imap_started_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Nothing is fetched before somebody has seen what would happen (MAIL.md 12).",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="older_mail",
            field=models.CharField(
                choices=[("silent", "Import it closed and silent"), ("leave", "Leave it on the server")],
                default="silent",
                max_length=8,
            ),
        ),
        migrations.RunPython(take_over, give_back),
        migrations.RemoveField(
            model_name="mailbox",
            name="imap_folder",
        ),
        migrations.AlterField(
            model_name="folderstate",
            name="error",
            field=models.TextField(blank=True, help_text="Why nothing is fetched."),
        ),
        migrations.AlterField(
            model_name="folderstate",
            name="mailbox",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="folder_states", to="helpdesk.mailbox"
            ),
        ),
        migrations.AlterField(
            model_name="mailbox",
            name="import_since",
            field=models.DateTimeField(blank=True, help_text="Older mail is never answered (MAIL.md 12).", null=True),
        ),
        migrations.AddConstraint(
            model_name="folderstate",
            constraint=models.UniqueConstraint(fields=("mailbox", "folder"), name="folder_once"),
        ),
    ]
