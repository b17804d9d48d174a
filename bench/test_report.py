# bench/test_report.py - the arithmetic of the answers: `python3 -m unittest discover -s bench -p 'test_*.py'`.
import os
import tempfile
import unittest
import xml.etree.ElementTree

import report
import store


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


def whole_run():
    def one(in_process, factor):
        points = {str(ef): {"recall": recall, "recall_se": 0.001, "qps": factor * qps, "qps_max": factor * qps,
                            "p50_us": 1, "p95_us": 2, "p99_us": 3, "cpu_us": 1e6 / qps, "load": 1, "interleaved_at": 1}
                  for ef, recall, qps in ((10, 0.9, 1000), (40, 0.97, 500), (100, 0.995, 200))}
        writes = {"count": 10, "qps": 100, "cpu_us": 10, "cluster_cpu_us": 12, "wal_bytes": 1000 / factor,
                  "record_bytes": 900, "fpi_bytes": 100}
        build = {"seconds": 2, "cpu_seconds": 10 / factor, "index_bytes": 4096000, "memory_bytes": 1 << 20}
        stages = {"build": build}
        if not in_process:
            stages.update({"insert": {**writes, "table_alone": writes},
                           "vacuum": {"seconds": 1, "cpu_seconds": 0.5, "index_bytes": 4096000},
                           "cold": {"ef": 40, "first_us": 9000, "following_mean_us": 2000, "following_p99_us": 5000}})
        return {"in_process": in_process, "version": "x 1", "settings": {}, "stages": stages, "search": points,
                **({} if in_process else {key: points for key in report.MODES}), "search_after_vacuum": {}}
    systems = {"hnswlib": one(True, 4), "pgvector": one(False, 1), "ruvector": one(False, 2), "ruvector_int8": one(False, 3)}
    floor = {"qps": 2000, "p50_us": 30}
    systems["ruvector"]["stages"]["floor"] = {"key": floor, "keyvector": floor}
    systems["ruvector_int8"]["search"]["40"]["recall"] = 0.95
    return {"id": "set-m16", "commit": "abc", "date": "2026-01-01", "postgres": "PostgreSQL 15", "systems": systems,
            "machine": {"cpu": "c", "cores": 2, "flags": [], "memory_gib": 1, "load": [0]},
            "data": {"name": "set", "rows": 1000, "dim": 8, "metric": "l2", "queries": 100},
            "settings": {"m": 16, "ef_construction": 64, "k": 10, "rounds": 3, "client": "one client",
                         "postgres": {"shared_buffers": "1MB", "maintenance_work_mem": "1MB"}}}


class Section(unittest.TestCase):
    def test_figures_arrive_in_the_tables(self):
        text = "\n".join(report.section(whole_run()))
        self.assertIn("ruvector: 0.61 of the primary-key look-up rate at recall 0.95, build CPU 0.50 × pgvector's, index "
                      "bytes 1.00 × pgvector's, insert CPU per row 1.00 × pgvector's, WAL per insert 0.50 × pgvector's, "
                      "VACUUM CPU 0.100 of its build's.", text)
        self.assertIn("| ruvector_int8 | 2.00 | 40 | 0.67 |", text)  # recall lost
        self.assertIn("| pgvector | 40 | 9.0 | 2.00 | 5.0 |", text)  # cold
        self.assertIn("| pgvector | 100 | 0.01 | 100 | 90 | 10 | 1.0 | 0.5 | 4 |", text)  # writes

    def test_a_part_of_the_measurements_is_enough(self):
        run = whole_run()
        for s in run["systems"].values():
            s["stages"] = {}
            for key in report.MODES:
                s.pop(key, None)
        self.assertIn("| ruvector | 10 |", "\n".join(report.section(run)))
        run["systems"] = {"pgvector": {"stages": {"build": whole_run()["systems"]["pgvector"]["stages"]["build"]},
                                       "in_process": False}}
        self.assertIn("**Build**", "\n".join(report.section(run)))

    def test_plots_are_well_formed_and_show_every_system(self):
        run, here = whole_run(), report.HERE
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "results"))
            try:
                report.HERE = folder
                report.plot(run)
                report.plot_size(run)
                for what, tag in (("", "polyline"), ("-size", "polyline")):
                    root = xml.etree.ElementTree.parse(os.path.join(folder, report.plot_name(run, what))).getroot()
                    self.assertEqual(len(root.findall(f"{{http://www.w3.org/2000/svg}}{tag}")), 4)
            finally:
                report.HERE = here


class Forgetting(unittest.TestCase):
    def test_only_what_was_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.json")
            first = store.Store(path, "", ())
            first.data["systems"] = whole_run()["systems"]
            first.save()
            kept = store.Store(path, "writes,pipeline,hnswlib", ("pgvector", "hnswlib")).data["systems"]
            self.assertNotIn("hnswlib", kept)
            self.assertEqual(set(kept["pgvector"]["stages"]), {"build", "cold"})
            self.assertNotIn("pipeline", kept["pgvector"])
            self.assertIn("batch", kept["pgvector"])
            self.assertIn("pipeline", kept["ruvector"]) # not measured this time
            self.assertEqual(store.Store(path, "1", ()).data["systems"], {})


if __name__ == "__main__":
    unittest.main()
