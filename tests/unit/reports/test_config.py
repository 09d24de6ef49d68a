import pytest
from pydantic import ValidationError

from reports.config import ReportConfig


@pytest.mark.parametrize(
    ("pictures", "of_synthetic", "of_people"),
    [(None, True, False), (True, True, True), (False, False, False)],
)
def test_who_may_be_seen(pictures, of_synthetic, of_people):
    config = ReportConfig(pictures=pictures)
    assert config.may_show(synthetic=True) == of_synthetic
    assert config.may_show(synthetic=False) == of_people


@pytest.mark.parametrize("values", [{"pictures": "no"}, {"cases": 0}, {"picture": True}])
def test_what_is_no_such_section_is_refused(values):
    with pytest.raises(ValidationError):
        ReportConfig(**values)
