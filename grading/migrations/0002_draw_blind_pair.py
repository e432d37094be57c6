"""The draw of sides, in the database: a page may ask for it, and never sees what it was drawn from."""

from django.db import migrations

# A fair coin, unless one of the two has stood on the same side three times more than on the other
# ("big stick"): first counted for this rater on these two arms, which is exact since the rater's row is
# locked, else over all raters, which may overshoot. The second reader of a pair gets the mirror image of
# the first. Returns the pair that is there when it has been drawn already.
DRAW = """
CREATE FUNCTION draw_blind_pair(
    the_assignment bigint, the_turn bigint, the_attempt integer, coin double precision
) RETURNS SETOF grading_blindpair
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_rater bigint;
    the_task bigint;
    firsts bigint[];
    arms bigint[];
    others integer;
    lead integer;
    first_is_a boolean;
    how text := 'coin';
    chance double precision := 0.5;
BEGIN
    IF coin IS NULL OR coin < 0 OR coin >= 1 THEN
        RAISE EXCEPTION 'the coin must lie in [0, 1)';
    END IF;
    SELECT rater_id, task_id INTO the_rater, the_task FROM grading_assignment WHERE id = the_assignment;
    PERFORM 1 FROM marlin_user WHERE id = the_rater FOR NO KEY UPDATE;

    RETURN QUERY SELECT * FROM grading_blindpair p
        WHERE p.assignment_id = the_assignment AND p.turn_id = the_turn AND p.attempt = the_attempt;
    IF FOUND THEN
        RETURN;
    END IF;

    SELECT array_agg(c.id ORDER BY o.arm_id), array_agg(o.arm_id ORDER BY o.arm_id) INTO firsts, arms
        FROM tasks_candidate c
        JOIN tasks_turn t ON t.id = c.turn_id
        JOIN tasks_origin o ON o.candidate_id = c.id
        WHERE c.turn_id = the_turn AND c.attempt = the_attempt AND t.task_id = the_task;
    IF coalesce(array_length(firsts, 1), 0) <> 2 THEN
        RAISE EXCEPTION 'this assignment has no such pair';
    END IF;

    SELECT count(*) INTO others FROM grading_blindpair p
        WHERE p.turn_id = the_turn AND p.attempt = the_attempt;
    IF others = 1 THEN
        SELECT p.a_id <> firsts[1] INTO first_is_a FROM grading_blindpair p
            WHERE p.turn_id = the_turn AND p.attempt = the_attempt;
        how := 'mirror';
        chance := 1;
    ELSE
        SELECT coalesce(sum(CASE WHEN oa.arm_id = arms[1] THEN 1 ELSE -1 END), 0) INTO lead
            FROM grading_blindpair p
            JOIN grading_assignment g ON g.id = p.assignment_id
            JOIN tasks_origin oa ON oa.candidate_id = p.a_id
            JOIN tasks_origin ob ON ob.candidate_id = p.b_id
            WHERE g.rater_id = the_rater AND oa.arm_id = ANY(arms) AND ob.arm_id = ANY(arms);
        IF abs(lead) < 3 THEN
            SELECT coalesce(sum(CASE WHEN oa.arm_id = arms[1] THEN 1 ELSE -1 END), 0) INTO lead
                FROM grading_blindpair p
                JOIN tasks_origin oa ON oa.candidate_id = p.a_id
                JOIN tasks_origin ob ON ob.candidate_id = p.b_id
                WHERE oa.arm_id = ANY(arms) AND ob.arm_id = ANY(arms);
        END IF;
        IF abs(lead) >= 3 THEN
            first_is_a := lead < 0;
            how := 'stick';
            chance := 1;
        ELSE
            first_is_a := coin < 0.5;
        END IF;
    END IF;

    RETURN QUERY INSERT INTO grading_blindpair
        (assignment_id, turn_id, attempt, a_id, b_id, method, probability, drawn_at)
        VALUES (the_assignment, the_turn, the_attempt,
                CASE WHEN first_is_a THEN firsts[1] ELSE firsts[2] END,
                CASE WHEN first_is_a THEN firsts[2] ELSE firsts[1] END,
                how, chance, clock_timestamp())
        RETURNING *;
END $$;
REVOKE ALL ON FUNCTION draw_blind_pair(bigint, bigint, integer, double precision) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("grading", "0001_initial")]

    operations = [
        migrations.RunSQL(DRAW, "DROP FUNCTION draw_blind_pair(bigint, bigint, integer, double precision)")
    ]
