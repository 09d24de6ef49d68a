"""Each adapter on a few rows of its own format; nothing label-like becomes a feature."""

import zipfile

import numpy as np
import polars as pl
import pytest

from folds.findings import Findings
from folds.samples import build_samples
from folds.schema import CORE
from folds.sources import DataConfig, open_source
from folds.sources.isic2024_columns import TEST_NAMES
from tests.unit.folds.conftest import jpeg
from workspace.errors import ConfigError, DataError


def build(source, folder, **config):
    findings = Findings()
    opened = open_source(DataConfig(source=source, folder=folder, **config))
    return build_samples(opened, findings), findings


def write(path, text):
    path.write_text(text)


@pytest.fixture
def ham(tmp_path):
    write(
        tmp_path / "HAM10000_metadata.csv",
        "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
        "HAM_0000001,ISIC_0024306,mel,histo,80.0,male,scalp\n"
        "HAM_0000001,ISIC_0024307,mel,histo,80.0,male,scalp\n"
        "HAM_0000002,ISIC_0024308,nv,follow_up,,female,back\n",
    )
    with zipfile.ZipFile(tmp_path / "HAM10000_images_part_1.zip", "w") as archive:
        for number in (24306, 24307, 24308):
            archive.writestr(f"ISIC_00{number}.jpg", jpeg(number))
    return tmp_path


def test_ham10000(ham):
    samples, findings = build("ham10000", ham, group="lesion", positive=("mel",))
    assert findings.errors == []
    assert samples["target"].to_list() == [1, 1, 0]
    assert samples["lesion_id"].n_unique() == 2
    assert samples["image"][0] == "HAM10000_images_part_1.zip::ISIC_0024306.jpg"
    assert samples.columns[len(CORE) :] == ["age_approx", "sex", "anatom_site_general"]
    assert samples["age_approx"].to_list() == [80.0, 80.0, None]


def test_ham10000_has_no_patients_and_says_so(ham):
    _, findings = build("ham10000", ham, positive=("mel",))
    assert [f.message for f in findings.errors] == [
        "Missing patient_id for images: [ISIC_0024306, ISIC_0024307, ISIC_0024308]."
    ]


def test_what_counts_as_positive_is_asked_for_and_checked(ham):
    with pytest.raises(ConfigError) as refused:
        build("ham10000", ham, group="lesion")
    assert str(refused.value) == (
        'Source ham10000 has classes; say in data.positive which count as 1, for example ["mel"].'
    )
    with pytest.raises(ConfigError) as refused:
        build("ham10000", ham, group="lesion", positive=("MEL",))
    assert str(refused.value) == (
        "data.positive names MEL, which no row has as its diagnosis; there are mel, nv."
    )
    with pytest.raises(ConfigError) as refused:
        build("isic2024", ham, positive=("mel",))
    assert str(refused.value) == "Source isic2024 has a target; leave out data.positive."


def test_isic2020(tmp_path):
    write(
        tmp_path / "ISIC_2020_Training_GroundTruth_v2.csv",
        "image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,diagnosis,"
        "benign_malignant,target\n"
        "ISIC_2637011,IP_7279968,IL_7972535,male,45,head/neck,unknown,benign,0\n"
        "ISIC_0015719,IP_3075186,IL_4323961,female,45,upper extremity,melanoma,malignant,1\n",
    )
    write(
        tmp_path / "ISIC_2020_Training_Duplicates.csv",
        "image_name_1,image_name_2\nISIC_2637011,ISIC_0015719\n",
    )
    samples, findings = build("isic2020", tmp_path, images="none")
    assert findings.errors == []
    assert samples["target"].to_list() == [1, 0]
    assert "benign_malignant" not in samples.columns
    source = open_source(DataConfig(source="isic2020", folder=tmp_path, images="none"))
    assert source.known_pairs(Findings()).rows() == [("ISIC_2637011", "ISIC_0015719")]
    assert [path.name for path in source.inputs()][-1] == "ISIC_2020_Training_Duplicates.csv"


PAD = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,"
    "skin_cancer_history,cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,"
    "diameter_1,diameter_2,diagnostic,itch,grew,hurt,changed,bleed,elevation,img_id,biopsed\n"
    "PAT_1,10,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,PAT_1_10_530.png,False\n"
    "PAT_2,20,True,False,X,Y,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,BCC,True,True,"
    "False,True,True,True,PAT_2_20_881.png,True\n"
)


