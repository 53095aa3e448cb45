"""Train, embargo and held-out windows never share an order's lifetime."""

from hypothesis import given
from hypothesis import strategies as st

from verify.score.split import PARTS, Split

splits = st.builds(
    lambda first, length, window: Split(first, first + length - 1, window),
    st.integers(0, 10**8),
    st.integers(1, 5_000),
    st.integers(1, 100),
)


def test_a_day_in_thirds():
    split = Split(300, 599, 5)
    assert [split.blocks(part) for part in PARTS] == [(300, 499), (500, 504), (505, 599)]
    assert split.part(99) == "train"  # blocks 495 to 499
    assert split.part(100) == "embargo"  # 500 to 504
    assert split.part(101) == "heldout"  # 505 to 509


def test_a_window_across_a_boundary_is_embargoed():
    split = Split(0, 99, 10)  # trains to block 65, embargo to 75
    assert [split.part(window) for window in (5, 6, 7, 8)] == ["train", "embargo", "embargo", "heldout"]


@given(splits)
def test_the_parts_are_the_blocks_in_order(split):
    blocks = [block for part in PARTS for block in range(split.blocks(part)[0], split.blocks(part)[1] + 1)]
    assert blocks == list(range(split.first_block, split.last_block + 1))
    assert split.train_last - split.first_block + 1 == 2 * len(blocks) // 3


@given(splits)
def test_a_lifetime_lies_between_training_and_held_out_windows(split):
    w = split.window_blocks
    windows = range(split.first_block // w, split.last_block // w + 1)
    parts = [split.part(window) for window in windows]
    assert parts == sorted(parts, key=PARTS.index)
    trained = [window for window, part in zip(windows, parts, strict=True) if part == "train"]
    held_out = [window for window, part in zip(windows, parts, strict=True) if part == "heldout"]
    if trained and held_out:
        last_trained, first_held_out = trained[-1] * w + w - 1, held_out[0] * w
        assert first_held_out - last_trained > w
    assert all(window * w + w - 1 <= split.train_last for window in trained)
    assert all(window * w > split.embargo_last for window in held_out)
