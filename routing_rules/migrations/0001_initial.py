import uuid

import django.core.validators
import django.utils.timezone
from django.db import migrations, models

import routing_rules.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Rule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "uid",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        help_text="Stays when a rule is moved or restored.",
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("position", models.PositiveIntegerField(help_text="Rules run from the smallest to the largest.")),
                ("condition", models.JSONField(default=routing_rules.models.every_ticket)),
                ("effects", models.JSONField(default=list)),
                ("is_stop", models.BooleanField(default=False)),
                ("is_enabled", models.BooleanField(default=True)),
                ("comment", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ("position", "id"),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="rule_has_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "number",
                    models.PositiveIntegerField(unique=True, validators=[django.core.validators.MinValueValidator(1)]),
                ),
                ("author_name", models.CharField(max_length=150)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("rules", models.JSONField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("-number",),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="rule_version_from_one")
                ],
            },
        ),
    ]
