import unittest

from tidecache.timing import seconds, written


class TimingTest(unittest.TestCase):
    def test_a_bare_number_is_seconds(self):
        self.assertEqual(seconds("90"), 90)

    def test_units_add_up(self):
        self.assertEqual(seconds("1h 30m"), 5400)

    def test_other_text_is_refused(self):
        for text in ("", "soon", "5 parsecs", "m5"):
            with self.subTest(text), self.assertRaises(ValueError):
                seconds(text)

    def test_lengths_are_written_in_large_units(self):
        self.assertEqual(written(5400), "1h 30m")
        self.assertEqual(written(0.2), "0s")