def test_pad_ufes(tmp_path):
    write(tmp_path / "metadata.csv", PAD)
    samples, findings = build("pad_ufes", tmp_path, images="none", positive=("BCC",))
    assert findings.errors == []
    assert samples["isic_id"].to_list() == ["PAT_1_10_530", "PAT_2_20_881"]
    assert samples["target"].to_list() == [0, 1]
    assert not {"biopsed", "diagnostic"} & set(samples.columns)


@pytest.fixture
def npz(tmp_path):
    arrays = {}
    for name, n in (("train", 8), ("val", 3), ("test", 4)):
        arrays[f"{name}_images"] = np.full((n, 28, 28, 3), n, np.uint8)
        arrays[f"{name}_labels"] = np.arange(n, dtype=np.uint8)[:, None] % 7
    np.savez(tmp_path / "dermamnist.npz", **arrays)
    return tmp_path


def test_dermamnist_as_npz_keeps_the_official_split(npz):
    samples, findings = build("dermamnist", npz, group="none", positive=("mel",))
    assert findings.errors == []
    assert samples["split"].value_counts(sort=True).rows() == [
        ("train", 8), ("test", 4), ("valid", 3),
    ]  # fmt: skip
    assert samples.filter(pl.col("target") == 1)["isic_id"].to_list() == ["DermaMNIST_train_00004"]
    assert "dermamnist.npz::train_images/4" in samples["image"].to_list()


def test_dermamnist_learns_its_lesions_from_a_file_beside_it(npz):
    groups = npz / "groups.csv"
    given = {"group": "none", "positive": ("mel",)}
    groups.write_text(
        "image_id,lesion_id\nDermaMNIST_val_00000,L1\nDermaMNIST_train_00000.jpg,L1\n"
    )
    samples, _ = build("dermamnist", npz, **given)
    assert dict(samples.select("isic_id", "lesion_id").drop_nulls().iter_rows()) == {
        "DermaMNIST_train_00000": "L1", "DermaMNIST_val_00000": "L1",
    }  # fmt: skip
    source = open_source(DataConfig(source="dermamnist", folder=npz, positive=("mel",)))
    assert groups in source.inputs()
    for rows, message in (
        ("DermaMNIST_val_00000,L1\n" * 2, "names images twice: [DermaMNIST_val_00000]."),
        ("gone,L1\n", "names images that are not there: [gone]."),
    ):
        groups.write_text(f"image_id,lesion_id\n{rows}")
        with pytest.raises(DataError) as refused:
            build("dermamnist", npz, **given)
        assert str(refused.value) == f"groups.csv {message}"


def test_dermamnist_takes_its_lesions_from_any_file_that_the_recipe_names(npz, tmp_path):
    (npz / "groups.csv").write_text("image_id,lesion_id\nDermaMNIST_val_00000,OTHER\n")
    elsewhere = tmp_path / "else" / "match.csv"
    elsewhere.parent.mkdir()
    header = "dermamnist_id,isic_id,lesion_id,dx,split,corr\n"
    elsewhere.write_text(
        f"{header}DermaMNIST_val_00000,ISIC_0000001,L1,akiec,val,0.99\n"
        "DermaMNIST_train_00000,ISIC_0000002,L1,akiec,train,0.98\n"
        "DermaMNIST_test_00000,ISIC_0000003,,akiec,test,0.97\n"
    )
    given = {"group": "none", "positive": ("mel",), "lesions": elsewhere}
    samples, findings = build("dermamnist", npz, **given)
    assert dict(samples.select("isic_id", "lesion_id").drop_nulls().iter_rows()) == {
        "DermaMNIST_train_00000": "L1", "DermaMNIST_val_00000": "L1",
    }  # fmt: skip
    [notice] = [f for f in findings.notices if f.check == "unknown-lesion"]
    assert notice.message == (
        "match.csv does not say which lesion 13 images of 15 show: [DermaMNIST_train_00001, "
        "DermaMNIST_train_00002, DermaMNIST_train_00003, DermaMNIST_train_00004, "
        "DermaMNIST_train_00005] (+8 more)."
    )
    source = open_source(DataConfig(source="dermamnist", folder=npz, **given))
    assert [source.input_name(path) for path in source.inputs()] == [
        "dermamnist.npz", "lesions.csv",
    ]  # fmt: skip
    for text, message in (
        (f"{header}DermaMNIST_val_00000,I,L1,mel,val,1\n",
         "match.csv names another class than the data for images: [DermaMNIST_val_00000]."),
        (f"{header},I,L1,mel,val,1\n",
         "match.csv has rows without an image id; name it in dermamnist_id or image_id."),
        ("isic_id,lesion_id\nDermaMNIST_val_00000,L1\n",
         "match.csv has rows without an image id; name it in dermamnist_id or image_id."),
        ("dermamnist_id,lesion\nDermaMNIST_val_00000,L1\n",
         "Missing columns in match.csv: ['lesion_id']."),
    ):  # fmt: skip
        elsewhere.write_text(text)
        with pytest.raises(DataError) as refused:
            build("dermamnist", npz, **given)
        assert str(refused.value) == message
    elsewhere.unlink()
    with pytest.raises(DataError) as refused:
        build("dermamnist", npz, **given)
    assert str(refused.value) == f"match.csv is missing in {elsewhere.parent}; see data.lesions."


