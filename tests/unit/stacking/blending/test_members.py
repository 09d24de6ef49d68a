import polars as pl
import pytest
from pydantic import ValidationError

from stacking.blending.config import BlendConfig
from stacking.blending.members import Members, blended_members, join_members, join_unseen
from tests.unit.stacking.blending.conftest import by_hand, table
from workspace.errors import ArtifactError, ConfigError

FOLDS, TARGET = [0, 0, 1, 1], [0, 1, 0, 1]
IDS = ["r0", "r1", "r2", "r3"]
ROWS, TABLES = by_hand(FOLDS, TARGET, stack=[0.1, 0.2, 0.3, 0.4], net=[0.5, 0.6, 0.7, 0.8])


def test_rows_are_joined_by_id_and_members_sorted_by_name():
    shuffled = {name: TABLES[name][[3, 1, 0, 2]] for name in TABLES}
    members = join_members(ROWS[[2, 0, 3, 1]], shuffled)
    assert members.names == ("net", "stack")
    assert members.rows["isic_id"].to_list() == IDS
    assert members.raw.tolist() == [[0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.4]]


def test_members_named_like_columns_come_back_from_a_table_to_the_bit():
    members = join_members(ROWS, {"fold": TABLES["net"], "target": TABLES["stack"]})
    again = Members.of_table(members.table(), members.names)
    assert (again.names, again.raw.tolist()) == (members.names, members.raw.tolist())
    assert again.rows.equals(members.rows)


def test_rows_that_no_fold_holds_out_have_no_place_here():
    always = ROWS.with_columns(pl.Series("fold", [0, 0, 1, -1], dtype=pl.Int16))
    members = join_members(always, {"stack": TABLES["stack"][:3]})
    assert members.rows["isic_id"].to_list() == ["r0", "r1", "r2"]


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            table(IDS[:2], [0, 0], [0.5, 0.6]),
            "OOF incomplete: fold 1 has no predictions in member net; finish the stage that makes "
            "them.",
        ),
        (
            table(IDS[:3], FOLDS[:3], [0.5, 0.6, 0.7]),
            "OOF of member net has images that are not the images the folds hold out: [r3].",
        ),
        (
            table([*IDS, "r0"], [*FOLDS, 0], [0.5] * 5),
            "OOF of member net has images more than once: [r0].",
        ),
        (
            table(IDS, [0, 1, 1, 1], [0.5] * 4),
            "OOF of member net has images scored by a model of another fold than the one that "
            "holds them out: [r1].",
        ),
        (
            table(IDS, FOLDS, [0.5, float("nan"), None, 0.5]),
            "Member net has scores that are no number for images [r1, r2]; a member gives each "
            "image a probability.",
        ),
        (
            table(IDS, FOLDS, [0.5, 1.5, 0.5, -3.0]),
            "Member net has scores outside 0 to 1 for images [r1, r3]; a member gives each image a "
            "probability.",
        ),
    ],
)
def test_a_member_with_a_gap_is_refused(net, message):
    with pytest.raises(ArtifactError) as error:
        join_members(ROWS, {**TABLES, "net": net})
    assert str(error.value) == message


def test_a_member_may_not_be_called_as_a_blend_is():
    with pytest.raises(ConfigError) as error:
        join_members(ROWS, {"mean": TABLES["net"]})
    assert str(error.value) == "A member is called 'mean', as a blend is; name it otherwise."


def views(folds=(0, 1), ids=("t0", "t1"), score=0.5):
    return pl.concat([table(list(ids), [fold] * len(ids), [score] * len(ids)) for fold in folds])


def test_views_are_every_row_by_every_fold():
    members = join_members(ROWS, TABLES)
    net = pl.concat(
        [table(["t1", "t0"], [0, 0], [0.1, 0.2]), table(["t0", "t1"], [1, 1], [0.0, 1.0])]
    )
    found = join_unseen(members, pl.Series(["t0", "t1"]), {"stack": views(), "net": net})
    assert {fold: raw.tolist() for fold, raw in found.items()} == {
        0: [[0.2, 0.1], [0.5, 0.5]],
        1: [[0.0, 1.0], [0.5, 0.5]],
    }


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            None,
            "Member net has no scores of rows outside the folds; finish the stage that makes them.",
        ),
        (
            views(folds=[0]),
            "Scores of member net, fold 1 outside the folds lack images: [t0, t1]; make them anew.",
        ),
        (
            views(ids=["t0", "t1", "t1"]),
            "Scores of member net, fold 0 outside the folds have images more than once: [t1]; make "
            "them anew.",
        ),
        (
            views(ids=["t0", "t1", "t2"]),
            "Scores of member net, fold 0 outside the folds have images that nobody asked for: "
            "[t2]; make them anew.",
        ),
        (
            views(score=float("inf")),
            "Member net has scores that are no number for images [t0, t1]; a member gives each "
            "image a probability.",
        ),
    ],
)
def test_views_with_a_gap_are_refused(net, message):
    tables = {"stack": views()} | ({} if net is None else {"net": net})
    with pytest.raises(ArtifactError) as error:
        join_unseen(join_members(ROWS, TABLES), pl.Series(["t0", "t1"]), tables)
    assert str(error.value) == message


def test_the_recipe_names_members_or_takes_all():
    members = join_members(ROWS, TABLES)
    assert blended_members(members, BlendConfig()).names == ("net", "stack")
    some = blended_members(members, BlendConfig(members=("stack", "stack")))
    assert some.names == ("stack",)
    assert some.raw.tolist() == [[0.1, 0.2, 0.3, 0.4]]
    with pytest.raises(ConfigError) as error:
        blended_members(members, BlendConfig(members=("stak",)))
    assert str(error.value) == (
        "blend.members names 'stak', which is no member; there are net, stack; meant stack?"
    )


def test_other_policies_and_sensitivities_are_refused():
    assert BlendConfig.model_validate({"members": ["a"]}).members == ("a",)
    for wrong in ({"policy": "median"}, {"sensitivity": 0}, {"sensitivity": 1.1}, {"weights": 1}):
        with pytest.raises(ValidationError):
            BlendConfig.model_validate(wrong)
