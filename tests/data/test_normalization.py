"""Text normalisation: hand-written cases of several languages, and properties of any text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from open_seq2seq.data.apostrophes import plain_apostrophes
from open_seq2seq.data.normalization import (
    NORMALIZERS,
    lower_caser,
    normalizer,
    plain_text,
)
from open_seq2seq.data.watched_normalizer import WatchedNormalizer
from open_seq2seq.errors import InputError

librispeech, plain = normalizer("librispeech"), normalizer("plain")
turkish = normalizer("turkish")

# Sentences as LibriSpeech's transcripts write them: contractions, numbers, names, initials.
TRANSCRIPTS = """
MISTER QUILTER IS THE APOSTLE OF THE MIDDLE CLASSES AND WE ARE GLAD TO WELCOME HIS GOSPEL
HE DIDN'T KNOW WHAT O'CLOCK IT WAS AND I'M SURE YOU'LL SAY IT'S TOO LATE
A PURSE OF TWO HUNDRED FIFTY DOLLARS WAS GIVEN ON AUGUST TWENTY SEVENTH EIGHTEEN SIXTY EIGHT
TWO HUNDRED FIFTEEN AS IN THE STELLAR FIRMAMENT
AT SIX P M THE DOCTOR FROM SAINT LOUIS AND MISSUS SMITH'S SON WILLIAM JUNIOR ARRIVED
CHAPTER ONE IN THIS CHAPTER I SHALL SPEAK OF THE ONE HUNDRED AND ONE YEARS
THE ENCHANTING AND MAD SEMI BARBARITY OF FOUR HUNDRED PER CENT
""".strip().splitlines()

ENGLISH = [
    ("Mr. O'Neil’s and Mrs. Grey's; Dr. Livesey, Jr.", "mister o'neil's and missus grey's doctor "
     "livesey junior"),
    ("to St. Louis, from Main St., and 42nd St.", "to saint louis from main street and forty "
     "second street"),
    ("Prof. Smith & Co., vol. 2, etc.", "professor smith and company volume two et cetera"),
    ("the general said: in gen. terms", "the general said in general terms"),
    ("Café naïve—Cæsar’s façade, Łódź", "cafe naive caesar's facade lodz"),
    ("‘Tis “well-known”, the girls' dog… don''t!", "tis well known the girls dog don't"),
    ("ROCK 'N' ROLL", "rock n roll"),
    ("U.S.A. at 10:30 p.m.", "u s a at ten thirty p m"),
    ("215", "two hundred fifteen"),
    ("1,234,567 men", "one million two hundred thirty four thousand five hundred sixty seven men"),
    ("0 5 07 1000 1050", "zero five oh seven one thousand one thousand fifty"),
    ("in 1868, 1900, 1905, 2005 and 2010", "in eighteen sixty eight nineteen hundred nineteen oh "
     "five two thousand five and twenty ten"),
    ("the 1920s, the '90s", "the nineteen twenties the nineties"),
    ("the 1st, 22nd and 103rd", "the first twenty second and one hundred third"),
    ("3.14 and .05", "three point one four and point zero five"),
    ("$1,250; $1; $2.50; $0.01; $1.5 million", "one thousand two hundred fifty dollars one dollar "
     "two dollars fifty cents one cent one point five million dollars"),
    ("£3.01, €2 and 50¢", "three pounds one penny two euros and fifty cents"),
    ("50% of A&P, 20°", "fifty percent of a and p twenty degrees"),
    ("½ or 2½, 3/4, 2/3 on 9/11", "one half or two and a half three quarters two thirds on nine "
     "eleven"),
    ("No. 5, #7; Aug. 27", "number five number seven august twenty seven"),
    ("-5 in 1914-1918", "minus five in nineteen fourteen nineteen eighteen"),
    ("Chapter XIV. Chapter I", "chapter fourteen chapter i"),
    ("A1 x4st mp3", "a one x fourth mp three"),
    ("４２ ٤٢", "forty two forty two"),
    ("привет, Straße", "привет strasse"),
    ("  ... — !", ""),
]  # fmt: skip

PLAIN = [
    ("L’été, c’est-à-dire : «\u00a0arc-en-ciel\u00a0» !", "l'été c'est à dire arc en ciel"),
    ("„Die STRAẞE — große Grüße!“", "die straße große grüße"),
    ("¿Qué pasó, señor? ¡Nada!", "qué pasó señor nada"),
    ("Ολα ΚΑΛΆ; ΟΔΌΣ.", "ολα καλά οδός"),
    ("Съешь ещё — этих...", "съешь ещё этих"),
    ("हिन्दी में लिखा है।", "हिन्दी में लिखा है"),
    ("தமிழ், மொழி!", "தமிழ் மொழி"),
    ("السَّلَامُ عَلَيْكُمْ، كيف حالك؟", "السَّلَامُ عَلَيْكُمْ كيف حالك"),
    ("می\u200cخواهم بروم.", "می\u200cخواهم بروم"),
    ("צה״ל, ג׳ירפה — שלום־עליכם", "צה״ל ג׳ירפה שלום עליכם"),
    ("你好，世界。", "你好 世界"),
    ("สวัสดีครับ!", "สวัสดีครับ"),
    ("sóc del col·legi", "sóc del col·legi"),
    ("İstanbul", "i̇stanbul"),
    ("cafe\u0301 soft\u00adhyphen\ufeff", "café softhyphen"),
    ("'quoted' don't 'n' a\u200c b", "quoted don't n a b"),
    ("10 000 € + 5 %\tnow\n", "10 000 5 now"),
    # Apostrophes typed otherwise: grave and acute accent, left quotation mark, prime.
    ("don`t", "don't"),
    ("don‘t", "don't"),
    ("l´été", "l'été"),
    ("O‘zbek", "o'zbek"),
    ("м`яч", "м'яч"),
    ("rock‘n’roll", "rock'n'roll"),
    ("cafe\u0301`s", "café's"),
    ("п′ять", "п'ять"),
    ("մեկ՚երկու", "մեկ'երկու"),
    # Between anything else they are what they look like.
    ("‘hello’ `code` ´x´ 5′6 a` `b", "hello code x 5 6 a b"),
]

# Of Turkish: numbers, cities; Azerbaijani: a sentence; and İ as other programs decompose it.
TURKISH = [
    ("İSTANBUL'da IŞIK", "istanbul'da ışık"),
    ("SIFIR, BİR, İKİ, ALTI, YEDİ!", "sıfır bir iki altı yedi"),
    ("Diyarbakır’ın ılık İÇİ", "diyarbakır'ın ılık içi"),
    ("BAKI şəhəri İLK QIZ", "bakı şəhəri ilk qız"),
    ("I\u0307ki i\u0307ki", "iki iki"),
    ("üç ŞÖĞÜ", "üç şöğü"),
]


@pytest.mark.parametrize("text", TRANSCRIPTS)
def test_transcripts_of_librispeech_stay(text):
    assert librispeech(text) == librispeech(text.lower()) == plain(text) == text.lower()


@pytest.mark.parametrize("text, expected", ENGLISH)
def test_librispeech(text, expected):
    assert librispeech(text) == expected


@pytest.mark.parametrize("text, expected", PLAIN)
def test_plain(text, expected):
    assert plain(text) == expected


@pytest.mark.parametrize("text, expected", TURKISH)
def test_turkish(text, expected):
    assert turkish(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("don`t don‘t", "don't don't"),
        ("O´Neil′s", "o'neil's"),
        ("‘tis `so´ 5′6", "tis so five six"),
    ],
)
def test_librispeech_knows_apostrophes_typed_otherwise(text, expected):
    assert librispeech(text) == expected


def test_texts_of_turkish_are_noticed_under_plain():
    for name, lower_case, noticed in [
        ("plain", False, True),
        ("plain", True, True),
        (None, True, True),
        (None, False, False),
        ("turkish", True, False),
        ("librispeech", True, False),
    ]:
        watched = WatchedNormalizer(name, lower_case)
        for text in ("SIFIR", "BİR", "altı", "on"):
            assert watched(text) == normalizer(name)(text)
        assert watched.count == (2 if noticed else 0)
        assert bool(watched.note) == noticed
        if noticed:
            assert watched.note.startswith("2 texts have İ or ı")
            assert "text_normalization 'turkish'" in watched.note


def test_lower_case_is_that_of_the_language():
    assert lower_caser(None, "abc")("SIFIR İ") == "SIFIR İ".lower()
    assert lower_caser("plain", " ABCI")("SIFIR") == "sifir"
    assert lower_caser("turkish", "abc")("SIFIR İKİ") == "sıfır iki"
    assert lower_caser(None, ["a", "ı"])("SIFIR İKİ") == "sıfır iki"
    assert lower_caser(None, ["\u2581Bİ", "R"])("SIFIR") == "sıfır"


# Any text, and text of what the rules are about.
pieces = st.sampled_from(
    [*"0123456789.,:;/-'’\"&%$£€¢#°½¼ ( )!?\u0301\u00ad\u200c·׳", "st", "St. ", "Mr", "dr.", "th",
     "No. ", "chapter ", "iv", "etc", "&c", "million", "Aug.", "s", "'s", "é", "ß", "İ",
     "I", "ı", "Co. ", "‘", "`", "´", "′"]
)  # fmt: skip
texts = st.text(max_size=30) | st.lists(pieces, max_size=12).map("".join)


@pytest.mark.parametrize("name", sorted(NORMALIZERS))
@given(text=texts)
@example("x'\u00ad'y ''")
@example("mr4 'Mr' mʳ")
def test_once_is_enough(name, text):
    function = normalizer(name)
    once = function(text)
    assert function(once) == once
    assert once == " ".join(once.split())


@given(st.text(st.characters(max_codepoint=0x24F), max_size=40) | st.lists(pieces).map("".join))
def test_librispeech_gives_words_of_letters(text):
    """Of Latin text; at most the few letters that have no counterpart in ASCII stay."""
    for word in librispeech(text).split():
        assert re.fullmatch("[^\\W\\d_]+('[^\\W\\d_]+)*", word)
        assert word == word.lower()


@given(texts)
def test_plain_keeps_letters_and_marks(text):
    """Nothing but what is no letter, mark or digit is lost."""

    def kept(string):
        lowered = unicodedata.normalize("NFC", string).lower()
        return unicodedata.normalize(
            "NFC", "".join(c for c in lowered if unicodedata.category(c)[0] in "LMN")
        )

    assert kept(plain(text.replace("ʼ", "'"))) == kept(text.replace("ʼ", "'"))
    categories = {unicodedata.category(c)[0] for c in plain(text)} - set("LMNZ")
    assert categories <= {"P", "C"}


def test_names():
    assert normalizer(None)(" As It  is. ") == " As It  is. "
    with pytest.raises(InputError, match="librispeech or plain or turkish"):
        normalizer("english")


def plain_one_by_one(text: str) -> str:
    """`plain_text` as it is described, a character at a time."""
    text = plain_apostrophes(unicodedata.normalize("NFC", text)).lower()
    # What nobody sees stands between no two letters.
    text = "".join(one for one in text if unicodedata.category(one) != "Cf")
    kept = []
    for place, character in enumerate(text):
        category = unicodedata.category(character)
        if character == "'":
            around = text[place - 1 : place], text[place + 1 : place + 2]
            inside = all(one and unicodedata.category(one)[0] in "LMN" for one in around)
            kept.append(character if inside else " ")
        else:
            kept.append(character if category[0] in "LMN" else " ")
    return " ".join("".join(kept).split())


@given(text=st.text(st.sampled_from("aAbZ09 .,'`\"\t\n-\x00\x1féÉßßıİ…½०\u0301\u200b")))
@example(text="0'\u200b0")
def test_plain_against_a_character_at_a_time(text):
    assert plain_text(text) == unicodedata.normalize("NFC", plain_one_by_one(text))
