"""The plain text of a letter that exists as HTML only."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.delivery.html_text import html_to_text

_TABLE = (
    "<table><tr><th>Pen</th><th>Pri</th></tr><tr><td>Pen mayi</td><td>150 HTG</td></tr>"
    "<tr><td>Brioche</td><td>75 HTG</td></tr></table><p>Mèsi<br/>Célestine</p>"
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (_TABLE, "Pen\tPri\nPen mayi\t150 HTG\nBrioche\t75 HTG\n\nMèsi\nCélestine"),
        # Tags that browsers imply, and those that close nothing.
        ("<table><tr><td>a<td>b<tr><td>c", "a\tb\nc"),
        ("<table>lost<tr><td>a</table>", "lost\na"),
        ("<p>one<p>two</div><div>three", "one\n\ntwo\n\nthree"),
        ("<b>a<p>b</b>c</p>", "a\n\nbc"),
        ("a <!-- not > this --> b <!-- nor this", "a b"),
        ("<a href=https://u.test/a>x</a href='b'>", "x (https://u.test/a)"),
        # Tables in tables, empty cells, a caption.
        ("<table><tr><td><table><tr><td>a<td>b</table><td>c", "a\tb\nc"),
        ("<table><tr><td>a<td><td>b</table>", "a\tb"),
        ("<table><caption>Pri</caption><tr><td>a<th>b</table>", "Pri\na\tb"),
        ("<table><tr><td><p>a</p></td><td><p>b</p></td></table>", "a\n\nb"),
        # Boxes beside each other; words of one line that are not parted.
        ("<select><option>one<option>two</select>", "one two"),
        ("<button>Wi</button><button>Non</button>", "Wi Non"),
        ("<label>Non</label><input><label>Laj</label>", "Non Laj"),
        ("<b>B</b>onjou <i>ak </i>tout", "Bonjou ak tout"),
        # Line breaks.
        ("a<br>b<br/>c</br>d", "a\nb\nc\nd"),
        ("a<br><br>b<br><br><br><br>c", "a\n\nb\n\nc"),
        ("<p>a<br></p><p>b</p>", "a\n\nb"),
        ("<div>a<div>b</div></div>c", "a\nb\nc"),
        ("a<hr>b", "a\n\nb"),
        ("<pre>\n a\n\n  b </pre>c", " a\n\n  b\n\nc"),
        # Lists.
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        ("<ol><li>a<ul><li>b</ul><li>c</ol>", "1. a\n  - b\n2. c"),
        ("<ul><li></li></ul>after", "after"),
        ("<dl><dt>a<dd>b</dl>", "a\nb"),
        # Elements that are not shown.
        ("<title>t</title><style>s</style><script>'<p>'</script><p>a", "a"),
        ("<p hidden>x</p><p style='color:red; Display : NONE'>y</p>a<template>z</template>", "a"),
        ("<noscript>a</noscript><iframe>x</iframe><textarea>b</textarea>", "a b"),
        # Characters.
        ("&lt;b&gt; &amp;amp; &eacute;&#233;&#xe9 caf&eacute", "<b> &amp; ééé café"),
        ("150&nbsp;HTG z&shy;z", "150 HTG zz"),
        (" \n\t a \n b\x0c", "a b"),
        # Links and pictures.
        ("<a href='https://u.test'>https://u.test</a>", "https://u.test"),
        ("a<a href='https://u.test/i'><img src=i></a>b", "a https://u.test/i b"),
        ("<a href='#top'>up</a> <a href='javascript:x()'>run</a>", "up run"),
        ("<img alt='Logo' src=x> <img alt='' src=x>", "[Logo]"),
        ("", ""),
        ("<div><p></p></div>", ""),
    ],
)
def test_html_reads_as_a_browser_shows_it(html, text):
    assert html_to_text(html) == text


_WORDS = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=20)


@settings(deadline=None)
@given(_WORDS, st.sampled_from(["td", "th", "p", "div", "li", "option", "button", "label", "h2"]))
def test_words_of_different_boxes_never_run_together(words, tag):
    inner = "".join(f"<{tag}>{word}</{tag}>" for word in words)
    around = {"td": "table", "th": "table", "li": "ul", "option": "select"}.get(tag, "div")
    assert re.findall("[a-z]+", html_to_text(f"<{around}>{inner}</{around}>")) == words


@settings(deadline=None)
@given(
    st.text() | st.from_regex(r"(</?(b|p|td|table|ul|li|a|pre|br)( hidden)?>|x|&lt;|\n| ){0,60}")
)
def test_any_html_has_a_text(html):
    text = html_to_text(html)
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]\n|\n\Z|\A\n", text)


@pytest.mark.parametrize("part", ["<div>", "<ul><li>x", "<b><p>", "<table><td>", "<", "<!--"])
def test_deep_and_broken_html_is_read(part):
    assert len(html_to_text(part * 2000)) < 100_000
