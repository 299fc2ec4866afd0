"""English word forms: singular and plural, and the key under which a term's spellings are one."""
# ruff: noqa: PLR2004, PLR0911 - the numbers count words and letters where they stand, and every rule returns

from __future__ import annotations

import re
from functools import lru_cache

from actors.study.english import word_set

_IRREGULAR = dict(
    pair.split(":")
    for pair in [
        "men:man",
        "women:woman",
        "children:child",
        "people:people",
        "feet:foot",
        "teeth:tooth",
        "geese:goose",
        "mice:mouse",
        "lice:louse",
        "oxen:ox",
        "criteria:criterion",
        "phenomena:phenomenon",
        "bacteria:bacterium",
        "mitochondria:mitochondrion",
        "data:data",
        "media:medium",
        "nuclei:nucleus",
        "fungi:fungus",
        "stimuli:stimulus",
        "radii:radius",
        "alumni:alumnus",
        "cacti:cactus",
        "loci:locus",
        "foci:focus",
        "bacilli:bacillus",
        "alveoli:alveolus",
        "nucleoli:nucleolus",
        "villi:villus",
        "larvae:larva",
        "algae:alga",
        "antennae:antenna",
        "formulae:formula",
        "vertebrae:vertebra",
        "nebulae:nebula",
        "supernovae:supernova",
        "ova:ovum",
        "strata:stratum",
        "spectra:spectrum",
        "quanta:quantum",
        "maxima:maximum",
        "minima:minimum",
        "optima:optimum",
        "memoranda:memorandum",
        "errata:erratum",
        "cilia:cilium",
        "flagella:flagellum",
        "stomata:stoma",
        "genera:genus",
        "species:species",
        "series:series",
        "means:means",
        "lives:life",
        "wives:wife",
        "knives:knife",
        "leaves:leaf",
        "halves:half",
        "wolves:wolf",
        "shelves:shelf",
        "thieves:thief",
        "calves:calf",
        "loaves:loaf",
        "selves:self",
        "elves:elf",
        "hooves:hoof",
        "scarves:scarf",
        "matrices:matrix",
        "vertices:vertex",
        "indices:index",
        "appendices:appendix",
        "axes:axis",
        "crises:crisis",
        "analyses:analysis",
        "hypotheses:hypothesis",
        "theses:thesis",
        "bases:base",
        "oases:oasis",
        "diagnoses:diagnosis",
        "parentheses:parenthesis",
        "synapses:synapse",
        "phases:phase",
        "photosyntheses:photosynthesis",
        "buses:bus",
        "viruses:virus",
        "gases:gas",
        "lenses:lens",
        "biases:bias",
        "atlases:atlas",
        "heroes:hero",
        "potatoes:potato",
        "tomatoes:tomato",
        "echoes:echo",
        "vetoes:veto",
        "embargoes:embargo",
        "volcanoes:volcano",
        "mosquitoes:mosquito",
        "movies:movie",
        "cookies:cookie",
        "ties:tie",
        "pies:pie",
        "lies:lie",
        "dies:die",
        "calories:calorie",
        "caches:cache",
        "aches:ache",
        "niches:niche",
        "headaches:headache",
        "shoes:shoe",
        "toes:toe",
        "canoes:canoe",
        "aristocracies:aristocracy",
        "schemata:schema",
    ]
)
_PLURALS = {single: many for many, single in _IRREGULAR.items()} | {"analysis": "analyses", "axis": "axes"}
# Words that end in s and are one thing: by their ending, and one by one.
_ENDS_SINGULAR = re.compile(r"(?:ss|us|is|ics|[^aeiou]ias|itis)$")
_SINGULAR = word_set(
    "news lens gas bias atlas canvas chaos cosmos pathos ethos species series means measles diabetes rabies "
    "mars venus texas kansas arkansas always perhaps christmas thomas james jones charles louis paris athens "
    "naples netherlands philippines angeles pancreas biceps triceps forceps kudos corps thanks whereas versus "
    "across unless less this was has its does as yes dns gps tls css sms aids sars ios nfs rss aws dos bios "
    "ups sas https asbestos rhinoceros windows kubernetes redis postgres dallas vegas honduras bahamas alias "
    "iris oasis cyprus hercules socrates archimedes hades mercedes congress"
)
_MASS = word_set(
    "water oxygen energy information software hardware evidence knowledge equipment research traffic advice "
    "furniture photosynthesis osmosis mitosis meiosis gravity electricity heat light matter mass work money "
    "capital labor labour inflation wealth chlorophyll glucose starch cellulose hydrogen nitrogen carbon data "
    "people memory storage weather air sunlight food blood sand steam ice smoke health"
)


