"""Events can be added and read. Nobody, the owner included, changes or removes one by accident."""

from django.db import migrations

FORBID = """
CREATE FUNCTION refuse_to_change_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON marlin_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_events();
CREATE TRIGGER seals_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON marlin_eventseal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_events();
"""

ALLOW = """
DROP TRIGGER seals_are_append_only ON marlin_eventseal;
DROP TRIGGER events_are_append_only ON marlin_event;
DROP FUNCTION refuse_to_change_events();
"""


class Migration(migrations.Migration):
    dependencies = [("marlin", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
