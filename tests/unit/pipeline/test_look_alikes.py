"""Look-alikes as a run has them: asked for, embedded by shards, joined or listed, accepted."""

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError

from folds.sources import open_source
from folds.verify import VerifyConfig
from models.nets.network import LesionNet
from pipeline import samples
from pipeline.embedded_look import embed_look
from pipeline.look_alikes import EMBEDDING, LIST, NET, PAGE
from pipeline.machine import Machine
from pipeline.samples import DUPLICATES, look, looking, verify_samples, verifying
from pipeline.seeing import seeing
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import drafting, made
from tests.unit.folds.audit.test_fingerprint import skin
from tests.unit.folds.audit.test_points import photographed
from tests.unit.pipeline.test_samples import config_of, job, told

__all__ = ["job"]  # a fixture

IDS = ["mel__a", "mel__b", "nv__c", "nv__d"]
REFERENCES = [f"{name.replace('__', '/')}.png" for name in IDS]
ASKED = VerifyConfig(look_alikes=5)


@pytest.fixture
def pictures(tmp_path):
    """Four pictures of four patients: the first again, shifted and turned, and another lesion."""
    folder = tmp_path / "pictures"
    lesion = skin(1, 200)
    drawn = [lesion, lesion[6:, 4:], photographed(lesion, 35, 1.2), skin(2, 200)]
    for reference, pixels in zip(REFERENCES, drawn, strict=True):
        path = folder / reference
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.asarray(pixels, np.uint8)[..., ::-1])
    owners = pl.DataFrame({"image": REFERENCES, "patient_id": ["p", "q", "r", "s"]})
    owners.write_csv(folder / "groups.csv")
    return folder


def looked(folder, pictures):
    return made(folder / "look", look, stage="verify", folder=pictures, pixel_limit=10**6,
                ids=IDS, references=REFERENCES)  # fmt: skip


def verified(folder, pictures, directions, verify=ASKED):
    """The sample table, where a network sees the pictures as these directions."""
    with drafting(folder / "seen", "verify") as draft:
        draft.array(EMBEDDING, np.array(directions, np.float16))
    return made(folder / "table", verify_samples, stage="verify", data=config_of(pictures),
                verify=verify, shards=[looked(folder, pictures).folder],
                seen=[folder / "seen"])  # fmt: skip


ALIKE = [(1, 0), (0, 1), (1, 0), (0, -1)]  # the first and the third


def test_nobody_looks_twice_unless_asked(job, pictures):
    call = job(pictures)
    source = open_source(call.recipe.data)
    assert seeing(call, source, looking(call, source)) == []
    assert "look_alikes" not in verifying(call, source).settings["verify"]
    assert "seen_by" not in verifying(call, source).settings


def test_each_shard_is_seen_by_one_network_after_it_was_looked_at(job, pictures, monkeypatch):
    monkeypatch.setattr(samples, "SHARD", 3)
    call = job(pictures, "verify.look_alikes=5")
    source = open_source(call.recipe.data)
    shards = looking(call, source)
    seen = seeing(call, source, shards)
    assert [one.folder.name for one in seen] == ["embedded_00000", "embedded_00001"]
    assert [one.waits_for() for one in seen] == [[shards[0]], [shards[1]]]
    assert {(one.on_damage, one.on_change, one.stays) for one in seen} == {("redo", "redo", True)}
    assert seen[0].settings["seen_by"]["backbone"] == "tf_efficientnet_lite0"
    for one in seen:
        check_travels(one)
    table = verifying(call, source, shards, seen)
    check_travels(table)
    assert table.waits_for() == [*shards, *seen]
    assert depends_on(table) == depends_on(verifying(call, source))
    assert table.settings["verify"]["look_alikes"] == 5


def test_looks_are_the_same_whether_look_alikes_are_asked_for_or_not(job, pictures):
    def of(*settings):
        call = job(pictures, *settings)
        return [depends_on(one) for one in looking(call, open_source(call.recipe.data))]

    assert of() == of("verify.look_alikes=5")


def test_a_network_sees_each_picture_that_can_be_read(pictures, tmp_path):
    (pictures / REFERENCES[2]).write_bytes(b"no picture")
    shard = looked(tmp_path, pictures).folder
    unit = made(tmp_path / "seen", embed_look, stage="verify", folder=pictures,
                pixel_limit=10**6, references=REFERENCES, look=shard,
                machine=Machine("cpu"))  # fmt: skip
    seen = unit.array(EMBEDDING)
    assert (seen.shape, seen.dtype) == ((4, 1280), np.float16)
    assert np.abs(seen).sum(axis=1).astype(bool).tolist() == [True, True, False, True]
    # Lite0 with ImageNet's weights, on a picture that area averaging brought to 96 px.
    net = LesionNet(NET, 1).eval()
    small = cv2.resize(skin(2, 200), (96, 96), interpolation=cv2.INTER_AREA)
    image = torch.tensor(small).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        known = net.embed(image)[0].numpy()[0]
    cosine = known @ seen[3] / np.linalg.norm(known) / np.linalg.norm(seen[3].astype(float))
    assert cosine > 0.99


