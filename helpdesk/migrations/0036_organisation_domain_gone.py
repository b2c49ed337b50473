from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0035_customers")]

    # Apart from the copying before it: PostgreSQL changes no table whose new rows still wait for their checks.
    operations = [
        migrations.RemoveConstraint(model_name="organisation", name="organisation_domain_once"),
        migrations.RemoveField(model_name="organisation", name="domain"),
    ]
