import json
import tempfile
import unittest
from pathlib import Path

from tests.support import FakeTime
from tidecache import snapshot
from tidecache.cache import TideCache


class SnapshotTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "cache.json"

    def test_entries_survive_a_restart(self):
        before, after = TideCache(), TideCache()
        before.set("tide", "high")
        snapshot.save(before, self.path)

        self.assertEqual(snapshot.load(after, self.path), 1)
        self.assertEqual(after.get("tide"), "high")

    def test_expired_entries_are_not_written(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            time.advance(20)

            self.assertEqual(snapshot.save(cache, self.path), 0)

    def test_entries_that_expired_on_disk_are_not_read(self):
        with FakeTime() as time:
            cache = TideCache(ttl=10)
            cache.set("tide", "high")
            snapshot.save(cache, self.path)
            time.advance(20)

            self.assertEqual(snapshot.load(TideCache(), self.path), 0)

    def test_nothing_but_the_snapshot_is_left(self):
        snapshot.save(TideCache(), self.path)

        self.assertEqual([file.name for file in self.path.parent.iterdir()], ["cache.json"])

    def test_a_file_that_is_no_snapshot_is_refused(self):
        self.path.write_text("[1, 2]")

        with self.assertRaises(snapshot.SnapshotError):
            snapshot.load(TideCache(), self.path)

    def test_another_version_is_refused(self):
        self.path.write_text(json.dumps({"version": 9, "entries": []}))

        with self.assertRaisesRegex(snapshot.SnapshotError, "version 9"):
            snapshot.load(TideCache(), self.path)