def test_pairs_for_a_person_are_a_table_and_a_page(pictures, tmp_path):
    unit = verified(tmp_path, pictures, ALIKE)
    assert unit.parquet(DUPLICATES).select("isic_id_a", "isic_id_b", "kind").rows() == [
        ("mel__a", "mel__b", "near")
    ]
    assert unit.parquet(LIST).select("isic_id_a", "isic_id_b").rows() == [("mel__a", "nv__c")]
    page = unit.text(PAGE)
    assert page.count("<img ") == 2
    assert "diagnosis mel and nv" in page
    assert unit.manifest.for_people == [PAGE]
    assert unit.facts["look_alikes"] == {"judged": 1, "joined": 0, "listed": 1}
    assert told(unit)[0] == (
        "1 pair of pictures of two patients that may be of one: look at look_alikes.html, and "
        "name those that are in accept.csv in the data folder."
    )


def test_what_is_certain_joins_groups_as_any_near_duplicate(pictures, tmp_path, monkeypatch):
    """Found by the network alone, where the search by keys sees nothing."""
    monkeypatch.setattr("folds.audit.duplicates.near_duplicates", nothing_near)
    unit = verified(tmp_path, pictures, [(1, 0), (1, 0), (0, 1), (0, -1)])
    assert unit.parquet(DUPLICATES).select("isic_id_a", "isic_id_b", "kind").rows() == [
        ("mel__a", "mel__b", "near")
    ]
    assert unit.facts["look_alikes"] == {"judged": 1, "joined": 1, "listed": 0}
    assert unit.parquet(LIST).is_empty()


def nothing_near(keys, thumbs, **options):
    return pl.DataFrame(schema={"i": pl.UInt32, "j": pl.UInt32, "similarity": pl.Float32})


def test_what_a_person_accepts_is_joined_and_no_longer_listed(pictures, tmp_path):
    (pictures / "accept.csv").write_text("a,b\nnv__c,mel__a\n")
    unit = verified(tmp_path, pictures, ALIKE)
    assert unit.parquet(DUPLICATES).select("isic_id_a", "isic_id_b", "kind").rows() == [
        ("mel__a", "mel__b", "near"), ("mel__a", "nv__c", "accepted"),
    ]  # fmt: skip
    assert unit.parquet(LIST).is_empty()
    assert (
        "1 pair of images that a person takes for one lesion (accept.csv), 1 across patients, "
        "whose rows are folded as one group: mel__a = nv__c."
    ) in told(unit)


def test_the_accepted_pairs_are_an_input_of_the_table_alone(job, pictures):
    call = job(pictures)
    source = open_source(call.recipe.data)
    before = depends_on(verifying(call, source)), depends_on(looking(call, source)[0])
    assert "accept.csv" not in before[0][1]
    (pictures / "accept.csv").write_text("a,b\n")
    after = depends_on(verifying(call, source)), depends_on(looking(call, source)[0])
    assert after[0][1].keys() - before[0][1].keys() == {"accept.csv"}
    assert after[1] == before[1]


def test_a_wrong_pair_stops_before_anything_is_listed(pictures, tmp_path):
    (pictures / "accept.csv").write_text("a,b\nnv__c,nv__x\n")
    unit = verified(tmp_path, pictures, ALIKE)
    assert told(unit, "errors") == [
        "accept.csv names 1 image that no row has: [nv__x]; correct them, or take the lines out."
    ]
    assert LIST not in unit.manifest.files


def test_a_pair_with_a_damaged_picture_may_stay_accepted(pictures, tmp_path):
    (pictures / REFERENCES[3]).write_bytes(b"no picture")
    (pictures / "accept.csv").write_text("a,b\nnv__c,nv__d\n")
    verify = VerifyConfig(look_alikes=5, corrupt_images="drop")
    unit = verified(tmp_path, pictures, [*ALIKE[:3], (0, 0)], verify)
    assert told(unit, "errors") == []
    assert unit.parquet(DUPLICATES)["kind"].to_list() == ["near"]


@pytest.mark.parametrize("other", ["look_at_images", "near_duplicates"])
def test_look_alikes_without_a_look_are_refused(other):
    with pytest.raises(ValidationError, match="look_alikes needs look_at_images and near_dupl"):
        VerifyConfig(look_alikes=5, **{other: False})


def test_settings_name_look_alikes_where_they_are_asked_for():
    """So that what was made before there were any is not made anew."""
    assert VerifyConfig().settings() == {
        "look_at_images": True, "near_duplicates": True, "corrupt_images": "error",
    }  # fmt: skip
    assert VerifyConfig(look_alikes=5).settings()["look_alikes"] == 5
