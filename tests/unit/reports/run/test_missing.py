import pytest

from reports.report import report
from reports.run.missing import sections
from tests.by_hand.histories import training
from tests.by_hand.run_sheets import Page, manifest, only_folds, recipe

NETWORKS = {
    "simclr": {"task": {"kind": "contrastive"}}, "frozen": {"task": {"kind": "nothing"}},
    "flag": {"task": {"kind": "target"}}, "unused": {"task": {"kind": "target"}},
}  # fmt: skip


def seeing(**changes):
    values = {
        **recipe(images="folder"), "networks": NETWORKS,
        "use_networks": ["simclr", "frozen", "flag"], "stack": {"networks": True},
        "ablation": {"network": "flag"}, "distill": {"networks": []},
    }  # fmt: skip
    return values | changes


def lacking(**changes):
    found = sections(only_folds(**changes))
    rows = found[0].elements[0].rows if found else ()
    return [row[1].words.split()[1] for row in rows]


def test_a_table_alone_lacks_nothing_of_networks():
    assert lacking() == ["features", "stack", "submission", "audit", "tune"]


def test_a_recipe_with_networks_lacks_what_they_could_give():
    assert lacking(recipe=seeing()) == [
        "features", "pretrain", "train-cnn", "embed", "stack", "submission", "audit", "tune",
        "compare", "ablate", "export",
    ]  # fmt: skip


def test_a_network_that_the_stack_does_not_see_needs_no_block():
    stages = lacking(recipe=seeing(stack={"networks": False}))
    assert "embed" not in stages
    assert "compare" not in stages
    assert "train-cnn" in stages


def test_all_networks_and_blocks_that_learn_must_be_there():
    blocks = {f"blocks/{name}": manifest("embed") for name in ("frozen", "flag")}
    manifests = only_folds().manifests | blocks
    sheet = {"claim": None, "best_epoch": {"metrics": {}}, "folds": [{"inner_score": None}]}
    there = {"recipe": seeing(), "manifests": manifests, "networks": {"flag": sheet}}
    assert {"train-cnn", "embed"}.isdisjoint(lacking(**there))
    del blocks["blocks/frozen"]
    assert "embed" in lacking(**{**there, "manifests": only_folds().manifests | blocks})
    assert "train-cnn" in lacking(**{**there, "networks": {}})


def test_one_network_of_two_is_not_all_and_what_is_begun_is_told():
    sheet = {"claim": None, "best_epoch": {"metrics": {}}, "folds": [{"inner_score": None}]}
    both = {"recipe": seeing(use_networks=["flag", "unused"]), "networks": {"flag": sheet}}
    assert "train-cnn" in lacking(**both)
    begun = {"unused": [training("fold 0", (1.0,)), training("fold 1", (1.0,))]}
    [section] = sections(only_folds(**both, trainings=begun))
    [cell] = [row[0] for row in section.elements[0].rows if "train-cnn" in row[1].words]
    assert cell.below == "unused: 2 trainings done"


@pytest.mark.parametrize(
    ("counts", "stage", "is_lacking"),
    [
        ({"hospitals": 2}, "hospitals", True), ({"hospitals": 1}, "hospitals", False),
        ({"test_rows": 0}, "submission", False), ({"test_rows": 1}, "submission", True),
    ],
)  # fmt: skip
def test_what_the_data_cannot_give_is_not_lacking(counts, stage, is_lacking):
    verified = {"counts": {"rows": 120, "patients": 40, **counts}, "notices": []}
    assert (stage in lacking(verified=verified)) is is_lacking


def test_every_command_is_whole_and_what_it_cannot_say_is_told():
    again = " RECIPE=tabular RUN=<path>/x SET='seed=7'"
    unsaid = "No SET= of now can say what it was made with: cascade."
    page = Page(report(only_folds(again=again, unsaid=unsaid)))
    assert f"make tune{again}" in page.text
    assert "<path> stands for a folder of the machine" in page.text
    assert unsaid in page.text
    plain = Page(report(only_folds())).text
    assert "stands for a folder" not in plain


def test_a_run_that_has_everything_lacks_nothing():
    folders = ("features", "stack", "submission", "leaks", "tune")
    manifests = only_folds().manifests | {name: manifest("x") for name in folders}
    every = {"rows": [1, 1], "single_lesion_patients": [0, 0], "patients_known": True, "names": []}
    manifests["features"] = manifest("features", facts=every)
    assert sections(only_folds(manifests=manifests)) == []
