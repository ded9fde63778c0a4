"""Whether a question or an answer names a person. Eponyms ("Bowen disease", "Spitz nevus") are names of things."""

from __future__ import annotations

import re
from functools import lru_cache

_TITLE = re.compile(r"\b(?:Drs?|Mr|Mrs|Ms|Miss|Prof|Professor|Doctor)\b\.?\s+(?:[A-Z]\.\s*)*[A-ZÀ-Þ][a-zß-ÿ’'-]+")
_CALLED = re.compile(
    r"\b(?:patient|man|woman|boy|girl|child|infant|person|dermatologist|photographer)(?:\s+is|\s+was)?,?\s+(?:named|called)"
    r"\s+[A-Z][a-z]+"
)
_CREDIT = re.compile(
    r"\b(?:courtesy of|photo(?:graph)?(?:ed)? (?:by|courtesy)|reproduced (?:from|with)|reprinted (?:from|with)|"
    r"kindly (?:provided|supplied)|collection of (?:the )?(?:Dr|Prof)\b)",
    re.IGNORECASE,
)
_CREDITS = re.compile(r"courtesy|photo|repr|kindly|collection", re.IGNORECASE)
_DEGREE = re.compile(r"\b[A-Z][a-z]+,?\s+(?:M\.?D\.?|Ph\.?D\.?|FRCP|FAAD)\b")
_FULL = re.compile(r"(?=\b([A-Z][a-z]+)\s+(?:[A-Z]\.\s+)?([A-Z][a-z]{2,})\b)")
# The given names of the United States' Social Security lists that were most frequent over the last hundred years, and
# some frequent elsewhere; those that are words of medicine ("Rose", "Grace", "Iris") are left out.
_GIVEN_NAMES = """
    James Robert John Michael David William Richard Joseph Thomas Christopher Charles Daniel Matthew Anthony
    Donald Steven Andrew Paul Joshua Kenneth Kevin Brian George Timothy Ronald Jason Edward Jeffrey Ryan Jacob
    Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel Gregory Alexander Patrick
    Frank Raymond Jack Dennis Jerry Tyler Aaron Jose Adam Nathan Henry Peter Zachary Kyle Noah Walter Harold
    Carl Arthur Albert Roger Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Karen Sarah Lisa Nancy
    Sandra Betty Ashley Emily Kimberly Margaret Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca
    Sharon Laura Cynthia Dorothy Amy Kathleen Angela Shirley Emma Brenda Pamela Nicole Anna Samantha Katherine
    Christine Debra Rachel Carolyn Janet Maria Catherine Heather Diane Olivia Julie Joyce Victoria Ruth Virginia
    Lauren Kelly Christina Joan Evelyn Judith Andrea Hannah Megan Cheryl Jane Alice Ahmed Mohammed Muhammad
    Fatima Ali Omar Hassan Wei Ming Li Juan Carlos Luis Jorge Pedro Giovanni Marco Pierre Jean François Hans
    Klaus Jürgen Wolfgang Ivan Olga Priya Rahul Sanjay
"""
_THINGS = frozenset(("Mary Joseph", "Paul Langerhans", "Edward Syndrome", "Carl Zeiss", "Jean Zeiss"))
"""Names that only things bear in this field."""
_GIVEN = frozenset(_GIVEN_NAMES.split())


@lru_cache(maxsize=4096)
def person_named(text: str) -> str:
    """The words of ``text`` that name or credit a person, "" if none do. Never raises."""
    if text[1:].islower() and not _CREDITS.search(text):
        return ""  # nearly every text: no name without a capital
    for pattern in (_TITLE, _CALLED, _CREDIT, _DEGREE):
        found = pattern.search(text)
        if found:
            return found.group()
    for found in _FULL.finditer(text):
        name = f"{found[1]} {found[2]}"
        if found[1] in _GIVEN and name not in _THINGS:
            return text[found.start(1) : found.end(2)]
    return ""
