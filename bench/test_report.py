# bench/test_report.py - the arithmetic of the answers: `python3 -m unittest discover -s bench -p 'test_*.py'`.
import unittest

import report


def system(*points):
    return {"search": {str(ef): {"recall": recall, "qps": qps, "cpu_us": 1e6 / qps, "interleaved_at": 1}
                       for ef, recall, qps in points}}


class AtRecall(unittest.TestCase):
    def test_between_two_settings_the_scale_is_logarithmic(self):
        kind, qps = report.at_recall(report.curve(system((10, 0.9, 10000), (40, 1.0, 100))), 0.95)
        self.assertEqual(kind, "exact")
        self.assertAlmostEqual(qps, 1000, places=6)

    def test_a_lowest_setting_above_the_level_is_a_lower_bound(self):
        self.assertEqual(report.at_recall(report.curve(system((10, 0.97, 900), (40, 0.99, 500))), 0.95), ("atleast", 900))

    def test_a_level_not_reached_is_said(self):
        self.assertEqual(report.at_recall(report.curve(system((10, 0.9, 900), (40, 0.94, 500))), 0.95), ("never", None))

    def test_settings_slower_at_less_recall_are_dropped(self):
        self.assertEqual([p[2] for p in report.curve(system((10, 0.9, 500), (40, 0.95, 900), (80, 0.99, 300)))], [40, 80])


class Ratio(unittest.TestCase):
    def test_only_at_the_same_recall(self):
        self.assertEqual(report.ratio(("exact", 200.0), ("exact", 100.0)), "2.00")
        self.assertEqual(report.ratio(("atleast", 200.0), ("exact", 100.0)), "at least 2.00")
        self.assertEqual(report.ratio(("exact", 200.0), ("atleast", 100.0)), "at most 2.00")
        self.assertNotIn("2", report.ratio(("atleast", 200.0), ("atleast", 100.0)))
        self.assertNotIn("2", report.ratio(("never", None), ("exact", 100.0)))


class Together(unittest.TestCase):
    def test_different_moments_are_not_one_run(self):
        a, b = system((10, 0.9, 1.0)), system((10, 0.9, 2.0))
        run = {"systems": {"a": a, "b": b}}
        self.assertTrue(report.together(run, ["a", "b"]))
        b["search"]["10"]["interleaved_at"] = 2
        self.assertFalse(report.together(run, ["a", "b"]))


if __name__ == "__main__":
    unittest.main()
