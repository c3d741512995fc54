"""Tracebacks: the user's frames stay, also those of causes; ours and the import machinery's go."""

from __future__ import annotations

import importlib

from simactors.api.objects import get
from simactors.exploration import frames


def caught(function) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_our_frames_at_the_end_are_trimmed():
    error = caught(lambda: get(5))  # raised inside simactors
    assert "in <lambda>" in frames.text(error)
    assert "simactors/api" not in frames.text(error)
    assert frames.text(error).startswith("Traceback (most recent call last):")


def test_the_import_machinery_is_trimmed():
    error = caught(lambda: importlib.import_module("nothing_of_that_name"))
    assert "importlib" not in frames.text(error).replace("importlib.import_module(", "")


def test_the_cause_of_an_error_is_trimmed_too():
    def translate() -> None:
        try:
            get(5)
        except ValueError as error:
            raise KeyError("translated") from error

    text = frames.text(caught(translate))
    assert "direct cause" in text
    assert "simactors/api" not in text


def test_an_error_without_any_frame_of_the_users_keeps_all(monkeypatch):
    monkeypatch.setattr(frames, "is_users", lambda file: False)
    assert "in <lambda>" in frames.text(caught(lambda: 1 / 0))
