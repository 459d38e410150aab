"""Sentences as outputs."""

from rbm_lib.course import say


def test_a_sentence_is_shown_as_text_of_the_notebook(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda x, raw: shown.append(x))

    say("It is **2**.")

    assert shown == [{"text/markdown": "It is **2**.", "text/plain": "It is **2**."}]