def test_who_needs_no_file_of_lesions_refuses_one(ham):
    with pytest.raises(ConfigError) as refused:
        build("ham10000", ham, group="lesion", positive=("mel",), lesions=ham / "groups.csv")
    assert str(refused.value) == "Source ham10000 does not read data.lesions; leave it out."


def test_lesions_that_a_recipe_names_are_what_is_known(npz):
    given = {"source": "dermamnist", "folder": npz, "positive": ("mel",), "group": "known"}
    assert DataConfig(**given).group == "none"
    named = DataConfig(**given, lesions=npz / "match.csv")
    assert named.group == "lesion"
    plain = DataConfig(**{**given, "group": "lesion"})
    assert named.settings() == plain.settings()  # its hash says more than where it lies


def test_dermamnist_labels_outside_the_seven(npz):
    arrays = dict(np.load(npz / "dermamnist.npz"))
    arrays["val_labels"][0] = 7
    np.savez(npz / "dermamnist.npz", **arrays)
    with pytest.raises(DataError) as refused:
        build("dermamnist", npz, group="none", positive=("mel",))
    assert str(refused.value) == "Labels in dermamnist.npz must be 0 to 6."


def test_dermamnist_as_csv(tmp_path):
    write(
        tmp_path / "labels.csv",
        "image_id,dx,lesion_id\nDermaMNIST_train_00000,akiec,a\nDermaMNIST_val_00000,mel,b\n",
    )
    config = {"table": "labels.csv", "images": "none", "group": "none", "positive": ("mel",)}
    samples, _ = build("dermamnist", tmp_path, **config)
    assert samples["split"].to_list() == ["train", "valid"]
    write(tmp_path / "labels.csv", "image_id,dx\nx1,akiec\n")
    with pytest.raises(DataError) as refused:
        build("dermamnist", tmp_path, **{**config, "positive": ("akiec",)})
    assert str(refused.value) == (
        "Official split (train, val or test) missing in labels.csv for images: [x1]."
    )


