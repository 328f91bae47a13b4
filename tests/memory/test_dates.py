import pytest

from interlock.memory.dates import MONTH_ONLY, OTHER_DAY, Day, day_in, fits
from interlock.memory.store import Store
from interlock.runtime.clock import ManualClock
from interlock.runtime.memories import Note, Owner


@pytest.mark.parametrize(
    ("query", "day"),
    [
        ("What did Ann buy on 13 May 2023?", Day(month=5, day=13, year=2023)),
        ("What did Ann buy on October 13, 2023?", Day(month=10, day=13, year=2023)),
        ("what happened on the 1st of june", Day(month=6, day=1)),
        ("Who came in May?", Day(month=5)),
        ("Who came in August 2022?", Day(month=8, year=2022)),
        ("Who came on 2023-02-28?", Day(month=2, day=28, year=2023)),
        ("What may Ann drink?", None),
        ("May I come?", None),
        ("Who came on 2023-13-01?", None),
        ("Who came?", None),
        ("", None),
    ],
)
def test_the_day_that_a_query_names_is_read(query: str, day: Day | None) -> None:
    assert day_in(query) == day


def test_a_time_fits_by_day_month_and_year() -> None:
    times = ["2023-05-13T09:00", "2023-05-14T09:00", "2022-05-13T09:00", "2023-06-13T09:00"]

    assert fits("on 13 May 2023", times).tolist() == [1, OTHER_DAY, 0, 0]
    assert fits("in May", times).tolist() == [MONTH_ONLY, MONTH_ONLY, MONTH_ONLY, 0]
    assert fits("ever", times).tolist() == [0, 0, 0, 0]


def test_what_is_from_the_day_that_is_asked_for_comes_first(store: Store, clock: ManualClock, ann: Owner) -> None:
    ids: dict[str, str] = {}
    for _ in range(3):
        text = f"The meeting of the board went on for hours, as ever ({len(ids)})."
        ids[f"{clock.now().day} {clock.now():%B %Y}"] = store.add(Note(text=text), ann).id
        clock.advance(9 * 86_400)

    for day, id in ids.items():
        assert store.search(f"How was the meeting on {day}?", ann).items[0].id == id
