import unittest

from tests.support import FakeTime
from tidecache.decorator import cached


class CachedTest(unittest.TestCase):
    def setUp(self):
        self.calls = []

    def look_up(self, harbour, unit="m"):
        self.calls.append(harbour)
        return harbour + unit

    def test_the_second_call_is_remembered(self):
        height = cached()(self.look_up)

        self.assertEqual([height("Brest"), height("Brest")], ["Brestm", "Brestm"])
        self.assertEqual(self.calls, ["Brest"])

    def test_other_arguments_are_another_call(self):
        height = cached()(self.look_up)
        height("Brest")
        height("Brest", unit="ft")

        self.assertEqual(len(self.calls), 2)

    def test_a_result_is_forgotten_after_its_lifetime(self):
        with FakeTime() as time:
            height = cached(ttl="5m")(self.look_up)
            height("Brest")
            time.advance(301)
            height("Brest")

        self.assertEqual(len(self.calls), 2)

    def test_a_returned_none_is_remembered(self):
        nothing = cached()(lambda harbour: self.calls.append(harbour))
        nothing("Brest")
        nothing("Brest")

        self.assertEqual(self.calls, ["Brest"])
