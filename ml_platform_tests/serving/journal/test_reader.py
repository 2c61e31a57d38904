"""The reader on segments that are whole, torn, flipped, cut and spliced."""

from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.serving.journal.reader import read_segment
from ml_platform.serving.journal.segment import FRAME, MAGIC
from ml_platform_tests.serving.journal.test_writer import record


def framed(payload: bytes) -> bytes:
    return FRAME.pack(len(payload), crc32(payload)) + payload


RECORDS = [record(number) for number in range(8)]
FRAMES = [framed(payload) for payload in RECORDS]
SEGMENT = MAGIC + b"".join(FRAMES)


def test_whole_segment_is_read_to_its_end() -> None:
    content = read_segment(SEGMENT)
    assert content == (RECORDS, len(SEGMENT), ())


def test_reading_goes_on_where_it_ended() -> None:
    middle = len(MAGIC) + len(FRAMES[0])
    first = read_segment(SEGMENT[:middle], closed=False)
    rest = read_segment(SEGMENT[first.offset :], start=first.offset)
    assert [*first.records, *rest.records] == RECORDS
    assert rest.offset == len(SEGMENT)


def test_torn_tail_of_an_open_segment_waits_and_of_a_closed_one_is_counted() -> None:
    torn = SEGMENT[:-5]
    opened = read_segment(torn, closed=False)
    assert opened.records == RECORDS[:-1]
    assert opened.offset == len(SEGMENT) - len(FRAMES[-1])
    assert opened.damages == ()
    closed = read_segment(torn)
    assert closed.records == RECORDS[:-1]
    assert [(damage.kind, len(damage.content)) for damage in closed.damages] == [
        ("torn", len(FRAMES[-1]) - 5)
    ]
    assert closed.offset == len(torn)


def test_damaged_record_in_the_middle_is_set_aside_and_the_rest_is_read() -> None:
    begin = len(MAGIC) + len(FRAMES[0])
    for at in (0, 5, 30):  # its length, its checksum, its payload
        data = bytearray(SEGMENT)
        data[begin + at] ^= 0x40
        content = read_segment(bytes(data), closed=False)
        assert content.records == [RECORDS[0], *RECORDS[2:]]
        [damage] = content.damages
        assert (damage.kind, damage.offset) == ("damaged", begin)
        assert damage.content == bytes(data[begin : begin + len(FRAMES[1])])


def test_flipped_last_record_of_a_closed_segment_is_damage_not_a_torn_tail() -> None:
    content = read_segment(SEGMENT[:-1] + b"!")
    assert [damage.kind for damage in content.damages] == ["damaged"]


def test_zeros_are_no_records() -> None:
    content = read_segment(SEGMENT + bytes(4096))
    assert content.records == RECORDS
    assert [len(damage.content) for damage in content.damages] == [4096]


def test_segment_without_its_header_still_gives_its_records() -> None:
    content = read_segment(b"\xff" * len(MAGIC) + SEGMENT[len(MAGIC) :])
    assert content.records == RECORDS
    assert [damage.offset for damage in content.damages] == [0]


places = st.integers(0, len(SEGMENT))
edits = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), places, places),
        st.tuples(st.just("flip"), places, st.integers(1, 255)),
        st.tuples(st.just("splice"), places, st.binary(max_size=40)),
        st.tuples(st.just("copy"), places, places),
    ),
    max_size=5,
)


def damage(data: bytes, edit: tuple[str, int, object]) -> bytes:
    kind, at, what = edit
    if kind == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ what]) + data[at + 1 :]
    if kind == "splice":
        return data[:at] + what + data[at:]
    if kind == "copy":
        return data + data[at : at + what]
    return data[:at] + data[what:] if kind == "cut" else data


@settings(max_examples=400, deadline=None)
@given(edits, st.booleans(), st.integers(0, 50))
def test_fuzz_never_raises_never_invents_and_accounts_for_every_byte(
    wrongs: list[tuple[str, int, object]], closed: bool, start: int
) -> None:
    data = SEGMENT
    for wrong in wrongs:
        data = damage(data, wrong)
    content = read_segment(data[start:], start=start, closed=closed)
    assert set(content.records) <= set(RECORDS)
    used = sum(FRAME.size + len(each) for each in content.records)
    used += sum(len(each.content) for each in content.damages)
    header = len(MAGIC) if start == 0 and data.startswith(MAGIC) else 0
    assert start + header + used == content.offset <= max(start, len(data))
    if closed:
        assert content.offset == max(start, len(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_noise_holds_no_record(noise: bytes) -> None:
    assert read_segment(noise).records == []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SEGMENT) - 1), st.integers(1, 255))
def test_one_flipped_byte_costs_one_record_at_most(at: int, mask: int) -> None:
    data = bytearray(SEGMENT)
    data[at] ^= mask
    content = read_segment(bytes(data))
    assert len(content.records) >= len(RECORDS) - 1
    assert len(content.records) == len(RECORDS) or content.damages
