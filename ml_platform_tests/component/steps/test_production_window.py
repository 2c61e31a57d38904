from datetime import timedelta

from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.component.steps.production_window import Window
from ml_platform.spec.load import Declaration
from ml_platform_tests.component.running import changed
from ml_platform_tests.component.steps.test_ingest_journal import FEATURES, NOW, log, prediction

HOUR = timedelta(hours=1)
ALL = ["income", "amount", "years_employed", "purpose"]


def test_a_column_that_nobody_sent_is_compared_only_where_the_model_reads_it(
    declaration: Declaration, platform: Platform
) -> None:
    asked = {**FEATURES, "purpose": None}
    log(declaration, [prediction(number, features=asked) for number in range(3)])
    ingest_journal(declaration, platform, now=NOW + HOUR)
    given = Window(declaration, platform, NOW - HOUR, NOW + HOUR)
    assert given.sent(ALL) == ALL, "a transform reads all of it"

    own = "[income, amount, years_employed, burden]\n    categorical: [purpose]\n"
    plain = changed(declaration, f"{own}    transform: features:build\n", "[income]\n")
    window = Window(plain, platform, NOW - HOUR, NOW + HOUR)
    assert window.sent(ALL) == ["income", "amount"], "the amount was sent"
