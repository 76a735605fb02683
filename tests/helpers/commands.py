"""How tests of the command line run a command and read what it says."""

from typer.testing import CliRunner

from sk_fiqdr.cli import app

SMALL = [
    *("--backbone", "shufflenet_v2_x0_5", "--image-size", "32"),
    *("--max-epochs", "1", "--batch-size", "32"),
]


def run(*args):
    """Run a command in this process; return its result."""
    return CliRunner().invoke(app, [str(arg) for arg in args])


def words(text):
    """Return a message without the frames and line ends that a terminal adds."""
    return " ".join(text.replace("│", " ").split())
