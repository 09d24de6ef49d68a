"""A recipe as text is read as what was written."""

import tomllib

from pipeline.overlay import overlay


def test_what_is_written_is_read_again():
    sections = {
        "networks.small_tuned": {
            "net": {"options": {"global_pool": "max", "bn_momentum": 0.1}, "dropout": (0.1, 0.5)},
            "training": {"phases": [{"epochs": 2, "lr": 1e-05}], "class_weights": False},
            "task": {"classes": {"MEL in situ": ['a "quoted" one', "back\\slash"]}, "empty": {}},
        },
        "distill": {"study": {"trials": 0}},
    }
    read = tomllib.loads(overlay(sections, base="distill", use_networks=("big", "small_tuned")))
    small = sections["networks.small_tuned"]
    small["net"]["dropout"] = [0.1, 0.5]
    assert read == {
        "base": "distill", "use_networks": ["big", "small_tuned"],
        "networks": {"small_tuned": small}, "distill": sections["distill"],
    }  # fmt: skip
