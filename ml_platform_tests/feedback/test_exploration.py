from ml_platform.feedback.exploration import explores


def test_the_share_is_the_declared_one_and_the_choice_is_sticky():
    keys = [f"key-{i}" for i in range(20_000)]
    chosen = [key for key in keys if explores(key, 5, "loans")]
    assert 900 < len(chosen) < 1100
    assert chosen == [key for key in keys if explores(key, 5, "loans")]


def test_a_larger_share_keeps_who_explored_already_and_another_salt_draws_others():
    keys = [f"key-{i}" for i in range(5_000)]
    some = {key for key in keys if explores(key, 2, "loans")}
    assert some < {key for key in keys if explores(key, 10, "loans")}
    assert some != {key for key in keys if explores(key, 2, "other")}


def test_a_key_as_no_utf8_has_it_is_placed_all_the_same():
    assert explores("\ud800", 100, "loans")
