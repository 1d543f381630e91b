"""Words of the trade (行业词): names that the segmenter's own dictionary does not have.

`make words` writes them to `lexicon/words.txt` from the titles and aliases of the entries and from
the synonyms, so that what people call a thing counts as a word.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from indexer.analysis import is_dictionary_word, normalise
from indexer.loader import load_library
from indexer.policy import Policy
from indexer.synonyms import load_synonyms

HEAD = """\
# 行业词：标题、俗称和近义词里有、分词器的词典里没有的词。由 make words 生成，改条目后可以再生成。
# 一行一个词，# 后面是说明。
"""
_NAME = re.compile("[\u4e00-\u9fff]{2,4}")


def words_of(policies: Iterable[Policy], synonyms: Iterable[str]) -> list[str]:
    """Return the short names that the dictionary lacks, sorted; long ones are made of words."""
    names = {normalise(name) for policy in policies for name in (policy.title, *policy.aliases)}
    found = (name for name in names | set(synonyms) if _NAME.fullmatch(name))
    return sorted(name for name in found if not is_dictionary_word(name))


def lines() -> Iterator[str]:
    """Yield the lines of `lexicon/words.txt` for the library in `policies/`."""
    yield HEAD.rstrip("\n")
    yield from words_of(load_library(Path("policies")).policies, load_synonyms())


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
