"""Notices of a library or of an index: of which entry, of which version, in which form."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from indexer.checkcodes import FIRST_DAY, LAST_DAY
from indexer.generation import NO_COMMIT
from indexer.index import Index
from indexer.library import Library
from indexer.notice import (
    Notice,
    Version,
    bases_of,
    compose_notice,
    has_notice,
    own_sources,
    version_of,
)
from indexer.noticedocx import render_docx
from indexer.noticehtml import render_file
from indexer.noticepdf import render_pdf
from indexer.policy import Policy
from indexer.problems import ParameterError, ParameterProblem, shown
from indexer.revisions import last_commits
from indexer.situations import read_situations


class Format(StrEnum):
    """In which form a notice is given."""

    TEXT = "text"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"


def read_format(name: str, *others: str) -> Format:
    """Return the form with this name; raise ParameterError, which names `others` as well."""
    if name not in list(Format):
        message = f"只能是 {'、'.join((*others, *Format))}，收到的是{shown(name)}。"
        raise ParameterError([ParameterProblem("format", message)])
    return Format(name)


@dataclass(frozen=True)
class Source:
    """An entry as notices need it: its policy, the blob id of its file, its last commit."""

    policy: Policy
    digest: str
    commit: str


Find = Callable[[str], Source | None]


def sources_of_library(library: Library) -> Find:
    """Return what finds the entries of a library by their slugs."""
    commits = last_commits(library.root)

    def find(slug: str) -> Source | None:
        entry = library.by_slug.get(slug)
        if entry is None:
            return None
        return Source(entry.policy, entry.digest, commits.get(entry.path, ""))

    return find


def sources_of_index(index: Index) -> Find:
    """Return what finds the entries of an index by their slugs."""

    def find(slug: str) -> Source | None:
        record = index.record(slug)
        if record is None:
            return None
        row = index.rows[slug]
        commit = index.commits[row]
        return Source(_policy_of(record), index.digests[row], "" if commit == NO_COMMIT else commit)

    return find


def _policy_of(record: Mapping[str, Any]) -> Policy:
    """Return a published record as a policy, less what benefits alone have."""
    others = {"url", "eligibility", "benefits"}
    return Policy.model_validate({name: record[name] for name in record.keys() - others})


def make_notice(
    find: Find, slug: str, situations: Iterable[str], day: date, address: str = ""
) -> Notice:
    """Return the notice of an entry; raise ParameterError where there is none.

    `address` is that of the site: the notice points to its page there.
    """
    source = find(slug)
    if source is None or not has_notice(source.policy.kind):
        raise ParameterError([ParameterProblem("slug", _no_notice(slug, source))])
    policy = source.policy
    if not FIRST_DAY <= day <= LAST_DAY:
        message = f"只能是 {FIRST_DAY} 到 {LAST_DAY}，收到的是{shown(day)}。"
        raise ParameterError([ParameterProblem("as_of", message)])
    page = f"{address.rstrip('/')}/{page_of(slug)}" if address else ""
    chosen = read_situations(situations, policy)
    bases = _bases(policy, find)
    version = _version(source, bases)
    return compose_notice(policy, [base.policy for base in bases], chosen, day, version, page)


def page_of(slug: str) -> str:
    """Return the address of a notice's page below the root of the site."""
    return f"notices/{slug}.html"


def _no_notice(slug: str, source: Source | None) -> str:
    if source is None:
        return f"没有条目{shown(slug)}。"
    return f"{shown(slug)}不是办事事项，没有一次告知单；只有 kind 是 service 的条目才有。"


def version_in(find: Find, slug: str) -> Version | None:
    """Return the version of an entry's notice, or None where there is no notice."""
    source = find(slug)
    if source is None or not has_notice(source.policy.kind):
        return None
    return _version(source, _bases(source.policy, find))


def _bases(policy: Policy, find: Find) -> list[Source]:
    def policy_of(slug: str) -> Policy | None:
        source = find(slug)
        return None if source is None else source.policy

    found = (find(base.slug) for base in bases_of(policy, policy_of))
    return [source for source in found if source is not None]


def _version(source: Source, bases: Iterable[Source]) -> Version:
    digests = [source.digest, *(base.digest for base in bases)]
    return version_of(digests, own_sources(), source.commit)


def render(notice: Notice, form: Format) -> bytes:
    """Return a notice in a form; raise PdfUnavailable where PDF cannot be made."""
    match form:
        case Format.HTML:
            return render_file(notice).encode()
        case Format.DOCX:
            return render_docx(notice)
        case Format.PDF:
            return render_pdf(render_file(notice))
    return ("\n".join(notice.texts()) + "\n").encode()
