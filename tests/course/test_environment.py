"""The environment check and the settings that the course takes from the environment."""

import pytest

from rbm_lib.course import environment


@pytest.mark.parametrize(("given", "used"), [("", "fast"), ("full", "full")])
def test_the_profile_is_fast_by_default(given, used, monkeypatch):
    monkeypatch.setenv("RBM_PROFILE", given)
    assert environment.profile_in_use() == used


def test_an_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("RBM_PROFILE", "slow")
    with pytest.raises(environment.CourseError, match="got 'slow', expected 'fast' or"):
        environment.profile_in_use()


def test_what_is_missing_or_too_old_gets_its_fix(monkeypatch, capsys):
    wanted = ["torch>=2", "torch>=999", "no-such-package>=1"]
    requirements = [environment.Requirement(text) for text in wanted]
    monkeypatch.setattr(environment, "requirements", lambda: requirements)

    python, fits, old, missing = environment.environment_rows()

    assert python[3] == fits[3] == "ok"
    assert old[3] == missing[3] == environment.FIX
    assert missing[1] == "-"
    environment.check_environment()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("no-such-package: got -, expected 1 or")


def test_one_line_says_that_all_is_there(monkeypatch, capsys):
    monkeypatch.setattr(environment, "requirements", lambda: [])

    environment.check_environment()

    assert capsys.readouterr().out.endswith(" and 0 packages: all there.\n")
