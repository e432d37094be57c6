"""Rate limits live in PostgreSQL. A migration makes the table, so that it gets its privileges like any other."""

from django.db import migrations

CREATE = """
CREATE TABLE marlin_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX marlin_cache_expires ON marlin_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("marlin", "0002_events_are_append_only")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE marlin_cache")]
