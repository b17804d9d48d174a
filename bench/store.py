# bench/store.py - the results of one run as JSON, written as each measurement finishes.
import json
import os

# Measurements of one system: once ("stages"), or for every ef (a key of their own).
STAGE_KEYS = {"build": ("build",), "build_parallel": ("build_parallel",),
              "floor": ("floor",), "writes": ("insert", "vacuum"), "cold": ("cold",)}
CURVES = ("search", "search100", "filtered", "clients2", "pipeline", "batch", "search_after_vacuum")


class Store:
    def __init__(self, path, fresh, measured):
        """fresh: what to forget: "1" everything, or systems and measurements (of the systems `measured`) by name, separated by
        commas."""
        self.path = path
        self.data = {}
        if fresh != "1" and os.path.exists(path):
            with open(path) as f:
                self.data = json.load(f)
        systems = self.data.setdefault("systems", {})
        for name in filter(None, fresh.split(",")):
            systems.pop(name, None)
            for system in (systems[label] for label in measured if label in systems):
                for stage in STAGE_KEYS.get(name, ()):
                    system["stages"].pop(stage, None)
                if name in CURVES:
                    system.pop(name, None)
                if name == "writes":
                    system.pop("search_after_vacuum", None)

    def save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        part = self.path + ".part"
        with open(part, "w") as f:
            json.dump(self.data, f, indent=1, sort_keys=True)
            f.write("\n")
        os.replace(part, self.path)

    def system(self, label):
        return self.data["systems"].setdefault(label, {"stages": {}})

    def curve(self, label, key):
        """{ef: measurement} of a system."""
        return self.system(label).setdefault(key, {})

    def has(self, label, stage):
        return stage in self.system(label)["stages"]

    def put(self, label, stage, result):
        self.system(label)["stages"][stage] = result
        self.save()
