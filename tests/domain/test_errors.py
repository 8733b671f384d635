"""The tree of errors is the one that its docstring draws."""

import pytest

from dr_core.domain import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_documented_and_descends_from_drerror(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.DRError)
    assert kind.__doc__
    assert name in (errors.__doc__ or "")


def test_all_lists_every_error_once_and_sorted():
    defined = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert errors.__all__ == sorted(defined)


@pytest.mark.parametrize("name", ["UnreadablePhotograph", "PhotographTooLarge", "NotAFundusPhotograph"])
def test_a_bad_photograph_is_no_bad_model(name):
    assert issubclass(getattr(errors, name), errors.PhotographError)
    assert not issubclass(getattr(errors, name), errors.ModelError)


@pytest.mark.parametrize("name", ["ModelNotFound", "ModelAltered"])
def test_a_bad_model_stops_everything(name):
    assert issubclass(getattr(errors, name), errors.ModelError)