@pytest.fixture
def folder(tmp_path):
    for name, count in (("naevus", 3), ("melanoma", 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"img {number}.jpg".replace(" ", "_")).write_bytes(jpeg(number))
    return tmp_path


def test_image_folder(folder):
    samples, findings = build("image_folder", folder, group="none", positive=("melanoma",))
    assert findings.errors == []
    assert samples["isic_id"][0] == "melanoma__img_0"
    assert samples["image"][0] == "melanoma/img_0.jpg"
    assert samples["target"].to_list() == [1, 1, 0, 0, 0]


def test_image_folder_with_groups(folder):
    lines = [f"{c}/img_{n}.jpg,P{n}" for c, k in (("naevus", 3), ("melanoma", 2)) for n in range(k)]
    write(folder / "groups.csv", "image,patient_id\n" + "\n".join(lines) + "\n")
    samples, findings = build("image_folder", folder, positive=("melanoma",))
    assert findings.errors == []
    assert samples["patient_id"].to_list() == ["P0", "P1", "P0", "P1", "P2"]
    write(folder / "groups.csv", "image,patient_id\nnaevus/gone.jpg,P1\n")
    with pytest.raises(DataError) as refused:
        build("image_folder", folder, positive=("melanoma",))
    assert str(refused.value) == (
        "groups.csv names pictures that are not there: [naevus/gone.jpg]."
    )


def test_pictures_are_grouped_by_patient_where_a_file_says_whose_they_are(folder):
    given = {"group": "known", "positive": ("melanoma",)}
    samples, findings = build("image_folder", folder, **given)
    assert [f.check for f in findings.notices] == ["ungrouped"]
    names = [row.replace("__", "/") for row in samples["isic_id"]]
    config = DataConfig(source="image_folder", folder=folder, **given)
    assert config.group == "none"
    write(folder / "groups.csv", "image,patient_id\n" + "".join(f"{n}.jpg,P\n" for n in names))
    assert DataConfig(source="image_folder", folder=folder, **given).group == "patient"
    _, findings = build("image_folder", folder, **given)
    assert (findings.errors, findings.notices) == ([], [])
    write(folder / "groups.csv", f"image,patient_id\n{names[0]}.jpg,P\n")
    _, findings = build("image_folder", folder, **given)  # of some is not of all
    assert [f.check for f in findings.errors] == ["missing-group"]


@pytest.mark.parametrize(
    ("source", "file", "group"),
    [
        ("isic2024", None, "patient"), ("isic2020", None, "patient"), ("pad_ufes", None, "patient"),
        ("ham10000", None, "lesion"), ("dermamnist", None, "none"),
        ("dermamnist", "groups.csv", "lesion"), ("image_folder", "groups.csv", "patient"),
    ],
)  # fmt: skip
def test_a_folder_knows_by_whom_it_is_grouped(tmp_path, source, file, group):
    if file:
        (tmp_path / file).touch()
    assert DataConfig(source=source, folder=tmp_path, group="known").group == group


def test_a_group_that_leaves_known_patients_apart_is_named_and_not_called_unknown(folder):
    lines = "".join(f"naevus/img_{n}.jpg,P{n // 2}\n" for n in range(3))
    write(folder / "groups.csv", "image,patient_id\n" + lines)
    _, findings = build("image_folder", folder, group="none", positive=("melanoma",))
    assert [f.message for f in findings.notices] == [
        "data.group='none' does not keep 1 patient with more than one image together: P0; take "
        "data.group='patient'."
    ]


def test_only_test_columns_of_isic2024_can_become_features(competition):
    samples, _ = competition.write().build()
    assert set(samples.columns[len(CORE) :]) <= set(TEST_NAMES)


def test_a_table_that_is_not_there_is_named_before_the_pictures(tmp_path):
    source = open_source(DataConfig(source="isic2020", folder=tmp_path))
    with pytest.raises(DataError) as refused:
        source.inputs()
    assert str(refused.value) == (
        f"ISIC_2020_Training_GroundTruth_v2.csv is missing in {tmp_path}; name its folder with "
        "DATA=."
    )


def test_pictures_that_are_nowhere(ham):
    (ham / "HAM10000_images_part_1.zip").unlink()
    with pytest.raises(DataError, match=r"^No images in .*: none of HAM10000_images_part_1, "):
        build("ham10000", ham, group="lesion", positive=("mel",))
    with pytest.raises(DataError, match=r"^x\.zip is missing in .*; see data\.images_in\.$"):
        build("ham10000", ham, group="lesion", positive=("mel",), images_in=("x.zip",))


def test_one_diagnosis_in_two_spellings_is_refused(ham):
    path = ham / "HAM10000_metadata.csv"
    path.write_text(path.read_text().replace("ISIC_0024307,mel", "ISIC_0024307,MEL"))
    with pytest.raises(DataError) as refused:
        build("ham10000", ham, group="lesion", positive=("mel",))
    assert str(refused.value) == (
        "One diagnosis in several spellings: [MEL, mel]; write it one way."
    )


def test_image_folder_says_what_it_leaves_out(folder):
    (folder / "naevus" / "notes.bmp").touch()
    (folder / "naevus" / "more.jpg").mkdir()
    _, findings = build("image_folder", folder, group="none", positive=("melanoma",))
    assert [f.message for f in findings.notices if f.check == "not-images"] == [
        "2 entries of class folders neither JPEG nor PNG ignored: naevus/more.jpg, "
        "naevus/notes.bmp."
    ]


def test_hdf5_and_jpegs_together_are_both_read(competition):
    competition.write()
    crops = competition.folder / "train-image" / "image"
    crops.mkdir(parents=True)
    (crops / "ISIC_0000777.jpg").write_bytes(jpeg(1))
    competition.train[0]["isic_id"] = "ISIC_0000777"
    competition._write("train", competition.train_columns, competition.train, images=False)
    samples, findings = competition.build(images="all")
    assert findings.errors == []
    assert samples["image"].to_list().count("train-image/image/ISIC_0000777.jpg") == 1
