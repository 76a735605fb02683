"""The package as a whole: its modules, its command, and what a bug report needs."""

import subprocess
import sys

import pytest

import sk_fiqdr


def run(*words):
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    "name",
    [
        *("baselines", "callbacks", "datasets", "distributed", "exceptions"),
        *("inspection", "losses", "metrics", "model_selection", "modules"),
        "preprocessing",
    ],
)
def test_a_module_is_imported_when_it_is_first_named(name):
    code = f"import sk_fiqdr; print(sk_fiqdr.{name}.__name__)"
    assert run("-c", code) == f"sk_fiqdr.{name}\n"
    assert name in dir(sk_fiqdr)


def test_importing_the_package_imports_none_of_them():
    code = (
        "import sys, sk_fiqdr; dir(sk_fiqdr)\n"
        "print([m for m in sys.modules if m.startswith('sk_fiqdr.')])"
    )
    assert run("-c", code) == "['sk_fiqdr.utils', 'sk_fiqdr.utils._version']\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'metric'"):
        sk_fiqdr.metric  # noqa: B018


def test_the_module_runs_the_command():
    assert run("-m", "sk_fiqdr", "--version").split()[-1] == sk_fiqdr.__version__


def test_versions_are_those_of_the_installed_libraries(capsys):
    from importlib.metadata import version

    sk_fiqdr.show_versions()
    shown = capsys.readouterr().out
    assert f"sk_fiqdr: {sk_fiqdr.__version__}\n" in shown
    assert f"torch: {version('torch')}\n" in shown
    assert f"python: {sys.version.split()[0]}\n" in shown
    assert sys.prefix not in shown
