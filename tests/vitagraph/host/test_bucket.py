"""Token buckets."""

from __future__ import annotations

from vitagraph.host.bucket import TokenBucket


def test_token_bucket_gives_a_burst_then_its_rate() -> None:
    now = 0.0
    bucket = TokenBucket(2, 5, lambda: now)
    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]
    now = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now = 100.0
    assert [bucket.take(5), bucket.take(0.1)] == [True, False]


def test_token_bucket_takes_tokens_back_up_to_its_burst() -> None:
    bucket = TokenBucket(1, 2, lambda: 0.0)
    assert bucket.take(2)
    bucket.give_back()
    assert bucket.take() and not bucket.take()
    bucket.give_back(5)
    assert bucket.take(2) and not bucket.take()


def test_token_bucket_takes_nothing_if_there_is_too_little() -> None:
    bucket = TokenBucket(1, 5, lambda: 0.0)
    assert not bucket.take(6)
    assert bucket.take(5)
