import contextlib
import io
import json
import tempfile
import time
import unittest
from pathlib import Path

from tidecache.cli import main


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "cache.json"
        now = time.time()
        entries = [
            {"key": "high", "value": 6.2, "expires_at": now + 5000},
            {"key": "low", "value": 0.4, "expires_at": now - 10},
        ]
        self.path.write_text(json.dumps({"version": 1, "entries": entries}))

    def run_main(self, *argv):
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = main([str(argument) for argument in argv])
        return code, output.getvalue(), errors.getvalue()

    def test_show_lists_the_lifetimes(self):
        code, output, _ = self.run_main("show", self.path)

        self.assertEqual(code, 0)
        self.assertRegex(output, r"high\t1h 23m")
        self.assertIn("low\texpired", output)

    def test_get_prints_a_living_value(self):
        self.assertEqual(self.run_main("get", self.path, "high")[:2], (0, "6.2\n"))

    def test_get_does_not_print_an_expired_value(self):
        code, output, errors = self.run_main("get", self.path, "low")

        self.assertEqual((code, output), (1, ""))
        self.assertIn("no living entry 'low'", errors)

    def test_prune_drops_what_expired(self):
        self.assertEqual(self.run_main("prune", self.path)[:2], (0, "kept 1, dropped 1\n"))

    def test_prune_refuses_an_unknown_policy(self):
        code, _, errors = self.run_main("prune", self.path, "--policy", "mru")

        self.assertEqual(code, 2)
        self.assertIn("unknown policy 'mru'", errors)

    def test_a_missing_file_is_an_error_in_words(self):
        code, _, errors = self.run_main("show", self.path.with_name("none.json"))

        self.assertEqual(code, 1)
        self.assertIn("tidecache: ", errors)
