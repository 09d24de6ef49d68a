from models.cascade.claims import CLAIMS, claim_of


def test_the_simclr_sources_contradictions_are_said_and_are_its_own():
    claim = CLAIMS["simclr_tuned"]
    rates = claim["per_class"].values()
    assert sum(n for *_, n in rates) == 1100 != claim["accuracy"][1]
    assert round(sum(recall for _, recall, *_ in rates) / 7, 3) == 0.723
    for words in (".723", ".73,", "1,100", "accuracy and balanced accuracy"):
        assert words in claim["source"]


def test_none_is_none():
    assert claim_of(None, ("a", "b")) is None


def test_the_first_networks_classes_are_the_papers_by_their_order():
    found = claim_of("two_stage_first", ("other", "listed"))
    assert list(found["per_class"]) == ["other", "listed"]
    assert found["per_class"]["listed"] == (0.9878, 0.9969, 0.9923, 324)  # the paper's cancers
    assert found["accuracy"] == CLAIMS["two_stage_first"]["accuracy"]


def test_the_second_ones_are_those_of_the_same_name_and_others_have_no_claim():
    found = claim_of("two_stage_second", ("MEL", "SCC", "Bcc"))
    assert list(found["per_class"]) == ["MEL", "Bcc"]
    assert found["per_class"]["Bcc"][3] == 93
