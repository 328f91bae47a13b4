from checkout import ROOT
from public_names import public_names


def test_what_is_promised_is_what_the_committed_list_says() -> None:
    committed = (ROOT / "docs" / "public-names.txt").read_text(encoding="utf-8").split()

    assert sorted(public_names()) == committed, "if the change is meant: make public-names"
