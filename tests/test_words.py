from factories import make_policy

from indexer.analysis import own_words
from indexer.words import lines, words_of


def test_short_names_that_the_dictionary_lacks_are_words_of_the_trade() -> None:
    policy = make_policy("p", title="城镇污水排入排水管网许可", aliases=["失保", "排水", "VAT证"])
    assert words_of([policy], ["稳岗", "道路"]) == ["失保", "稳岗"]


def test_every_listed_word_is_a_name_and_few_names_are_not_listed_yet() -> None:
    written = {line for line in lines() if not line.startswith("#")}
    assert own_words() <= written
    assert len(written - own_words()) < 200
