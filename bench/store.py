# bench/store.py - the results of one run as JSON, written as each stage finishes.
import json
import os


class Store:
    def __init__(self, path, fresh):
        self.path = path
        self.data = {}
        if not fresh and os.path.exists(path):
            with open(path) as f:
                self.data = json.load(f)
        self.data.setdefault("systems", {})

    def save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        part = self.path + ".part"
        with open(part, "w") as f:
            json.dump(self.data, f, indent=1, sort_keys=True)
            f.write("\n")
        os.replace(part, self.path)

    def system(self, label):
        return self.data["systems"].setdefault(label, {"stages": {}, "search": {}})

    def has(self, label, stage):
        return stage in self.system(label)["stages"]

    def put(self, label, stage, result):
        self.system(label)["stages"][stage] = result
        self.save()