@lru_cache(maxsize=50_000)
def singular(word: str) -> str:
    """Give the singular of a noun; a word that is no plural is given back as it is."""
    low = word.lower()
    if low in _IRREGULAR:
        return _cased(word, _IRREGULAR[low])
    if len(word) > 2 and word[:-1].isupper() and word[-1] == "s":  # CPUs
        return word[:-1]
    if len(low) < 4 or not low.endswith("s") or low in _SINGULAR or _ENDS_SINGULAR.search(low):
        return word
    if word.isupper():
        return word
    if low.endswith("ies") and len(low) > 4:
        return word[:-3] + "y"
    if low.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if low.endswith("oes") and len(low) > 5:
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=50_000)
def plural(word: str) -> str:
    """Give the plural of a singular noun."""
    low = word.lower()
    if low in _PLURALS:
        return _cased(word, _PLURALS[low])
    if low.endswith("is") and len(low) > 4:
        return word[:-2] + "es"
    if low.endswith("y") and len(low) > 1 and low[-2] not in "aeiou" and not word.isupper():
        return word[:-1] + "ies"
    if low.endswith(("s", "sh", "ch", "x", "z")) and not word.isupper():
        return word + "es"
    return word + "s"


def is_plural(word: str) -> bool:
    """Tell whether a noun is written in the plural."""
    low = word.lower()
    if low in {"people", "bacteria", "data", "criteria", "phenomena", "media"}:
        return True
    return singular(word) != word


def is_mass(word: str) -> bool:
    """Tell whether a noun is commonly used without a plural."""
    low = word.lower()
    return low in _MASS or (
        low.endswith(("ness", "ism", "ics", "synthesis", "lysis", "ity")) and low not in {"city", "entity"}
    )


def _cased(model: str, word: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?|[+#&]+")
_LEADING = word_set("a an the this that these those each every any some all both its their our his her such one")


@lru_cache(maxsize=100_000)
def term_key(term: str) -> str:
    """Give the key of a term: case, plural, hyphens, possessives and leading articles make no difference to it."""
    return " ".join(singular(word).lower() for word in _bare_words(term))


def identity_of(term: str) -> str:
    """Give the key of a term as an id, in which a capitalised word keeps its s: it may be a name, as in Krebs cycle."""
    words = (word if word.istitle() else singular(word) for word in _bare_words(term))
    return re.sub(r"[^\w]+", "-", " ".join(words).lower()).strip("-")


def _bare_words(term: str) -> list[str]:
    words = [word.replace("\u2019", "'").removesuffix("'s") for word in _TOKEN.findall(term.replace("\u00ad", ""))]
    while len(words) > 1 and words[0].lower() in _LEADING:
        words = words[1:]
    return words


def acronym_of(short: str, long: str) -> bool:
    """Tell whether ``short`` may stand for ``long``: its letters are found in order, the first one opening a word."""
    letters = [char for char in short.lower() if char.isalnum()]
    if short[-1:] == "s" and short[:-1].isupper():
        letters.pop()
    text = long.lower()
    if len(letters) < 2 or len(text) < len(letters) + 3:
        return False
    position = len(text)
    for number, letter in reversed(list(enumerate(letters))):
        position -= 1
        while position >= 0 and (
            text[position] != letter or (number == 0 and position > 0 and text[position - 1].isalnum())
        ):
            position -= 1
        if position < 0:
            return False
    return position == 0
